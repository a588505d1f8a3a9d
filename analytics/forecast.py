"""What a meter will use in the next days, with an honest interval.

The rule is plain on purpose: the median of the last like days, drawn towards the level of the last week. On a dozen
university buildings it was within 4 % of the error of gradient-boosted trees with lags (7.4 % against 7.1 % of a day's use
one day ahead; 8.4 % against 8.7 % seven days ahead), needs three weeks instead of a year, and can be explained
(docs/adr/014, tools/compare_models.py). The interval is that of the rule's own past errors (split conformal prediction, Vovk
et al. 2005), so nothing is assumed of their shape.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import Calendar, hour_table
from analytics.hourly import Hourly
from devices.model import UseType

LIKE_DAYS = 6
LEAST_LIKE_DAYS = 2
LOOK_BACK_DAYS = 70
LEVEL_DAYS = 7
LEAST_LEVEL_DAYS = 4
LEVEL_BOUNDS = (0.5, 2.0)
ERROR_DAYS = 42
LEAST_ERRORS = 10
SHARES = (0.1, 0.9)
LEAST_HOURS = 22
"""So many hours of a day must be measured for it to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAhead:
    """One local day: expected use (kWh or m3), the 80 % interval, and the expected use of each hour 0-23.

    `low` and `high` are None while fewer than LEAST_ERRORS past forecasts can be judged.
    """

    day: date
    expected: float
    low: float | None
    high: float | None
    hours: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Past:
    """Local days: use by hour (days, 24), NaN where not measured; total, weekday and class of each."""

    grid: Floats
    total: Floats
    weekday: Ints
    day_class: Ints


def forecast(hourly: Hourly, calendar: Calendar, use: UseType, *, days: int = 7) -> tuple[DayAhead, ...]:
    """The `days` local days after the last whole one of `hourly`; empty where there are too few like days to tell any of them.

    Causal. A day of a class that has not been seen yet (the first holiday) takes all free days, the first exam the school days.
    """
    past, first_day, known = _past(hourly, calendar, use, days)
    if known < LEAST_LIKE_DAYS:
        return ()
    ahead = []
    for lead in range(1, days + 1):
        course = _course(past, known - 1 + lead, known - 1)
        if course is not None:
            low, high = _interval(past, known, lead)
            total = float(course.sum())
            ahead.append(
                DayAhead(
                    day=first_day + timedelta(days=known - 1 + lead),
                    expected=total,
                    low=None if low is None else max(total * low, 0.0),
                    high=None if high is None else total * high,
                    hours=tuple(float(hour) for hour in course),
                )
            )
    return tuple(ahead)


def courses(hourly: Hourly, calendar: Calendar, use: UseType, *, days: int) -> tuple[tuple[date, tuple[float, ...]], ...]:
    """Expected use of each hour 0-23 of the `days` days after the last whole one, without interval; as far ahead as anybody asks.

    A day for which there is no like day takes the mean of those that have one. Empty where none has.
    """
    past, first_day, known = _past(hourly, calendar, use, days)
    if known < LEAST_LIKE_DAYS:
        return ()
    found = [_course(past, known - 1 + lead, known - 1) for lead in range(1, days + 1)]
    told = [course for course in found if course is not None]
    if not told:
        return ()
    mean = np.mean(told, axis=0)
    shown = [mean if course is None else course for course in found]
    return tuple((first_day + timedelta(days=known + n), tuple(map(float, course))) for n, course in enumerate(shown))


