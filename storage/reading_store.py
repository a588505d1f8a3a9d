"""The seam to wherever readings are kept. One contract suite runs on every implementation.

Laws that all of them keep: the key is (device_id, metric, ts_ms) and the last value written stands; ranges are half open;
a call that cannot be served raises DependencyFailed, which says whether to try again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from operator import itemgetter
from typing import Protocol

import pandas as pd
import pyarrow as pa

from devices.errors import BadInput
from devices.model import Reading

END_MS = 4_102_444_800_000
"""2100-01-01. A later time is a device's broken clock; the ingest has put the server's time in its place."""


class Aggregate(StrEnum):
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One device in [start_ms, next edge). `value` and `count` leave IMPLAUSIBLE readings out; `quality` is the OR of all flags.

    `value` is None where `count` is 0 (a count itself is 0.0), so that nothing measured never reads as nothing used.
    """

    device_id: str
    start_ms: int
    value: float | None
    count: int
    quality: int = 0


class ReadingStore(Protocol):
    def write(self, readings: Sequence[Reading]) -> None:
        """Durable on return. Raises BadInput for a value that is not finite, DependencyFailed where the store does not answer."""

    def latest(self, device_ids: Sequence[str], metrics: Sequence[str] | None = None) -> list[Reading]:
        """The youngest reading of each (device, metric) that has one, sorted by both; all metrics where `metrics` is None."""

    def range(self, device_id: str, metric: str, start_ms: int, end_ms: int, *, limit: int | None = None) -> list[Reading]:
        """[start_ms, end_ms) by time; at most the first `limit`."""

    def frame(self, device_ids: Sequence[str], metrics: Sequence[str], start_ms: int, end_ms: int) -> pd.DataFrame:
        """Columns device_id, metric (str), ts_ms (int64), value (float64), quality (int64), sorted by the first three."""

    def windows(self, device_ids: Sequence[str], metric: str, edges_ms: Sequence[int], aggregate: Aggregate) -> list[Window]:
        """Every window of every device, empty ones too, devices in the order asked, then by time. Edges ascend strictly."""

    def import_table(self, table: pa.Table) -> int:
        """Bulk history: columns device_id, metric, ts_ms, value[, quality]. Idempotent; returns the rows taken in."""

    def delete_before(self, ts_ms: int) -> int:
        """Deletes what is older; returns how many readings went, or -1 where the store cannot tell."""

    def close(self) -> None: ...


def check_readings(readings: Sequence[Reading]) -> tuple[int, int]:
    """(earliest, latest) ts_ms of at least one reading. Raises BadInput naming the first that no store can keep."""
    times = list(map(itemgetter(2), readings))
    first, last = min(times), max(times)
    if first < 0 or last >= END_MS:
        wrong = next(reading for reading in readings if not 0 <= reading.ts_ms < END_MS)
        raise BadInput(f"ts_ms {wrong.ts_ms} lies outside 1970-2099 (epoch milliseconds UTC)", place=_place(wrong))
    if not all(map(isfinite, map(itemgetter(3), readings))):
        wrong = next(reading for reading in readings if not isfinite(reading.value))
        raise BadInput(f"value {wrong.value} is not a finite number", place=_place(wrong))
    return first, last


def check_edges(edges_ms: Sequence[int]) -> None:
    if any(start >= end for start, end in pairwise(edges_ms)):
        raise BadInput("window edges must ascend strictly; sort them and remove doubles", place="edges_ms")


def all_windows(
    device_ids: Sequence[str],
    edges_ms: Sequence[int],
    aggregate: Aggregate,
    found: Mapping[tuple[str, int], tuple[float | None, int, int]],
) -> list[Window]:
    """Every window in the contract's order; `found` has (device_id, index of the window) → (value, count, quality)."""
    empty = (0.0 if aggregate is Aggregate.COUNT else None, 0, 0)
    windows = []
    for device in dict.fromkeys(device_ids):
        for place, start in enumerate(edges_ms[:-1]):
            value, count, quality = found.get((device, place), empty)
            windows.append(Window(device_id=device, start_ms=start, value=value, count=count, quality=quality))
    return windows


def _place(reading: Reading) -> str:
    return f"reading {reading.metric} of {reading.device_id}"
