"""Fire and battery detectors: given samples, expect findings."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from analytics.detectors import battery, fire
from analytics.finding import Finding, FindingKind
from devices.model import Device, DeviceKind, Event, Reading

T0 = 1_772_600_000_000
KINDS = {
    "sd-1": (DeviceKind.SMOKE_DETECTOR, "smoke"),
    "hd-1": (DeviceKind.HEAT_DETECTOR, "heat"),
    "co-1": (DeviceKind.CO_DETECTOR, "co"),
    "gd-1": (DeviceKind.GAS_DETECTOR, "gas"),
    "cp-1": (DeviceKind.CALL_POINT, "call-point"),
    "hy-1": (DeviceKind.HYDRANT_PRESSURE, "hydrant"),
}
Sample = tuple[str, float, float]  # metric or event type, value (ignored for events), seconds


def device(device_id: str = "sd-1") -> Device:
    kind, profile = KINDS[device_id]
    return Device(id=device_id, kind=kind, profile_id=profile, space_id="r-1", name=device_id, name_zh=device_id)


def sample(device_id: str, told: Sample) -> Reading | Event:
    name, value, seconds = told
    ts_ms = T0 + round(1000 * seconds)
    if name.startswith("alarm."):
        return Event(device_id=device_id, type=name, ts_ms=ts_ms)
    return Reading(device_id, name, ts_ms, value)


def play(device_id: str, told: list[Sample], watched: Device | None = None) -> list[Finding]:
    state, found = fire.FireState(), list[Finding]()
    for one in told:
        state, finding = fire.step(state, sample(device_id, one), watched or device(device_id))
        if finding is not None:
            found.append(finding)
    return found


K = FindingKind
CASES = [
    (
        "smoke by telemetry",
        "sd-1",
        [("smoke", 0, 0), ("smoke", 1, 30), ("smoke", 0, 60)],
        [(K.FIRE_SMOKE, True), (K.FIRE_SMOKE, False)],
    ),
    ("smoke by event", "sd-1", [("alarm.smoke", 0, 0)], [(K.FIRE_SMOKE, True)]),
    ("event and telemetry say it once", "sd-1", [("alarm.smoke", 0, 0), ("smoke", 1, 0.1)], [(K.FIRE_SMOKE, True)]),
    (
        "cleared by event",
        "sd-1",
        [("alarm.smoke", 0, 0), ("alarm.smoke.cleared", 0, 9)],
        [(K.FIRE_SMOKE, True), (K.FIRE_SMOKE, False)],
    ),
    ("heat", "hd-1", [("heat_alarm", 1, 0)], [(K.FIRE_HEAT, True)]),
    ("carbon monoxide", "co-1", [("co_alarm", 1, 0)], [(K.FIRE_CO, True)]),
    ("gas", "gd-1", [("gas_alarm", 1, 0)], [(K.FIRE_GAS, True)]),
    ("call point", "cp-1", [("call_point.active", 1, 0)], [(K.FIRE_CALL_POINT, True)]),
    ("call point by event", "cp-1", [("alarm.call_point", 0, 0)], [(K.FIRE_CALL_POINT, True)]),
    ("a bare fire alarm of a smoke detector", "sd-1", [("alarm.fire", 0, 0)], [(K.FIRE_SMOKE, True)]),
    ("a bare fire alarm of a call point", "cp-1", [("alarm.fire", 0, 0)], [(K.FIRE_CALL_POINT, True)]),
    ("quiet", "sd-1", [("smoke", 0, 0), ("smoke.density", 0.4, 1), ("battery.level", 3, 2)], []),
    ("an older message cannot end it", "sd-1", [("smoke", 1, 30), ("smoke", 0, 20)], [(K.FIRE_SMOKE, True)]),
    ("a lasting alarm is said again each minute", "sd-1", [("smoke", 1, s) for s in (0, 30, 60, 90)], [(K.FIRE_SMOKE, True)] * 2),
    ("other alarms are not for us", "sd-1", [("alarm.tamper", 0, 0)], []),
    ("pressure low twice", "hy-1", [("water.pressure", 80, 0), ("water.pressure", 79, 30)], [(K.FIRE_HYDRANT_PRESSURE, True)]),
    (
        "one dip is a starting pump",
        "hy-1",
        [("water.pressure", 80, 0), ("water.pressure", 390, 30), ("water.pressure", 80, 60)],
        [],
    ),
    (
        "pressure must be well again, not just above",
        "hy-1",
        [("water.pressure", kpa, 30 * n) for n, kpa in enumerate((80, 80, 110, 121))],
        [(K.FIRE_HYDRANT_PRESSURE, True), (K.FIRE_HYDRANT_PRESSURE, True), (K.FIRE_HYDRANT_PRESSURE, False)][::2],
    ),
]


@pytest.mark.parametrize(("device_id", "told", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_fire(device_id: str, told: list[Sample], expected: list[tuple[FindingKind, bool]]) -> None:
    assert [(finding.kind, finding.active) for finding in play(device_id, told)] == expected


def test_an_alarm_shows_what_was_measured() -> None:
    (alarm,) = play("sd-1", [("smoke.density", 2.5, 0), ("smoke.density", 7.5, 30), ("smoke", 1, 30)])
    assert alarm.message % alarm.facts == "Smoke alarm, density 7.5"
    assert alarm.evidence is not None
    assert [value for _, value in alarm.evidence.observed] == [2.5, 7.5]
    assert alarm.started == datetime.fromtimestamp(T0 / 1000 + 30, UTC)


def test_every_message_can_be_filled() -> None:
    for device_id, told in {"gd-1": ("gas.lel", "gas_alarm"), "co-1": ("co.concentration", "co_alarm")}.items():
        (alarm,) = play(device_id, [(told[0], 30, 0), (told[1], 1, 0)])
        assert "30" in alarm.message % alarm.facts


def test_a_hydrant_may_have_its_own_limit() -> None:
    high = replace(device("hy-1"), attributes={"low_kpa": "250"})
    (low,) = play("hy-1", [("water.pressure", 240, 0), ("water.pressure", 240, 30)], high)
    assert low.facts["low_kpa"] == 250
    assert play("hy-1", [("water.pressure", 240, 0), ("water.pressure", 240, 30)]) == []


def test_after_a_restart_the_end_is_noticed() -> None:
    (alarm,) = play("sd-1", [("smoke", 1, 0)])
    state = fire.resume(fire.FireState(), alarm)
    _, ended = fire.step(state, sample("sd-1", ("smoke", 0, 90)), device())
    assert ended is not None
    assert (ended.active, ended.started) == (False, alarm.started)


@pytest.mark.parametrize(("share", "suspect"), [(0.1, False), (0.31, True)])
def test_silence_says_when_it_looks_like_the_network(share: float, suspect: bool) -> None:
    found = fire.silent(device(), last_ms=T0, now_ms=T0 + 91_000, silent_share=share)
    assert (found.facts["silent_s"], "suspect" in found.facts) == (91, suspect)
    assert found.cause % found.facts
    assert not fire.speaks_again(device(), T0).active


BATTERY = [
    ("falls", [("battery.level", v, 0) for v in (30, 20, 19)], [True]),
    ("one glitch", [("battery.level", v, 0) for v in (80, 0, 80)], []),
    ("changed", [("battery.level", v, 0) for v in (10, 10, 30, 34, 35)], [True, False]),
    ("the device says so", [("battery.low", 1, 0)], [True]),
    ("and takes it back", [("battery.low", 1, 0), ("battery.low", 0, 5)], [True, False]),
    ("something else", [("smoke", 1, 0)], []),
]


@pytest.mark.parametrize(("told", "expected"), [case[1:] for case in BATTERY], ids=[case[0] for case in BATTERY])
def test_battery(told: list[Sample], expected: list[bool]) -> None:
    state, found = battery.BatteryState(), list[bool]()
    for one in told:
        reading = sample("sd-1", one)
        assert isinstance(reading, Reading)
        state, finding = battery.step(state, reading, device())
        if finding is not None:
            assert finding.message % finding.facts
            found.append(finding.active)
    assert found == expected
