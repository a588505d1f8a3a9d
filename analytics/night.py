"""The quietest moment of each day: what a meter still counts when nobody uses anything."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Bools, Floats
from analytics.base_load import weeks_before
from analytics.baseline import like_days
from analytics.calendar import HourTable
from analytics.hourly import Hourly

FINE_DIGIT = 0.00125
"""m3; a register that counts in steps this small tells the quietest quarter of an hour to 5 L/h."""
LEAST_HOURS = 20
"""So many hours of a day must be known for its quietest to count."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quiet:
    """Per hour, in m3/h: `lowest` flow in it, the `usual` least of a day like this one (or yesterday), its `scatter`.

    `weeks`, `weeks_scatter`: median of the least of like days in the weeks that end a week before, and how far below it the
    lowest tenth lies (leaks add to the upper end only).
    `known_days`: how many days of history lie before each hour.
    """

    lowest: Floats
    usual: Floats
    scatter: Floats
    weeks: Floats
    weeks_scatter: Floats
    known_days: Floats

    def since(self, first: int) -> "Quiet":
        """From hour `first` on."""
        return Quiet(
            lowest=self.lowest[first:],
            usual=self.usual[first:],
            scatter=self.scatter[first:],
            weeks=self.weeks[first:],
            weeks_scatter=self.weeks_scatter[first:],
            known_days=self.known_days[first:],
        )


def quiet(hourly: Hourly, measured: Floats, table: HourTable, digit: float, days: int | None = None) -> Quiet:
    """`days`: worked out for the last so many days only."""
    fine = digit <= FINE_DIGIT
    lowest = np.where(np.isfinite(hourly.least) & np.isfinite(measured), hourly.least, measured) if fine else measured
    grid = np.full((table.class_of_day.size, 24), np.inf)
    grid[table.day, table.hour] = np.where(np.isfinite(lowest), lowest, np.inf)
    daily = np.min(grid, axis=1)
    daily[np.isfinite(grid).sum(axis=1) < LEAST_HOURS] = np.nan
    median, _, high, _ = like_days(daily[:, None], table.class_of_day, days)[:, :, 0]
    usual, scatter = _or_yesterday(median), _or_yesterday(high - median)
    scatter = np.minimum(np.nan_to_num(scatter), 2 * np.nan_to_num(usual) + 0.002)
    weeks = weeks_before(daily, table.class_of_day, days)
    return Quiet(
        lowest=lowest,
        usual=usual[table.day],
        scatter=scatter[table.day],
        weeks=_or_yesterday(weeks[0])[table.day],
        weeks_scatter=_or_yesterday(weeks[0] - weeks[2])[table.day],
        known_days=table.day.astype(np.float64),
    )


def no_quiet(table: HourTable) -> Quiet:
    """Of a meter whose quietest moment nobody asks for: only how many days there were."""
    unknown = np.full(table.day.size, np.nan)
    return Quiet(
        lowest=unknown,
        usual=unknown,
        scatter=unknown,
        weeks=unknown,
        weeks_scatter=unknown,
        known_days=table.day.astype(np.float64),
    )


def least_of_last(values: Floats, hours: int, least_known: int) -> Floats:
    """The smallest of the last `hours` values, NaN where the last or too many of them are not known."""
    if not values.size:
        return values
    padded = np.concatenate((np.full(hours - 1, np.inf), np.where(np.isfinite(values), values, np.inf)))
    known = np.concatenate((np.zeros(hours), np.cumsum(np.isfinite(values))))
    enough = known[hours:] - known[:-hours] >= least_known
    least = np.min(np.lib.stride_tricks.sliding_window_view(padded, hours), axis=1)
    return np.where(enough & np.isfinite(values), least, np.nan)


def lasting(begins: Bools, lowest: Floats, floor: Floats) -> Bools:
    """The hours of `begins`, and those behind each until a known one falls below the floor of that beginning."""
    out, at = begins.copy(), 0
    starts = np.flatnonzero(begins)
    while at < starts.size:
        first = int(starts[at])
        below = np.flatnonzero(lowest[first + 1 :] < floor[first])
        end = first + 1 + (int(below[0]) if below.size else lowest.size)
        out[first:end] = True
        at = int(np.searchsorted(starts, end))
    return out


def _or_yesterday(values: Floats) -> Floats:
    """A window of 24 hours reaches into two days: the greater of both counts."""
    return np.fmax(values, np.concatenate((values[:1], values[:-1])))
