"""Which alert becomes which order, and who is sent."""

from datetime import UTC, datetime

import pytest

from alerts.machine import begin
from alerts.model import Alert
from alerts.rules import LIFE_SAFETY
from analytics.finding import Finding, FindingKind
from devices.model import DeviceKind
from maintenance.dispatch import choose
from maintenance.model import CrewMember, Priority, Trade
from maintenance.policy import plan_for

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
METER, DOOR, SMOKE = DeviceKind.WATER_METER, DeviceKind.DOOR_CONTROLLER, DeviceKind.SMOKE_DETECTOR


def alert(kind: FindingKind, reopened: int = 0) -> Alert:
    found = Finding(kind=kind, device_id="d", space_id="s", active=True, score=1, started=NOW, seen=NOW, message="m")
    made, _ = begin(found, NOW)
    return Alert(**{name: getattr(made, name) for name in made.__slots__} | {"reopened": reopened})


_ANSWERED_BY_PEOPLE = (
    FindingKind.DOOR_DENIED_BURST,
    FindingKind.DOOR_AFTER_HOURS,
    FindingKind.DOOR_LOST_CARD,
    FindingKind.DOOR_CARD_SHARED,
    FindingKind.DOOR_IMPOSSIBLE_TRAVEL,
    FindingKind.DOOR_PASS_BACK,
    FindingKind.DOOR_TAILGATING,
    FindingKind.DOOR_NOT_BACK,
)

PLANS = [
    (FindingKind.WATER_BURST, METER, 0, ("water_leak", Trade.PLUMBING, Priority.P1)),
    (FindingKind.WATER_RUNNING_TAP, METER, 0, ("water_leak", Trade.PLUMBING, Priority.P2)),
    (FindingKind.WATER_TOILET_LEAK, METER, 0, ("water_leak", Trade.PLUMBING, Priority.P3)),
    (FindingKind.WATER_CREEPING_LEAK, METER, 0, ("water_leak", Trade.PLUMBING, Priority.P2)),
    (FindingKind.WATER_NETWORK_LEAK, METER, 0, ("water_leak", Trade.PLUMBING, Priority.P2)),
    (FindingKind.WATER_DRIP, METER, 0, ("water_leak", Trade.PLUMBING, Priority.P4)),
    (FindingKind.ELEC_CREEPING_BASE, METER, 0, ("base_load", Trade.ELECTRICAL, Priority.P4)),
    (FindingKind.ELEC_PHASE_LOSS, METER, 0, ("phase_loss", Trade.ELECTRICAL, Priority.P2)),
    (FindingKind.ELEC_NO_LOAD, METER, 0, ("no_load", Trade.ELECTRICAL, Priority.P2)),
    (FindingKind.ELEC_POWER_QUALITY, METER, 0, ("power_quality", Trade.ELECTRICAL, Priority.P3)),
    (FindingKind.METER_REGISTER_JUMP, METER, 0, ("meter_reset", Trade.METERING, Priority.P3)),
    (FindingKind.METER_REVERSED, METER, 0, ("meter_fault", Trade.METERING, Priority.P3)),
    (FindingKind.METER_SPIKE, METER, 0, ("meter_fault", Trade.METERING, Priority.P4)),
    (FindingKind.METER_WRONG_UNIT, METER, 0, ("meter_fault", Trade.METERING, Priority.P3)),
    (FindingKind.METER_BALANCE, METER, 0, ("meter_balance", Trade.METERING, Priority.P3)),
    (FindingKind.ELEC_LEFT_ON, DeviceKind.ELECTRICITY_METER, 0, ("left_on", Trade.ELECTRICAL, Priority.P3)),
    (FindingKind.METER_FROZEN, METER, 0, ("meter_fault", Trade.METERING, Priority.P3)),
    (FindingKind.METER_REGISTER_RESET, METER, 0, ("meter_reset", Trade.METERING, Priority.P3)),
    (FindingKind.DEVICE_DEAD, METER, 0, ("device_silent", Trade.METERING, Priority.P3)),
    (FindingKind.DEVICE_DEAD, DOOR, 0, ("device_silent", Trade.DOORS, Priority.P3)),
    (FindingKind.DEVICE_DEAD, SMOKE, 0, ("device_silent", Trade.FIRE_SYSTEMS, Priority.P3)),
    (FindingKind.DEVICE_BATTERY_LOW, SMOKE, 0, ("battery_low", Trade.FIRE_SYSTEMS, Priority.P4)),
    (FindingKind.FIRE_DEVICE_SILENT, SMOKE, 0, ("device_silent", Trade.FIRE_SYSTEMS, Priority.P1)),
    (FindingKind.DOOR_CHATTERING, DOOR, 0, ("door_contact", Trade.DOORS, Priority.P4)),
    (FindingKind.DOOR_READER_DEAD, DOOR, 0, ("door_reader", Trade.DOORS, Priority.P3)),
    *((kind, DOOR, 0, None) for kind in _ANSWERED_BY_PEOPLE),
    (FindingKind.FIRE_CONFIRMED, SMOKE, 0, None),
    (FindingKind.FIRE_DETECTOR_DUSTY, SMOKE, 0, ("detector_dusty", Trade.FIRE_SYSTEMS, Priority.P4)),
    (FindingKind.FIRE_TAMPER, SMOKE, 0, ("fire_tamper", Trade.FIRE_SYSTEMS, Priority.P1)),
    (FindingKind.FIRE_LOOP_FAULT, SMOKE, 0, ("loop_fault", Trade.FIRE_SYSTEMS, Priority.P1)),
    (FindingKind.FIRE_SENSOR_STUCK, SMOKE, 0, ("fire_sensor_stuck", Trade.FIRE_SYSTEMS, Priority.P2)),
    (FindingKind.FIRE_PRESSURE_LOSS, DeviceKind.HYDRANT_PRESSURE, 0, ("hydrant_pressure", Trade.FIRE_SYSTEMS, Priority.P3)),
    (FindingKind.FIRE_TANK_LEVEL, DeviceKind.HYDRANT_PRESSURE, 0, ("tank_level", Trade.FIRE_SYSTEMS, Priority.P1)),
    (FindingKind.COLD_LIMIT, DeviceKind.COLD_STORE, 0, ("cold_store", Trade.GENERAL, Priority.P2)),
    (FindingKind.COLD_HUMIDITY, DeviceKind.COLD_STORE, 0, None),
    (FindingKind.COLD_FAILING, DeviceKind.COLD_STORE, 0, ("cold_store", Trade.GENERAL, Priority.P2)),
    (FindingKind.COLD_SENSOR_STUCK, DeviceKind.COLD_STORE, 0, ("cold_sensor", Trade.METERING, Priority.P3)),
    (FindingKind.FIRE_HYDRANT_PRESSURE, DeviceKind.HYDRANT_PRESSURE, 0, ("hydrant_pressure", Trade.FIRE_SYSTEMS, Priority.P1)),
    (FindingKind.ELEC_HEATING_APPLIANCE, DeviceKind.ELECTRICITY_METER, 0, None),
    (FindingKind.ELEC_HEATING_APPLIANCE, DeviceKind.ELECTRICITY_METER, 1, ("heating_appliance", Trade.GENERAL, Priority.P3)),
    (FindingKind.DOOR_FORCED, DOOR, 5, None),
    (FindingKind.DOOR_HELD_OPEN, DOOR, 1, None),
    (FindingKind.DOOR_HELD_OPEN, DOOR, 2, ("door_closer", Trade.DOORS, Priority.P3)),
    *((kind, SMOKE, 0, None) for kind in sorted(LIFE_SAFETY)),
    *((kind, SMOKE, 0, None) for kind in sorted(FindingKind) if kind.startswith(("platform.", "energy."))),
]


