"""The record of a cold store: intervals, excursions and gaps from its readings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.condition_record import Excursion, Limits, Span, limits_of, record
from devices.model import Device, DeviceKind

MIN = 60_000
HOUR = 60 * MIN
LIMITS = Limits(low=0.0, high=8.0, grace_s=1800.0)
SPAN = Span(edges_ms=tuple(range(0, 4 * HOUR + 1, HOUR)), until_ms=4 * HOUR, silence_ms=30 * MIN)
STORE = Device(id="c", kind=DeviceKind.COLD_STORE, profile_id="cold-store", space_id="k", name="C", name_zh="冷")


def readings(*pairs: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([at * MIN for at, _ in pairs], np.int64), np.array([value for _, value in pairs], np.float64)


def every(minutes: int, end: int = 240, value: float = 4.0) -> list[tuple[int, float]]:
    return [(at, value) for at in range(0, end, minutes)]


def test_an_ordinary_day() -> None:
    found = record(*readings(*((at, 3.0 + at % 20 / 10) for at in range(0, 240, 10))), LIMITS, SPAN)
    assert [(one.count, one.low, one.high, one.mean) for one in found.intervals] == [(6, 3.0, 4.0, 3.5)] * 4
    assert not found.excursions
    assert not found.gaps
    assert sum(one.unknown_s + one.outside_s for one in found.intervals) == 0


def test_an_excursion_lasts_until_the_first_reading_inside() -> None:
    warm = [(at, 10.0 + at / 100 if 50 <= at < 90 else 4.0) for at, _ in every(10)]
    found = record(*readings(*warm), LIMITS, SPAN)
    assert found.excursions == (Excursion(start_ms=50 * MIN, end_ms=90 * MIN, worst=10.8, lost=False, going_on=False),)
    assert [one.outside_s for one in found.intervals] == [600.0, 1800.0, 0.0, 0.0]


def test_too_cold_is_outside_as_well() -> None:
    [one] = record(
        *readings(*every(10, 100), (100, -3.0), (110, -1.0), *((at, 4.0) for at in range(120, 240, 10))), LIMITS, SPAN
    ).excursions
    assert (one.worst, one.seconds) == (-3.0, 1200.0)


def test_a_gap_is_a_gap_and_ends_what_nobody_saw() -> None:
    found = record(*readings(*every(10, 60), (60, 12.0), (70, 12.5), (180, 4.0), (200, 4.0), (220, 4.0)), LIMITS, SPAN)
    assert found.gaps == ((70 * MIN, 180 * MIN),)
    assert [(one.start_ms, one.end_ms, one.lost) for one in found.excursions] == [(60 * MIN, 70 * MIN, True)]
    assert [one.unknown_s for one in found.intervals] == [0.0, 3000.0, 3600.0, 0.0]
    assert [one.mean for one in found.intervals][2] is None


def test_what_goes_on_now_and_what_is_still_to_come() -> None:
    now = replace(SPAN, until_ms=90 * MIN)
    found = record(*readings(*every(10, 80), (80, 9.0)), LIMITS, now)
    assert [(one.end_ms, one.going_on) for one in found.excursions] == [(90 * MIN, True)]
    assert [one.unknown_s for one in found.intervals] == [0.0] * 4
    assert not found.gaps


def test_nothing_at_all() -> None:
    found = record(*readings(), LIMITS, SPAN)
    assert found.gaps == ((0, 4 * HOUR),)
    assert [one.unknown_s for one in found.intervals] == [3600.0] * 4


def test_what_held_before_the_first_edge_is_known() -> None:
    found = record(*readings((-10, 4.0), *((at, 4.0) for at in range(15, 240, 15))), LIMITS, SPAN)
    assert not found.gaps
    assert found.intervals[0].unknown_s == 0
    assert found.intervals[0].count == 3


@given(
    st.lists(
        st.tuples(st.integers(-40, 260), st.floats(-40, 40) | st.just(float("nan"))), max_size=60, unique_by=lambda one: one[0]
    ),
    st.integers(0, 300),
)
def test_times_add_up_whatever_came(pairs: list[tuple[int, float]], until: int) -> None:
    found = record(*readings(*sorted(pairs)), LIMITS, replace(SPAN, until_ms=until * MIN))
    over_s = min(until, 240) * 60
    unknown = sum(one.unknown_s for one in found.intervals)
    assert unknown <= over_s + 1e-6
    assert sum(one.outside_s for one in found.intervals) <= over_s - unknown + 1e-6
    assert abs(sum(end - start for start, end in found.gaps) / 1000 - unknown) < SPAN.silence_ms / 1000 + 1e-6
    assert all(one.end_ms >= one.start_ms for one in found.excursions)


@pytest.mark.parametrize(
    ("device", "metric", "low", "high"),
    [
        (STORE, "env.temperature", 0.0, 8.0),
        (replace(STORE, attributes={"max_c": "-15"}), "env.temperature", float("-inf"), -15.0),
        (replace(STORE, kind=DeviceKind.ENVIRONMENT_SENSOR), "env.temperature", float("-inf"), float("inf")),
        (
            replace(STORE, kind=DeviceKind.ENVIRONMENT_SENSOR, attributes={"min_c": "18", "max_c": "26"}),
            "env.temperature",
            18.0,
            26.0,
        ),
        (replace(STORE, attributes={"max_rh": "75"}), "env.humidity", float("-inf"), 75.0),
        (replace(STORE, kind=DeviceKind.GAS_DETECTOR), "gas.lel", float("-inf"), 20.0),
        (replace(STORE, kind=DeviceKind.GAS_DETECTOR, attributes={"alarm.gas.lel": "25"}), "gas.lel", float("-inf"), 25.0),
    ],
)
def test_limits(device: Device, metric: str, low: float, high: float) -> None:
    found = limits_of(device, metric)
    assert (found.low, found.high) == (low, high)
