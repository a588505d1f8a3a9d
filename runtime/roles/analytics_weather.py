"""The outdoor temperature as the analytics role knows it: read once as far back as meters are, then hour by hour."""

import numpy as np

from analytics.arrays import HOUR_MS, placed
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
    onto = start_ms, max((end_ms - start_ms) // HOUR_MS, 0)
    celsius = placed(known.celsius, known.start_ms, onto)
    if newer is not None:
        late = placed(newer.celsius, newer.start_ms, onto)
        celsius = np.where(np.isfinite(late), late, celsius)
    return Weather(start_ms=start_ms, celsius=celsius)
