"""Accounts: what is metered and paid for as one, a real meter or a virtual one; their hours with money and carbon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import Flags, Floats, Ints
from analytics.bill import Before, Tariff, money, periods_start, tariff_of
from analytics.calendar import Calendar
from analytics.tariff import Rates
from analytics.virtual import combine
from devices.metrics import HOURLY_SUFFIX, QUANTITY_REGISTER
from devices.model import Quality, UseType
from storage.reading_store import Aggregate, ReadingStore

HOUR_MS = 3_600_000
ACCURACY = {"electricity": 0.01, "water": 0.02}
"""The error a billing meter of ordinary class may have: class 1 (GB/T 17215), class 2 (GB/T 778)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`factors`: real meter → how often it counts (1, or -1 where it is taken away). Steps count within one account."""

    id: str
    factors: Mapping[str, float]
    use: UseType = UseType.CAMPUS


def single(meter_id: str, use: UseType = UseType.CAMPUS) -> Account:
    return Account(id=meter_id, factors={meter_id: 1.0}, use=use)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where hourly consumption and its prices come from."""

    readings: ReadingStore
    rates: Rates
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hours:
    """Of one account, aligned with the hours of the span. `value` is NaN where it is not known; then the rest is 0."""

    value: Floats
    cost: Floats
    kgco2e: Floats
    quality: Flags
    uncertainty: Floats


HourSpan = tuple[int, int]
"""Start in epoch ms UTC on the hour, number of hours."""


class Pricing:
    """The hours of many accounts, read and priced in one go."""

    def __init__(self, ledger: Ledger, quantity: str, span: HourSpan, accounts: Sequence[Account]) -> None:
        self._ledger, self._quantity, self._span = ledger, quantity, span
        self._meters = sorted({meter for account in accounts for meter in account.factors})
        self._row = {meter: row for row, meter in enumerate(self._meters)}
        self._values, self._flags = self._read()
        self._tariffs: dict[UseType, Tariff] = {}
        self._earlier: dict[str, Before] | None = None

    def hours(self, account: Account) -> Hours:
        rows = [self._row[meter] for meter in account.factors]
        factors = np.array(list(account.factors.values()), np.float64)
        accuracy = np.full(len(rows), ACCURACY[self._quantity])
        sums = combine(self._values[rows], self._flags[rows], factors, accuracy)
        tariff = self.tariff(account.use)
        return Hours(
            value=sums.value,
            cost=money(tariff, sums.value, self.before(account)),
            kgco2e=np.nan_to_num(sums.value) * tariff.kgco2e,
            quality=sums.quality,
            uncertainty=sums.uncertainty,
        )

    def tariff(self, use: UseType) -> Tariff:
        if use not in self._tariffs:
            ledger = self._ledger
            self._tariffs[use] = tariff_of(ledger.rates, self._quantity, ledger.calendar, self._span, use)
        return self._tariffs[use]

    def before(self, account: Account) -> Before:
        """What it used in this month and year before the span; only read where prices have steps."""
        if not self.tariff(account.use).stepped:
            return Before()
        if self._earlier is None:
            self._earlier = self._read_earlier()
        parts = [(self._earlier[meter], factor) for meter, factor in account.factors.items()]
        return Before(
            month=sum(before.month * factor for before, factor in parts),
            year=sum(before.year * factor for before, factor in parts),
        )

    def _read(self) -> tuple[Floats, Ints]:
        start_ms, count = self._span
        values, flags = np.full((len(self._meters), count), np.nan), np.zeros((len(self._meters), count), np.int64)
        frame = self._ledger.readings.frame(self._meters, [self._metric], start_ms, start_ms + count * HOUR_MS)
        if not frame.empty:
            row = frame["device_id"].map(self._row).to_numpy(np.int64)
            hour = (frame["ts_ms"].to_numpy(np.int64) - start_ms) // HOUR_MS
            quality = frame["quality"].to_numpy(np.int64)
            good = (quality & int(Quality.IMPLAUSIBLE)) == 0
            values[row[good], hour[good]] = frame["value"].to_numpy(np.float64)[good]
            flags[row, hour] |= quality
        return values, flags

    def _read_earlier(self) -> dict[str, Before]:
        start_ms = self._span[0]
        month_ms, year_ms = periods_start(start_ms, ZoneInfo(self._ledger.calendar.timezone))
        edges = sorted({year_ms, month_ms, start_ms})
        month: dict[str, float] = dict.fromkeys(self._meters, 0.0)
        year = dict(month)
        if len(edges) > 1:
            for window in self._ledger.readings.windows(self._meters, self._metric, edges, Aggregate.SUM):
                amount = float(window.value or 0.0) if window.count else 0.0
                year[window.device_id] += amount
                month[window.device_id] += amount if window.start_ms >= month_ms else 0.0
        return {meter: Before(month=month[meter], year=year[meter]) for meter in self._meters}

    @property
    def _metric(self) -> str:
        return QUANTITY_REGISTER[self._quantity] + HOURLY_SUFFIX
