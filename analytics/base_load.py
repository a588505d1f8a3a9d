"""Base load: what a meter draws at its quietest, hour after hour over the last day, beside what that was in the weeks before.

The weeks end `LAG_DAYS` before the day that is judged, so that a slow change does not become its own measure.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import HourTable

DAY = 24
LEAST_HOURS = 20
"""So many hours of a day must be known for it to be judged."""
QUIETEST = 3
"""The base is the third lowest hour of a day: the lowest may be a short outage or a late reading."""
LAG_DAYS = 7
SPAN_DAYS = 28
LEAST_DAYS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Base:
    """Per hour, in the series' unit, NaN where not known: `level` of the 24 hours that end with it, `usual` level of like days
    (of today and yesterday the lower), `low` = the lowest tenth of those.

    `share`: the middle hour of the 24 over what is normal for it; `even`: (low, high) quartile of these shares, a (2, hours) array.
    `day_level`, `day_usual`, `day_scatter`: the same by whole local days, of the last day that was over with this hour.
    """

    level: Floats
    usual: Floats
    low: Floats
    share: Floats
    even: Floats
    day_level: Floats
    day_usual: Floats
    day_scatter: Floats

    def since(self, first: int) -> "Base":
        """From hour `first` on."""
        return Base(
            level=self.level[first:],
            usual=self.usual[first:],
            low=self.low[first:],
            share=self.share[first:],
            even=self.even[:, first:],
            day_level=self.day_level[first:],
            day_usual=self.day_usual[first:],
            day_scatter=self.day_scatter[first:],
        )


class DayLevels(NamedTuple):
    """Per day: the base, and median, 90 % and 10 % of that of like days in the weeks before, (3, days)."""

    daily: Floats
    weeks: Floats


def base_of(measured: Floats, expected: Floats, table: HourTable, days: int | None = None, levels: DayLevels | None = None) -> Base:
    """`days`: worked out for the last so many local days only. `levels`: those without the weather's share, where it matters."""
    if not measured.size:
        return no_base(0)
    grid = np.full((table.class_of_day.size, DAY), np.nan)
    grid[table.day, table.hour] = measured
    daily = quietest(grid)
    weeks = weeks_before(daily, table.class_of_day, days)
    usual, low = (np.fmin(row, np.concatenate((row[:1], row[:-1])))[table.day] for row in (weeks[0], weeks[2]))
    first = 0 if days is None else max(int(np.searchsorted(table.day, table.class_of_day.size - days)) - 1, 0)
    from_hour = max(first - DAY + 1, 0)
    level, share, even = np.full(measured.size, np.nan), np.full(measured.size, np.nan), np.full((2, measured.size), np.nan)
    level[first:] = quietest(_last_day(measured[from_hour:]))[first - from_hour :]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(expected > 0, measured / expected, np.nan)
    share[first:], even[:, first:] = _middle(_last_day(shares[from_hour:])[first - from_hour :])
    levels = levels or DayLevels(daily, weeks)
    over = np.append(table.day[1:] > table.day[:-1], table.hour[-1] == DAY - 1)
    known = table.day - ~over  # the last day that was over with this hour; -1: none
    day_level, day_usual, day_low = (np.append(row, np.nan)[known] for row in (levels.daily, levels.weeks[0], levels.weeks[2]))
    scatter = day_usual - day_low
    return Base(
        level=level, usual=usual, low=low, share=share, even=even, day_level=day_level, day_usual=day_usual, day_scatter=scatter
    )


def no_base(hours: int) -> Base:
    """Nothing known of any hour."""
    return Base(**dict.fromkeys(_NAMES, np.full(hours, np.nan)), even=np.full((2, hours), np.nan))


_NAMES = ("level", "usual", "low", "share", "day_level", "day_usual", "day_scatter")


def _last_day(values: Floats) -> Floats:
    """(hours, 24): each hour with the 23 before it."""
    return np.lib.stride_tricks.sliding_window_view(np.concatenate((np.full(DAY - 1, np.nan), values)), DAY)


def quietest(rows: Floats) -> Floats:
    """The third lowest of each row of 24 hours; NaN where too little of the row is known."""
    found = np.partition(np.where(np.isfinite(rows), rows, np.inf), QUIETEST - 1, axis=1)[:, QUIETEST - 1]
    return np.where(np.isfinite(rows).sum(axis=1) >= LEAST_HOURS, found, np.nan)


def _middle(rows: Floats) -> tuple[Floats, Floats]:
    """Median and the quartiles of each row, NaN where too little of the row is known."""
    ordered = np.sort(rows, axis=1)  # NaN last
    count = np.isfinite(rows).sum(axis=1)
    at = np.maximum(count - 1, 0)
    row = np.arange(rows.shape[0])
    found = np.array([ordered[row, (at * share).astype(np.int64)] for share in (0.5, 0.25, 0.75)])
    found[:, count < LEAST_HOURS] = np.nan
    return found[0], found[1:]


def weeks_before(daily: Floats, class_of_day: Ints, days: int | None = None) -> Floats:
    """(3, days): median, 90 % and 10 % of the like days in the weeks before each day."""
    out = np.full((3, daily.size), np.nan)
    first = 0 if days is None else max(daily.size - days - 1, 0)
    span = LAG_DAYS + SPAN_DAYS
    padded = np.concatenate((np.full(span, np.nan), daily))
    classes = np.concatenate((np.full(span, -1), class_of_day))
    windows = np.lib.stride_tricks.sliding_window_view(padded, SPAN_DAYS)[first : daily.size]
    like = np.lib.stride_tricks.sliding_window_view(classes, SPAN_DAYS)[first : daily.size] == class_of_day[first:, None]
    ordered = np.sort(np.where(like, windows, np.nan), axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    at = np.maximum(count - 1, 0)
    row = np.arange(ordered.shape[0])
    for index, share in enumerate((0.5, 0.9, 0.1)):
        out[index, first:] = ordered[row, np.rint(at * share).astype(np.int64)]
    out[:, first:][:, count < LEAST_DAYS] = np.nan
    return out
