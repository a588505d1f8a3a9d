"""Places compared: use per m2 and per head, in ordinary weather where it is known; and energy against use of rooms."""

from datetime import datetime, timedelta
from statistics import median
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from analytics.arrays import Floats
from analytics.benchmark import DegreeDays, degree_days, in_ordinary_weather, openings, room_use
from analytics.calendar import Calendar, hour_table
from analytics.hourly import Hourly
from analytics.joined import joined
from api import present
from api import schemas_plans as shapes
from api.consumption import Every, Quantity, Span, pricing_of, span_of, unit_of
from api.deps import Caller, Deps, DepsHere, RegistryHere, ledger_of
from api.guard import GuardedRoute
from api.outdoor import outdoor_sensor
from api.outlooks import Subject, of_space
from api.permissions import may_see_space
from api.times import aware_range
from api.weather import daily_celsius
from devices.model import DeviceKind, Space, SpaceKind, UseType
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["energy and water"])

DEFAULT = timedelta(days=28)
ORDINARY_DAYS = 365
LEAST_HOURS = 22
LEAST_KNOWN = 0.5
"""A place of which fewer of the hours are known is not ranked."""
Kind = Literal[SpaceKind.BUILDING, SpaceKind.FLOOR, SpaceKind.ROOM]


class Asked(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    kind: Kind = SpaceKind.BUILDING
    start: datetime | None = Field(default=None, alias="from", description="default: 28 days before `to`")
    end: datetime | None = Field(default=None, alias="to", description="default: now")


class Compared(Asked):
    quantity: Quantity = Quantity.ELECTRICITY
    by: Literal["m2", "head"] = "m2"


@router.get("/benchmarks", summary="Places ranked by use per m2 or per head")
def get_benchmarks(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Compared, Query()]
) -> shapes.BenchmarksOut:
    """The largest first; `to_median` compares with the places of the same use. Widened to whole site days."""
    span = _span(deps, query)
    measured = _measured(deps, _subjects(registry, caller, query.kind, query.quantity), query.quantity, span)
    sensor = outdoor_sensor(registry)
    celsius, ordinary = _weather(deps, sensor, span)
    items = [_item(space, hours, span, celsius, ordinary) for space, hours in measured]
    ranked = [one for one in items if _figure(one, query.by) is not None]
    return shapes.BenchmarksOut(
        quantity=query.quantity,
        unit=unit_of(query.quantity),
        by=query.by,
        kind=query.kind,
        start=span.start,
        end=span.end,
        days=span.hours / 24,
        weather=sensor if ordinary is not None and np.isfinite(celsius).any() else None,
        heating_degree_days=_degree_days(celsius, "heating"),
        cooling_degree_days=_degree_days(celsius, "cooling"),
        items=_ranked(ranked, query.by),
        medians=[_median(use, [one for one in items if one.use is use]) for use in UseType if any(one.use is use for one in items)],
        unranked=len(items) - len(ranked),
    )


@router.get("/benchmarks/rooms", summary="Energy of places against how they are used")
def get_rooms(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Asked, Query()]) -> shapes.RoomsOut:
    """Use is told by power above the base load, and by openings of the doors inside where there are any. The worst share first."""
    span = _span(deps, query)
    measured = _measured(deps, _subjects(registry, caller, query.kind, Quantity.ELECTRICITY), Quantity.ELECTRICITY, span)
    opened = _openings(deps, registry, [space for space, _ in measured], span)
    found = [_room(registry, space, hours, opened.get(space.id), span) for space, hours in measured]
    items = sorted((room for room in found if room is not None), key=lambda room: -room.unused_share * room.kwh_per_day)
    return shapes.RoomsOut(start=span.start, end=span.end, items=items)


def _span(deps: Deps, query: Asked) -> Span:
    since, until = aware_range(query.start, query.end, zone=deps.site.zone, now=deps.now(), default=DEFAULT)
    return span_of(since, until, Every.DAY, deps.site.zone)


def _subjects(registry: Registry, caller: User, kind: SpaceKind, quantity: Quantity) -> list[tuple[Space, Subject]]:
    """The caller's places of that kind that have meters."""
    spaces = [space for space in registry.spaces.values() if space.kind is kind and may_see_space(caller, registry, space.id)]
    found = [(space, of_space(registry, quantity.value, space.id)) for space in spaces]
    return [(space, subject) for space, subject in found if subject.accounts]


def _measured(deps: Deps, subjects: list[tuple[Space, Subject]], quantity: Quantity, span: Span) -> list[tuple[Space, Hourly]]:
    accounts = [account for _, subject in subjects for account in subject.accounts]
    if not accounts:
        return []
    pricing = pricing_of(ledger_of(deps), accounts, quantity, span)
    known = {account.id: pricing.hours(account) for account in accounts}
    found = []
    for space, subject in subjects:
        parts = [(known[account.id].value, known[account.id].quality) for account in subject.accounts]
        found.append((space, joined(span.start_ms, parts)))
    return found


