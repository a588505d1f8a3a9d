"""A repair measured: the meter's days before, during and after the fault, compared by analytics.saving."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import HOUR_MS, Floats
from analytics.hourly import Hourly
from analytics.saving import LEAST_DAYS, MOST_DAYS, Days, Saving, saving
from api.accounts import Hours, Ledger, Pricing, single
from api.outdoor import outdoor_sensor
from api.weather import daily_celsius, midnight_ms
from devices.registry import Registry
from storage.saving_store import Repair, SavingState, StoredSaving

BEFORE_DAYS = 60
"""Days before the fault, by which weather is told from use."""
FAULT_AT_MOST_DAYS = 120
LEAST_HOURS = 22
NIGHT_HOUR = 6
"""A fault that began before this hour, site time, had all of that day."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Measured:
    """Local days from `first` on: use (NaN where not measured), money, outdoor temperature."""

    first: date
    use: Floats
    cost: Floats
    celsius: Floats


def measure(ledger: Ledger, registry: Registry, repair: Repair, now: datetime) -> StoredSaving | None:
    """As it can be told at `now`; None where the meter is not there any more."""
    device = registry.devices.get(repair.device_id)
    if device is None:
        return None
    zone = ZoneInfo(ledger.calendar.timezone)
    started, repaired = _first_day(repair.started, zone), _local(repair.repaired_at, zone) + timedelta(days=1)
    quantity = "electricity" if repair.kwh_per_day > 0 else "water"
    span = (max(started, repaired - timedelta(days=FAULT_AT_MOST_DAYS)) - timedelta(days=BEFORE_DAYS), repaired)
    today = _local(now, zone)
    measured = _measured(ledger, registry, repair, quantity, (span[0], min(today, repaired + timedelta(days=MOST_DAYS))))
    found = _compare(ledger, measured, (started, repaired))
    return _stored(ledger, repair, quantity, (measured, found), (started, repaired), now)


def _compare(ledger: Ledger, measured: _Measured, fault: tuple[date, date]) -> Saving | None:
    day_class = [int(ledger.calendar.day_class(measured.first + timedelta(days=n))) for n in range(measured.use.size)]
    days = Days(use=measured.use, day_class=np.array(day_class, np.int64), celsius=measured.celsius)
    first, repaired = ((day - measured.first).days for day in fault)
    return saving(days, max(first, 0), repaired)


def _measured(ledger: Ledger, registry: Registry, repair: Repair, quantity: str, span: tuple[date, date]) -> _Measured:
    zone = ZoneInfo(ledger.calendar.timezone)
    days = [span[0] + timedelta(days=n) for n in range(max((span[1] - span[0]).days, 0))]
    edges = [midnight_ms(day, zone) for day in (*days, span[1])]
    use = registry.spaces[registry.devices[repair.device_id].space_id].use
    account = single(repair.device_id, use)
    hours = Pricing(ledger, quantity, (edges[0], (edges[-1] - edges[0]) // HOUR_MS), [account]).hours(account)
    bounds = [(edge - edges[0]) // HOUR_MS for edge in edges]
    whole = [_day(hours, first, last) for first, last in pairwise(bounds)]
    celsius = daily_celsius(ledger.readings, outdoor_sensor(registry), days, zone)
    table = np.array(whole, np.float64).reshape(-1, 2)
    return _Measured(first=span[0], use=table[:, 0], cost=table[:, 1], celsius=celsius)


def _day(hours: Hours, first: int, last: int) -> tuple[float, float]:
    """Use and money of one local day, scaled to the whole of it; NaN where too few of its hours were measured."""
    part = Hourly(
        start_ms=0, consumption=hours.value[first:last], quality=hours.quality[first:last], least=np.full(last - first, np.nan)
    ).measured
    known = np.isfinite(part)
    if known.sum() < min(LEAST_HOURS, last - first):
        return np.nan, np.nan
    scale = (last - first) / float(known.sum())
    return float(part[known].sum()) * scale, float(hours.cost[first:last][known].sum()) * scale


def _stored(
    ledger: Ledger,
    repair: Repair,
    quantity: str,
    told: tuple[_Measured, Saving | None],
    fault: tuple[date, date],
    now: datetime,
) -> StoredSaving:
    measured, found = told
    zone = ZoneInfo(ledger.calendar.timezone)
    over = _local(now, zone) >= fault[1] + timedelta(days=MOST_DAYS)
    estimate = repair.kwh_per_day or repair.m3_per_day
    price = _price(measured, fault, repair.cost_per_day / estimate if estimate else 0.0)
    carbon = ledger.rates.carbon(quantity, _local(now, zone))
    stored = StoredSaving(
        order_id=repair.order_id,
        finding_id=repair.finding_id,
        device_id=repair.device_id,
        space_id=repair.space_id,
        quantity=quantity,
        repaired_at=repair.repaired_at,
        state=_state(measured, found, fault, over=over),
        estimate_per_day=estimate,
        estimate_money_per_day=repair.cost_per_day,
        weather=bool(np.isfinite(measured.celsius).sum() >= LEAST_DAYS * 7),
        updated_at=now,
    )
    return stored if found is None else _with_figures(stored, found, price, carbon)


def _with_figures(stored: StoredSaving, found: Saving, price: float, carbon: float) -> StoredSaving:
    return replace(
        stored,
        days=found.days,
        per_day=found.per_day,
        low=found.low,
        high=found.high,
        during=found.during,
        after=found.after,
        money_per_day=found.per_day * price,
        kgco2e_per_day=found.per_day * carbon,
    )


def _state(measured: _Measured, found: Saving | None, fault: tuple[date, date], *, over: bool) -> SavingState:
    if found is not None:
        return SavingState.FINAL if over or found.days >= MOST_DAYS else SavingState.MEASURED
    first, repaired = ((day - measured.first).days for day in fault)
    known = int(np.isfinite(measured.use[max(first, 0) : repaired]).sum())
    return SavingState.SHORT if known < LEAST_DAYS or over else SavingState.WAITING


def _price(measured: _Measured, fault: tuple[date, date], otherwise: float) -> float:
    """Money for each kWh or m3 while the fault lasted; the finding's own price where that cannot be told."""
    first, repaired = ((day - measured.first).days for day in fault)
    during = slice(max(first, 0), repaired)
    use, cost = float(np.nansum(measured.use[during])), float(np.nansum(measured.cost[during]))
    return cost / use if use > 0 else otherwise


def _local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _first_day(started: datetime, zone: ZoneInfo) -> date:
    local = started.astimezone(zone)
    return local.date() if local.hour < NIGHT_HOUR else local.date() + timedelta(days=1)
