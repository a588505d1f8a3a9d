"""What an account's hours cost, step by step, and the lines of a bill that explain it. An account is one meter, real or virtual."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.arrays import Floats, Ints
from analytics.calendar import Calendar, HourTable, hour_table
from analytics.tariff import HourPrice, Period, Rates, carbon_in, steps_of_day
from devices.model import UseType

OUT_OF_REACH = 1e18
"""Where steps that a price does not have would begin; not infinity, of which differences are no numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tariff:
    """Of each hour of a span: which of `kinds` its prices are, and kg CO2e per kWh or m3. `month`, `year` number the periods."""

    kinds: tuple[HourPrice, ...]
    kind: Ints
    kgco2e: Floats
    month: Ints
    year: Ints

    @property
    def stepped(self) -> frozenset[Period]:
        return frozenset(kind.period or Period.YEAR for kind in self.kinds if len(kind.steps) > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the account had used in the month and the year of the first hour before it."""

    month: float = 0.0
    year: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So much at one price: of a price that holds from `valid_from`, in the step above `above` (None: no steps)."""

    valid_from: date
    price: float
    above: float
    below: float | None
    period: Period | None
    kgco2e_per_unit: float
    amount: float
    cost: float
    kgco2e: float


def tariff_of(rates: Rates, quantity: str, calendar: Calendar, span: tuple[int, int], use: UseType) -> Tariff:
    """For `span` = (start, epoch ms UTC on the hour; number of hours)."""
    table = hour_table(calendar, UseType.CAMPUS, *span)
    days = [table.first_day + timedelta(days=n) for n in range(table.class_of_day.size)]
    numbers: dict[HourPrice, int] = {}
    by_day = [[numbers.setdefault(hour, len(numbers)) for hour in steps_of_day(rates.prices(quantity), day, use)] for day in days]
    return Tariff(
        kinds=tuple(numbers),
        kind=np.array(by_day, np.int64).reshape(-1, 24)[table.day, table.hour],
        kgco2e=carbon_in(rates, quantity, table),
        month=_numbered([day.year * 12 + day.month for day in days], table),
        year=_numbered([day.year for day in days], table),
    )


def _numbered(days: list[int], table: HourTable) -> Ints:
    return np.array(days, np.int64)[table.day] if days else np.empty(0, np.int64)


def periods_start(start_ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """The starts of the month and of the year in which the moment lies, epoch ms UTC."""
    local = datetime.fromtimestamp(start_ms / 1000, zone)
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return round(month.timestamp() * 1000), round(month.replace(month=1).timestamp() * 1000)


Amounts = NDArray[np.float64]
"""(hours, steps): how much of each hour's consumption falls in each step."""


def money(tariff: Tariff, consumption: Floats, before: Before) -> Floats:
    """The cost of each hour. Consumption that is not known (NaN) counts as none."""
    known = np.nan_to_num(consumption)
    if not tariff.stepped:
        return known * np.array([kind.steps[0][1] for kind in tariff.kinds])[tariff.kind] if known.size else known
    return np.asarray((_amounts(tariff, known, before) * _table(tariff, 1)[tariff.kind]).sum(axis=1), np.float64)


def _amounts(tariff: Tariff, known: Floats, before: Before) -> Amounts:
    used = {Period.MONTH: _used(known, tariff.month, before.month), Period.YEAR: _used(known, tariff.year, before.year)}
    of_month = np.array([kind.period is Period.MONTH for kind in tariff.kinds])[tariff.kind]
    begun = np.where(of_month, used[Period.MONTH], used[Period.YEAR])[:, None]
    above = _table(tariff, 0)
    low = above.copy()
    low[:, 0] = -np.inf
    high = np.concatenate((above[:, 1:], np.full((above.shape[0], 1), np.inf)), axis=1)
    low, high = low[tariff.kind], high[tariff.kind]
    return np.clip(begun + known[:, None], low, high) - np.clip(begun, low, high) if known.size else np.empty((0, 1))


def _used(known: Floats, period: Ints, before: float) -> Floats:
    """What was used in each hour's period before it."""
    if not known.size:
        return known
    total = np.concatenate(([0.0], np.cumsum(known)[:-1]))
    first = np.searchsorted(period, period)  # periods ascend
    return np.asarray(total - total[first] + np.where(period == period[0], before, 0.0), np.float64)


def _table(tariff: Tariff, column: int) -> Floats:
    """(kinds, steps): from how much on (0; OUT_OF_REACH where there are fewer steps), or the price (1; 0 there)."""
    most = max(len(kind.steps) for kind in tariff.kinds)
    table = np.full((len(tariff.kinds), most), OUT_OF_REACH if column == 0 else 0.0)
    for row, kind in enumerate(tariff.kinds):
        table[row, : len(kind.steps)] = [step[column] for step in kind.steps]
    return table


def lines(tariff: Tariff, consumption: Floats, before: Before) -> list[Line]:
    """One line for each price, step and carbon factor that was met, in the order in which they began to hold."""
    known = np.nan_to_num(consumption)
    if not known.size:
        return []
    amounts = _amounts(tariff, known, before)
    found: list[Line] = []
    for number, kind in enumerate(tariff.kinds):
        of_kind = tariff.kind == number
        for factor in np.unique(tariff.kgco2e[of_kind]):
            parts = amounts[of_kind & (tariff.kgco2e == factor)].sum(axis=0)
            found.extend(_lines(kind, float(factor), parts.tolist()))
    return _merged(found)


def _lines(kind: HourPrice, factor: float, parts: Sequence[float]) -> list[Line]:
    found = []
    for number, (above, price) in enumerate(kind.steps):
        below = kind.steps[number + 1][0] if number + 1 < len(kind.steps) else None
        if abs(parts[number]) > 1e-12:
            found.append(
                Line(
                    valid_from=kind.valid_from,
                    price=price,
                    above=above,
                    below=below,
                    period=kind.period,
                    kgco2e_per_unit=factor,
                    amount=parts[number],
                    cost=parts[number] * price,
                    kgco2e=parts[number] * factor,
                )
            )
    return found


def _merged(found: Sequence[Line]) -> list[Line]:
    """Hours of one day may have the same price by different rows: they are one line."""
    by_key: dict[tuple[object, ...], Line] = {}
    for line in found:
        key = (line.valid_from, line.price, line.above, line.below, line.kgco2e_per_unit)
        known = by_key.get(key)
        by_key[key] = line if known is None else _sum(known, line)
    return sorted(by_key.values(), key=lambda line: (line.valid_from, line.above, line.price, line.kgco2e_per_unit))


def _sum(one: Line, other: Line) -> Line:
    return Line(
        valid_from=one.valid_from,
        price=one.price,
        above=one.above,
        below=one.below,
        period=one.period,
        kgco2e_per_unit=one.kgco2e_per_unit,
        amount=one.amount + other.amount,
        cost=one.cost + other.cost,
        kgco2e=one.kgco2e + other.kgco2e,
    )
