"""Rules of people in the fast lane: they reach doors and stores, and never what a fire device says."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.finding import Finding, FindingKind
from analytics.rule import DetectorRule
from analytics.tuning import tuning_of
from devices.model import Device, DeviceKind, Space, SpaceKind
from devices.registry import Registry
from ingest.decoded import Decoded, Happening, Sample
from runtime.roles.alerts_desk import Desk
from runtime.roles.alerts_lane import FastLane, Moment, Said
from storage.database import Database
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore

T0_MS = 1_772_600_000_000
NOW = datetime.fromtimestamp(T0_MS / 1000, UTC)
HELD = FindingKind.DOOR_HELD_OPEN
SPACE = Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")


def _device(name: str, kind: DeviceKind, profile: str) -> Device:
    return Device(id=name, kind=kind, profile_id=profile, space_id="campus", name=name, name_zh=name)


DEVICES = (
    _device("sd-1", DeviceKind.SMOKE_DETECTOR, "smoke"),
    _device("hy-1", DeviceKind.HYDRANT_PRESSURE, "hydrant"),
    _device("door-1", DeviceKind.DOOR_CONTROLLER, "door"),
    _device("door-2", DeviceKind.DOOR_CONTROLLER, "door"),
)
REGISTRY = Registry([SPACE], list(DEVICES))


def _rule(kind: FindingKind, **changes: Any) -> DetectorRule:
    plain = DetectorRule(kind=kind, device_id="door-1", reason="wedged for deliveries", entered_by="energy", entered_at=NOW)
    return replace(plain, **changes)


def _at(seconds: float) -> Moment:
    return Moment(T0_MS + round(1000 * seconds), 500.0 + seconds)


def _held_open(lane: FastLane, door: str, seconds: int) -> list[FindingKind]:
    said: list[Said] = []
    for second, word in ((0, "access.granted"), (1, "door.opened")):
        said += lane.take(Decoded(door, happenings=(Happening(word, _at(second).wall_ms, {}),)), _at(second))
    for second in range(2, seconds):
        said += lane.tick(_at(second))
    return [one.finding.kind for one in said if one.finding.kind.startswith("door.")]


@pytest.mark.parametrize(
    ("rules", "door", "expect"),
    [
        ([], "door-1", [HELD]),
        ([_rule(HELD, parameters={"held_s": 300.0})], "door-1", []),
        ([_rule(HELD, parameters={"held_s": 300.0})], "door-2", [HELD]),
        ([_rule(HELD, device_id=None, space_id="campus", parameters={"held_s": 300.0})], "door-2", []),
        ([_rule(HELD, parameters={"held_s": 300.0}, undone_at=NOW, undone_by="x")], "door-1", [HELD]),
        ([_rule(HELD, off=True)], "door-1", []),
        ([_rule(FindingKind.DOOR_FORCED, parameters={"held_s": 300.0})], "door-1", [HELD]),
    ],
    ids=["shipped", "longer", "another door", "the whole place", "undone", "off", "not that kind's own parameter"],
)
def test_a_rule_holds_at_its_doors(rules: list[DetectorRule], door: str, expect: list[FindingKind]) -> None:
    lane = FastLane(REGISTRY, {}, _at(0))
    lane.set_tuning(tuning_of(REGISTRY, rules))
    lane.set_registry(REGISTRY, _at(0))
    assert _held_open(lane, door, 120) == expect


@pytest.mark.parametrize("rule", [{"off": True}, {"parameters": {"low_kpa": 5.0, "confirm_s": 1000.0}}])
@pytest.mark.parametrize("kind", [FindingKind.FIRE_SMOKE, FindingKind.FIRE_HYDRANT_PRESSURE])
def test_no_rule_makes_a_fire_device_deaf(kind: FindingKind, rule: dict[str, Any]) -> None:
    lane = FastLane(REGISTRY, {}, _at(0))
    lane.set_tuning(tuning_of(REGISTRY, [_rule(kind, device_id=None, space_id="campus", **rule)]))
    said = lane.take(Decoded("sd-1", samples=(Sample(_at(1).wall_ms, {"smoke": 1.0}),)), _at(1))
    for second in (2, 3, 4):
        said += lane.take(Decoded("hy-1", samples=(Sample(_at(second).wall_ms, {"water.pressure": 60.0}),)), _at(second))
    assert {FindingKind.FIRE_SMOKE, FindingKind.FIRE_HYDRANT_PRESSURE} <= {one.finding.kind for one in said}


def test_the_desk_hands_over_new_rules_once_and_ends_what_they_silence(tmp_path: Any) -> None:
    database = Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")
    try:
        database.migrate()
        RegistryStore(database).save([SPACE], list(DEVICES))
        desk = Desk(database, ZoneInfo("Asia/Shanghai"), lambda _kind, _number: None)
        assert desk.tuning_changed() is None
        held = Finding(
            kind=HELD, device_id="door-1", space_id="campus", active=True, score=0.5, started=NOW, seen=NOW, message="Door open"
        )
        desk.findings.record(held, now=NOW)
        RuleStore(database).enter(_rule(HELD, off=True))
        tuning = desk.tuning_changed()
        assert tuning is not None
        assert [one.device_id for one in desk.silenced(tuning)] == ["door-1"]
        assert desk.tuning_changed() is None
    finally:
        database.close()
