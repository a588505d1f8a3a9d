"""Spaces and meters looked ahead: their hours to date, what they will use and cost, and how their budgets will end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import Floats
from analytics.bill import Before, money, periods_start, tariff_of
from analytics.budget import Budget, Measure
from analytics.forecast import DayAhead, courses, forecast, total_shares
from analytics.hourly import Hourly
from analytics.joined import joined
from analytics.outlook import HoursOf, Outlook, outlook, period_ms
from analytics.virtual import VirtualMeter, factors_of
from api.accounts import Account, Hours, Ledger, Pricing, single
from devices.model import DeviceKind, UseType
from devices.registry import Registry

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOOK_BACK_MS = 112 * DAY_MS
SHARE_HOURS = 28 * 24
INTERVAL_DAYS = 14
"""Sums of more days are given the interval of so many: what errs for two weeks errs on."""
LOOK_AHEAD_DAYS = 400
KIND_OF = {"electricity": DeviceKind.ELECTRICITY_METER, "water": DeviceKind.WATER_METER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at: the accounts whose sum it is, and the use by whose calendar it lives."""

    accounts: tuple[Account, ...]
    use: UseType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The hours of a subject up to the last whole one: each account's, and all together."""

    start_ms: int
    parts: tuple[Hours, ...]
    hourly: Hourly

    @property
    def end_ms(self) -> int:
        return self.hourly.end_ms


def of_space(registry: Registry, quantity: str, space_id: str) -> Subject:
    """No accounts where the space has no meters or is not there any more."""
    if space_id not in registry.spaces:
        return Subject(accounts=(), use=UseType.CAMPUS)
    meters = registry.meters_of(space_id, KIND_OF[quantity])
    accounts = tuple(single(meter.id, registry.spaces[meter.space_id].use) for meter in meters)
    return Subject(accounts=accounts, use=registry.spaces[space_id].use)


def of_meter(registry: Registry, virtual: Mapping[str, VirtualMeter], meter_id: str) -> Subject:
    """Of a real or a virtual meter; no accounts where there is none of that id."""
    device, defined = registry.devices.get(meter_id), virtual.get(meter_id)
    space_id = device.space_id if device else defined.space_id if defined else ""
    use = registry.spaces[space_id].use if space_id in registry.spaces else UseType.CAMPUS
    if device is not None:
        return Subject(accounts=(single(meter_id, use),), use=use)
    if defined is None:
        return Subject(accounts=(), use=use)
    factors = factors_of(meter_id, virtual, lambda main: [sub.id for sub in registry.sub_meters(main)])
    return Subject(accounts=(Account(id=meter_id, factors=factors, use=use),), use=use)