def total_shares(hourly: Hourly, calendar: Calendar, use: UseType, *, days: int) -> tuple[float, float] | None:
    """Between which shares of what was expected the sum of `days` days came out in eight of ten past forecasts; None: too few.

    A sum errs less than its days do one by one, but more than if they erred independently; so it is judged as a sum.
    """
    past, _, known = _past(hourly, calendar, use, days)
    ratios = []
    for end in range(known - 1, max(known - 1 - ERROR_DAYS, days), -max(days // 7, 1)):
        span = range(end - days + 1, end + 1)
        pairs = [(_course(past, day, end - days), past.total[day]) for day in span if np.isfinite(past.total[day])]
        told = [(float(course.sum()), used) for course, used in pairs if course is not None]
        expected = sum(course for course, _ in told)
        if len(told) * 5 >= days * 4 and expected > 0:
            ratios.append(sum(used for _, used in told) / expected)
    if len(ratios) < LEAST_ERRORS:
        return None
    low, high = np.quantile(ratios, SHARES)
    return float(low), float(high)


def _past(hourly: Hourly, calendar: Calendar, use: UseType, days: int) -> tuple[_Past, date, int]:
    """The last days and those to come (without use), the first of them, and how many are over."""
    keep = min(hourly.size, (LOOK_BACK_DAYS + ERROR_DAYS) * 24)
    start_ms = hourly.end_ms - keep * 3_600_000
    table = hour_table(calendar, use, start_ms, keep + (days + 2) * 24)
    grid = np.full((table.class_of_day.size, 24), np.nan)
    grid[table.day[:keep], table.hour[:keep]] = hourly.measured[hourly.size - keep :]
    known = int(table.day[keep]) if keep else 0  # the day of the first hour to come is not over
    measured = np.isfinite(grid).sum(axis=1)
    whole = measured >= LEAST_HOURS
    total = np.where(whole, np.nansum(grid, axis=1) * 24 / np.maximum(measured, 1), np.nan)
    total[known:] = np.nan
    weekday = (table.first_day.weekday() + np.arange(total.size)) % 7
    return _Past(grid, total, weekday, table.class_of_day), table.first_day, known


def _course(past: _Past, day: int, origin: int) -> Floats | None:
    """Expected use of each hour of `day`, from the days up to `origin`; None where no like day is known."""
    like = _like_days(past, day, origin)
    if like.size < LEAST_LIKE_DAYS:
        return None
    by_hour = np.where(np.isfinite(past.grid[like]), past.grid[like], past.total[like, None] / 24)
    course: Floats = np.median(by_hour, axis=0)
    total = float(np.median(past.total[like])) * _level(past, origin)
    return course * (total / course.sum()) if course.sum() > 0 else np.full(24, total / 24)


def _like_days(past: _Past, day: int, origin: int) -> Ints:
    """The last LIKE_DAYS of the same weekday and class, else of the same class, else of all free days (or all working ones)."""
    back = np.arange(origin, max(origin - LOOK_BACK_DAYS, -1), -1)
    back = back[np.isfinite(past.total[back])]
    same_class = past.day_class[back] == past.day_class[day]
    for like in (
        same_class & (past.weekday[back] == past.weekday[day]),
        same_class,
        (past.day_class[back] > 0) == (past.day_class[day] > 0),
    ):
        if np.count_nonzero(like) >= LEAST_LIKE_DAYS:
            found: Ints = back[like][:LIKE_DAYS]
            return found
    return back[:0]


def _level(past: _Past, origin: int) -> float:
    """How the last week lay to its own like days, by the root: half of a change is taken to last."""
    ratios = []
    for day in range(origin, max(origin - LEVEL_DAYS, -1), -1):
        like = _like_days(past, day, day - LEVEL_DAYS)
        expected = float(np.median(past.total[like])) if like.size else 0.0
        if expected > 0 and np.isfinite(past.total[day]):
            ratios.append(past.total[day] / expected)
    if len(ratios) < LEAST_LEVEL_DAYS:
        return 1.0
    return float(np.sqrt(np.clip(np.median(ratios), *LEVEL_BOUNDS)))


def _interval(past: _Past, known: int, lead: int) -> tuple[float | None, float | None]:
    """The shares of the expected use between which the use came out in eight of ten past forecasts of that lead."""
    ratios = []
    for day in range(known - 1, max(known - 1 - ERROR_DAYS, lead), -1):
        course = _course(past, day, day - lead) if np.isfinite(past.total[day]) else None
        if course is not None and course.sum() > 0:
            ratios.append(past.total[day] / float(course.sum()))
    if len(ratios) < LEAST_ERRORS:
        return None, None
    low, high = np.quantile(ratios, SHARES)
    return float(low), float(high)
