"""What a space used: the ledger's hours of its meters, summed by hour or by calendar day, with cost and carbon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from analytics.arrays import Floats
from analytics.calendar import Calendar
from analytics.tariff import Rates, price_per_hour
from devices.errors import BadInput
from devices.metrics import HOURLY_SUFFIX, QUANTITY_REGISTER, metric
from devices.model import DeviceKind, Quality
from storage.reading_store import ReadingStore

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where hourly consumption and its prices come from."""

    readings: ReadingStore
    rates: Rates
    calendar: Calendar


@dataclass(frozen=True, slots=True, eq=False)
class Tariff:
    """Money per kWh or m3 in each hour of a span, and kg CO2e per kWh or m3."""

    prices: Floats
    kgco2e: float


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


def hourly(ledger: Ledger, meters: Sequence[str], quantity: Quantity, span: Span, now: datetime) -> list[Used]:
    """The sum over the meters for each hour; INCOMPLETE where a past hour lacks some of them."""
    return hourly_of_each(ledger, {"": meters}, quantity, span, now)[""]


def hourly_of_each(
    ledger: Ledger, meters_of: Mapping[str, Sequence[str]], quantity: Quantity, span: Span, now: datetime
) -> dict[str, list[Used]]:
    """As `hourly` for several groups of meters (space id → meter ids), read in one go."""
    wanted = sorted({meter for meters in meters_of.values() for meter in meters})
    if len(wanted) * span.hours > MAX_METER_HOURS:
        raise BadInput("too many meters for so long a time; ask in parts", place="start, end")
    frame = ledger.readings.frame(wanted, [metric_of(quantity)], span.start_ms, span.start_ms + span.hours * HOUR_MS)
    prices = price_per_hour(ledger.rates, quantity, ledger.calendar, (span.start_ms, span.hours))
    tariff = Tariff(prices=prices, kgco2e=ledger.rates.carbon(quantity))
    return {
        name: _priced(frame[frame["device_id"].isin(meters)], len(meters), tariff, span, now) for name, meters in meters_of.items()
    }


def _priced(frame: pd.DataFrame, meters: int, tariff: Tariff, span: Span, now: datetime) -> list[Used]:
    values, counts, flags = _sums(frame, span)
    flags = np.where((counts < meters) & (counts > 0), flags | int(Quality.INCOMPLETE), flags)
    starts = [span.start + timedelta(hours=i) for i in range(span.hours)]
    return [
        Used(start=start, value=None, cost=None, kgco2e=None)
        if counts[i] == 0
        else Used(
            start=start,
            value=float(values[i]),
            cost=float(values[i] * tariff.prices[i]),
            kgco2e=float(values[i] * tariff.kgco2e),
            quality=_quality_now(int(flags[i]), start, now),
        )
        for i, start in enumerate(starts)
    ]


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


def _sums(frame: pd.DataFrame, span: Span) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per hour of the span: sum, number of meters, OR of flags. Implausible values stay out of the sum."""
    index = ((frame["ts_ms"].to_numpy(np.int64) - span.start_ms) // HOUR_MS).astype(np.int64)
    quality = frame["quality"].to_numpy(np.int64)
    good = (quality & int(Quality.IMPLAUSIBLE)) == 0
    values = np.bincount(index[good], weights=frame["value"].to_numpy(np.float64)[good], minlength=span.hours)
    counts = np.bincount(index[good], minlength=span.hours)
    flags = np.zeros(span.hours, np.int64)
    np.bitwise_or.at(flags, index, quality)
    return values, counts, flags


def _hour_floor(moment: datetime, _zone: ZoneInfo) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _day_floor(moment: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(moment.astimezone(zone).date(), time(), zone)
