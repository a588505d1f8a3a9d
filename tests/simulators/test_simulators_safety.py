"""Safety scenarios: each detector of doors, fire, cold stores and rooms has one with truth, and what is drawn shows it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analytics.finding import FindingKind
from simulators import safety_events
from simulators.annex import GATE_IN, GATE_OUT, room_meter
from simulators.campus import build_campus
from simulators.door_scenarios import scenario_events
from simulators.doors import passages
from simulators.faults import schedule
from simulators.gates import gate_events, night_of
from simulators.history import Steps, generate
from simulators.labels import LabelledFault, is_outage
from simulators.safety_scenarios import BEYOND
from simulators.scenarios import NORMAL, scenarios
from simulators.sensors import readings
from simulators.timetable import day_of, day_start_s

CAMPUS = build_campus()
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
WEEK = timedelta(weeks=1)
END = START + 5 * WEEK
TAKEN = schedule(CAMPUS, START, END, 7, warm_up=WEEK)
FOUND = scenarios(CAMPUS, START, END, 7, taken=TAKEN, warm_up=WEEK)
ALL = (*TAKEN, *FOUND)


def of(kind: str, **having: float) -> list[LabelledFault]:
    return [fault for fault in FOUND if fault.kind == kind and all(fault.number(name) == value for name, value in having.items())]


def values(fault: LabelledFault, metric: str, *at_share: float) -> list[float]:
    """At these shares of the fault's time; below 0 and above 1 before and after it."""
    at_s = np.array([fault.start_s + share * (fault.end_s - fault.start_s) for share in at_share])
    return [float(value) for value in readings(CAMPUS, CAMPUS.registry.devices[fault.device_id], at_s, ALL)[metric]]


@pytest.mark.parametrize("family", ["door.", "fire.", "cold."])
def test_every_detector_of_a_family_has_a_scenario(family: str) -> None:
    kinds = {fault.kind for fault in ALL}
    assert not {kind.value for kind in FindingKind if kind.startswith(family)} - kinds


def test_what_is_beyond_the_detectors_and_what_only_looks_so_is_there() -> None:
    kinds = {fault.kind for fault in FOUND}
    looks = ("toast", "aerosol", "cooking", "kitchen_heat", "bell_rush", "exam_day", "holiday_reader", "hair_dryer", "test_day")
    assert kinds >= {NORMAL + name for name in looks}
    quarters = ("kettle_by_quarters", "plate_by_quarters", "heater_by_quarters")
    assert kinds >= {BEYOND + name for name in ("blanket_150w", "pot_300w", *quarters)}
    assert kinds >= safety_events.KINDS


def test_the_outage_hides_none_of_them() -> None:
    [outage] = [fault for fault in FOUND if is_outage(fault)]
    brief = [fault for fault in FOUND if fault is not outage and fault.end - fault.start < timedelta(hours=20)]
    assert all(fault.end < outage.start or outage.end < fault.start for fault in brief)


def test_a_flaming_fire_is_seen_by_two_detectors_of_the_floor() -> None:
    first, second = (fault for fault in FOUND if fault.kind == "fire.smoke" and fault.number("growth_s"))
    (confirmed,) = of("fire.confirmed")
    assert confirmed.device_id == second.device_id
    assert first.device_id.rpartition("-")[0] == second.device_id.rpartition("-")[0]
    early, late = values(first, "smoke.density", 0.01, 0.9)
    assert 3.28 < early < late


def test_toast_and_kitchens_stay_below_the_alarm() -> None:
    for name in ("toast", "aerosol", "cooking"):
        assert 1.0 < max(values(of(NORMAL + name)[0], "smoke.density", 0.4, 0.5, 0.6)) < 3.28
    (hottest,) = values(of("normal.kitchen_heat")[0], "env.temperature", 0.5)
    assert 40 < hottest < 57


def test_a_cap_takes_the_noise_and_a_stuck_sensor_everything() -> None:
    for covered in (1.0, 0.0):
        (fault,) = of("fire.sensor_stuck", covered=covered)
        metric = next(
            name for name in readings(CAMPUS, CAMPUS.registry.devices[fault.device_id], np.array([0.0]), ()) if "." in name
        )
        inside = values(fault, metric, *np.linspace(0.01, 0.99, 50))
        assert np.ptp(inside) <= 0.0101 * covered + 1e-9


def test_the_tank_falls_below_its_least_level_and_the_damp_store_rises() -> None:
    before, inside = values(of("fire.tank_level")[0], "level.height", -0.1, 0.9)
    assert (before > 3, inside < 2.2) == (True, True)
    before, inside = values(of("cold.humidity")[0], "env.humidity", -0.5, 0.9)
    assert before < 85 < inside


def test_a_loop_falls_silent_with_its_panel_s_word_and_each_device_has_its_label() -> None:
    (told,) = of("fire.loop_fault")
    silent = of("fire.device_silent", loop=1.0)
    assert len(silent) >= 6
    assert {(fault.start, fault.end) for fault in silent} == {(told.start, told.end)}
    assert [event.type for event in scenario_events(CAMPUS, told)] == ["loop.fault", "loop.fault.cleared"]


def test_a_dead_reader_still_lets_people_out() -> None:
    (fault,) = of("door.reader_dead")
    day = day_of(fault.start) + 1
    through = [one for one in passages(CAMPUS, day, ALL) if one.device_id == fault.device_id and fault.active(one.asked_ms / 1000)]
    assert through
    assert {one.direction for one in through} == {"out"}


def test_all_are_back_but_those_who_stay_out() -> None:
    late = {night_of(fault): fault for fault in of("door.not_back")}
    for day in range(day_of(START) + 7, day_of(START) + 21):
        inside: set[object] = set()
        for event in gate_events(CAMPUS, day, ALL):
            if event.type == "access.granted":
                assert event.device_id == (GATE_IN if event.attributes["direction"] == "in" else GATE_OUT)
                (inside.add if event.attributes["direction"] == "in" else inside.discard)(event.attributes["person"])
                assert event.ts_ms / 1000 < day_start_s(day) + 23.4 * 3600
        assert 24 - len(inside) == (late[day].number("people") if day in late else 0)


def test_quarter_hour_meters_tell_the_mean_of_their_quarter() -> None:
    meter = room_meter("105")
    fault = LabelledFault(
        kind="beyond.kettle_by_quarters",
        device_id=meter,
        start=START + timedelta(hours=4, minutes=2),
        end=START + timedelta(hours=4, minutes=5),
        parameters={"power_w": 2000.0, "appliance": "kettle"},
    )
    made = [
        generate(CAMPUS, start=START, end=START + timedelta(hours=6), faults=faults, steps=Steps(), device_ids=frozenset({meter}))
        for faults in ((), (fault,))
    ]
    quiet, boiled = (
        {ts: value for metric, ts, value in zip(*(t[name].to_pylist() for name in ("metric", "ts_ms", "value")), strict=True)
         if metric == "elec.power.active"}
        for t in (one.readings for one in made)
    )  # fmt: skip
    more = {ts: round(boiled[ts] - quiet[ts]) for ts in quiet if abs(boiled[ts] - quiet[ts]) > 1}
    assert list(more.values()) == [400]  # 2 kW for 3 of 15 minutes
    assert len(quiet) == 24
