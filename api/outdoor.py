"""The outdoor temperature, where the site has a sensor for it: a device on the site's own space with the attribute `outdoor`."""

import numpy as np

from analytics.arrays import HOUR_MS
from analytics.weather import Weather
from devices.model import SpaceKind
from devices.registry import Registry
from storage.reading_store import Aggregate, ReadingStore

METRIC = "env.temperature"
_YES = frozenset({"true", "yes", "1"})


def outdoor_sensor(registry: Registry) -> str | None:
    """The first by id."""
    sites = [space.id for space in registry.spaces.values() if space.kind is SpaceKind.SITE]
    found = [
        device.id for site in sites for device in registry.devices_in(site) if _is_outdoor(device.attributes.get("outdoor", ""))
    ]
    return min(found, default=None)


def _is_outdoor(said: str) -> bool:
    return str(said).strip().lower() in _YES


def hourly_weather(readings: ReadingStore, sensor: str | None, start_ms: int, end_ms: int) -> Weather | None:
    """Mean of each whole hour in [start, end); None without a sensor, or where it has told nothing."""
    edges = list(range(start_ms // HOUR_MS * HOUR_MS, end_ms + 1, HOUR_MS))
    if sensor is None or len(edges) < 2:
        return None
    celsius = np.full(len(edges) - 1, np.nan)
    for window in readings.windows([sensor], METRIC, edges, Aggregate.MEAN):
        if window.count and window.value is not None:
            celsius[(window.start_ms - edges[0]) // HOUR_MS] = window.value
    known = np.flatnonzero(np.isfinite(celsius))
    return Weather(start_ms=edges[0] + int(known[0]) * HOUR_MS, celsius=celsius[known[0] :]) if known.size else None
