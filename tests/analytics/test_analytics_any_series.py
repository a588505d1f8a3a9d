"""Whatever comes from the field goes through the ledger and every detector without an error."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.allowed import seen_in
from analytics.arrays import Floats, Ints
from analytics.book import empty, post
from analytics.detectors import power_quality
from analytics.finding import Finding
from analytics.meter import Meter
from analytics.watch import Watch
from devices.model import SpaceKind, UseType
from tests.fakes.meters import SITE, START_MS, meter

DAY_MS = 86_400_000
METERS = [
    meter(quantity, level=level, use=use, device_id=f"{quantity}-{level}-{use}")
    for quantity in ("electricity", "water")
    for level in (SpaceKind.SITE, SpaceKind.ROOM)
    for use in (UseType.TEACHING, UseType.DORMITORY)
]
RARE = meter(level=SpaceKind.ROOM, use=UseType.DORMITORY, device_id="rare", interval_s=900.0, allowed=frozenset({"microwave@7-22"}))
METERS.append(RARE)


def through_everything(one: Meter, ts_ms: Ints, value: Floats) -> None:
    below = replace(one, device_id="below", below=frozenset())
    one = replace(one, below=frozenset({"below"}))
    watch = Watch({one.device_id: one, "below": below}, SITE)
    quality = np.zeros(ts_ms.size, np.int64)
    half = ts_ms.size // 2
    book = post(empty(), (ts_ms[:half], value[:half], quality[:half]), one.register).book
    watch.books[one.device_id] = post(book, (ts_ms[half:], value[half:], quality[half:]), one.register).book
    watch.books["below"] = post(empty(), (ts_ms, value / 2, quality), one.register, whole=True).book
    end_ms = int(datetime(2101, 1, 1, tzinfo=UTC).timestamp() * 1000)
    for days in (None, 3):
        for episode in watch.episodes(end_ms, days=days):
            check(episode.finding)
    watch.learn(START_MS + 60 * DAY_MS)
    for finding in watch.sample(one.device_id, zip(ts_ms.tolist(), value.tolist(), strict=True)):
        check(finding)
    for metric in sorted(power_quality.METRICS):
        for finding in watch.gauge(one.device_id, metric, zip(ts_ms.tolist(), value.tolist(), strict=True)):
            check(finding)
    assert isinstance(seen_in(ts_ms, value), frozenset)


def check(finding: Finding) -> None:
    assert 0 <= finding.score <= 1
    assert finding.message % dict(finding.facts)
    assert finding.seen >= finding.started
    assert np.isfinite([finding.waste.kwh_per_day, finding.waste.m3_per_day, finding.waste.cost_per_day]).all()


def times(count: int, step_ms: int = 900_000) -> Ints:
    return START_MS + step_ms * np.arange(count, dtype=np.int64)


RISING = np.cumsum(np.random.default_rng(3).random(3000))
SERIES = {
    "empty": (times(0), np.empty(0)),
    "one point": (times(1), np.ones(1)),
    "two points": (times(2), np.array([1.0, 2.0])),
    "not numbers": (times(500), np.full(500, np.nan)),
    "infinite": (times(500), np.full(500, np.inf)),
    "some not numbers": (times(3000), np.where(np.arange(3000) % 7 == 0, np.nan, RISING)),
    "constant": (times(3000), np.full(3000, 42.0)),
    "zero": (times(3000), np.zeros(3000)),
    "negative": (times(500), -RISING[:500]),
    "unsorted": (times(3000)[::-1].copy(), RISING[::-1].copy()),
    "duplicate": (np.repeat(times(1500), 2), RISING),
    "ten-year gap": (np.concatenate((times(1500), times(1500) + 3653 * DAY_MS)), RISING),
    "future": (times(3000) + 60 * 365 * DAY_MS, RISING),
    "beyond all calendars": (np.array([-(2**62), 0, 2**62], np.int64), np.array([1.0, 2.0, 3.0])),
    "saw": (times(3000), np.arange(3000) % 2 * 99_999.0),
    "giant": (times(3000), RISING * 1e300),
}


@pytest.mark.parametrize("one", METERS, ids=lambda one: one.device_id)
@pytest.mark.parametrize("name", SERIES)
def test_odd_series(one: Meter, name: str) -> None:
    through_everything(one, *SERIES[name])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(METERS),
    st.lists(
        st.tuples(
            st.integers(START_MS - 10 * DAY_MS, START_MS + 90 * DAY_MS) | st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 200),
        ),
        max_size=80,
    ),
)
def test_any_series(one: Meter, points: list[tuple[int, float]]) -> None:
    ts_ms = np.array([ts for ts, _ in points], np.int64)
    through_everything(one, ts_ms, np.array([value for _, value in points], np.float64))
