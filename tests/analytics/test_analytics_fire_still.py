"""Fire sensors that no longer move: covered, painted over or stuck."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.detectors import fire_still
from analytics.detectors.fire_still import StillState
from analytics.finding import Finding, FindingKind
from devices.model import Device, DeviceKind, Reading

SMOKE = Device(id="sd", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="r", name="", name_zh="")
HOUR_MS = 3_600_000
T0_MS = 1_772_600_400_000 // fire_still.BLOCK_MS * fire_still.BLOCK_MS
Curve = Callable[[float], float]


def breathing(hour: float) -> float:
    """Noise of a sound detector, some hundredths either way."""
    return round(0.2 + 0.04 * math.sin(7.3 * hour) + 0.01 * math.sin(91 * hour), 2)


def capped(hour: float) -> float:
    return 0.16 + 0.01 * (int(hour) % 5 == 0)


def play(hours: float, curve: Curve, state: StillState | None = None, *, begin_h: float = 0) -> tuple[StillState, list[Finding]]:
    """A reading each quarter of an hour."""
    now, found = state or StillState(), list[Finding]()
    for quarter in range(round(4 * begin_h), round(4 * (begin_h + hours))):
        reading = Reading("sd", "smoke.density", T0_MS + quarter * HOUR_MS // 4, curve(quarter / 4))
        now, finding = fire_still.step(now, reading, SMOKE)
        found += [finding] if finding is not None else []
    return now, found


def after(good_h: float, curve: Curve) -> Curve:
    return lambda hour: breathing(hour) if hour < good_h else curve(hour)


@pytest.mark.parametrize("curve", [capped, lambda _hour: 0.2], ids=["a cap", "one value"])
def test_it_is_told_within_a_day_and_ends_when_it_moves_again(curve: Curve) -> None:
    state, found = play(120, after(96, curve))
    (told,) = found
    assert (told.kind, told.active) == (FindingKind.FIRE_SENSOR_STUCK, True)
    assert told.message % dict(told.facts)
    assert 96 <= (told.started.timestamp() * 1000 - T0_MS) / HOUR_MS <= 102
    _, ended = play(13, breathing, state, begin_h=120)
    assert [(one.active, one.started) for one in ended] == [(False, told.started)]


@pytest.mark.parametrize(
    ("curve", "why"),
    [
        (lambda _hour: 0.0, "always zero: never judged"),
        (lambda hour: 21.0 + (hour % 24 > 12), "whole degrees"),
        (breathing, "sound"),
        (lambda hour: breathing(hour) + (2.5 if 7 < hour % 24 < 7.6 else 0), "steam each morning"),
        (after(96, lambda hour: capped(hour) if hour < 107 else breathing(hour)), "bagged for a working day"),
    ],
)
def test_what_is_no_stuck_sensor(curve: Curve, why: str) -> None:
    assert play(240, curve)[1] == [], why


def test_after_a_restart_a_cap_is_not_learned_as_normal() -> None:
    _, (told,) = play(120, after(96, capped))
    resumed = fire_still.resume(StillState(), told, SMOKE)
    state, found = play(72, capped, resumed, begin_h=120)
    assert found == []
    _, ended = play(13, breathing, state, begin_h=192)
    assert [one.active for one in ended] == [False]


@given(st.lists(st.tuples(st.integers(0, 10**13), st.floats(allow_nan=True, allow_infinity=True)), max_size=60))
def test_nothing_breaks_it(rows: list[tuple[int, float]]) -> None:
    state = StillState()
    for ts_ms, value in rows:
        state, _ = fire_still.step(state, Reading("sd", "smoke.density", ts_ms, value), SMOKE)
