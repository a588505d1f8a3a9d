"""Devices, their last values and their readings."""

# ruff: noqa: PLR0913, PLR0917 - FastAPI wants one argument for each part of the address

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api import present, schemas
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for, with_latest
from api.paging import Cursor, Limit, decode_cursor, encode_cursor, page_of
from api.permissions import owned_spaces
from api.times import aware_range, to_ms
from devices.health import DeviceHealth
from devices.metrics import metric as metric_of
from devices.model import Device, DeviceKind

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["devices"])


@router.get("/devices", summary="Devices with their last values")
def list_devices(
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    space: Annotated[str | None, Query(description="in this space and inside it")] = None,
    kind: DeviceKind | None = None,
    status: Annotated[str | None, Query(pattern="^(online|silent|never)$")] = None,
    q: Annotated[str | None, Query(max_length=100, description="part of an id or a name")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> schemas.Page[schemas.DeviceOut]:
    spaces = owned_spaces(caller, registry)
    inside = None if space is None else {found.id for found in registry.within(space)}
    devices = [
        device
        for device in sorted(registry.devices.values(), key=lambda device: device.id)
        if (spaces is None or device.space_id in spaces)
        and (inside is None or device.space_id in inside)
        and (kind is None or device.kind is kind)
        and (q is None or _matches(device, q))
    ]
    if status is not None:
        health, now = deps.health.all(), deps.now()
        devices = [device for device in devices if present.status_of(registry, device, health.get(device.id), now) == status]
    page, following = page_of(devices, lambda device: device.id, limit, cursor)
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
    device_id: str,
    metric: Annotated[str, Query(min_length=1, max_length=200)],
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    start: Annotated[datetime | None, Query(description="default: 24 h before `end`")] = None,
    end: Annotated[datetime | None, Query(description="not included; default: now")] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 5000,
    cursor: Cursor = None,
) -> schemas.ReadingsPage:
    """[start, end) in time order. Times without a zone are the site's local time."""
    device_for(caller, registry, device_id)
    since, until = aware_range(start, end, zone=deps.site.zone, now=deps.now(), default=timedelta(hours=24))
    start_ms = to_ms(since) if cursor is None else decode_cursor(cursor)[0]
    found = deps.readings.range(device_id, metric, start_ms, to_ms(until), limit=limit + 1)
    page = found[:limit]
    return schemas.ReadingsPage(
        device_id=device_id,
        metric=metric,
        unit=metric_of(metric).unit,
        items=[
            schemas.ReadingOut(ts=present.moment(reading.ts_ms), value=reading.value, quality=present.flags(reading.quality))
            for reading in page
        ],
        next=encode_cursor(found[limit].ts_ms, "") if len(found) > limit else None,
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
