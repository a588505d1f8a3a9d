"""What a space used: the ledger's hours of its meters, summed by hour or by calendar day, with cost and carbon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np

from api.accounts import Account, Hours, Ledger, Pricing
from devices.errors import BadInput
from devices.metrics import HOURLY_SUFFIX, QUANTITY_REGISTER, metric
from devices.model import DeviceKind, Quality

HOUR_MS = 3_600_000
MAX_HOURS = 3 * 366 * 24
MAX_METER_HOURS = 2_000_000


class Quantity(StrEnum):
    ELECTRICITY = "electricity"
    WATER = "water"


class Every(StrEnum):
    HOUR = "hour"
    DAY = "day"


METER_KIND = {Quantity.ELECTRICITY: DeviceKind.ELECTRICITY_METER, Quantity.WATER: DeviceKind.WATER_METER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Whole hours [start, end), aware; `zone` is the site's."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    @property
    def start_ms(self) -> int:
        return round(self.start.timestamp() * 1000)

    @property
    def hours(self) -> int:
        return round((self.end - self.start).total_seconds() / 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Consumption from `start` on. None where no meter has a value; `quality` is the OR of all flags (Quality as int)."""

    start: datetime
    value: float | None
    cost: float | None
    kgco2e: float | None
    quality: int = 0


def metric_of(quantity: Quantity) -> str:
    return QUANTITY_REGISTER[quantity] + HOURLY_SUFFIX


def unit_of(quantity: Quantity) -> str:
    return metric(metric_of(quantity)).unit


def span_of(start: datetime, end: datetime, every: Every, zone: ZoneInfo) -> Span:
    """Widened to whole hours, or to whole days of the site. Raises BadInput where it is too long."""
    floor = _day_floor if every is Every.DAY else _hour_floor
    first, last = floor(start, zone), floor(end, zone)
    if last < end:
        last = floor(last.astimezone(zone) + (timedelta(days=1, hours=3) if every is Every.DAY else timedelta(hours=1)), zone)
    span = Span(start=first.astimezone(UTC), end=last.astimezone(UTC), zone=zone)
    if span.hours > MAX_HOURS:
        raise BadInput(f"at most {MAX_HOURS // 24} days at a time; ask in parts", place="start, end")
    return span


def hourly(ledger: Ledger, accounts: Sequence[Account], quantity: Quantity, span: Span, now: datetime) -> list[Used]:
    """The sum over the accounts for each hour; INCOMPLETE where a past hour lacks some of them."""
    return hourly_of_each(ledger, {"": accounts}, quantity, span, now)[""]


def hourly_of_each(
    ledger: Ledger, accounts_of: Mapping[str, Sequence[Account]], quantity: Quantity, span: Span, now: datetime
) -> dict[str, list[Used]]:
    """As `hourly` for several groups of accounts, read in one go."""
    pricing = pricing_of(ledger, [one for accounts in accounts_of.values() for one in accounts], quantity, span)
    known: dict[str, Hours] = {}
    found: dict[str, list[Used]] = {}
    for name, accounts in accounts_of.items():
        for account in accounts:
            known.setdefault(account.id, pricing.hours(account))
        found[name] = _used(together([known[account.id] for account in accounts], span.hours), span, now)
    return found


def pricing_of(ledger: Ledger, accounts: Sequence[Account], quantity: Quantity, span: Span) -> Pricing:
    """Raises BadInput where it is too much at once."""
    if len({meter for account in accounts for meter in account.factors}) * span.hours > MAX_METER_HOURS:
        raise BadInput("too many meters for so long a time; ask in parts", place="start, end")
    return Pricing(ledger, quantity, (span.start_ms, span.hours), accounts)


def together(parts: Sequence[Hours], hours: int) -> Hours:
    """Their sum: an hour that some of them lack is INCOMPLETE, one that all lack is not known."""
    if len(parts) == 1:
        return parts[0]
    nothing = np.zeros(hours)
    known = np.array([np.isfinite(part.value) for part in parts]).reshape(-1, hours)
    some, every = known.any(axis=0), known.all(axis=0)
    flags = np.bitwise_or.reduce([part.quality for part in parts]) if parts else np.zeros(hours, np.uint8)
    value = sum((np.nan_to_num(part.value) for part in parts), nothing)
    return Hours(
        value=np.where(some, value, np.nan),
        cost=sum((part.cost for part in parts), nothing),
        kgco2e=sum((part.kgco2e for part in parts), nothing),
        quality=np.where(some & ~every, flags | int(Quality.INCOMPLETE), flags).astype(np.uint8),
        uncertainty=np.sqrt(sum((np.nan_to_num(part.uncertainty) ** 2 for part in parts), nothing)),
    )


def _used(hours: Hours, span: Span, now: datetime) -> list[Used]:
    found = []
    for i in range(span.hours):
        start = span.start + timedelta(hours=i)
        if not np.isfinite(hours.value[i]):
            found.append(Used(start=start, value=None, cost=None, kgco2e=None))
            continue
        found.append(
            Used(
                start=start,
                value=float(hours.value[i]),
                cost=float(hours.cost[i]),
                kgco2e=float(hours.kgco2e[i]),
                quality=_quality_now(int(hours.quality[i]), start, now),
            )
        )
    return found


def by_day(hours: Sequence[Used], zone: ZoneInfo) -> list[Used]:
    """Hours summed by calendar day of the site; each day starts at its local midnight, also when clocks change."""
    days: dict[datetime, list[Used]] = {}
    for hour in hours:
        days.setdefault(_day_floor(hour.start, zone).astimezone(UTC), []).append(hour)
    return [total(parts, start) for start, parts in days.items()]


def total(parts: Sequence[Used], start: datetime) -> Used:
    """The sum of what is known; None where nothing is."""
    known = [part for part in parts if part.value is not None]
    quality = 0
    for part in known:
        quality |= part.quality
    if not known:
        return Used(start=start, value=None, cost=None, kgco2e=None)
    return Used(
        start=start,
        value=sum(part.value or 0.0 for part in known),
        cost=sum(part.cost or 0.0 for part in known),
        kgco2e=sum(part.kgco2e or 0.0 for part in known),
        quality=quality,
    )


def _quality_now(flags: int, start: datetime, now: datetime) -> int:
    """The running hour is always incomplete."""
    return flags | int(Quality.INCOMPLETE) if start + timedelta(hours=1) > now else flags


def _hour_floor(moment: datetime, _zone: ZoneInfo) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _day_floor(moment: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(moment.astimezone(zone).date(), time(), zone)
