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
    """`consumption` (kWh or m3) of each hour from `start_ms` on, NaN where nothing is known; `quality` are Quality flags."""

    start_ms: int
    consumption: Floats
    quality: Flags

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


EMPTY = Hourly(start_ms=0, consumption=np.empty(0), quality=np.empty(0, np.uint8))


def on_grid(hours: Ints, consumption: Floats, quality: Flags) -> Hourly:
    """The last MAX_DAYS of the hours, in any order, on a grid without holes. Of an hour given twice the later row stands."""
    usable = np.isfinite(consumption) & (hours % HOUR_MS == 0)
    hours, consumption, quality = hours[usable], consumption[usable], quality[usable]
    if not hours.size:
        return EMPTY
    last = int(hours.max())
    start = max(int(hours.min()), last - (MAX_DAYS * 24 - 1) * HOUR_MS)
    recent = hours >= start
    index = (hours[recent] - start) // HOUR_MS
    grid = np.full((last - start) // HOUR_MS + 1, np.nan)
    flags = np.full(grid.size, int(Quality.INCOMPLETE), np.uint8)
    grid[index], flags[index] = consumption[recent], quality[recent]
    return Hourly(start_ms=start, consumption=grid, quality=flags)


def merge(known: Hourly, newer: Hourly) -> Hourly:
    """`known` with the hours of `newer` put over it."""
    hours = np.concatenate((known.hours, newer.hours))
    consumption = np.concatenate((known.consumption, newer.consumption))
    return on_grid(hours, consumption, np.concatenate((known.quality, newer.quality)))


def until(hourly: Hourly, end_ms: int) -> Hourly:
    """The hours that ended by `end_ms`."""
    count = min(max((end_ms - hourly.start_ms) // HOUR_MS, 0), hourly.size)
    return Hourly(start_ms=hourly.start_ms, consumption=hourly.consumption[:count], quality=hourly.quality[:count])
