"""The outdoor temperature of local days, for savings and benchmarks."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import Floats
from api.outdoor import METRIC
from storage.reading_store import Aggregate, ReadingStore


def daily_celsius(readings: ReadingStore, sensor: str | None, days: Sequence[date], zone: ZoneInfo) -> Floats:
    """Mean of each of the local days, which follow each other; NaN where it is not known."""
    if sensor is None or not days:
        return np.full(len(days), np.nan)
    edges = [midnight_ms(day, zone) for day in (*days, days[-1] + timedelta(days=1))]
    found = readings.windows([sensor], METRIC, edges, Aggregate.MEAN)
    known = {window.start_ms: window.value for window in found if window.count and window.value is not None}
    return np.array([known.get(edge, np.nan) for edge in edges[:-1]], np.float64)


def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """Epoch ms UTC of the local day's first moment."""
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
