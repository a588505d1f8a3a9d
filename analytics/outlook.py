"""Where a budget stands and where it will end: used to date, plan to date, expected at the end, and the day it is overspent."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import HOUR_MS, Floats
from analytics.budget import Budget

TELL_OVER = 0.01
"""A budget that ends less than this share over is not worth a warning: the forecast is no better."""
LEAST_DAYS = 3
"""So many days of a period must be over before it is judged, unless it is overspent already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlookDay:
    """At the end of a local day, since the period began: `used` (None after now), `expected` (None before today), `plan`."""

    day: date
    used: float | None
    expected: float | None
    plan: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """In the budget's unit. `expected`: at the end of the period; `low`, `high`: its 80 % interval; None where it cannot be told.

    `over_on`: the local day on which it is, or was, overspent. `known_share`: of the hours to date that have a value.
    """

    used: float
    plan_to_date: float
    known_share: float
    expected: float | None
    low: float | None
    high: float | None
    over_on: date | None
    days: tuple[OutlookDay, ...]

    def warns(self, budget: Budget, today: date) -> bool:
        """Whether somebody should hear of it now: it is overspent, or will most likely be."""
        if not budget.first_day <= today < budget.end_day:
            return False
        if self.used > budget.amount:
            return True
        judged = (today - budget.first_day).days >= LEAST_DAYS and self.expected is not None
        return judged and (self.expected or 0.0) > budget.amount * (1 + TELL_OVER)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HoursOf:
    """Hours of a budget in its unit from `start_ms` on: first those that are over (NaN: not known), then the expected ones.

    `shares`: between which shares of what is expected it comes out. `told`: whether anything could be expected.
    """

    start_ms: int
    past: Floats
    ahead: Floats
    shares: tuple[float, float] | None
    told: bool


def period_ms(budget: Budget, zone: ZoneInfo) -> tuple[int, int]:
    """First moment of the period and of what follows it, epoch ms UTC."""
    first, last = budget.first_day, budget.end_day
    start, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (first, last))
    return round(start.timestamp() * 1000), round(end.timestamp() * 1000)


def outlook(budget: Budget, hours: HoursOf, zone: ZoneInfo) -> Outlook:
    """`hours` cover the period from its first moment on."""
    past, ahead = np.nan_to_num(hours.past), hours.ahead
    used, rest = float(past.sum()), float(ahead.sum())
    whole = (budget.end_day - budget.first_day).days
    told = hours.told or not ahead.size
    low, high = hours.shares or (None, None)
    days = _days(budget, hours, zone, told=told)
    return Outlook(
        used=used,
        plan_to_date=budget.amount * min(past.size / (whole * 24), 1.0),
        known_share=float(np.isfinite(hours.past).mean()) if past.size else 1.0,
        expected=used + rest if told else None,
        low=used + rest * low if told and low is not None else None,
        high=used + rest * high if told and high is not None else None,
        over_on=next((one.day for one in days if max(one.used or 0.0, one.expected or 0.0) > budget.amount), None),
        days=days,
    )


def _days(budget: Budget, hours: HoursOf, zone: ZoneInfo, *, told: bool) -> tuple[OutlookDay, ...]:
    whole = (budget.end_day - budget.first_day).days
    total = np.concatenate((np.nan_to_num(hours.past), hours.ahead)).cumsum()
    over = hours.past.size
    found = []
    for number in range(whole):
        day = budget.first_day + timedelta(days=number)
        after = day + timedelta(days=1)
        midnight = datetime(after.year, after.month, after.day, tzinfo=zone)
        end = (round(midnight.timestamp() * 1000) - hours.start_ms) // HOUR_MS
        value = float(total[min(end, total.size) - 1]) if total.size and end > 0 else 0.0
        is_today = end - 24 < over < end
        used = value if end <= over else float(total[over - 1]) if is_today and over else None
        expected = value if end > over and told else None
        found.append(OutlookDay(day=day, used=used, expected=expected, plan=budget.amount * (number + 1) / whole))
    return tuple(found)
