"""Where each room stands against the quota that holds for it, and the finding of one that has used more."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from analytics.finding import Evidence, Finding, FindingKind
from analytics.meter import QUANTITY_OF
from analytics.quota import Per, Quota
from devices.model import Device, SpaceKind
from devices.registry import Registry

METRIC = "quota"
"""What its picture shows: used since the month began, beside what the quota allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a room's meter stands in the running month. `days`: used by the end of each local day, from the first of it on.

    `allowed` None: the quota is meant by head and nobody has entered how many live there.
    """

    quota: Quota
    device_id: str
    space_id: str
    people: int | None
    allowed: float | None
    used: float
    days: tuple[float, ...]

    @property
    def share(self) -> float | None:
        return None if self.allowed is None else self.used / self.allowed

    @property
    def over(self) -> float:
        """What was used beyond the quota, kWh or m3; 0 while it does."""
        return 0.0 if self.allowed is None else max(self.used - self.allowed, 0.0)

    @property
    def over_day(self) -> int | None:
        """The number of the day of the month, from 0, on which it went over."""
        return next((number for number, used in enumerate(self.days) if self.allowed is not None and used > self.allowed), None)


def rooms_under(quotas: Sequence[Quota], registry: Registry, month: int) -> list[tuple[Device, Quota]]:
    """Each meter of a room with the quota that holds for it: the nearest place's; of one place, that of the month (1..12)."""
    found = []
    for device in registry.devices.values():
        quantity, space = QUANTITY_OF.get(device.kind), registry.spaces[device.space_id]
        if quantity is None or space.kind is not SpaceKind.ROOM or not device.measures_space:
            continue
        mine = [one for one in quotas if one.quantity == quantity and one.month in {0, month}]
        steps = [step.id for step in registry.path(space.id)]
        if holding := max((one for one in mine if one.space_id in steps), key=lambda one: _nearness(one, steps), default=None):
            found.append((device, holding))
    return found


def _nearness(quota: Quota, steps: Sequence[str]) -> tuple[int, int]:
    return steps.index(quota.space_id), quota.month


def month_of(now: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """The first local day of the running month and that of the next."""
    first = now.astimezone(zone).date().replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def day_edges_ms(now: datetime, zone: ZoneInfo) -> list[int]:
    """The local midnights of the running month up to today's, and now: epoch ms UTC, ascending."""
    first, _ = month_of(now, zone)
    days = (now.astimezone(zone).date() - first).days + 1
    starts = [datetime.combine(first + timedelta(days=number), time(), zone) for number in range(days)]
    return [round(start.timestamp() * 1000) for start in starts] + [round(now.timestamp() * 1000)]


def standings(under: Iterable[tuple[Device, Quota]], registry: Registry, used: Mapping[str, Sequence[float]]) -> list[Standing]:
    """`used`: by meter what each day of the month has counted so far. The largest share first, those without a measure last."""
    found = [_standing(device, quota, registry, used.get(device.id, ())) for device, quota in under]
    return sorted(found, key=lambda one: (one.share is None, -(one.share or 0.0), one.device_id))


def _standing(device: Device, quota: Quota, registry: Registry, by_day: Sequence[float]) -> Standing:
    people = registry.spaces[device.space_id].people
    heads = people if quota.per is Per.HEAD else 1
    days = tuple(accumulate(by_day))
    return Standing(
        quota=quota,
        device_id=device.id,
        space_id=device.space_id,
        people=people,
        allowed=quota.amount * heads if heads else None,
        used=days[-1] if days else 0.0,
        days=days,
    )


def over_quota(one: Standing, now: datetime, zone: ZoneInfo) -> Finding | None:
    """The finding of a room that has used more than it may; None while it has not. It ends with the month."""
    number = one.over_day
    if number is None or one.allowed is None:
        return None
    first, following = month_of(now, zone)
    noon = [_noon(first + timedelta(days=day), zone) for day in range((following - first).days)]
    return Finding(
        kind=FindingKind.ENERGY_OVER_QUOTA,
        device_id=one.device_id,
        space_id=one.space_id,
        active=True,
        score=min(0.3 + 0.7 * one.over / one.allowed, 1.0),
        started=datetime.combine(first + timedelta(days=number), time(), zone),
        seen=now,
        message="%(used)s of %(allowed)s %(unit)s of the month are used, over since %(day)s",
        cause="More people or appliances than the quota is meant for, something that runs all day, or a leak.",
        facts={
            "used": round(one.used, 1),
            "allowed": round(one.allowed, 1),
            "over": round(one.over, 1),
            "day": (first + timedelta(days=number)).isoformat(),
            "unit": "kWh" if one.quota.quantity == "electricity" else "m³",
            "quantity": one.quota.quantity,
            "quota": one.quota.id,
        },
        evidence=Evidence(
            metric=METRIC,
            unit="kWh" if one.quota.quantity == "electricity" else "m3",
            observed=tuple((noon[day], round(used, 3)) for day, used in enumerate(one.days)),
            expected=tuple((at, round(one.allowed, 3)) for at in noon),
        ),
    )


def _noon(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(12), zone).timestamp() * 1000)
