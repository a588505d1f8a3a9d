"""The rooms of a site against their quotas: this month's use by day, read in one go for each quantity."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from analytics.meter import QUANTITY_OF, REGISTER_OF
from analytics.quota import Quota
from analytics.quota_standing import Standing, day_edges_ms, rooms_under, standings
from devices.metrics import HOURLY_SUFFIX
from devices.model import Device
from devices.registry import Registry
from storage.reading_store import Aggregate, ReadingStore


def standings_of(
    readings: ReadingStore, registry: Registry, quotas: Sequence[Quota], now: datetime, zone: ZoneInfo
) -> list[Standing]:
    """Of each room that has a quota and a meter of its own; the largest share first."""
    under = rooms_under(quotas, registry, now.astimezone(zone).month)
    meters = [device for device, _ in under]
    return standings(under, registry, _by_day(readings, meters, day_edges_ms(now, zone)))


def _by_day(readings: ReadingStore, meters: Sequence[Device], edges_ms: list[int]) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {meter.id: [] for meter in meters}
    for quantity, register in REGISTER_OF.items():
        mine = [meter.id for meter in meters if QUANTITY_OF[meter.kind] == quantity]
        if mine and edges_ms[-1] > edges_ms[-2]:
            for window in readings.windows(mine, register + HOURLY_SUFFIX, edges_ms, Aggregate.SUM):
                found[window.device_id].append(window.value or 0.0)
    return found
