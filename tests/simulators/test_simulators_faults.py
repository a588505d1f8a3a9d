"""The schedule of faults and the loads they draw."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.campus import build_campus
from simulators.faults import demo_schedule, schedule
from simulators.labels import LabelledFault, from_json, load_until, to_json

CAMPUS = build_campus()
END = datetime(2026, 11, 21, 8, tzinfo=UTC)
START = END - timedelta(weeks=4)
FAULTS = schedule(CAMPUS, START, END, 7)
EVERY_KIND = {
    "water.running_tap", "water.toilet_leak", "water.burst", "elec.left_on", "elec.heating_appliance", "meter.frozen",
    "meter.register_reset", "device.dead", "device.battery_low", "door.forced", "door.held_open", "fire.smoke", "fire.heat",
    "fire.co", "fire.gas", "fire.call_point", "fire.device_silent", "fire.hydrant_pressure",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 7, 23])
def test_four_weeks_hold_every_kind(seed: int) -> None:
    assert {fault.kind for fault in schedule(CAMPUS, START, END, seed)} == EVERY_KIND


def test_same_seed_same_schedule() -> None:
    assert schedule(CAMPUS, START, END, 7) == FAULTS
    assert schedule(CAMPUS, START, END, 8) != FAULTS


def test_faults_keep_inside_the_span_and_after_the_warm_up() -> None:
    assert all(START + timedelta(days=5) <= fault.start < fault.end <= END for fault in FAULTS)


def chain(device_id: str) -> set[str]:
    upstream = CAMPUS.registry.devices[device_id].upstream_id
    return {device_id} | (chain(upstream) if upstream else set())


def test_no_fault_hides_another_on_the_same_meter_or_upstream() -> None:
    for one, other in combinations(FAULTS, 2):
        together = one.start < other.end and other.start < one.end
        related = one.device_id in chain(other.device_id) or other.device_id in chain(one.device_id)
        assert not (together and related), (one, other)


def test_the_demo_ends_with_a_few_faults_that_go_on() -> None:
    faults = demo_schedule(CAMPUS, END - timedelta(weeks=8), END, 7)
    lasting = {fault.kind for fault in faults if fault.end > END}
    assert lasting == {"water.toilet_leak", "meter.frozen", "device.dead", "device.battery_low"}
    assert {fault.kind for fault in faults} >= EVERY_KIND
    assert len([fault for fault in faults if fault.end > END]) <= 15


def test_a_label_survives_json() -> None:
    assert [from_json(to_json(fault)) for fault in FAULTS] == list(FAULTS)


def fault(kind: str, seconds: float, **parameters: float) -> LabelledFault:
    return LabelledFault(
        kind=kind, device_id="em-dorm-a-101", start=START, end=START + timedelta(seconds=seconds), parameters=parameters
    )


def test_a_tap_of_600_litres_an_hour_draws_ten_a_minute() -> None:
    tap = fault("water.running_tap", 3600, flow_l_per_h=600)
    edges = np.array([-60.0, 0.0, 60.0, 3600.0, 7200.0]) + tap.start_s
    assert np.diff(load_until(tap, edges)).round(6).tolist() == [0, 10, 590, 0]


def test_a_thermostat_rests_between() -> None:
    heater = fault("elec.heating_appliance", 300, power_w=1000, on_s=60, off_s=40)
    edges = np.array([0.0, 60.0, 100.0, 160.0, 300.0, 900.0]) + heater.start_s
    assert np.diff(load_until(heater, edges)).tolist() == [60_000, 0, 60_000, 60_000, 0]


@given(cut=st.floats(0, 5000))
def test_a_load_is_the_same_however_it_is_cut(cut: float) -> None:
    heater = fault("elec.heating_appliance", 3000, power_w=1700, on_s=333, off_s=127)
    whole = np.diff(load_until(heater, np.array([0.0, 5000.0]) + heater.start_s)).sum()
    parts = np.diff(load_until(heater, np.array([0.0, cut, 5000.0]) + heater.start_s))
    assert (parts >= 0).all()
    assert parts.sum() == pytest.approx(whole)
