"""When a new meter has learned its normal: until then its findings are provisional and send nobody out (docs/adr/012)."""

import numpy as np

from analytics.book import Book
from analytics.meter import Meter
from devices.model import Quality, SpaceKind, UseType

NEEDED_DAYS = 14
"""Two weeks hold three school days and three days off, which is what the least normal is made of (baseline.MIN_DAYS)."""

ROOM_NEEDED_DAYS = 4
"""A dormitory room is judged by the appliances in it; those in daily use show within four days."""

_GUESSED = int(Quality.ESTIMATED | Quality.INCOMPLETE)


def needed_hours(meter: Meter) -> int:
    """Hours that must have been measured."""
    room = meter.level is SpaceKind.ROOM and meter.use is UseType.DORMITORY and meter.quantity == "electricity"
    return 24 * (ROOM_NEEDED_DAYS if room else NEEDED_DAYS)


def measured_hours(book: Book) -> int:
    """Hours that were measured, not spread over a gap; imported ones count like heard ones."""
    hourly = book.hourly
    known = np.isfinite(hourly.consumption) & ((hourly.quality & _GUESSED) == 0)
    return int(np.count_nonzero(known))
