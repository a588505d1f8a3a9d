"""Scenarios of meters: each is there with its label, and the physics is what the label says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from devices.model import DeviceKind
from simulators.campus import build_campus
from simulators.history import Steps, generate
from simulators.labels import LabelledFault, load_until
from simulators.live_meters import LiveMeters
from simulators.meter_scenarios import meter_scenarios
from simulators.register_faults import garbled
from simulators.state import SimulatorState
from simulators.timetable import Floats
from simulators.voltage import has_quality, quality_readings

CAMPUS = build_campus()
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
WEEK, DAY_S = timedelta(weeks=1), 86_400.0
END = START + 9 * WEEK
FOUND = meter_scenarios(CAMPUS, START, END, 7, taken=(), warm_up=WEEK)
KINDS = {
    *("water.drip", "beyond.drip", "water.creeping_leak", "water.network_leak", "water.running_tap"),
    *("meter.reversed", "meter.balance", "meter.register_jump", "meter.spike", "elec.no_load", "elec.creeping_base"),
    *("elec.power_quality", "normal.solar", "normal.glitch", "normal.backlog", "normal.clock_shift"),
}


def fault(kind: str, device_id: str, start_h: float, hours: float, **parameters: float | str) -> LabelledFault:
    start = START + timedelta(hours=start_h)
    return LabelledFault(kind=kind, device_id=device_id, start=start, end=start + timedelta(hours=hours), parameters=parameters)


def drawn(one: LabelledFault, *hours: float) -> Floats:
    """What it has drawn so many hours after its start: litres or joules."""
    return load_until(one, one.start_s + 3600 * np.array(hours))


def series(one: LabelledFault | None, device_id: str, metric: str, days: float = 2) -> tuple[Floats, Floats]:
    history = generate(
        CAMPUS,
        start=START,
        end=START + timedelta(days=days),
        faults=[one] if one else [],
        steps=Steps(),
        device_ids=frozenset({device_id}),
    )
    rows = history.readings.filter(np.asarray(history.readings["metric"].cast("string")) == metric)
    return rows["ts_ms"].to_numpy() / 1000, rows["value"].to_numpy()


def test_every_kind_is_there_and_the_same_again() -> None:
    assert {one.kind for one in FOUND} == KINDS
    assert meter_scenarios(CAMPUS, START, END, 7, taken=(), warm_up=WEEK) == FOUND
    assert all(START + WEEK < one.start < one.end < END for one in FOUND)


def test_slow_faults_begin_only_where_the_weeks_before_are_known() -> None:
    slow = [one for one in FOUND if one.kind in ("water.drip", "water.creeping_leak", "water.network_leak", "elec.creeping_base")]
    assert min(one.start for one in slow) >= START + 3 * WEEK - timedelta(days=1)


def test_labels_that_are_taken_do_not_move_and_are_not_hidden() -> None:
    taken = (fault("meter.frozen", "wm-lab-f2", 24 * 10, 24 * 40),)
    beside = meter_scenarios(CAMPUS, START, END, 7, taken=taken, warm_up=WEEK)
    assert all(one.device_id != "wm-lab-f2" or one.end < taken[0].start or taken[0].end < one.start for one in beside)


def test_one_dripping_tap_is_15_to_25_litres_a_day() -> None:
    for tap in (one for one in FOUND if one.kind == "beyond.drip"):
        assert 14.5 <= drawn(tap, 24)[0] <= 25.5


def test_a_creeping_leak_grows_and_then_stays() -> None:
    leak = fault("water.creeping_leak", "wm-lab-f1", 0, 300, flow_l_per_h=100.0, ramp_h=200.0)
    at = drawn(leak, 0, 20, 100, 200, 250, 300)
    assert at[1:3] == pytest.approx([100.0, 2500.0])
    assert np.diff(at)[3:] == pytest.approx([5000.0, 5000.0])


def test_a_tap_is_left_running_on_a_meter_that_drips() -> None:
    drips = {one.device_id: one for one in FOUND if one.kind == "water.drip"}
    taps = [one for one in FOUND if one.kind == "water.running_tap" and one.device_id in drips]
    assert taps
    assert all(drips[tap.device_id].start < tap.start < tap.end < drips[tap.device_id].end for tap in taps)


def test_a_network_leak_is_counted_by_the_inlet_alone() -> None:
    leak = fault("water.network_leak", "wm-campus", 12, 30, flow_l_per_h=400.0)
    for device_id, extra in (("wm-campus", 400 * 30 / 1000), ("wm-dorm-a", 0.0)):
        _, with_leak = series(leak, device_id, "water.volume")
        _, without = series(None, device_id, "water.volume")
        assert with_leak[-1] - without[-1] == pytest.approx(extra, abs=0.02)


def test_a_reversed_meter_counts_back_at_night() -> None:
    back = fault("meter.reversed", "wm-teach-1-f2", 1, 2, flow_l_per_h=-150.0)
    at_s, register = series(back, "wm-teach-1-f2", "water.volume")
    low, high = np.searchsorted(at_s, [back.start_s, back.end_s])
    assert register[high] - register[low - 1] == pytest.approx(-0.3, abs=0.05)


def test_solar_cells_work_by_day_only_and_an_import_register_never_falls() -> None:
    sun = fault("normal.solar", "em-canteen-f2", 0, 48, power_w=-60_000.0, sun=1.0)
    assert drawn(sun, 5)[0] == 0  # one to six in the morning, local time
    assert drawn(sun, 24)[0] / 3.6e6 == pytest.approx(-60 * 24 / np.pi, rel=1e-6)
    _, register = series(sun, "em-canteen-f2", "elec.energy.import")
    _, power = series(sun, "em-canteen-f2", "elec.power.active")
    assert power.min() < 0
    assert (np.diff(register) >= 0).all()


@pytest.mark.parametrize("kind", ["elec.no_load", "meter.spike", "meter.wrong_unit"])
def test_a_wrong_factor_is_the_meters_alone(kind: str) -> None:
    wrong = fault(kind, "em-lab-f2", 12, 6, factor=0.02)
    at_s, with_fault = series(wrong, "em-lab-f2", "elec.energy.import")
    _, without = series(None, "em-lab-f2", "elec.energy.import")
    low, high = np.searchsorted(at_s, [wrong.start_s, wrong.end_s])
    assert with_fault[high] - with_fault[low] == pytest.approx(0.02 * (without[high] - without[low]), abs=0.05)
    assert series(wrong, "em-lab", "elec.energy.import")[1].tolist() == series(None, "em-lab", "elec.energy.import")[1].tolist()


def test_a_worn_sub_meter_is_labelled_at_its_main() -> None:
    worn = next(one for one in FOUND if one.kind == "meter.balance")
    assert CAMPUS.registry.devices[str(worn.parameters["sub"])].upstream_id == worn.device_id
    half = fault("meter.balance", "wm-dorm-a", 12, 12, sub="wm-dorm-a-f1", factor=0.5)
    at_s, counted = series(half, "wm-dorm-a-f1", "water.volume")
    _, flowing = series(None, "wm-dorm-a-f1", "water.volume")
    low, high = np.searchsorted(at_s, [half.start_s, half.end_s])
    assert (counted[high] - counted[low]) / (flowing[high] - flowing[low]) == pytest.approx(0.5, abs=0.05)


def test_what_arrives_is_garbled_and_the_register_goes_on() -> None:
    at_s = np.arange(0, 7200, 900) + int(START.timestamp())
    values = np.arange(100.0, 108.0)
    glitched = garbled(at_s, values, [fault("normal.glitch", "em-lab-f1", 0, 1)], register=True)[1]
    assert glitched[0] == 0
    assert glitched[2] > 50_000
    assert glitched[4:].tolist() == values[4:].tolist()


def test_voltages_stay_within_limits_but_for_the_fault() -> None:
    device = CAMPUS.registry.devices["em-lab"]
    assert has_quality(device)
    at_s = START.timestamp() + np.arange(0, DAY_S, 300)
    healthy = quality_readings(CAMPUS, device, at_s, [])
    phases = np.array([values for metric, values in healthy.items() if "voltage" in metric])
    assert phases.min() > 0.9 * 220
    assert phases.max() < 1.07 * 220
    assert np.ptp(phases, axis=0).max() < 0.04 * 220
    assert healthy["elec.power_factor"].min() > 0.85
    faulty = quality_readings(CAMPUS, device, at_s, [fault("elec.power_quality", "em-lab", 0, 24, fault="apart")])
    assert np.ptp([values for metric, values in faulty.items() if "voltage" in metric], axis=0).min() > 0.04 * 220


def test_live_meters_miscount_and_jump_as_history_does() -> None:
    ids = [device.id for device in CAMPUS.devices if device.kind is DeviceKind.ELECTRICITY_METER]
    state = SimulatorState(
        site_id=CAMPUS.site_id, seed=CAMPUS.seed, at_ms=round(START.timestamp() * 1000), registers=dict.fromkeys(ids, 1000.0)
    )
    faults = [fault("elec.no_load", "em-lab-f2", 0, 2, factor=0.0), fault("meter.register_jump", "em-lab-f3", 0.5, 1, jump=500.0)]
    live = LiveMeters(CAMPUS, DeviceKind.ELECTRICITY_METER, state)
    live.advance(START.timestamp() + 3600, faults)
    registers = live.registers()
    assert registers["em-lab-f2"] == 1000.0
    assert registers["em-lab-f3"] == pytest.approx(1502, abs=2)
    assert registers["em-lab-f1"] == pytest.approx(1002, abs=2)
