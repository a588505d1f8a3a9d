"""Shares of a day's data: what was to be expected, what came, and how it came."""

import numpy as np
import pytest

from analytics.arrays import HOUR_MS
from analytics.data_quality import DayQuality, edges, from_counts, from_readings, total
from devices.model import Quality

DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("counts", "interval_s", "span_ms", "complete"),
    [
        ([360] * 24, 10, DAY_MS, 1.0),
        ([360] * 12 + [0] * 12, 10, DAY_MS, 0.5),
        ([720] * 12 + [0] * 12, 10, DAY_MS, 0.5),  # twice as many in one half make nothing good in the other
        ([1], 86_400, DAY_MS, 1.0),
        ([0], 86_400, DAY_MS, 0.0),
        ([2], 86_400, DAY_MS, 1.0),
        ([0], 86_400, DAY_MS // 2, None),  # its day is not over
        ([4, 2], 900, 2 * HOUR_MS, 0.75),
    ],
)
def test_completeness_is_what_came_of_what_was_to_be_expected(
    counts: list[int], interval_s: float, span_ms: int, complete: float | None
) -> None:
    assert from_counts(counts, edges(0, span_ms, interval_s), interval_s).complete == complete


def test_late_and_implausible_readings_count_as_come_and_lower_their_own_share() -> None:
    bounds = edges(0, HOUR_MS, 600)
    ts_ms = np.arange(0, HOUR_MS, 600_000, dtype=np.int64)
    quality = np.array([0, int(Quality.LATE), int(Quality.LATE | Quality.IMPLAUSIBLE), int(Quality.DUPLICATE), 0, 0], np.int64)
    found = from_readings(ts_ms, quality, bounds, 600)
    assert (found.complete, found.on_time, found.plausible) == (1.0, pytest.approx(4 / 6), pytest.approx(5 / 6))
    assert found.score == pytest.approx(4 / 6 * 5 / 6)


def test_nothing_expected_is_no_bad_mark_and_a_day_to_come_has_no_windows() -> None:
    nothing = DayQuality(expected=0, received=0)
    assert (nothing.complete, nothing.on_time, nothing.plausible, nothing.score) == (None, None, None, None)
    assert edges(5, 5, 10) == []
    assert total([nothing, from_counts([6], [0, HOUR_MS], 600)]).complete == 1.0
