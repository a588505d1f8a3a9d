"""What the API does around one asset: who sees it, what it looks like, and how an event is applied to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from api import present
from api import schemas_assets as shapes
from api.deps import Deps
from api.errors import Refused
from api.permissions import may_see_space, owned_spaces
from devices.asset import Asset, AssetEvent, Pending
from devices.asset_classes import CODE, asset_class
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from maintenance.asset_machine import AssetRequest, advance, allowed_events, possible, register
from maintenance.depreciation import Value, value_at
from storage.user import User


def today(deps: Deps) -> date:
    """At the site."""
    return deps.now().astimezone(deps.site.zone).date()


def may_see_asset(user: User, registry: Registry, asset: Asset) -> bool:
    """By building; what stands nowhere is for those who see all buildings."""
    if asset.space_id is None:
        return owned_spaces(user, registry) is None
    return may_see_space(user, registry, asset.space_id)


def asset_for(deps: Deps, registry: Registry, user: User, tag: str) -> Asset:
    """Raises NotFound, also where the caller may not know that it exists."""
    asset = deps.assets.get(tag)
    if not may_see_asset(user, registry, asset):
        raise NotFound(f"there is no asset {tag!r}")
    return asset


def new_asset(deps: Deps, registry: Registry, user: User, given: shapes.AssetIn) -> Asset:
    """The asset as it will be registered. Raises BadInput naming the field."""
    known = classed(given.class_code, given.class_name)
    name = given.name or given.name_zh
    if not name:
        raise BadInput("say what it is, in English or in Chinese", place="name")
    check_place(user, registry, given.space_id)
    _check_days(today(deps), given)
    now = deps.now()
    plain = Asset(
        tag=given.tag or "",
        class_code=given.class_code,
        class_name=known["class_name"],
        name=name,
        name_zh=given.name_zh or name,
        created_at=now,
        updated_at=now,
        created_by=user.username,
        accepted_on=given.accepted_on,
        accepted_by=user.username if given.accepted_on else "",
        space_id=given.space_id,
        custodian=given.custodian or "",
        life_months=known["life_months"],
    )
    return replace(plain, **_facts(given, without={"class_name", "name", "name_zh"}))


def create(deps: Deps, registry: Registry, user: User, given: shapes.AssetIn) -> Asset:
    made, entry = register(new_asset(deps, registry, user, given), deps.now())
    stored = deps.assets.insert(made, entry)
    deps.audit.append(deps.now(), user.username, "asset.register", stored.tag, stored.name)
    return stored


def edit(deps: Deps, user: User, asset: Asset, given: shapes.AssetEdit) -> Asset:
    """Raises BadInput or IllegalTransition; an edit that changes nothing is not written."""
    changes = _facts(given, without={"note"})
    if given.class_code:
        changes = classed(given.class_code, given.class_name) | changes
    _check_days(today(deps), given)
    edited = replace(asset, **changes)
    if edited == asset:
        return asset
    said = ", ".join(f"{name}: {_said(getattr(asset, name))} → {_said(value)}" for name, value in _changed(asset, changes).items())
    note = f"{said}; {given.note}" if given.note else said
    return do(
        deps, user, asset, AssetRequest(event=AssetEvent.EDIT, actor=user.username, roles=user.roles, note=note, edited=edited)
    )


def do(deps: Deps, user: User, asset: Asset, request: AssetRequest) -> Asset:
    """Applies the request and writes it down. Raises Refused 403 where the caller is the wrong person."""
    if possible(asset, request.event) and request.event not in allowed_events(asset, user.username, user.roles):
        why = (
            " (nobody decides about what they asked for themselves)" if asset.pending and asset.pending.by == user.username else ""
        )
        raise Refused(403, f"{request.event} is not yours to do with this asset{why}")
    changed, entry = advance(asset, request, deps.now(), today(deps))
    stored = deps.assets.update(changed, entry)
    deps.audit.append(deps.now(), user.username, f"asset.{request.event}", asset.tag, entry.note[:2000])
    return stored


def request_of(user: User, event: AssetEvent, given: shapes.AssetEventIn) -> AssetRequest:
    return AssetRequest(
        event=event,
        actor=user.username,
        roles=user.roles,
        note=given.note,
        space_id=given.space_id,
        custodian=given.custodian,
        due_back=given.due_back,
        condition=given.condition,
        on=given.on,
        proceeds_cents=None if given.proceeds is None else cents(given.proceeds),
        device_id=given.device_id,
    )


def check_place(user: User, registry: Registry, space_id: str | None) -> None:
    if space_id is not None and (space_id not in registry.spaces or not may_see_space(user, registry, space_id)):
        raise BadInput(f"there is no space {space_id!r}", place="space_id")


def classed(code: str, name: str | None) -> dict[str, Any]:
    """class_name and life_months. Raises BadInput for a code of another form, or without a name for a class we do not know."""
    if not CODE.fullmatch(code):
        raise BadInput("a class code of GB/T 14885 is a letter A and two to nine digits, such as A02100000", place="class_code")
    known = asset_class(code)
    if name:
        return {"class_name": name, "life_months": known.life_months if known else 0}
    if known is None:
        raise BadInput(f"class {code} is not in Caretaker's table: give its name too", place="class_name")
    return {"class_name": known.name_zh, "life_months": known.life_months}


def shown(deps: Deps, registry: Registry, user: User, assets: Sequence[Asset]) -> list[shapes.AssetOut]:
    names = {person.username: person.display_name for person in deps.users.list()} if assets else {}
    day = today(deps)
    return [_shown(registry, user, asset, names, day) for asset in assets]


def cents(amount: Decimal) -> int:
    return int(amount * 100)


def money(value_cents: int) -> float:
    return value_cents / 100


def value_out(value: Value) -> shapes.ValueOut:
    return shapes.ValueOut(
        original=money(value.original_cents),
        month=money(value.month_cents),
        accumulated=money(value.accumulated_cents),
        net=money(value.net_cents),
    )


def _shown(registry: Registry, user: User, asset: Asset, names: Mapping[str, str], day: date) -> shapes.AssetOut:
    device = registry.devices.get(asset.device_id or "")
    value = value_at(asset, day)
    return shapes.AssetOut(
        **{name: getattr(asset, name) for name in _AS_IT_IS},
        price=money(asset.price_cents),
        proceeds=None if asset.proceeds_cents is None else money(asset.proceeds_cents),
        space_path=present.place_path(registry, asset.space_id or ""),
        custodian_name=names.get(asset.custodian, asset.custodian),
        device_name=device.name if device else asset.device_id,
        device_name_zh=device.name_zh if device else asset.device_id,
        device_kind=device.kind if device else None,
        pending=_pending(registry, asset.pending, names) if asset.pending else None,
        value=None if value is None else value_out(value),
        allowed=list(allowed_events(asset, user.username, user.roles)),
    )


def _pending(registry: Registry, asked: Pending, names: Mapping[str, str]) -> shapes.PendingOut:
    return shapes.PendingOut(
        kind=asked.kind,
        by=asked.by,
        by_name=names.get(asked.by, asked.by),
        at=asked.at,
        reason=asked.reason,
        space_path=present.place_path(registry, asked.space_id or ""),
        custodian=asked.custodian,
        custodian_name=names.get(asked.custodian, asked.custodian),
    )


_AS_IT_IS = (
    *("tag", "class_code", "class_name", "name", "name_zh", "state", "condition", "acquired", "model", "serial", "manufacturer"),
    *("supplier", "purchased_on", "document", "accepted_on", "accepted_by", "warranty_until", "life_months", "method"),
    *("residual_rate", "space_id", "custodian", "due_back", "device_id", "remark", "written_off_on", "disposed_on"),
    *("created_by", "created_at", "updated_at"),
)


def _facts(given: shapes.AssetFacts, *, without: set[str]) -> dict[str, Any]:
    """Fields of Asset that were given a value; a price becomes cents."""
    own = given.model_dump(include=_FACTS - without, exclude_none=True)
    price = own.pop("price", None)
    return own if price is None else own | {"price_cents": cents(price)}


_FACTS = {*shapes.AssetFacts.model_fields, "class_code", "name"}


def _changed(asset: Asset, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if getattr(asset, name) != value}


def _said(value: Any) -> str:  # noqa: ANN401 - any field of an asset
    return "–" if value in (None, "") else str(value)


def _check_days(now: date, given: shapes.AssetFacts) -> None:
    for name in ("purchased_on", "accepted_on"):
        day = getattr(given, name, None)
        if day is not None and (day > now or day.year < 1900):
            raise BadInput("this day lies in the future, or before 1900", place=name)
