"""Doors, fire devices and cold stores together: what happens, what is said of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from analytics.detectors import access, cold_chain, door, door_contact, upkeep
from analytics.finding import Finding, FindingKind
from analytics.lookout import TEST_CAUSE, Lookout
from devices.model import Device, DeviceKind, Event, Reading, Space, SpaceKind, UseType
from devices.registry import Registry

NOON = round(datetime(2026, 3, 10, 4, tzinfo=UTC).timestamp() * 1000)  # 12:00 in Shanghai, a Tuesday
NIGHT = NOON + 14 * 3_600_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000


def space(space_id: str, kind: SpaceKind, parent: str | None, use: UseType = UseType.TEACHING) -> Space:
    return Space(id=space_id, kind=kind, name=space_id, name_zh=space_id, parent_id=parent, use=use)


def device(device_id: str, kind: DeviceKind, profile: str, space_id: str, **attributes: str) -> Device:
    return Device(id=device_id, kind=kind, profile_id=profile, space_id=space_id, name=device_id, name_zh="", attributes=attributes)


DOOR, SMOKE = DeviceKind.DOOR_CONTROLLER, DeviceKind.SMOKE_DETECTOR
COLD = device("cold", DeviceKind.COLD_STORE, "cold-store", "k-f1")
HYDRANT = device("hydrant", DeviceKind.HYDRANT_PRESSURE, "hydrant", "t-f1", low_m="2")
SPACES = (
    space("site", SpaceKind.SITE, None, UseType.CAMPUS),
    space("t", SpaceKind.BUILDING, "site"),
    space("t-f1", SpaceKind.FLOOR, "t"),
    space("d", SpaceKind.BUILDING, "site", UseType.DORMITORY),
    space("d-f1", SpaceKind.FLOOR, "d", UseType.DORMITORY),
    space("k", SpaceKind.BUILDING, "site", UseType.CANTEEN),
    space("k-f1", SpaceKind.FLOOR, "k", UseType.CANTEEN),
)
DEVICES = (
    device("t-main", DOOR, "door", "t-f1"),
    device("t-rear", DOOR, "door", "t-f1"),
    device("d-main", DOOR, "door", "d-f1"),
    device("far", DOOR, "door", "k-f1", x_m="0", y_m="0"),
    device("smoke-1", SMOKE, "smoke", "t-f1"),
    device("smoke-2", SMOKE, "smoke", "t-f1"),
    device("smoke-k", SMOKE, "smoke", "k-f1"),
    COLD,
    HYDRANT,
)
REGISTRY = Registry(SPACES, DEVICES)
BY_ID = REGISTRY.devices
SYSTEM = {"system_type": 1.0}


def event(device_id: str, kind: str, at_s: float, **attributes: str) -> Event:
    return Event(device_id=device_id, type=kind, ts_ms=NOON + round(1000 * at_s), attributes=dict(attributes))


def card(device_id: str, at_s: float, person: str = "a", **attributes: str) -> Event:
    return event(device_id, "access.granted", at_s, person=person, **attributes)


def said(events: list[Event]) -> list[str]:
    lookout = Lookout(REGISTRY)
    found = [finding for one in events for finding in lookout.take(one)]
    for finding in found:
        assert finding.message % dict(finding.facts)
        assert finding.seen >= finding.started
    return [finding.kind.value for finding in found if finding.active]


DENIED = [event("t-main", "access.denied", 9 * n, person=f"p{n}") for n in range(7)]
BELL = [
    one
    for n in range(60)
    for one in (
        card("t-main", 6 * n, f"p{n}"),
        event("t-main", "door.opened", 6 * n + 1),
        event("t-main", "door.closed", 6 * n + 4),
    )
]
CHATTER = [event("t-main", "door.opened" if n % 2 == 0 else "door.closed", 0.3 * n) for n in range(400)]
LEARNT = [card("t-main", 60 * n, f"p{n}") for n in range(40)]
EXITS = [event("t-main", "door.exit_request", 2400 + 1800 * n) for n in range(40)]

CASES = [
    ("seven refusals are one burst", DENIED, ["door.denied_burst"]),
    ("refusals spread over a day are none", [event("t-main", "access.denied", 3000 * n) for n in range(9)], []),
    ("a class that leaves is normal", BELL, []),
    ("hundreds of changes are one finding", CHATTER, ["door.chattering"]),
    ("a card in two buildings", [card("t-main", 0), card("d-main", 5)], ["door.impossible_travel"]),
    ("and with time to walk", [card("t-main", 0), card("d-main", 90)], []),
    ("a card at two doors at once", [card("t-main", 0), card("t-rear", 3)], ["door.card_shared"]),
    ("handed back", [card("t-main", 0), card("t-main", 14)], ["door.pass_back"]),
    ("read twice by the reader", [card("t-main", 0), card("t-main", 0.8)], []),
    ("out and in again", [card("t-main", 0), card("t-main", 9, direction="out"), card("t-main", 20)], []),
    ("a lost card", [event("t-main", "access.denied", 0, person="a", reason="lost_card")], ["door.lost_card"]),
    ("at night in a school building", [card("t-main", 14 * 3600)], ["door.after_hours"]),
    ("at night in a dormitory", [card("d-main", 14 * 3600)], []),
    ("out at night", [card("t-main", 14 * 3600, direction="out")], []),
    ("people go out, nobody's card is read", [*LEARNT, *EXITS], ["door.reader_dead"]),
    ("the controller saw two go through", [event("t-main", "access.tailgating", 0)], ["door.tailgating"]),
]


@pytest.mark.parametrize(("events", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_doors(events: list[Event], expected: list[str]) -> None:
    assert said(events) == expected


def test_no_name_and_no_card_is_shown() -> None:
    lookout = Lookout(REGISTRY)
    found = [f for one in (card("t-main", 0, "secret"), card("d-main", 5, "secret")) for f in lookout.take(one)]
    assert found
    assert "secret" not in repr(found)


def test_what_was_quiet_ends_and_a_restart_does_not_forget_it() -> None:
    lookout = Lookout(REGISTRY)
    (begun,) = [finding for one in DENIED for finding in lookout.take(one)]
    later = Lookout(REGISTRY)
    later.resume(begun)
    for one in (lookout, later):
        (ended,) = one.tick(NOON + 3_600_000)
        assert (ended.kind, ended.active, ended.started) == (begun.kind, False, begun.started)


def smoke(device_id: str, at_s: float) -> Finding:
    at = datetime.fromtimestamp(NOON / 1000 + at_s, UTC)
    return Finding(
        kind=FindingKind.FIRE_SMOKE,
        device_id=device_id,
        space_id=BY_ID[device_id].space_id,
        active=True,
        score=1,
        started=at,
        seen=at,
        message="",
    )


def test_two_detectors_of_a_zone_confirm_and_one_does_not() -> None:
    lookout = Lookout(REGISTRY)
    assert lookout.confirm(smoke("smoke-1", 0)) == []
    assert lookout.confirm(smoke("smoke-1", 5)) == []
    assert lookout.confirm(smoke("smoke-k", 6)) == []
    (confirmed,) = lookout.confirm(smoke("smoke-2", 10))
    assert (confirmed.kind, confirmed.active) == (FindingKind.FIRE_CONFIRMED, True)


def test_a_test_marks_and_never_hides() -> None:
    lookout = Lookout(REGISTRY)
    lookout.take(event("smoke-1", "test.begin", 0))
    marked = lookout.worded(smoke("smoke-2", 1))
    assert (marked.cause, marked.active, marked.kind) == (TEST_CAUSE, True, FindingKind.FIRE_SMOKE)
    lookout.take(event("smoke-1", "test.end", 9))
    assert lookout.worded(smoke("smoke-2", 10)).cause != TEST_CAUSE


def test_a_fire_releases_the_doors_of_its_building_only() -> None:
    lookout = Lookout(REGISTRY)
    alarm = event("smoke-1", "alarm.smoke", 0)
    assert lookout.released(alarm, [smoke("smoke-1", 0)]) == {"t-main", "t-rear"}
    assert lookout.released(event("t-main", "fire.release", 0), []) == {"t-main", "t-rear"}
    assert lookout.released(event("t-main", "door.released", 0), []) == {"t-main"}


def test_the_last_alarm_of_a_building_locks_its_doors_again() -> None:
    lookout = Lookout(REGISTRY)
    alarm = event("smoke-1", "alarm.smoke", 0)
    lookout.released(alarm, [smoke("smoke-1", 0)])
    lookout.released(alarm, [smoke("smoke-2", 0)])
    over = [replace(smoke(name, 60), active=False) for name in ("smoke-1", "smoke-2", "smoke-1")]
    assert [bool(lookout.relocked(alarm, [one])) for one in over] == [False, True, True]
    assert lookout.relocked(event("t-main", "door.locked", 0), []) == {"t-main"}


@pytest.mark.parametrize("released", [False, True])
def test_a_released_door_is_not_forced(*, released: bool) -> None:
    state = door.DoorState(open=False)
    if released:
        state = door.release(state, NOON)
    found = []
    for one in (event("t-main", "door.opened", 5), event("t-main", "door.forced", 5.2)):
        state, finding = door.step(state, one, BY_ID["t-main"])
        found.append(finding)
    for at_s in (9, 200):
        state, finding = door.tick(state, NOON + 1000 * at_s, BY_ID["t-main"])
        found.append(finding)
    assert [finding.kind for finding in found if finding] == ([] if released else [FindingKind.DOOR_FORCED])


def play(metric: str, rows: list[tuple[int, float]], one: Device) -> list[tuple[str, bool]]:
    lookout, found = Lookout(REGISTRY), list[Finding]()
    for ts_ms, value in rows:
        found += lookout.take(Reading(one.id, metric, ts_ms, value))
    assert all(finding.message % dict(finding.facts) for finding in found)
    return [(finding.kind.value, finding.active) for finding in found]


def hours(values: list[float], step_ms: int = HOUR_MS) -> list[tuple[int, float]]:
    return [(NOON + step_ms * n, value) for n, value in enumerate(values)]


def test_dust_is_told_after_days_and_its_cleaning_too() -> None:
    values = [0.2] * 72 + [1.8] * 120 + [0.2] * 72
    assert play("smoke.density", hours(values), BY_ID["smoke-1"]) == [("fire.detector_dusty", True), ("fire.detector_dusty", False)]


def test_steam_and_insects_are_no_dust() -> None:
    values = [2.5 if n % 24 == 7 else 0.2 for n in range(400)]
    assert play("smoke.density", hours(values), BY_ID["smoke-1"]) == []


def test_pressure_that_sinks_for_weeks() -> None:
    sinking = [400.0 - max(n - 240, 0) * 0.25 for n in range(800)]
    assert play("water.pressure", hours(sinking), HYDRANT)[:1] == [("fire.pressure_loss", True)]


def test_a_pump_test_and_a_closed_valve_are_no_slow_loss() -> None:
    tested = [400.0 if n % 200 else 200.0 for n in range(800)]
    shut = [400.0] * 240 + [300.0] * 240
    assert play("water.pressure", hours(tested), HYDRANT) == []
    assert play("water.pressure", hours(shut), HYDRANT) == []


def test_a_tank_that_runs_dry() -> None:
    rows = hours([3.0, 1.9, 1.9, 2.05, 2.3])
    assert play("level.height", rows, HYDRANT) == [("fire.tank_level", True), ("fire.tank_level", False)]


def wave(count: int, middle: float) -> list[float]:
    return [round(middle + (0.4, 0.1, -0.4, -0.1)[n % 4] + 0.01 * (n % 7), 2) for n in range(count)]


FIVE_MIN = 300_000
COLD_CASES = [
    ("all well", wave(1000, 4), []),
    ("the door stood open", wave(100, 4) + [12.0] * 4 + wave(100, 4), []),
    ("too warm", wave(100, 4) + wave(20, 12) + wave(100, 4), [("cold.limit", True), ("cold.limit", False)]),
    ("stuck", wave(100, 4) + [4.0] * 100 + wave(10, 4), [("cold.sensor_stuck", True), ("cold.sensor_stuck", False)]),
    ("failing", wave(800, 4) + wave(200, 6), [("cold.failing", True)]),
]


@pytest.mark.parametrize(("values", "expected"), [case[1:] for case in COLD_CASES], ids=[case[0] for case in COLD_CASES])
def test_cold_stores(values: list[float], expected: list[tuple[str, bool]]) -> None:
    assert play("env.temperature", hours(values, FIVE_MIN), COLD) == expected


NAN, INF = float("nan"), float("inf")
ODD: dict[str, list[tuple[int, float]]] = {
    "empty": [],
    "one point": hours([1.0]),
    "not numbers": hours([NAN] * 300),
    "infinite": hours([INF, -INF] * 100),
    "some not numbers": hours([NAN if n % 3 else 5.0 for n in range(400)]),
    "constant": hours([5.0] * 500),
    "unsorted": hours(wave(500, 4))[::-1],
    "duplicate": [row for row in hours(wave(300, 4)) for _ in range(2)],
    "ten-year gap": hours(wave(300, 4)) + [(ts + 3653 * DAY_MS, v) for ts, v in hours(wave(300, 9))],
    "future": [(ts + 60 * 365 * DAY_MS, v) for ts, v in hours(wave(300, 4))],
    "beyond all calendars": [(0, 1.0), (4_000_000_000_000, 2.0), (7_000_000_000_000, 3.0)],
    "giant": hours([1e300, -1e300] * 100),
}
METRICS = ["smoke.density", "water.pressure", "level.height", "tamper", "env.temperature", "env.humidity", "door.open"]
EVENTS = ["access.granted", "access.denied", "door.opened", "door.closed", "door.exit_request", "loop.fault", "detector.removed"]


@pytest.mark.parametrize("name", ODD)
def test_odd_series_pass_through_every_detector(name: str) -> None:
    lookout = Lookout(REGISTRY)
    for ts_ms, value in ODD[name]:
        for one in DEVICES:
            found = [f for metric in METRICS for f in lookout.take(Reading(one.id, metric, ts_ms, value))]
            for kind in EVENTS:
                attributes = {"person": "a"} if ts_ms % 7 else {}
                found += lookout.take(Event(device_id=one.id, type=kind, ts_ms=ts_ms, attributes=attributes))
            for finding in [*found, *lookout.tick(ts_ms)]:
                assert 0 <= finding.score <= 1
                assert finding.message % dict(finding.facts)
                assert finding.seen >= finding.started


def test_every_story_resumes() -> None:
    for kind in (*access.STORIES, *upkeep.STORIES, *cold_chain.STORIES, door_contact.CHATTERING.kind):
        at = datetime.fromtimestamp(NOON / 1000, UTC)
        one = COLD if kind.startswith("cold.") else BY_ID["t-main" if kind.startswith("door.") else "smoke-1"]
        Lookout(REGISTRY).resume(
            Finding(kind=kind, device_id=one.id, space_id=one.space_id, active=True, score=0.5, started=at, seen=at, message="")
        )


PANEL = device("panel", DeviceKind.FIRE_PANEL, "fire-panel", "site")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([("loop.fault", {}), ("loop.fault.cleared", {})], [True, False], id="a panel's own words"),
        pytest.param([("fault.bus", SYSTEM), ("system.normal", SYSTEM)], [True, False], id="GB/T 26875.3, system"),
        pytest.param([("fault.line", {}), ("system.normal", SYSTEM), ("device.normal", {})], [True, False], id="its transmission"),
        pytest.param([("fault.bus", SYSTEM), ("fault.main_power", {}), ("system.normal", SYSTEM)], [True], id="one of two is calm"),
        pytest.param([("system.normal", SYSTEM), ("device.normal", {})], [], id="all is well"),
    ],
)
def test_a_panel_s_fault_and_its_end(told: list[tuple[str, dict[str, float]]], expected: list[bool]) -> None:
    lookout = Lookout(Registry(SPACES, (*DEVICES, PANEL)))
    events = [Event(device_id="panel", type=kind, ts_ms=NOON + n, attributes=more) for n, (kind, more) in enumerate(told)]
    found = [finding for one in events for finding in lookout.take(one)]
    assert [finding.active for finding in found] == expected
    assert {finding.kind for finding in found} <= {FindingKind.FIRE_LOOP_FAULT}


def test_a_panel_of_the_site_in_test_marks_the_alarms_of_every_building() -> None:
    lookout = Lookout(Registry(SPACES, (*DEVICES, PANEL)))
    lookout.take(event("panel", "test.begin", 0))
    assert lookout.worded(smoke("smoke-2", 1)).facts == {"test": "yes"}
    lookout.take(event("panel", "test.end", 9))
    assert lookout.worded(smoke("smoke-2", 10)).facts == {}
