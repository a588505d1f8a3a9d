"""The quietest moment of each day: what a meter still counts when nobody uses anything."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import Floats
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

    `known_days`: how many days of history lie before each hour.
    """

    lowest: Floats
    usual: Floats
    scatter: Floats
    known_days: Floats

    def since(self, first: int) -> "Quiet":
        """From hour `first` on."""
        return Quiet(
            lowest=self.lowest[first:],
            usual=self.usual[first:],
            scatter=self.scatter[first:],
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
    return Quiet(lowest=lowest, usual=usual[table.day], scatter=scatter[table.day], known_days=table.day.astype(np.float64))


def _or_yesterday(values: Floats) -> Floats:
    """A window of 24 hours reaches into two days: the greater of both counts."""
    return np.fmax(values, np.concatenate((values[:1], values[:-1])))
