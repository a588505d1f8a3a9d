"""What is normal for a meter in each hour, learned from its own past only: robust quantiles of like hours.

For each day: the quantiles, hour by hour, of the `DAYS` days of the same class (school day, weekend, holiday) before it.
Median and quantiles bear up to a third of faulty days (Rousseeuw and Croux 1993 on why not mean and deviation).
"""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import HourTable

DAYS = 15
"""So many like days make the normal: three school weeks, seven weekends."""
MIN_DAYS = 3
"""With fewer like days nothing is known yet."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normal:
    """Per hour of the series, in its unit: expected (median), low (10 %), high (90 %), top (the most seen); NaN = not known."""

    expected: Floats
    low: Floats
    high: Floats
    top: Floats

    @property
    def spread(self) -> Floats:
        """A robust deviation: that of a normal distribution with the same 10-90 % range."""
        return (self.high - self.low) / 2.563


def learn(measured: Floats, table: HourTable) -> Normal:
    """The normal of each hour from days before its own. `measured` aligns with `table`, NaN where nothing was measured."""
    days = table.class_of_day.size
    grid = np.full((days, 24), np.nan)
    grid[table.day, table.hour] = measured
    out = np.full((4, days, 24), np.nan)
    for day_class in np.unique(table.class_of_day):
        rows = np.flatnonzero(table.class_of_day == day_class)
        out[:, rows, :] = _past_quantiles(grid[rows])
    _borrow(out, grid, table.class_of_day)
    expected, low, high, top = out[:, table.day, table.hour]
    return Normal(expected=expected, low=low, high=high, top=top)


def _past_quantiles(rows: Floats) -> Floats:
    """(4, days, 24): median, 10 %, 90 % and maximum of the DAYS rows before each row."""
    padded = np.concatenate((np.full((DAYS, rows.shape[1]), np.nan), rows[:-1]))
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, DAYS, axis=0), axis=-1)  # (days, 24, DAYS), NaN last
    count = np.sum(~np.isnan(windows), axis=-1)
    found = np.stack([_ranked(windows, count, share) for share in (0.5, 0.1, 0.9, 1.0)])
    found[:, count < MIN_DAYS] = np.nan
    return found


def _ranked(windows: Floats, count: Ints, share: float) -> Floats:
    position = np.maximum(count - 1, 0) * share
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(windows, below[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(windows, above[..., None], axis=-1)[..., 0]
    return low + (high - low) * (position - below)


def _borrow(out: Floats, grid: Floats, class_of_day: Ints) -> None:
    """Free days (weekend, holiday, vacation) without a past of their own kind are taken as any free day."""
    free = np.flatnonzero(class_of_day > 0)
    if free.size == 0:
        return
    shared = _past_quantiles(grid[free])
    out[:, free, :] = np.where(np.isnan(out[:, free, :]), shared, out[:, free, :])