def course_of(ledger: Ledger, subject: Subject, quantity: str, now: datetime, since_ms: int | None = None) -> Course | None:
    """From `since_ms`, at least LOOK_BACK_MS; None where the subject has no meters."""
    end_ms = round(now.timestamp() * 1000) // HOUR_MS * HOUR_MS
    start_ms = min(end_ms - LOOK_BACK_MS, end_ms if since_ms is None else since_ms) // HOUR_MS * HOUR_MS
    if not subject.accounts:
        return None
    pricing = Pricing(ledger, quantity, (start_ms, (end_ms - start_ms) // HOUR_MS), subject.accounts)
    parts = tuple(pricing.hours(account) for account in subject.accounts)
    return Course(start_ms=start_ms, parts=parts, hourly=joined(start_ms, [(part.value, part.quality) for part in parts]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ahead:
    """`days`: the local days from today on. `cost` aligns with them. `total`: (expected, low, high) of all but today."""

    days: tuple[DayAhead, ...]
    cost: tuple[float, ...]
    total: tuple[float, float | None, float | None]


def ahead_of(ledger: Ledger, subject: Subject, quantity: str, course: Course, days: int) -> Ahead | None:
    """Today and the `days` days after it; None where there are too few like days."""
    found = forecast(course.hourly, ledger.calendar, subject.use, days=days + 1)
    if len(found) < 2:
        return None
    zone = ZoneInfo(ledger.calendar.timezone)
    use = [_local_hours(day.day, day.hours, zone) for day in found]
    cost = [float(_cost(ledger, subject, quantity, course, hours).sum()) for hours in use]
    shares = total_shares(course.hourly, ledger.calendar, subject.use, days=days)
    total = sum(day.expected for day in found[1:])
    low, high = (total * shares[0], total * shares[1]) if shares else (None, None)
    return Ahead(days=found, cost=tuple(cost), total=(total, low, high))


def outlook_of(ledger: Ledger, subject: Subject, budget: Budget, now: datetime) -> Outlook | None:
    """None where the budget's place or meter has nothing to count."""
    zone = ZoneInfo(ledger.calendar.timezone)
    start_ms, end_ms = period_ms(budget, zone)
    course = course_of(ledger, subject, budget.quantity, min(now, _moment(end_ms)), start_ms)
    if course is None:
        return None
    return outlook(budget, _hours_of(ledger, subject, budget, course, (start_ms, end_ms)), zone)


def _hours_of(ledger: Ledger, subject: Subject, budget: Budget, course: Course, period: tuple[int, int]) -> HoursOf:
    start_ms, end_ms = period
    first = max((start_ms - course.start_ms) // HOUR_MS, 0)
    rest_days = min(max(-(-(end_ms - course.end_ms) // DAY_MS), 0) + 1, LOOK_AHEAD_DAYS)
    expected = courses(course.hourly, ledger.calendar, subject.use, days=rest_days) if end_ms > course.end_ms else ()
    hours = _joined_days(expected, course.end_ms, end_ms, ZoneInfo(ledger.calendar.timezone))
    ahead = _in_unit(ledger, subject, budget, course, hours)
    skipped = max((start_ms - course.end_ms) // HOUR_MS, 0)
    days = min(rest_days, INTERVAL_DAYS)
    return HoursOf(
        start_ms=start_ms,
        past=_past_in_unit(budget, course)[first:],
        ahead=ahead[skipped:],
        shares=total_shares(course.hourly, ledger.calendar, subject.use, days=days) if expected else None,
        told=bool(expected),
    )


def _past_in_unit(budget: Budget, course: Course) -> Floats:
    known = np.array([np.isfinite(part.value) for part in course.parts]).any(axis=0)
    columns = [part.cost if budget.measure is Measure.MONEY else np.nan_to_num(part.value) for part in course.parts]
    return np.where(known, np.sum(columns, axis=0), np.nan)


def _in_unit(ledger: Ledger, subject: Subject, budget: Budget, course: Course, hours: tuple[int, Floats]) -> Floats:
    return _cost(ledger, subject, budget.quantity, course, hours) if budget.measure is Measure.MONEY else hours[1]


def _cost(ledger: Ledger, subject: Subject, quantity: str, course: Course, hours: tuple[int, Floats]) -> Floats:
    """What the expected hours cost: each account takes its share of the last weeks and pays by its own steps."""
    start_ms, use = hours
    if not use.size:
        return use
    recent = [float(np.nansum(part.value[-SHARE_HOURS:])) for part in course.parts]
    whole = sum(recent)
    if whole <= 0:
        return np.zeros(use.size)
    paid = np.zeros(use.size)
    for account, part, amount in zip(subject.accounts, course.parts, recent, strict=True):
        tariff = tariff_of(ledger.rates, quantity, ledger.calendar, (start_ms, use.size), account.use)
        paid += money(tariff, use * (amount / whole), _used_before(ledger, course, part.value, start_ms))
    return paid


def _used_before(ledger: Ledger, course: Course, value: Floats, start_ms: int) -> Before:
    """Of the month and year of `start_ms`, as far as the course knows them."""
    month_ms, year_ms = periods_start(start_ms, ZoneInfo(ledger.calendar.timezone))
    at = [max((moment - course.start_ms) // HOUR_MS, 0) for moment in (month_ms, year_ms)]
    return Before(month=float(np.nansum(value[at[0] :])), year=float(np.nansum(value[at[1] :])))


def _local_hours(day: date, hours: Sequence[float], zone: ZoneInfo) -> tuple[int, Floats]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round(midnight.timestamp() * 1000), np.array(hours)


def _joined_days(days: Sequence[tuple[date, Sequence[float]]], start_ms: int, end_ms: int, zone: ZoneInfo) -> tuple[int, Floats]:
    """The expected hours in [start, end) without hole; by the clock, so that a day of 23 hours lacks one."""
    if not days:
        return start_ms, np.zeros(0)
    known = {day: hours for day, hours in days}  # noqa: C416 - a mapping of the pairs
    count = (end_ms - start_ms) // HOUR_MS
    found = np.zeros(count)
    for number in range(count):
        local = _moment(start_ms + number * HOUR_MS).astimezone(zone)
        hours = known.get(local.date())
        found[number] = hours[local.hour] if hours is not None else 0.0
    return start_ms, found


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, ZoneInfo("UTC"))
