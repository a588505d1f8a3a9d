"""How good the data is (complete, on time, plausible), per device and day, the worst first."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from analytics.data_quality import DayQuality, total
from api import data_quality, schemas
from api import schemas_registry as shapes
from api.deps import Caller, DepsHere, RegistryHere
from api.filters import IN_SPACE, PageOf
from api.guard import GuardedRoute
from api.inventory import device_for
from api.paging import page_of
from api.permissions import owned_spaces
from api.routes.spaces import space_filter
from devices.errors import BadInput
from devices.model import Device, DeviceKind

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["data quality"])

_OLDEST = date(2000, 1, 1)


class Wanted(PageOf):
    day: date | None = Field(default=None, description="a day of the site's calendar; default: yesterday")
    space: str | None = Field(default=None, description=IN_SPACE)
    kind: DeviceKind | None = None


class Days(PageOf):
    days: int = Field(default=14, ge=1, le=62, description="so many days up to today")


@router.get("/data-quality", summary="Quality of the data of a day, worst first")
def list_quality(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Wanted, Query()]) -> shapes.QualityPage:
    today = deps.now().astimezone(deps.site.zone).date()
    day = query.day or today - timedelta(days=1)
    if not _OLDEST <= day <= today:
        raise BadInput(f"use a day between {_OLDEST} and today, {today}", place="day")
    owned, inside = owned_spaces(caller, registry), space_filter(caller, registry, query.space)
    devices = [
        device
        for device in registry.devices.values()
        if (owned is None or device.space_id in owned)
        and (inside is None or device.space_id in inside)
        and query.kind in (None, device.kind)
    ]
    found = data_quality.of_day(deps, registry, devices, day)
    ordered = sorted((device for device in devices if device.id in found), key=lambda device: (_rank(found[device.id]), device.id))
    page, following = page_of(ordered, lambda device: device.id, query.limit, query.cursor)
    whole = total(found.values())
    return shapes.QualityPage(
        day=day,
        items=[_shown(device, found[device.id], day) for device in page],
        total=shapes.QualityTotals(devices=len(found), complete=whole.complete, on_time=whole.on_time, plausible=whole.plausible),
        next=following,
    )


@router.get("/devices/{device_id}/data-quality", summary="Quality of a device's data, day by day")
def of_device(
    device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Days, Query()]
) -> schemas.Page[shapes.QualityOut]:
    """Oldest first; nothing for a device that nothing is expected of."""
    device = device_for(caller, registry, device_id)
    today = deps.now().astimezone(deps.site.zone).date()
    days = [today - timedelta(days=back) for back in range(query.days - 1, -1, -1)]
    found = [(day, data_quality.of_day(deps, registry, [device], day).get(device_id)) for day in days]
    return schemas.Page(items=[_shown(device, quality, day) for day, quality in found if quality is not None])


def _rank(found: DayQuality) -> float:
    return 2.0 if found.score is None else found.score


def _shown(device: Device, found: DayQuality, day: date) -> shapes.QualityOut:
    return shapes.QualityOut(
        device_id=device.id,
        device_name=device.name,
        device_name_zh=device.name_zh,
        space_id=device.space_id,
        kind=device.kind,
        day=day,
        expected=found.expected,
        received=found.received,
        complete=found.complete,
        on_time=found.on_time,
        plausible=found.plausible,
        score=found.score,
    )
