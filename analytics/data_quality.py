"""How good the data of a device was on a day: complete, on time, plausible. Each a share from 0 to 1; pure arithmetic.

Complete: of the messages that its interval lets expect, how many came (an hour, or an interval where that is longer, never
counts more than it should hold). On time: came in order and soon. Plausible: within limits, at a believable time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import floor

import numpy as np

from analytics.arrays import HOUR_MS, Ints
from devices.model import Quality

DOUBTFUL = int(Quality.LATE | Quality.IMPLAUSIBLE | Quality.CLOCK_SUSPECT)
_LATE = int(Quality.LATE)
_WRONG = int(Quality.IMPLAUSIBLE | Quality.CLOCK_SUSPECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayQuality:
    """`expected` and `received` are readings of the device's first metric."""

    expected: int
    received: int
    counted: int = 0
    late: int = 0
    implausible: int = 0

    @property
    def complete(self) -> float | None:
        """None where nothing was to be expected yet."""
        return min(self.counted / self.expected, 1.0) if self.expected else None

    @property
    def on_time(self) -> float | None:
        return 1 - self.late / self.received if self.received else None

    @property
    def plausible(self) -> float | None:
        return 1 - self.implausible / self.received if self.received else None

    @property
    def score(self) -> float | None:
        """The product: the share of what was wanted that came, in time and believable."""
        if self.complete is None:
            return None
        return self.complete * (1.0 if self.on_time is None else self.on_time) * (1.0 if self.plausible is None else self.plausible)


def edges(start_ms: int, end_ms: int, interval_s: float) -> list[int]:
    """Of the windows to count in: an hour each, or one interval where that is longer."""
    step = max(HOUR_MS, int(interval_s * 1000))
    return [*range(start_ms, end_ms, step), end_ms] if end_ms > start_ms else []


def from_counts(counts: Iterable[int], window_edges: list[int], interval_s: float) -> DayQuality:
    """Of windows in which nothing is doubtful."""
    found = list(counts)
    room = _room(window_edges, interval_s)
    counted = sum(min(count, most) for count, most in zip(found, room, strict=True))
    return DayQuality(expected=_expected(window_edges, interval_s), received=sum(found), counted=counted)


def from_readings(ts_ms: Ints, quality: Ints, window_edges: list[int], interval_s: float) -> DayQuality:
    """Of all readings of the day, doubtful ones too."""
    counts, _ = np.histogram(ts_ms, bins=np.asarray(window_edges, np.int64))
    whole = from_counts([int(count) for count in counts], window_edges, interval_s)
    return DayQuality(
        expected=whole.expected,
        received=whole.received,
        counted=whole.counted,
        late=int(np.count_nonzero(quality & _LATE)),
        implausible=int(np.count_nonzero(quality & _WRONG)),
    )


def total(days: Iterable[DayQuality]) -> DayQuality:
    """Of many devices or days as one: each reading weighs the same."""
    sums = [0, 0, 0, 0, 0]
    for day in days:
        for index, value in enumerate((day.expected, day.received, day.counted, day.late, day.implausible)):
            sums[index] += value
    return DayQuality(expected=sums[0], received=sums[1], counted=sums[2], late=sums[3], implausible=sums[4])


def _expected(window_edges: list[int], interval_s: float) -> int:
    """A reading may still be under way: an interval counts when it is over."""
    span_ms = window_edges[-1] - window_edges[0] if window_edges else 0
    return floor(span_ms / (interval_s * 1000))


def _room(window_edges: list[int], interval_s: float) -> list[int]:
    """How many readings each window should hold at most; at least one, since jitter moves a reading over an edge."""
    return [max(round((end - start) / (interval_s * 1000)), 1) for start, end in pairwise(window_edges)]
