"""A meter's consumption on an unbroken grid of UTC hours: what hourly detectors look at."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import HOUR_MS, Flags, Floats, Ints
from devices.model import Quality

MAX_DAYS = 400
"""Detectors look back no further than this; older hours are left out, so that memory stays bounded."""
_UNMEASURED = int(Quality.ESTIMATED | Quality.INCOMPLETE | Quality.IMPLAUSIBLE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hourly:
    """`consumption` (kWh or m3) of each hour from `start_ms` on, NaN where nothing is known; `quality` are Quality flags.

    `least`: the same of each hour's quietest quarter, times four; NaN where it is not known (stored hours do not keep it).
    """

    start_ms: int
    consumption: Floats
    quality: Flags
    least: Floats

    @property
    def size(self) -> int:
        return int(self.consumption.size)

    @property
    def hours(self) -> Ints:
        return self.start_ms + HOUR_MS * np.arange(self.size, dtype=np.int64)

    @property
    def end_ms(self) -> int:
        return self.start_ms + HOUR_MS * self.size

    @property
    def measured(self) -> Floats:
        """Consumption of the hours that were measured from end to end; NaN elsewhere."""
        return np.where(self.quality & _UNMEASURED, np.nan, self.consumption)


EMPTY = Hourly(start_ms=0, consumption=np.empty(0), quality=np.empty(0, np.uint8), least=np.empty(0))


def on_grid(hours: Ints, consumption: Floats, quality: Flags, least: Floats | None = None) -> Hourly:
    """The last MAX_DAYS of the hours, in any order, on a grid without holes. Of an hour given twice the later row stands."""
    least = np.full(hours.size, np.nan) if least is None else least
    usable = np.isfinite(consumption) & (hours % HOUR_MS == 0)
    if not usable.any():
        return EMPTY
    last = int(hours[usable].max())
    start = max(int(hours[usable].min()), last - (MAX_DAYS * 24 - 1) * HOUR_MS)
    usable &= hours >= start
    index = (hours[usable] - start) // HOUR_MS
    grid, lowest = np.full((2, (last - start) // HOUR_MS + 1), np.nan)
    flags = np.full(grid.size, int(Quality.INCOMPLETE), np.uint8)
    grid[index], flags[index], lowest[index] = consumption[usable], quality[usable], least[usable]
    return Hourly(start_ms=start, consumption=grid, quality=flags, least=lowest)


def merge(known: Hourly, newer: Hourly) -> Hourly:
    """`known` with the hours of `newer` put over it."""
    return on_grid(
        np.concatenate((known.hours, newer.hours)),
        np.concatenate((known.consumption, newer.consumption)),
        np.concatenate((known.quality, newer.quality)),
        np.concatenate((known.least, newer.least)),
    )


def until(hourly: Hourly, end_ms: int) -> Hourly:
    """The hours that ended by `end_ms`."""
    count = min(max((end_ms - hourly.start_ms) // HOUR_MS, 0), hourly.size)
    return Hourly(
        start_ms=hourly.start_ms,
        consumption=hourly.consumption[:count],
        quality=hourly.quality[:count],
        least=hourly.least[:count],
    )


def from_index(hourly: Hourly, first: int) -> Hourly:
    """The hours from number `first` on."""
    return Hourly(
        start_ms=hourly.start_ms + first * HOUR_MS,
        consumption=hourly.consumption[first:],
        quality=hourly.quality[first:],
        least=hourly.least[first:],
    )