@pytest.mark.parametrize(("kind", "device", "reopened", "expected"), PLANS)
def test_plan(kind: FindingKind, device: DeviceKind, reopened: int, expected: tuple[str, Trade, Priority] | None) -> None:
    plan = plan_for(alert(kind, reopened), device)
    assert (None if plan is None else (plan.problem, plan.trade, plan.priority)) == expected


def test_every_kind_has_been_decided() -> None:
    assert {kind for kind, *_ in PLANS} == set(FindingKind)


def member(
    name: str, trade: Trade = Trade.PLUMBING, *, load: int = 0, zone: str | None = None, on_shift: bool = True
) -> CrewMember:
    return CrewMember(username=name, trades=frozenset({trade}), zone=zone, on_shift=on_shift, load=load)


CHOICES = [
    ("the shortest list", [member("a", load=3), member("b", load=1)], "b", "1 open jobs"),
    ("the trade is required", [member("a", Trade.ELECTRICAL), member("b", load=9)], "b", "plumbing"),
    ("the shift is required", [member("a", on_shift=False), member("b", load=9)], "b", "best of 1"),
    ("knowing the zone is worth one job", [member("a"), member("b", load=1, zone="dorm-1")], "b", "knows the zone"),
    ("but not two", [member("a"), member("b", load=2, zone="dorm-1")], "a", "best of 2"),
    ("a draw goes by name", [member("b"), member("a")], "a", "best of 2"),
    ("nobody has the trade", [member("a", Trade.ELECTRICAL)], None, "nobody of 1 in the crew has the trade plumbing"),
    ("nobody is on shift", [member("a", on_shift=False)], None, "on shift: a"),
    ("nobody at all", [], None, "nobody of 0"),
]


@pytest.mark.parametrize(("what", "crew", "expected", "says"), CHOICES, ids=[choice[0] for choice in CHOICES])
def test_choice(what: str, crew: list[CrewMember], expected: str | None, says: str) -> None:
    choice = choose(Trade.PLUMBING, "dorm-1", crew)
    assert choice.username == expected
    assert says in choice.reason
