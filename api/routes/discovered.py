"""Strangers: devices that send and nobody knows yet. Their readings are kept; adopted, they count from the first one on."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import present, schemas
from api import schemas_registry as shapes
from api.assets import asset_for, do, request_of
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.filters import PageOf
from api.guard import GuardedRoute
from api.inventory import with_latest
from api.paging import page_of
from api.registry_edits import change, must_own
from api.schemas_assets import AssetEventIn
from api.times import to_ms
from devices import adoption, editing
from devices.asset import AssetEvent
from devices.errors import BadInput, NotFound
from devices.health import DiscoveredDevice
from devices.model import Device
from devices.profiles import PROFILES
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["discovered devices"])

ADOPTED = "device.adopt"


class Wanted(PageOf):
    ignored: bool = Field(default=False, description="those that are ignored, instead of the others")
    id: str | None = Field(default=None, max_length=128)
    family: str | None = Field(default=None, max_length=100)
    gateway: str | None = Field(default=None, max_length=128)
    q: str | None = Field(default=None, max_length=100, description="part of an id, a topic or a model")


@router.get("/discovered", summary="Devices that send and nobody knows yet")
def list_discovered(
    deps: DepsHere, query: Annotated[Wanted, Query()], registry: RegistryHere
) -> schemas.Page[shapes.DiscoveredOut]:
    """Newest sight first, each with what it seems to be."""
    ignored = deps.health.ignored()
    found = [
        one
        for one in strangers(deps, registry)
        if (one.device_id in ignored) is query.ignored
        and query.id in (None, one.device_id)
        and query.family in (None, one.family)
        and query.gateway in (None, one.gateway_id)
        and (query.q is None or _matches(one, query.q))
    ]
    page, following = page_of(found, lambda one: one.device_id, query.limit, query.cursor)
    return schemas.Page(items=[_shown(one, ignored=query.ignored) for one in page], next=following)


@router.post("/discovered/adopt", status_code=201, summary="Adopt one")
def adopt(body: shapes.AdoptIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.DeviceOut:
    """What it has sent so far counts at once. With `asset` it is linked to that asset."""
    stranger = _stranger(deps, registry, body.id)
    asset = asset_for(deps, registry, caller, body.asset) if body.asset else None
    device = _device(stranger, body)

    def edit(current: Registry) -> editing.Changes:
        _own_place(caller, current, body.space_id)
        return editing.add_device(current, device)

    change(deps, caller, ADOPTED, device.id, edit)
    deps.health.forget(device.id)
    if asset is not None:
        do(deps, caller, asset, request_of(caller, AssetEvent.LINK, AssetEventIn(device_id=device.id)))
    after = deps.registry.load()
    return with_latest(deps, after, [after.devices[device.id]])[0]


@router.post("/discovered/adopt-all", summary="Adopt all that match")
def adopt_all(body: shapes.AdoptRuleIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.AdoptedOut:
    """With `dry_run` it only tells which. Patterns may hold `*` and `?`."""
    if not (body.ids or body.family or body.model or body.id or body.topic):
        raise BadInput("say which: ids, or a pattern for family, model, id or topic (`*` for all)", place="ids")
    if body.profile_id is not None and body.profile_id not in PROFILES:
        raise BadInput(f"no profile {body.profile_id!r}; known: {', '.join(PROFILES)}", place="profile_id")
    rule = adoption.AdoptRule(
        space_id=body.space_id,
        family=body.family,
        model=body.model,
        id=body.id,
        topic=body.topic,
        profile_id=body.profile_id or "",
        name=body.name,
        name_zh=body.name_zh,
    )
    ignored, wanted = deps.health.ignored(), set(body.ids)
    asked = [one for one in strangers(deps, registry) if (one.device_id in wanted if wanted else one.device_id not in ignored)]
    made = {one.device_id: adoption.adopted(one, rule) for one in asked}
    devices = tuple(device for device in made.values() if device is not None)
    left = sorted(wanted - {device.id for device in devices})
    if body.dry_run or not devices:
        _own_place(caller, registry, body.space_id)
        return shapes.AdoptedOut(adopted=[device.id for device in devices], left=left, dry_run=body.dry_run)

    def edit(current: Registry) -> editing.Changes:
        _own_place(caller, current, body.space_id)
        return editing.Changes(devices=tuple(device for one in devices for device in editing.add_device(current, one).devices))

    change(deps, caller, ADOPTED, f"{len(devices)} devices", edit)
    for device in devices:
        deps.health.forget(device.id)
    return shapes.AdoptedOut(adopted=[device.id for device in devices], left=left, dry_run=False)


@router.post("/discovered/ignore", status_code=204, summary="Do not show these any more")
def ignore(body: shapes.StrangersIn, deps: DepsHere, caller: Caller) -> None:
    """What they send is kept all the same."""
    now = deps.now()
    deps.health.ignore(body.ids, by=caller.username, at_ms=to_ms(now))
    deps.audit.append(now, caller.username, "device.ignore", ", ".join(body.ids)[:500])


@router.post("/discovered/notice", status_code=204, summary="Show ignored ones again")
def notice(body: shapes.StrangersIn, deps: DepsHere, caller: Caller) -> None:
    for device_id in body.ids:
        deps.health.notice(device_id)
    deps.audit.append(deps.now(), caller.username, "device.notice", ", ".join(body.ids)[:500])


def strangers(deps: Deps, registry: Registry) -> list[DiscoveredDevice]:
    """Ingest may report one once more in the seconds after its adoption."""
    return [one for one in deps.health.discovered() if one.device_id not in registry.devices]


def _stranger(deps: Deps, registry: Registry, device_id: str) -> DiscoveredDevice:
    found = next((one for one in strangers(deps, registry) if one.device_id == device_id), None)
    if found is None:
        known = device_id in registry.devices
        raise NotFound(f"{device_id!r} is {'adopted already' if known else 'not among the discovered devices'}")
    return found


def _device(stranger: DiscoveredDevice, body: shapes.AdoptIn) -> Device:
    """Raises BadInput where neither the person nor its messages say what it is."""
    seems = adoption.suggest(stranger)
    profile_id = body.profile_id or (seems.profile_id if seems else None)
    if profile_id is None or profile_id not in PROFILES:
        what = "nothing tells what it is; choose a profile" if profile_id is None else f"no profile {profile_id!r}"
        raise BadInput(f"{what}: {', '.join(PROFILES)}", place="profile_id")
    profile = PROFILES[profile_id]
    made = adoption.adopt(
        stranger,
        space_id=body.space_id,
        name=body.name or "",
        name_zh=body.name_zh or "",
        kind=profile.kind,
        profile_id=profile_id,
    )
    return Device(
        id=made.id,
        kind=made.kind,
        profile_id=made.profile_id,
        space_id=made.space_id,
        name=made.name,
        name_zh=made.name_zh,
        upstream_id=body.upstream_id,
        measures_space=body.measures_space,
        attributes={**made.attributes, **body.attributes},
    )


def _own_place(caller: User, registry: Registry, space_id: str) -> None:
    try:
        must_own(caller, registry, space_id)
        editing.space_of(registry, space_id)
    except NotFound as error:
        raise BadInput(str(error), place="space_id") from None


def _shown(one: DiscoveredDevice, *, ignored: bool) -> shapes.DiscoveredOut:
    seems = adoption.suggest(one)
    profile = PROFILES[seems.profile_id] if seems else None
    return shapes.DiscoveredOut(
        id=one.device_id,
        first_seen=present.moment(one.first_seen_ms),
        last_seen=present.moment(one.last_seen_ms),
        topic=one.topic,
        family=one.family,
        metrics=list(one.metrics),
        gateway=one.gateway_id,
        model=one.model or None,
        told=dict(one.told),
        ignored=ignored,
        suggestion=None
        if seems is None or profile is None
        else shapes.SuggestionOut(
            profile_id=profile.id, kind=profile.kind, name=profile.name, name_zh=profile.name_zh, because=list(seems.because)
        ),
    )


def _matches(one: DiscoveredDevice, part: str) -> bool:
    wanted = part.casefold()
    return any(wanted in text.casefold() for text in (one.device_id, one.topic, one.model, one.told.get("name", "")))
