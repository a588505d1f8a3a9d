"""Devices, their last values and their readings."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api import filters, present, schemas
from api import schemas_registry as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for, with_latest
from api.paging import decode_cursor, encode_cursor, page_of
from api.permissions import owned_spaces
from api.registry_edits import change, must_own
from api.routes.gateways import gateway_of
from api.routes.spaces import given, space_filter
from api.times import aware_range, to_ms
from devices import editing
from devices.errors import BadInput, NotFound
from devices.health import DeviceHealth
from devices.metrics import metric as metric_of
from devices.model import Device, DeviceKind
from devices.profiles import PROFILES, RETIRED_AT
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["devices"])


@router.get("/devices", summary="Devices with their last values")
def list_devices(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Devices, Query()]
) -> schemas.Page[schemas.DeviceOut]:
    spaces = owned_spaces(caller, registry)
    inside = space_filter(caller, registry, query.space)
    devices = [
        device
        for device in sorted(registry.devices.values(), key=lambda device: device.id)
        if (spaces is None or device.space_id in spaces)
        and (inside is None or device.space_id in inside)
        and (query.kind is None or device.kind is query.kind)
        and (query.q is None or _matches(device, query.q))
    ]
    if query.status is not None:
        health, now = deps.health.all(), deps.now()
        devices = [device for device in devices if present.status_of(registry, device, health.get(device.id), now) == query.status]
    page, following = page_of(devices, lambda device: device.id, query.limit, query.cursor)
    return schemas.Page(items=with_latest(deps, registry, page), next=following)


@router.get("/devices/{device_id}", summary="One device")
def get_device(device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.DeviceDetail:
    return _detail(deps, registry, device_for(caller, registry, device_id))


@router.post("/devices", status_code=201, summary="Add a device before it speaks")
def add_device(body: shapes.DeviceIn, deps: DepsHere, caller: Caller) -> schemas.DeviceDetail:
    """Devices that speak already are adopted: see /discovered."""

    def edit(registry: Registry) -> editing.Changes:
        _place(caller, registry, body.space_id)
        profile = PROFILES.get(body.profile_id)
        kind = profile.kind if profile else DeviceKind.SENSOR  # without a profile the edit is refused
        return editing.add_device(registry, Device(kind=kind, **body.model_dump()))

    change(deps, caller, "device.add", body.id, edit)
    deps.health.forget(body.id)
    return _as_it_is(deps, body.id)


@router.patch("/devices/{device_id}", summary="Change a device")
def edit_device(
    device_id: str, body: shapes.DeviceEdit, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> schemas.DeviceDetail:
    """Name, place, profile, what feeds it, whether it measures its whole space, attributes. Its readings stay as they are."""
    device_for(caller, registry, device_id)
    changes = given(body)

    def edit(current: Registry) -> editing.Changes:
        if "space_id" in changes:
            _place(caller, current, changes["space_id"])
        return editing.edit_device(current, device_id, changes)

    change(deps, caller, "device.edit", device_id, edit)
    return _as_it_is(deps, device_id)


@router.post("/devices/{device_id}/retire", summary="Take a device out of service")
def retire(
    device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, body: shapes.RetireIn | None = None
) -> schemas.DeviceDetail:
    """Its readings and consumption stay; nobody expects it to speak any more."""
    device_for(caller, registry, device_id)
    asked = body or shapes.RetireIn()
    on = asked.on or deps.now().astimezone(deps.site.zone).date()
    change(deps, caller, "device.retire", device_id, lambda current: editing.retire(current, device_id, on), note=asked.note)
    return _as_it_is(deps, device_id)


@router.post("/devices/{device_id}/put-back", summary="Put a retired device back into service")
def put_back(device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.DeviceDetail:
    device_for(caller, registry, device_id)
    change(deps, caller, "device.put_back", device_id, lambda current: editing.put_back(current, device_id))
    return _as_it_is(deps, device_id)


@router.post("/devices/{device_id}/replace", summary="Put another device into its place")
def replace(device_id: str, body: shapes.ReplaceIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.DeviceDetail:
    """The new one takes place, role in the tree of meters and what it feeds; the old one retires with its history.

    Answers with the new device.
    """
    device_for(caller, registry, device_id)
    on = body.on or deps.now().astimezone(deps.site.zone).date()

    def edit(current: Registry) -> editing.Changes:
        return editing.replace_device(current, device_id, _heir(current, caller, device_id, body.by), on)

    change(deps, caller, "device.replace", device_id, edit, note=body.note)
    deps.health.forget(body.by)
    return _as_it_is(deps, body.by)


def _heir(registry: Registry, caller: User, device_id: str, by: str) -> Device:
    """The device that is known under that id, else a new one with the names and the profile of the old."""
    old = editing.device_of(registry, device_id)
    if by in registry.devices:
        return device_for(caller, registry, by)
    return Device(id=by, kind=old.kind, profile_id=old.profile_id, space_id=old.space_id, name=old.name, name_zh=old.name_zh)


def _place(caller: User, registry: Registry, space_id: str) -> None:
    try:
        must_own(caller, registry, space_id)
    except NotFound as error:
        raise BadInput(str(error), place="space_id") from None


def _as_it_is(deps: Deps, device_id: str) -> schemas.DeviceDetail:
    registry = deps.registry.load()
    return _detail(deps, registry, registry.devices[device_id])


def _detail(deps: Deps, registry: Registry, device: Device) -> schemas.DeviceDetail:
    shown, profile, health = with_latest(deps, registry, [device])[0], registry.profile(device), deps.health.get(device.id)
    known = [metric_of(name) for name in dict.fromkeys([*profile.metrics, *shown.latest])]
    return schemas.DeviceDetail(
        **dict(shown),
        metrics=[schemas.MetricOut(name=found.name, unit=found.unit, kind=found.kind) for found in known],
        sub_meters=[meter.id for meter in registry.sub_meters(device.id)],
        health=_health(health),
        attributes=dict(device.attributes),
        silent_after_s=profile.silent_after_s,
        sleeping=profile.sleeping,
        retired_at=device.attributes.get(RETIRED_AT),
        replaced_by=device.attributes.get(editing.REPLACED_BY),
        replaces=device.attributes.get(editing.REPLACES),
        gateway=gateway_of(device, health),
        topic=health.topic if health else None,
        family=(health.family if health else None) or device.attributes.get("family"),
    )


@router.get("/devices/{device_id}/readings", summary="Readings of one metric")
def get_readings(
    device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Readings, Query()]
) -> schemas.ReadingsPage:
    """[start, end) in time order. Times without a zone are the site's local time."""
    device_for(caller, registry, device_id)
    since, until = aware_range(query.start, query.end, zone=deps.site.zone, now=deps.now(), default=timedelta(hours=24))
    start_ms = to_ms(since) if query.cursor is None else decode_cursor(query.cursor)[0]
    found = deps.readings.range(device_id, query.metric, start_ms, to_ms(until), limit=query.limit + 1)
    page = found[: query.limit]
    return schemas.ReadingsPage(
        device_id=device_id,
        metric=query.metric,
        unit=metric_of(query.metric).unit,
        items=[
            schemas.ReadingOut(ts=present.moment(reading.ts_ms), value=reading.value, quality=present.flags(reading.quality))
            for reading in page
        ],
        next=encode_cursor(found[query.limit].ts_ms, "") if len(found) > query.limit else None,
    )


def _matches(device: Device, part: str) -> bool:
    wanted = part.casefold()
    return any(wanted in text.casefold() for text in (device.id, device.name, device.name_zh))


def _health(found: DeviceHealth | None) -> schemas.HealthOut:
    if found is None:
        return schemas.HealthOut(received=0, stored=0, late=0, rejected=0, duplicate=0)
    return schemas.HealthOut(
        received=found.received, stored=found.stored, late=found.late, rejected=found.rejected, duplicate=found.duplicate
    )
