"""What a house allows in its rooms, and power that is out of limits."""

import numpy as np
import pytest

from analytics.allowed import Allowed, allowed_of, is_open, seen_in
from analytics.arrays import Floats, Ints
from analytics.detectors import power_quality
from analytics.finding import Finding
from analytics.scene import Scene
from analytics.watch import Watch
from devices.model import SpaceKind, UseType
from tests.fakes.meters import SITE, START_MS, meter

ROOM = Scene(meter=meter(level=SpaceKind.ROOM, use=UseType.DORMITORY), site=SITE)
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1250-1360W:160s", (Allowed(1250, 1360, 160),)),
        ("1250-1360W:160s@7-22", (Allowed(1250, 1360, 160, 7, 22),)),
        ("microwave:1560W", (Allowed(920, 1560, 300, wire=False),)),
        ("hair_dryer@7-22", (Allowed(0, 1350, 420, 7, 22),)),
        ("spaceship", ()),
    ],
)
def test_words(word: str, expected: tuple[Allowed, ...]) -> None:
    assert allowed_of(frozenset({word})) == expected


@pytest.mark.parametrize(("hour", "open_"), [(6, False), (7, True), (21, True), (22, False), (2, False)])
def test_hours_are_those_of_the_site(hour: int, open_: bool) -> None:
    [one] = allowed_of(frozenset({"hair_dryer@7-22"}))
    assert is_open(one, ROOM, START_MS + hour * HOUR_MS) is open_


def day(*pulses: tuple[int, float, int]) -> tuple[Ints, Floats]:
    """A day at 10 s with pulses of (first sample, watts, samples)."""
    power = np.full(8640, 60.0)
    for first, watts, count in pulses:
        power[first : first + count] += watts
    return START_MS + 10_000 * np.arange(8640, dtype=np.int64), power


@pytest.mark.parametrize(
    ("pulses", "expected"),
    [
        pytest.param((), set(), id="nothing"),
        pytest.param(((100, 680.0, 1), (400, 680.0, 2)), set(), id="laser printer"),
        pytest.param(((100, 1300.0, 11),), {"microwave"}, id="microwave"),
        pytest.param(((100, 980.0, 4),), {"microwave"}, id="weak microwave, and a short meal"),
        pytest.param(((100, 1550.0, 11),), {"microwave:1581W"}, id="strong microwave"),
        pytest.param(tuple((at, 1000.0, 1) for at in range(100, 124, 3)), {"microwave"}, id="defrosting"),
    ],
)
def test_what_was_there_when_a_room_was_taken_over(pulses: tuple[tuple[int, float, int], ...], expected: set[str]) -> None:
    assert seen_in(*day(*pulses)) == expected


def told(samples: list[tuple[str, float]], every_s: int = 60) -> list[Finding]:
    state, found = power_quality.start(), []
    for index, (metric, value) in enumerate(samples):
        state, finding = power_quality.step(state, (metric, START_MS + index * every_s * 1000, value), ROOM)
        if finding is not None:
            found.append(finding)
    return found


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        ("elec.voltage", 190.0, "fallen"),
        ("elec.voltage.l2", 240.0, "risen"),
        ("elec.voltage", 380.0 * 1.1, "risen"),
        ("elec.power_factor", 0.6, "factor"),
    ],
)
def test_out_of_limits_for_ten_minutes(metric: str, value: float, words: str) -> None:
    good = 380.0 if value > 300 else (0.97 if metric == "elec.power_factor" else 221.0)
    first, last = told([(metric, good)] * 5 + [(metric, value)] * 15 + [(metric, good)] * 20)
    assert (first.active, last.active) == (True, False)
    assert words in first.message
    assert first.message % dict(first.facts)


def test_a_short_dip_and_idle_motors_say_nothing() -> None:
    assert told([("elec.voltage", 221.0)] * 5 + [("elec.voltage", 180.0)] * 5 + [("elec.voltage", 221.0)] * 20) == []
    assert told([("elec.power_factor", 0.02)] * 60) == []


def test_uneven_phases() -> None:
    samples = [(f"elec.voltage.l{phase}", volts) for _ in range(20) for phase, volts in ((1, 225.0), (2, 222.0), (3, 210.0))]
    [finding] = told(samples, every_s=20)
    assert "apart" in finding.message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e9, 0.0, 1e300])
def test_any_value(value: float) -> None:
    for finding in told([(metric, value) for metric in sorted(power_quality.METRICS) for _ in range(20)]):
        assert 0 <= finding.score <= 1


def quarters(*pulses: tuple[int, float]) -> list[tuple[int, float]]:
    """A day of mean watts by quarters, with pulses of (quarter, watt-hours)."""
    watts = 60.0 + 10.0 * np.sin(np.arange(96))
    for at, watt_hours in pulses:
        watts[at] += watt_hours * 4
    return [(START_MS + at * 900_000, float(one)) for at, one in enumerate(watts)]


@pytest.mark.parametrize(
    ("allowed", "pulses", "expected"),
    [
        pytest.param(frozenset(), (), 0, id="nothing"),
        pytest.param(frozenset(), ((40, 70.0),), 1, id="kettle"),
        pytest.param(frozenset(), ((40, 70.0), (60, 75.0)), 2, id="twice"),
        pytest.param(frozenset(), ((40, 70.0), (41, 70.0), (42, 70.0)), 0, id="a flat load of three quarters"),
        pytest.param(frozenset({"microwave"}), ((40, 70.0),), 0, id="allowed"),
        pytest.param(frozenset({"microwave"}), ((40, 160.0),), 1, id="more than is allowed"),
    ],
)
def test_quarters_of_an_hour(allowed: frozenset[str], pulses: tuple[tuple[int, float], ...], expected: int) -> None:
    room = meter(level=SpaceKind.ROOM, use=UseType.DORMITORY, interval_s=900.0, allowed=allowed)
    watch = Watch({room.device_id: room}, SITE)
    found = watch.sample(room.device_id, quarters(*pulses))
    assert [finding.active for finding in found] == [True, False] * expected


def test_uneven_phases_of_a_meter_that_speaks_each_quarter_of_an_hour() -> None:
    state, found = power_quality.start(), []
    scene = Scene(meter=meter(interval_s=900.0), site=SITE)
    for index in range(4):
        for phase, volts in ((1, 225.0), (2, 222.0), (3, 210.0)):
            state, finding = power_quality.step(state, (f"elec.voltage.l{phase}", 900_000 * (index + 1) + phase, volts), scene)
            found.append(finding)
    assert len([one for one in found if one is not None]) == 1
