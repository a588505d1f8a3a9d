"""Scenarios: every kind is there, labelled, repeatable, and their events and readings show it."""

from datetime import UTC, datetime, timedelta

import numpy as np

from simulators.campus import build_campus
from simulators.door_scenarios import EVENT_KINDS, scenario_events
from simulators.faults import schedule
from simulators.labels import LabelledFault, is_outage
from simulators.scenarios import NORMAL, scenarios
from simulators.sensors import readings

CAMPUS = build_campus()
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
WEEK = timedelta(weeks=1)
TAKEN = schedule(CAMPUS, START, START + 5 * WEEK, 7, warm_up=WEEK)
FOUND = scenarios(CAMPUS, START, START + 5 * WEEK, 7, taken=TAKEN, warm_up=WEEK)


def one(kind: str) -> LabelledFault:
    return next(fault for fault in FOUND if fault.kind == kind)


def test_every_scenario_is_there_and_the_same_again() -> None:
    kinds = {fault.kind for fault in FOUND}
    assert kinds >= EVENT_KINDS | {"cold.failing", "cold.limit", "cold.sensor_stuck", "fire.detector_dusty", "fire.pressure_loss"}
    assert kinds >= {NORMAL + name for name in ("class_bell", "pump_test", "steam", "insects", "boiler_refill", "sports_day")}
    assert scenarios(CAMPUS, START, START + 5 * WEEK, 7, taken=TAKEN, warm_up=WEEK) == FOUND


def test_an_outage_hides_no_brief_fault() -> None:
    [outage] = [fault for fault in FOUND if is_outage(fault)]
    brief = [fault for fault in (*TAKEN, *FOUND) if fault is not outage and fault.end - fault.start < timedelta(hours=22)]
    assert all(fault.end < outage.start or outage.end < fault.start for fault in brief)


def test_events_come_in_order_and_at_their_time() -> None:
    for fault in FOUND:
        events = scenario_events(CAMPUS, fault)
        assert bool(events) is (fault.kind in EVENT_KINDS)
        assert [event.ts_ms for event in events] == sorted(event.ts_ms for event in events)
        assert all(fault.start_s - 10 <= event.ts_ms / 1000 <= fault.end_s + 600 for event in events)


def test_a_fire_release_opens_every_door_of_the_building() -> None:
    fire = next(fault for fault in FOUND if fault.number("release"))
    building = CAMPUS.registry.building(CAMPUS.registry.devices[fire.device_id].space_id)
    doors = {fault.device_id for fault in FOUND if fault.kind == "normal.fire_release"}
    assert doors
    assert {CAMPUS.registry.building(CAMPUS.registry.devices[door].space_id) for door in doors} == {building}


def test_readings_show_dust_and_steam_stays_below_the_alarm() -> None:
    dust, steam = one("fire.detector_dusty"), one("normal.steam")
    device = CAMPUS.registry.devices[dust.device_id]
    at_s = np.array([dust.start_s - 60, dust.end_s - 60])
    before, after = readings(CAMPUS, device, at_s, [dust])["smoke.density"]
    assert after - before > 1.5
    at_s = np.linspace(steam.start_s, steam.end_s, 30)
    values = readings(CAMPUS, CAMPUS.registry.devices[steam.device_id], at_s, [steam])
    assert values["smoke.density"].max() < 3.28
    assert not values["smoke"].any()
