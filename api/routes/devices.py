"""Devices, their last values and their readings."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api import filters, present, schemas
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for, with_latest
from api.paging import decode_cursor, encode_cursor, page_of
from api.permissions import owned_spaces
from api.times import aware_range, to_ms
from devices.health import DeviceHealth
from devices.metrics import metric as metric_of
from devices.model import Device

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["devices"])


@router.get("/devices", summary="Devices with their last values")
def list_devices(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Devices, Query()]
) -> schemas.Page[schemas.DeviceOut]:
    spaces = owned_spaces(caller, registry)
    inside = None if query.space is None else {found.id for found in registry.within(query.space)}
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
    device = device_for(caller, registry, device_id)
    shown = with_latest(deps, registry, [device])[0]
    known = [metric_of(name) for name in dict.fromkeys([*registry.profile(device).metrics, *shown.latest])]
    return schemas.DeviceDetail(
        **dict(shown),
        metrics=[schemas.MetricOut(name=found.name, unit=found.unit, kind=found.kind) for found in known],
        sub_meters=[meter.id for meter in registry.sub_meters(device.id)],
        health=_health(deps.health.get(device.id)),
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
