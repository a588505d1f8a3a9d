"""Quotas of rooms: what each may use in a month, and how far this month's use has come."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from analytics.quota import Quota
from analytics.quota_standing import Standing, month_of, rooms_under
from api import present
from api import schemas_plans as shapes
from api.consumption import Quantity, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.paging import EntityId
from api.permissions import may_see_space
from api.quotas import standings_of
from api.schemas import Page
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["plan and budget"])


class Asked(BaseModel):
    quantity: Quantity = Quantity.ELECTRICITY
    space_id: str | None = None


@router.get("/quotas", summary="Quotas of rooms")
def list_quotas(deps: DepsHere, registry: RegistryHere, caller: Caller) -> Page[shapes.QuotaOut]:
    """Those of places that the caller may see."""
    return Page(items=[_out(registry, one) for one in deps.quotas.list() if _visible(registry, caller, one.space_id)])


@router.get("/quotas/rooms", summary="Rooms against their quota in the running month")
def list_rooms(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Asked, Query()]) -> shapes.QuotaRoomsOut:
    """The largest share first; with `space_id` only rooms inside it. Judged anew at each call; findings follow once an hour."""
    inside = None if query.space_id is None else {space.id for space in registry.within(query.space_id)}
    zone, now = deps.site.zone, deps.now()
    quotas = [one for one in deps.quotas.list() if one.quantity == query.quantity]
    found = [
        one
        for one in standings_of(deps.readings, registry, quotas, now, zone)
        if may_see_space(caller, registry, one.space_id) and (inside is None or one.space_id in inside)
    ]
    first, _ = month_of(now, zone)
    return shapes.QuotaRoomsOut(
        quantity=query.quantity,
        unit=unit_of(query.quantity),
        month=first,
        items=[_room(registry, one, first) for one in found],
        over=sum(one.over > 0 for one in found),
        unjudged=sum(one.allowed is None for one in found),
    )


@router.post("/quotas", status_code=201, summary="Enter a quota")
def add_quota(body: shapes.QuotaIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.QuotaOut:
    added = deps.quotas.add(_checked(deps, registry, caller, body))
    _told(deps, caller, "quota.add", added, _said(added))
    return _out(registry, added)


@router.put("/quotas/{quota_id}", summary="Change a quota")
def change_quota(
    quota_id: EntityId, body: shapes.QuotaIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.QuotaOut:
    before = _mine(deps, registry, caller, quota_id)
    changed = replace(_checked(deps, registry, caller, body), id=before.id)
    deps.quotas.replace(changed)
    _told(deps, caller, "quota.change", changed, f"was {_said(before)}, is {_said(changed)}")
    return _out(registry, changed)


@router.delete("/quotas/{quota_id}", status_code=204, summary="Take a quota out")
def remove_quota(quota_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Response:
    before = _mine(deps, registry, caller, quota_id)
    deps.quotas.remove(quota_id)
    _told(deps, caller, "quota.remove", before, _said(before))
    return Response(status_code=204)


def _told(deps: Deps, caller: User, action: str, quota: Quota, detail: str) -> None:
    deps.audit.append(deps.now(), caller.username, action, str(quota.id), detail)
    deps.bus("quota", quota.id)


def _mine(deps: Deps, registry: Registry, caller: User, quota_id: int) -> Quota:
    found = deps.quotas.get(quota_id)
    if not _visible(registry, caller, found.space_id):
        raise NotFound(f"there is no quota {quota_id}")
    return found


def _visible(registry: Registry, caller: User, space_id: str) -> bool:
    """Quotas of places that are gone are for those who see the whole site."""
    return may_see_space(caller, registry, space_id) if space_id in registry.spaces else caller.buildings is None


def _checked(deps: Deps, registry: Registry, caller: User, body: shapes.QuotaIn) -> Quota:
    if body.space_id not in registry.spaces or not may_see_space(caller, registry, body.space_id):
        raise BadInput(f"there is no space {body.space_id!r}", place="space_id")
    quota = Quota(
        space_id=body.space_id,
        quantity=body.quantity.value,
        per=body.per,
        amount=body.amount,
        month=body.month or 0,
        note=body.note,
        entered_by=caller.username,
        entered_at=deps.now(),
    )
    if not rooms_under([quota], registry, quota.month or 1):
        raise BadInput(
            f"no room in {body.space_id!r} has a meter of its own for {body.quantity}; a budget can hold for the place as a whole",
            place="space_id, quantity",
        )
    return quota


def _said(quota: Quota) -> str:
    when = f"month {quota.month}" if quota.month else "every month"
    return f"{quota.amount:g} of {quota.quantity} a {quota.per} in {quota.space_id}, {when}"


def _out(registry: Registry, quota: Quota) -> shapes.QuotaOut:
    space = registry.spaces.get(quota.space_id)
    return shapes.QuotaOut(
        id=quota.id,
        space_id=quota.space_id,
        name=space.name if space else quota.space_id,
        name_zh=space.name_zh if space else quota.space_id,
        space_path=present.place_path(registry, quota.space_id),
        quantity=Quantity(quota.quantity),
        unit=unit_of(Quantity(quota.quantity)),
        per=quota.per,
        month=quota.month or None,
        amount=quota.amount,
        note=quota.note,
        entered_by=quota.entered_by,
        entered_at=quota.entered_at,
    )


def _room(registry: Registry, one: Standing, first: date) -> shapes.QuotaRoomOut:
    number = one.over_day
    return shapes.QuotaRoomOut(
        device_id=one.device_id,
        space_id=one.space_id,
        space_path=present.place_path(registry, one.space_id),
        quota_id=one.quota.id,
        people=one.people,
        used=one.used,
        allowed=one.allowed,
        share=one.share,
        over_on=None if number is None else first + timedelta(days=number),
    )
