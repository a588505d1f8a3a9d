"""Meters in commissioning: what they have learned, what is missing, and the release by a person who knows better."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from analytics.allowed import seen_in
from analytics.commissioning import ROOM_NEEDED_DAYS
from analytics.meter import meters_of
from api import present
from api import schemas_records as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for
from api.permissions import owned_spaces
from api.registry_edits import change
from api.routes.spaces import space_filter
from api.schemas import Page
from api.status import DeviceStatus
from api.times import to_ms
from devices import editing
from devices.errors import BadInput, NotFound
from devices.health import DeviceHealth
from devices.model import Device, DeviceKind, SpaceKind, UseType
from devices.profiles import is_retired
from devices.registry import Registry
from devices.watching import Commissioning

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["commissioning"])

_DAY_MS = 86_400_000
_ASKED = timedelta(days=30)
"""So long after commissioning has ended by itself, somebody may still say that what was seen may stay."""

_POWER = "elec.power.active"
_ALLOWED = "allowed"


@router.get("/commissioning", summary="Meters in commissioning")
def list_commissioning(
    deps: DepsHere, registry: RegistryHere, caller: Caller, space: Annotated[str | None, Query(max_length=128)] = None
) -> Page[shapes.CommissioningOut]:
    """Those that need longest first."""
    owned, inside, health = owned_spaces(caller, registry), space_filter(caller, registry, space), deps.health.all()
    found = []
    for one in deps.commissioning.all().values():
        device = registry.devices.get(one.device_id)
        if device is None or is_retired(device) or one.finished_at is not None:
            continue
        if (owned is None or device.space_id in owned) and (inside is None or device.space_id in inside):
            found.append(_out(deps, registry, device, one, health))
    return Page(items=sorted(found, key=lambda one: (-one.days_left, one.device_id)), next=None)


@router.get("/devices/{device_id}/commissioning", summary="How far the commissioning of a meter is")
def get_commissioning(device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.CommissioningOut:
    """404 where the meter never was in commissioning: it came with enough of a past, or learns nothing."""
    return _told(deps, registry, device_for(caller, registry, device_id))


@router.post("/devices/{device_id}/commissioning/release", summary="Trust a meter's findings from now on")
def release(
    device_id: str, body: shapes.ReleaseIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.CommissioningOut:
    """Orders follow from what is still found. With `allow_seen` the appliances seen so far are allowed in that room."""
    device = device_for(caller, registry, device_id)
    seen = _told(deps, registry, device).seen if body.allow_seen else []
    if body.allow_seen and not _is_room(registry, device):
        raise BadInput("appliances are allowed in dormitory rooms only", place="allow_seen")
    now = deps.now()
    deps.commissioning.release(device_id, caller.username, now, body.note)
    deps.audit.append(now, caller.username, "meter.release", device_id, body.note)
    if seen:
        words = {*_words(device), *seen}
        wanted = {"attributes": {_ALLOWED: ", ".join(sorted(words))}}
        change(deps, caller, "device.edit", device_id, lambda current: editing.edit_device(current, device_id, wanted))
    return _told(deps, deps.registry.load(), device)


def _told(deps: Deps, registry: Registry, device: Device) -> shapes.CommissioningOut:
    one = deps.commissioning.get(device.id)
    if one is None:
        raise NotFound(f"device {device.id!r} never was in commissioning")
    health = deps.health.get(device.id)
    told = _out(deps, registry, device, one, {} if health is None else {device.id: health})
    return told.model_copy(update={"seen": _seen(deps, registry, device, one)})


def _out(
    deps: Deps, registry: Registry, device: Device, one: Commissioning, health: Mapping[str, DeviceHealth]
) -> shapes.CommissioningOut:
    over = one.finished_at is not None
    return shapes.CommissioningOut(
        device_id=device.id,
        device_name=device.name,
        device_name_zh=device.name_zh,
        space_path=present.place_path(registry, device.space_id),
        since=one.since,
        measured_hours=one.measured_hours,
        needed_hours=one.needed_hours,
        days_left=0 if over else one.days_left,
        missing=[] if over else _missing(deps, registry, device, one, health.get(device.id)),
        seen=[],
        finished_at=one.finished_at,
        finished_by=one.finished_by or None,
        note=one.note,
    )


def _missing(deps: Deps, registry: Registry, device: Device, one: Commissioning, health: DeviceHealth | None) -> list[str]:
    status = present.status_of(registry, device, health, deps.now())
    heard = {DeviceStatus.NEVER: ["never_heard"], DeviceStatus.SILENT: ["silent"]}.get(status, [])
    return [*heard, *(["hours"] if one.measured_hours < one.needed_hours else [])]


def _is_room(registry: Registry, device: Device) -> bool:
    space = registry.spaces[device.space_id]
    return device.kind is DeviceKind.ELECTRICITY_METER and space.kind is SpaceKind.ROOM and space.use is UseType.DORMITORY


def _words(device: Device) -> frozenset[str]:
    return frozenset(word.strip() for word in device.attributes.get(_ALLOWED, "").split(",") if word.strip())


def _seen(deps: Deps, registry: Registry, device: Device, one: Commissioning) -> list[str]:
    """Of its first days of commissioning, beyond what is allowed already; nothing once a person has released it, or long after."""
    over = one.finished_by or (one.finished_at is not None and deps.now() - one.finished_at > _ASKED)
    if over or not _is_room(registry, device):
        return []
    since_ms = to_ms(one.since)
    until_ms = min(since_ms + ROOM_NEEDED_DAYS * _DAY_MS, to_ms(deps.now()))
    frame = deps.readings.frame([device.id], [_POWER], since_ms, max(until_ms, since_ms + 1))
    found = seen_in(frame["ts_ms"].to_numpy("int64"), frame["value"].to_numpy("float64"))
    return sorted(found - meters_of(registry)[device.id].allowed)
