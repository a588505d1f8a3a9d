"""Spaces, what is in them, and the code on their door that leads to a report."""

import io
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api import filters, present, schemas
from api import schemas_registry as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.errors import Refused
from api.guard import GuardedRoute
from api.inventory import with_latest
from api.paging import page_of
from api.permissions import is_staff, may_see_space, visible_spaces
from api.registry_edits import change
from devices import editing
from devices.asset import AssetState
from devices.errors import BadInput, Conflict, NotFound
from devices.model import Space, UseType
from devices.registry import Registry
from maintenance.model import FINAL_STATES, OrderState
from storage.asset_store import AssetFilter
from storage.user import Role, User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["spaces"])


@router.get("/spaces", summary="Spaces, flat")
def list_spaces(
    registry: RegistryHere, caller: Caller, query: Annotated[filters.Spaces, Query()]
) -> schemas.Page[schemas.SpaceOut]:
    """All that the caller may see, parents before their children."""
    allowed = visible_spaces(caller, registry)
    roots = registry.children(None)
    ordered = [space for root in roots for space in registry.within(root.id) if allowed is None or space.id in allowed]
    page, following = page_of(ordered, lambda space: space.id, query.limit, query.cursor)
    return schemas.Page(items=[present.space(space) for space in page], next=following)


@router.get("/spaces/{space_id}", summary="One space")
def get_space(space_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.SpaceDetail:
    """Reporters see the place, not its devices."""
    found = space_for(caller, registry, space_id)
    allowed = visible_spaces(caller, registry)
    children = [child for child in registry.children(space_id) if allowed is None or child.id in allowed]
    show_devices = is_staff(caller) and may_see_space(caller, registry, space_id)
    devices = registry.devices_in(space_id) if show_devices else ()
    return schemas.SpaceDetail(
        **dict(present.space(found)),
        path=[present.space(step) for step in registry.path(space_id)],
        children=[present.space(child) for child in children],
        devices=with_latest(deps, registry, devices),
    )


@router.get("/spaces/{space_id}/qr.svg", response_class=Response, summary="QR code to report a fault here")
def qr_code(space_id: str, request: Request, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Response:
    space_for(caller, registry, space_id)
    base = deps.base_url or str(request.base_url).rstrip("/")
    picture = io.BytesIO()
    segno.make(f"{base}/report/{space_id}", error="m", micro=False).save(picture, kind="svg", scale=6, border=4, light="#fff")
    return Response(picture.getvalue(), media_type="image/svg+xml")


@router.post("/spaces", status_code=201, summary="Add a space")
def add_space(body: shapes.SpaceIn, deps: DepsHere, caller: Caller) -> schemas.SpaceOut:
    """A site lies in nothing; a building in a site; below that each place in a larger one. The use is inherited where not given."""
    added: list[Space] = []

    def edit(registry: Registry) -> editing.Changes:
        added[:] = [_made(registry, caller, body)]
        return editing.add_space(registry, added[0])

    change(deps, caller, "space.add", body.id or body.name, edit)
    return present.space(added[0])


@router.patch("/spaces/{space_id}", summary="Change a space, or move it")
def edit_space(space_id: str, body: shapes.SpaceEdit, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.SpaceOut:
    """Energy managers change area, people and use; the rest is the administrator's."""
    space_for(caller, registry, space_id)
    changes = given(body)
    beyond = sorted(changes.keys() - _COUNTED)
    if beyond and Role.ADMIN not in caller.roles:
        raise Refused(403, f"your role changes {', '.join(sorted(_COUNTED))} of a space, not {', '.join(beyond)}")
    change(deps, caller, "space.edit", space_id, lambda current: editing.edit_space(current, space_id, changes))
    return present.space(deps.registry.load().spaces[space_id])


@router.delete("/spaces/{space_id}", status_code=204, summary="Remove an empty space")
def remove_space(space_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> None:
    """Refused with 409 while spaces, devices, assets or open work orders are in it; its past stays in the records under its id."""
    found = space_for(caller, registry, space_id)
    _check_no_open_order(deps, space_id)
    _check_no_asset(deps, space_id)
    change(deps, caller, "space.remove", space_id, lambda current: editing.remove_space(current, space_id), note=found.name)


_COUNTED = frozenset({"area_m2", "people", "use"})


def _made(registry: Registry, caller: User, body: shapes.SpaceIn) -> Space:
    if body.parent_id is not None:
        try:
            space_for(caller, registry, body.parent_id)
        except NotFound as error:
            raise BadInput(str(error), place="parent_id") from None
    parent = registry.spaces.get(body.parent_id or "")
    use = body.use or (parent.use if parent else UseType.CAMPUS)
    space_id = body.id or editing.fresh_id(registry, parent.id if parent else body.kind.value, body.name, body.kind)
    return Space(**{**body.model_dump(), "id": space_id, "use": use})


def _check_no_open_order(deps: Deps, space_id: str) -> None:
    open_orders = deps.orders.list(states=frozenset(OrderState) - FINAL_STATES, space_ids={space_id}, limit=5)
    if open_orders:
        numbers = ", ".join(f"WO-{order.id:06d}" for order in open_orders)
        raise Conflict(f"work orders are open here; finish or cancel first: {numbers}")


def _check_no_asset(deps: Deps, space_id: str) -> None:
    """What stands there by the ledger, and what a transfer that waits would bring there."""
    there = deps.assets.list(AssetFilter(space_ids={space_id}, states=frozenset(AssetState) - _GONE))
    coming = [one for one in deps.assets.list(AssetFilter(waiting=True)) if one.pending and one.pending.space_id == space_id]
    found = list({one.tag: one for one in (*there, *coming)}.values())
    if found:
        named = ", ".join(f"{one.name} ({one.tag})" for one in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise Conflict(f"by the asset ledger {named}{more} stand here; transfer or write off first")


_GONE = frozenset({AssetState.DISPOSED, AssetState.VOIDED})
_NAMED = 5


def given(body: BaseModel) -> dict[str, Any]:
    """The fields that the request names, also where it names them as null. Raises BadInput for a null that may not stand."""
    found = {name: getattr(body, name) for name in body.model_fields_set}
    if not found:
        raise BadInput(f"nothing to change; name one of {', '.join(type(body).model_fields)}")
    return found


def space_filter(user: User, registry: Registry, space_id: str | None) -> frozenset[str] | None:
    """The space and all inside it; None where none is asked for. Raises BadInput for a space that the caller does not know."""
    if space_id is None:
        return None
    try:
        space_for(user, registry, space_id)
    except NotFound as error:
        raise BadInput(str(error), place="space") from None
    return frozenset(found.id for found in registry.within(space_id))


def space_for(user: User, registry: Registry, space_id: str) -> Space:
    """Raises NotFound, also where the caller may not know that it exists."""
    allowed = visible_spaces(user, registry)
    found = registry.spaces.get(space_id)
    if found is None or (allowed is not None and space_id not in allowed):
        raise NotFound(f"there is no space {space_id!r}")
    return found
