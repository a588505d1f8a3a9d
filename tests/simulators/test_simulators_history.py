"""Histories: repeatable, plausible, and every fault is really in the data."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from devices.model import DeviceKind
from devices.profiles import PROFILES
from simulators.campus import build_campus
from simulators.faults import burst_parameters, demo_schedule
from simulators.history import ROLL_OVER, History, Steps, generate
from simulators.labels import LabelledFault
from simulators.meters import meter_tree, resolution

CAMPUS = build_campus()
END = datetime(2026, 11, 13, 4, tzinfo=UTC)  # Friday noon
START = END - timedelta(days=5)
REGISTERS = ("elec.energy.import", "water.volume")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def fault(kind: str, device_id: str, start_h: float, hours: float, **parameters: float | str) -> LabelledFault:
    return LabelledFault(kind=kind, device_id=device_id, start=at(start_h), end=at(start_h + hours), parameters=parameters)


FAULTS = (
    fault("water.burst", "wm-teach-1-f2", 30, 2, **burst_parameters(CAMPUS, "wm-teach-1-f2", 6000)),
    fault("water.toilet_leak", "wm-library-f3", 40, 60, flow_l_per_h=14),
    fault("elec.left_on", "em-teach-2-f4", 58, 8, power_w=6000, scope="floor"),
    fault("elec.heating_appliance", "em-dorm-a-102", 75, 0.05, power_w=1800, appliance="kettle"),
    fault("meter.frozen", "em-lab-f2", 24, 40, catch_up=1),
    fault("meter.frozen", "em-lab-f3", 24, 40, catch_up=0),
    fault("device.dead", "wm-canteen-f1", 50, 20),
    fault("meter.register_reset", "em-library-f1", 70, 1),
    fault("door.forced", "door-lab-rear", 20.1, 0.1),
    fault("door.held_open", "door-library-main", 77, 0.1),
    fault("fire.smoke", "smoke-lab-f1-1", 61, 0.2),
    fault("device.battery_low", "smoke-lab-f2-1", 61, 20, level_pct=14, pct_per_h=0.8),
    fault("fire.hydrant_pressure", "hydrant-library-1", 61, 4, pressure_kpa=70),
)


@pytest.fixture(scope="module")
def clean() -> History:
    return generate(CAMPUS, start=START, end=END)


@pytest.fixture(scope="module")
def faulty() -> History:
    return generate(CAMPUS, start=START, end=END, faults=FAULTS)


def series(history: History, device_id: str, metric: str) -> pd.Series:
    frame = history.readings.filter(_where(history, device_id, metric)).to_pandas()
    return pd.Series(frame["value"].to_numpy(), index=(frame["ts_ms"] / 1000 - START.timestamp()) / 3600)


def _where(history: History, device_id: str, metric: str) -> np.ndarray:
    columns = (history.readings[name].to_numpy() for name in ("device_id", "metric"))
    devices, metrics = columns
    return (devices == device_id) & (metrics == metric)


def test_same_seed_same_bytes(clean: History) -> None:
    again = generate(CAMPUS, start=START, end=END)
    assert again.readings.equals(clean.readings)
    assert again.events == clean.events
    assert not generate(build_campus(8), start=START, end=END).readings.equals(clean.readings)


def test_rows_are_sorted_and_keys_are_unique(clean: History) -> None:
    frame = clean.readings.to_pandas()
    keys = frame[["device_id", "metric", "ts_ms"]]
    assert not keys.duplicated().any()
    ordered = keys.astype({"device_id": str, "metric": str}).sort_values(["device_id", "metric", "ts_ms"], kind="stable")
    assert (ordered.index == keys.index).all()


def test_registers_only_fall_where_they_roll_over(clean: History) -> None:
    frame = clean.readings.to_pandas()
    frame = frame[frame["metric"].isin(REGISTERS)]
    steps = frame.groupby("device_id", observed=True)["value"].diff()
    fallen = frame[steps < 0]
    assert set(fallen["device_id"]) == set(ROLL_OVER)
    assert (fallen["value"] < 5).all()


@pytest.mark.parametrize("kind", [DeviceKind.ELECTRICITY_METER, DeviceKind.WATER_METER])
def test_sub_meters_never_count_more_than_their_main(clean: History, kind: DeviceKind) -> None:
    tree = meter_tree(CAMPUS, kind)
    register = REGISTERS[kind is DeviceKind.WATER_METER]
    used = {}
    for device, profile in zip(tree.devices, tree.profiles, strict=True):
        values = series(clean, device.id, register)
        used[device.id] = (values.iloc[-1] - values.iloc[0]) % profile.registers[register].modulus
    for device in tree.devices:
        subs = CAMPUS.registry.sub_meters(device.id)
        slack = sum(resolution(PROFILES[sub.profile_id]) for sub in subs) + resolution(PROFILES[device.profile_id])
        assert sum(used[sub.id] for sub in subs) <= used[device.id] + slack


def test_gauges_and_registers_tell_the_same(clean: History) -> None:
    fine = generate(CAMPUS, start=at(60), end=END, steps=Steps(room_power_s=60, water_flow_s=60))
    power = series(fine, "em-dorm-b-204", "elec.power.active")
    energy = series(fine, "em-dorm-b-204", "elec.energy.import")
    assert power.iloc[15:].mean() / 1000 * (len(power) - 15) / 60 == pytest.approx(energy.iloc[-1] - energy.iloc[0], abs=0.02)
    assert len(power) == 60 * 60
    assert len(energy) == 60 * 4


def test_consumption_is_that_of_a_school(clean: History) -> None:
    """Per person and day, per floor and night: nothing absurd."""

    def per_day(device_id: str, metric: str) -> float:
        values = series(clean, device_id, metric)
        return float(values.iloc[-1] - values.iloc[0]) / 5

    assert 50 < per_day("wm-dorm-a", "water.volume") * 1000 / 128 < 160  # litres per resident
    assert 1 < per_day("em-dorm-a-101", "elec.energy.import") < 8  # kWh per room of four
    assert 1500 < per_day("em-campus", "elec.energy.import") < 6000
    night = series(clean, "em-teach-1-f2", "elec.power.active")
    hour = (night.index + START.hour + 8) % 24
    assert night[(hour > 23) | (hour < 5)].max() < 0.1 * night.max()


def test_a_burst_shows_at_floor_building_and_site_and_lowers_the_pressure(clean: History, faulty: History) -> None:
    for meter in ("wm-teach-1-f2", "wm-teach-1", "wm-campus"):
        more = series(faulty, meter, "water.flow")[31.0] - series(clean, meter, "water.flow")[31.0]
        assert more == pytest.approx(6.0, abs=0.01)
    pressure = series(faulty, "hydrant-teach-1-1", "water.pressure")
    assert pressure[31.0] < pressure[29.0] - 60
    assert series(faulty, "hydrant-lab-1", "water.pressure")[31.0] > 300


def test_a_leak_never_lets_the_night_rest(faulty: History) -> None:
    volume = series(faulty, "wm-library-f3", "water.volume")
    inside = volume.loc[41:99].diff().dropna()
    assert inside.min() > 0.0029
    assert (volume.loc[:39].diff().dropna() == 0).sum() > 50


def test_what_was_left_on_and_what_was_boiled_are_on_every_meter_above(clean: History, faulty: History) -> None:
    for meter in ("em-teach-2-f4", "em-teach-2"):
        more = series(faulty, meter, "elec.power.active")[62.0] - series(clean, meter, "elec.power.active")[62.0]
        assert more == pytest.approx(6000, abs=0.2)
    extra = {
        meter: series(faulty, meter, "elec.energy.import").loc[76] - series(clean, meter, "elec.energy.import").loc[76]
        for meter in ("em-dorm-a-102", "em-dorm-a-f1", "em-dorm-a")
    }
    assert all(kwh == pytest.approx(0.09, abs=0.011) for kwh in extra.values())


def test_a_frozen_meter_stands_still_then_catches_up_or_not(clean: History, faulty: History) -> None:
    for meter, lost in (("em-lab-f2", False), ("em-lab-f3", True)):
        shown, true = (series(history, meter, "elec.energy.import") for history in (faulty, clean))
        assert shown.loc[24.25:64].nunique() == 1
        assert series(faulty, meter, "elec.power.active").loc[24.25:64].nunique() == 1
        missed = true[64.0] - true[24.0]
        assert true[70.0] - shown[70.0] == pytest.approx(missed if lost else 0.0, abs=0.02)


def test_a_dead_meter_is_silent_and_a_reset_one_starts_from_nothing(faulty: History) -> None:
    assert series(faulty, "wm-canteen-f1", "water.volume").loc[50:69.99].empty
    assert not series(faulty, "wm-canteen-f1", "water.volume").loc[70:].empty
    energy = series(faulty, "em-library-f1", "elec.energy.import")
    assert energy.loc[70.25] < 10 < energy.loc[70.0]


def test_detectors_and_batteries_tell_their_fault(faulty: History) -> None:
    smoke = series(faulty, "smoke-lab-f1-1", "smoke")
    assert smoke[smoke == 1].index.min() == pytest.approx(61)
    assert smoke.iloc[-1] == 0
    assert series(faulty, "smoke-lab-f1-1", "smoke.density").loc[61:61.19].min() > 3.28
    assert series(faulty, "smoke-lab-f2-1", "battery.level").loc[61:80].max() < 15
    assert series(faulty, "hydrant-library-1", "water.pressure").loc[62:64].max() < 100
    assert [event.type for event in faulty.events if event.device_id == "smoke-lab-f1-1"] == ["alarm.smoke"]


def test_doors_open_after_a_grant_except_when_forced(faulty: History) -> None:
    granted: dict[str, int] = {}
    forced = []
    for event in faulty.events:
        if event.type == "access.granted":
            granted[event.device_id] = event.ts_ms
        elif event.type == "door.opened" and event.ts_ms - granted.get(event.device_id, 0) > 5000:
            forced.append((event.device_id, event.ts_ms))
    assert forced == [("door-lab-rear", round(at(20.1).timestamp() * 1000))]
    assert sum(event.type == "access.denied" for event in faulty.events) > 5


def test_open_and_closed_alternate_at_every_door(faulty: History) -> None:
    contacts = faulty.readings.to_pandas().query("metric == 'door.open'")
    for device_id, rows in contacts.groupby("device_id", observed=True):
        assert (rows["value"].diff().dropna() != 0).all(), device_id


def test_a_choice_of_devices_changes_what_is_written_not_what_happens(faulty: History) -> None:
    few = generate(CAMPUS, start=START, end=END, faults=FAULTS, device_ids=frozenset({"em-dorm-a", "smoke-lab-f1-1"}))
    assert set(few.readings["device_id"].to_pylist()) == {"em-dorm-a", "smoke-lab-f1-1"}
    assert series(few, "em-dorm-a", "elec.energy.import").equals(series(faulty, "em-dorm-a", "elec.energy.import"))
    assert few.state == faulty.state


def test_door_traffic_can_be_limited_to_the_last_days_but_labels_stay() -> None:
    late = generate(CAMPUS, start=START, end=END, faults=FAULTS, events_from=at(96))
    early = [event for event in late.events if event.ts_ms < at(96).timestamp() * 1000]
    assert {event.device_id for event in early} == {"door-lab-rear", "door-library-main", "smoke-lab-f1-1"}


def test_the_demo_history_hands_over_a_frozen_meter() -> None:
    start = END - timedelta(weeks=2)
    made = generate(CAMPUS, start=start, end=END, faults=demo_schedule(CAMPUS, start, END, 7))
    assert set(made.state.frozen) == {"em-teach-1-f3"}
    assert {fault.kind for fault in made.state.faults} >= {"device.dead", "water.toilet_leak", "meter.frozen"}
