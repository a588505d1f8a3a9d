"""The outdoor temperature as the analytics role knows it: read once as far back as meters are, then hour by hour."""

import numpy as np

from analytics.arrays import HOUR_MS
from analytics.hourly import MAX_DAYS
from analytics.weather import Weather
from api.outdoor import hourly_weather, outdoor_sensor
from devices.registry import Registry
from storage.reading_store import ReadingStore

AGAIN_MS = 48 * HOUR_MS
"""So far back each look reads again: what came late."""


class OutdoorTemperature:
    """Owned by one loop."""

    def __init__(self, readings: ReadingStore) -> None:
        self._readings = readings
        self._sensor: str | None = None
        self._known: Weather | None = None

    def sensor_of(self, registry: Registry) -> None:
        """A changed registry: perhaps another sensor, and what was known is read again."""
        self._sensor, self._known = outdoor_sensor(registry), None

    def forget(self) -> None:
        """A history may have been imported."""
        self._known = None

    def until(self, end_ms: int) -> Weather | None:
        """Hours up to `end_ms`; None where nothing measures it."""
        oldest_ms = end_ms - MAX_DAYS * 24 * HOUR_MS
        known = self._known
        if known is None:
            self._known = hourly_weather(self._readings, self._sensor, oldest_ms, end_ms)
            return self._known
        known_ms = known.start_ms + known.celsius.size * HOUR_MS
        from_ms = max(min(end_ms, known_ms) - AGAIN_MS, known.start_ms)
        newer = hourly_weather(self._readings, self._sensor, from_ms, end_ms)
        self._known = _joined(known, newer, max(oldest_ms, known.start_ms), end_ms)
        return self._known


def _joined(known: Weather, newer: Weather | None, start_ms: int, end_ms: int) -> Weather:
    celsius = np.full(max((end_ms - start_ms) // HOUR_MS, 0), np.nan)
    for one in (known, newer):
        if one is not None:
            at = (one.start_ms - start_ms) // HOUR_MS + np.arange(one.celsius.size)
            inside = (at >= 0) & (at < celsius.size) & np.isfinite(one.celsius)
            celsius[at[inside]] = one.celsius[inside]
    return Weather(start_ms=start_ms, celsius=celsius)