def _weather(deps: Deps, sensor: str | None, span: Span) -> tuple[Floats, DegreeDays | None]:
    """Each day's temperature, and the mean degree-days of the last year that is known."""
    first, last = span.start.astimezone(span.zone).date(), span.end.astimezone(span.zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    celsius = daily_celsius(deps.readings, sensor, days, span.zone)
    if sensor is None:
        return celsius, None
    year = [last - timedelta(days=n) for n in range(ORDINARY_DAYS, 0, -1)]
    return celsius, degree_days(daily_celsius(deps.readings, sensor, year, span.zone))


def _degree_days(celsius: Floats, name: Literal["heating", "cooling"]) -> float | None:
    found = degree_days(celsius)
    return None if found is None else float(getattr(found, name)) * int(np.isfinite(celsius).sum())


def _item(space: Space, hours: Hourly, span: Span, celsius: Floats, ordinary: DegreeDays | None) -> shapes.BenchmarkOut:
    value = float(np.nansum(hours.consumption))
    days = span.hours / 24
    a_day = None if ordinary is None else in_ordinary_weather(_daily(hours, span), celsius, ordinary)
    corrected = None if a_day is None else a_day * days
    known_share = float(np.isfinite(hours.consumption).mean())
    area, people = (space.area_m2, space.people) if known_share >= LEAST_KNOWN else (None, None)
    return shapes.BenchmarkOut(
        space_id=space.id,
        name=space.name,
        name_zh=space.name_zh,
        use=space.use,
        value=value,
        known_share=known_share,
        area_m2=space.area_m2,
        people=space.people,
        per_m2=_per(value, area),
        per_head=_per(value, people),
        corrected_per_m2=_per(corrected, area),
        corrected_per_head=_per(corrected, people),
        to_median=None,
        peers=0,
    )


def _daily(hours: Hourly, span: Span) -> Floats:
    """Use of each local day, NaN where too few of its hours were measured."""
    table = hour_table(Calendar(timezone=span.zone.key), UseType.CAMPUS, hours.start_ms, hours.size)
    known = np.isfinite(hours.measured)
    count = np.bincount(table.day, known)
    total = np.bincount(table.day, np.nan_to_num(hours.measured))
    return np.where(count >= LEAST_HOURS, total * 24 / np.maximum(count, 1), np.nan)


def _per(value: float | None, by: float | None) -> float | None:
    return value / by if value is not None and by else None


def _figure(item: shapes.BenchmarkOut, by: str) -> float | None:
    """What it is ranked by: in ordinary weather where that is known."""
    corrected, plain = (item.corrected_per_m2, item.per_m2) if by == "m2" else (item.corrected_per_head, item.per_head)
    return plain if corrected is None else corrected


def _ranked(items: list[shapes.BenchmarkOut], by: str) -> list[shapes.BenchmarkOut]:
    figures = {item.space_id: _figure(item, by) or 0.0 for item in items}
    found = []
    for item in sorted(items, key=lambda one: -figures[one.space_id]):
        peers = [figures[one.space_id] for one in items if one.use is item.use]
        middle = median(peers)
        compared = figures[item.space_id] / middle if len(peers) > 1 and middle > 0 else None
        found.append(item.model_copy(update={"to_median": compared, "peers": len(peers)}))
    return found


def _median(use: UseType, items: list[shapes.BenchmarkOut]) -> shapes.UseMedian:
    per_m2 = [figure for one in items if (figure := _figure(one, "m2")) is not None]
    per_head = [figure for one in items if (figure := _figure(one, "head")) is not None]
    return shapes.UseMedian(
        use=use,
        per_m2=median(per_m2) if per_m2 else None,
        per_head=median(per_head) if per_head else None,
        spaces=len(items),
    )


def _openings(deps: Deps, registry: Registry, spaces: list[Space], span: Span) -> dict[str, int]:
    """Openings of all watched doors inside each space; spaces without such a door are left out."""
    doors = {space.id: _doors(registry, space.id) for space in spaces}
    wanted = sorted({door for inside in doors.values() for door in inside})
    if not wanted:
        return {}
    frame = deps.readings.frame(wanted, ["door.open"], span.start_ms, span.start_ms + span.hours * 3_600_000)
    counted = {
        str(door): openings(rows["ts_ms"].to_numpy(np.int64), rows["value"].to_numpy(np.float64))
        for door, rows in frame.groupby("device_id")
    }
    return {space_id: sum(counted.get(door, 0) for door in inside) for space_id, inside in doors.items() if inside}


def _doors(registry: Registry, space_id: str) -> list[str]:
    inside = (device for space in registry.within(space_id) for device in registry.devices_in(space.id))
    return [device.id for device in inside if device.kind is DeviceKind.DOOR_CONTROLLER]


def _room(registry: Registry, space: Space, hours: Hourly, opened: int | None, span: Span) -> shapes.RoomOut | None:
    found = room_use(hours.consumption)
    if found is None:
        return None
    return shapes.RoomOut(
        space_id=space.id,
        name=space.name,
        name_zh=space.name_zh,
        space_path=present.place_path(registry, space.id),
        kwh_per_day=found.kwh_per_day,
        base_w=found.base_kwh_per_h * 1000,
        openings_per_day=None if opened is None else opened / (span.hours / 24),
        used_hours_per_day=found.used_hours_per_day,
        kwh_per_used_hour=found.kwh_per_used_hour,
        unused_share=found.unused_share,
    )
