"""What is normal for a meter in each hour, learned from its own past only: robust quantiles of like hours.

For each day: the quantiles, hour by hour, of the `DAYS` days of the same class (school day, weekend, holiday) before it.
Median and quantiles bear up to a third of faulty days (Rousseeuw and Croux 1993 on why not mean and deviation).
Where a meter has none, its peers stand in (analytics.peers); where the temperature matters, it is taken in (analytics.weather).
Kept beside gradient boosting over hour, weekday, season and lags, which misses the hour of a dozen university buildings by 9.3 %
of the mean where this misses by 9.7 %, and needs a clean year instead of three days (docs/adr/014, tools/compare_models.py).
"""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import HourTable

DAYS = 15
"""So many like days make the normal: three school weeks, seven weekends."""
MIN_DAYS = 3
"""With fewer like days nothing is known yet."""
_SHARES = np.array((0.5, 0.1, 0.9, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normal:
    """Per hour of the series, in its unit: expected (median), low (10 %), high (90 %), top (the most seen); NaN = not known.

    `low` is only known where like days themselves are known: see `like_days`. `peers`: of so many other meters, 0 where it is
    the meter's own past (analytics.peers). `warmth`: what the outdoor temperature adds to it (analytics.weather).
    """

    expected: Floats
    low: Floats
    high: Floats
    top: Floats
    peers: Ints
    warmth: Floats

    def since(self, first: int) -> "Normal":
        """From hour `first` on."""
        return Normal(
            expected=self.expected[first:],
            low=self.low[first:],
            high=self.high[first:],
            top=self.top[first:],
            peers=self.peers[first:],
            warmth=self.warmth[first:],
        )

    @property
    def spread_below(self) -> Floats:
        """The same downwards: clean where faults only ever add. Upwards where the low end is not known."""
        return np.where(np.isfinite(self.low), (self.expected - self.low) / 1.282, self.spread)

    @property
    def spread(self) -> Floats:
        """A robust deviation upwards: that of a normal distribution with the same 90 % point."""
        return (self.high - self.expected) / 1.282


def learn(measured: Floats, table: HourTable, days: int | None = None) -> Normal:
    """The normal of each hour from days before its own. `measured` aligns with `table`, NaN where nothing was measured.

    `days`: only the last so many days are worked out; the hours before them stay NaN.
    """
    grid = np.full((table.class_of_day.size, 24), np.nan)
    grid[table.day, table.hour] = measured
    expected, low, high, top = like_days(grid, table.class_of_day, days)[:, table.day, table.hour]
    nobody, nothing = np.zeros(measured.size, np.int64), np.zeros(measured.size)
    return Normal(expected=expected, low=low, high=high, top=top, peers=nobody, warmth=nothing)


def like_days(rows: Floats, class_of_day: Ints, days: int | None = None) -> Floats:
    """(4, days, columns): median, 10 %, 90 % and maximum of the DAYS like days before each day (rows).

    A class without a past of its own takes that of all free days (an exam week: of school days), or of all days; but never their
    10 %, since a place that was always in use may well be empty on its first holiday. `days`: only for the last so many rows,
    the others stay NaN.
    """
    first = 0 if days is None else max(class_of_day.size - days, 0)
    out = np.full((4, *rows.shape), np.nan)
    for day_class in np.unique(class_of_day[first:]):
        mine = np.flatnonzero(class_of_day == day_class)
        wanted = int(np.searchsorted(mine, first))
        out[:, mine[wanted:]] = _past_quantiles(rows[mine], wanted)
    for others in _others(class_of_day):
        wanted = int(np.searchsorted(others, first))
        recent = others[wanted:]
        if recent.size and np.isnan(out[0, recent]).any():
            borrowed = _past_quantiles(rows[others], wanted)
            borrowed[1] = np.nan
            out[:, recent] = np.where(np.isnan(out[:, recent]), borrowed, out[:, recent])
    return out


def _others(class_of_day: Ints) -> tuple[Ints, ...]:
    """Who stands in for days without a past: the first exam takes the school days, the first holiday all free days; then all."""
    free, every = np.flatnonzero(class_of_day > 0), np.arange(class_of_day.size)
    return (np.flatnonzero(class_of_day <= 0), free, every) if (class_of_day < 0).any() else (free, every)


def _past_quantiles(rows: Floats, first: int) -> Floats:
    """(4, rows from `first`, columns) from the DAYS rows before each of them, in order of time."""
    padded = np.concatenate((np.full((DAYS, rows.shape[1]), np.nan), rows[:-1]))[first:]
    return quantiles(np.lib.stride_tricks.sliding_window_view(padded, DAYS, axis=0), _SHARES, MIN_DAYS)


def quantiles(values: Floats, shares: Floats, least: int) -> Floats:
    """(shares, rows, columns) of `values` (rows, columns, n), in which NaN does not count; NaN where fewer than `least` do."""
    values = np.sort(values, axis=-1)  # NaN last
    count = np.sum(~np.isnan(values), axis=-1)
    position = np.maximum(count - 1, 0) * shares[:, None, None]
    below = position.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    row, column = np.ogrid[: count.shape[0], : count.shape[1]]
    low, high = values[row, column, below], values[row, column, above]
    found = np.asarray(low + (high - low) * (position - below), np.float64)
    found[:, count < least] = np.nan
    return found
