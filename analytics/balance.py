"""What a main meter counts that none of the meters beneath it counts, day by day."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats, Ints, placed
from analytics.base_load import QUIETEST
from analytics.calendar import DayClass, HourTable
from analytics.hourly import Hourly

LEARN_DAYS = 14
MEMORY_DAYS = 56
LAG_DAYS = 3
KNOWN_SHARE = 0.9
"""So much of a day must be known of all meters for the day to count."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Balance:
    """Per local day, in the meters' unit, NaN where not known and on holidays (not in vacations): the `main`, the `unmetered` rest,
    the root of the sum of `squares` of all meters' counts, and the `usual` rest of the weeks that end LAG_DAYS before, with its
    robust `scatter`.
    `always`: how much more of the rest flows in each hour than usual, told by its third lowest hour: a leak is there day and night.
    """

    main: Floats
    unmetered: Floats
    squares: Floats
    usual: Floats
    scatter: Floats
    always: Floats

    def since(self, day: int) -> "Balance":
        """From local day `day` on."""
        return Balance(
            main=self.main[day:],
            unmetered=self.unmetered[day:],
            squares=self.squares[day:],
            usual=self.usual[day:],
            scatter=self.scatter[day:],
            always=self.always[day:],
        )


def counted_below(balance: Balance | None, days: Ints, flow_m3h: float) -> bool:
    """Whether, on most of these local days, the meters beneath count what seems to flow here at all hours: then they tell of it."""
    if balance is None:
        return False
    always = balance.always[days[(days >= 0) & (days < balance.always.size)]]
    always = always[np.isfinite(always)]
    return bool(always.size and 2 * np.count_nonzero(always < flow_m3h / 2) > always.size)


def balance_of(main: Hourly, below: Iterable[Hourly], table: HourTable, days: int | None = None) -> Balance:
    """`table` is that of the main; `below` are the meters directly beneath it. `days`: the usual for the last so many days only."""
    count = table.class_of_day.size
    measured, parts, squares = main.measured, np.zeros(main.size), np.zeros(count)
    known = np.isfinite(measured)
    for hourly in below:
        one = placed(hourly.measured, hourly.start_ms, (main.start_ms, main.size))
        known &= np.isfinite(one)
        parts += np.nan_to_num(one)
        squares += np.bincount(table.day, np.nan_to_num(one), minlength=count) ** 2
    enough = (np.bincount(table.day[known], minlength=count) >= KNOWN_SHARE * 24) & (table.class_of_day != DayClass.HOLIDAY)
    whole, rest = (
        np.where(enough, np.bincount(table.day[known], series[known], minlength=count), np.nan)
        for series in (measured, measured - parts)
    )
    first = 0 if days is None else max(count - days, 0)
    usual, scatter = _usual(rest, first)
    quietest = np.where(enough, _quietest(np.where(known, measured - parts, np.nan), table), np.nan)
    return Balance(
        main=whole,
        unmetered=rest,
        squares=np.sqrt(np.nan_to_num(whole) ** 2 + squares),
        usual=usual,
        scatter=scatter,
        always=quietest - _usual(quietest, first)[0],
    )


def _quietest(rest: Floats, table: HourTable) -> Floats:
    grid = np.full((table.class_of_day.size, 24), np.inf)
    grid[table.day, table.hour] = np.where(np.isfinite(rest), rest, np.inf)
    return np.asarray(np.partition(grid, QUIETEST - 1, axis=1)[:, QUIETEST - 1], np.float64)


def _usual(unmetered: Floats, first: int) -> tuple[Floats, Floats]:
    """Median and robust scatter of the weeks before each day from `first` on; NaN with fewer than LEARN_DAYS known."""
    usual, scatter = np.full((2, unmetered.size), np.nan)
    for day in range(max(first, LEARN_DAYS + LAG_DAYS), unmetered.size):
        past = unmetered[max(day - LAG_DAYS - MEMORY_DAYS, 0) : day - LAG_DAYS]
        past = past[np.isfinite(past)]
        if past.size >= LEARN_DAYS:
            usual[day] = np.median(past)
            scatter[day] = 1.4826 * np.median(np.abs(past - usual[day]))
    return usual, scatter
