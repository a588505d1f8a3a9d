"""The quality of a day's data, device by device: counted by the store where nothing is doubtful, read where something is."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from analytics.data_quality import DOUBTFUL, DayQuality, edges, from_counts, from_readings
from api.deps import Deps
from api.times import to_ms
from devices.model import Device
from devices.profiles import is_retired
from devices.registry import Registry
from storage.reading_store import Aggregate

_AT_ONCE = 100
_READ_AT_ONCE = 20

Asked = dict[tuple[str, float], list[str]]
"""Device ids by first metric and interval in seconds."""


def day_span(day: date, zone: ZoneInfo, now: datetime) -> tuple[int, int]:
    """[start, end) of the site's day in epoch milliseconds, today's end being now; the end is the start for a day to come."""
    start = datetime.combine(day, time(), zone)
    end = min(datetime.combine(day + timedelta(days=1), time(), zone), now)
    return to_ms(start), max(to_ms(end), to_ms(start))


def of_day(deps: Deps, registry: Registry, devices: Sequence[Device], day: date) -> dict[str, DayQuality]:
    """By device id; without those that are retired or have no metric to expect."""
    start_ms, end_ms = day_span(day, deps.site.zone, deps.now())
    asked: Asked = defaultdict(list)
    for device in devices:
        profile = registry.profile(device)
        if profile.metrics and not is_retired(device):
            asked[profile.metrics[0], profile.interval_s].append(device.id)
    found: dict[str, DayQuality] = {}
    for (metric, interval_s), ids in asked.items():
        bounds = edges(start_ms, end_ms, interval_s)
        for some in _chunks(ids, _AT_ONCE):
            found |= _counted(deps, some, metric, bounds, interval_s)
    return found


def _counted(deps: Deps, ids: list[str], metric: str, bounds: list[int], interval_s: float) -> dict[str, DayQuality]:
    if len(bounds) < 2:
        return {device_id: DayQuality(expected=0, received=0) for device_id in ids}
    counts: dict[str, list[int]] = defaultdict(list)
    doubtful: dict[str, None] = {}
    for window in deps.readings.windows(ids, metric, bounds, Aggregate.COUNT):
        counts[window.device_id].append(window.count)
        if window.quality & DOUBTFUL:
            doubtful[window.device_id] = None
    found = {device_id: from_counts(counts[device_id], bounds, interval_s) for device_id in ids if device_id not in doubtful}
    for some in _chunks(list(doubtful), _READ_AT_ONCE):
        found |= _read(deps, some, metric, bounds, interval_s)
    return found


def _read(deps: Deps, ids: list[str], metric: str, bounds: list[int], interval_s: float) -> dict[str, DayQuality]:
    frame = deps.readings.frame(ids, [metric], bounds[0], bounds[-1])
    found = {}
    for device_id in ids:
        rows = frame[frame["device_id"] == device_id]
        ts_ms, quality = (rows[name].to_numpy(np.int64) for name in ("ts_ms", "quality"))
        found[device_id] = from_readings(ts_ms, quality, bounds, interval_s)
    return found


def _chunks(ids: list[str], size: int) -> Iterator[list[str]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))
