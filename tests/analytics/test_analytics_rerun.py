"""Stored messages are judged again as they were live: in order, with releases, with the rules of people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.calendar import Calendar
from analytics.finding import Finding, FindingKind
from analytics.rerun import Sample, Scenery, folded, messages_again
from analytics.tuning import Tuning
from devices.model import Device, DeviceKind, Event, Reading, Space, SpaceKind
from devices.registry import Registry

T0_MS = 1_772_600_000_000
HELD, FORCED = FindingKind.DOOR_HELD_OPEN, FindingKind.DOOR_FORCED
BUILDING = Space(id="b", kind=SpaceKind.BUILDING, name="B", name_zh="楼")


def _device(name: str, kind: DeviceKind, profile: str) -> Device:
    return Device(id=name, kind=kind, profile_id=profile, space_id="b", name=name, name_zh=name)


REGISTRY = Registry(
    [BUILDING],
    [
        _device("door", DeviceKind.DOOR_CONTROLLER, "door"),
        _device("smoke", DeviceKind.SMOKE_DETECTOR, "smoke"),
        _device("cold", DeviceKind.COLD_STORE, "cold-store"),
    ],
)


def _event(word: str, at_s: float) -> Event:
    return Event(device_id="door", type=word, ts_ms=T0_MS + round(1000 * at_s))


def _smoke(value: float, at_s: float) -> Reading:
    return Reading("smoke", "smoke", T0_MS + round(1000 * at_s), value)


def _raised(samples: dict[str, list[Sample]], kind: FindingKind, tuning: Tuning | None = None) -> list[Finding]:
    scenery = Scenery(registry=REGISTRY, calendar=Calendar(), tuning=tuning or Tuning())
    return folded(messages_again(scenery, samples, T0_MS + 86_400_000), kind)


OPENED = [_event("access.granted", 0), _event("door.opened", 1), _event("door.closed", 201)]
BROKEN = [_event("door.closed", 0), _event("door.opened", 100), _event("door.closed", 130)]


@pytest.mark.parametrize(
    ("samples", "kind", "changes", "seconds"),
    [
        ({"door": OPENED}, HELD, {}, [200]),
        ({"door": OPENED}, HELD, {"held_s": 300.0}, []),
        ({"door": OPENED}, FORCED, {}, []),
        ({"door": BROKEN}, FORCED, {}, [30]),
        ({"door": BROKEN, "smoke": [_smoke(0, 0), _smoke(1, 90)]}, FORCED, {}, []),
        ({"door": BROKEN, "smoke": [_smoke(0, 0), _smoke(1, 200)]}, FORCED, {}, [30]),
    ],
    ids=["held", "held, a longer time allowed", "granted", "forced", "released by a fire", "the fire came later"],
)
def test_doors_are_judged_again(
    samples: dict[str, list[Sample]], kind: FindingKind, changes: dict[str, float], seconds: list[int]
) -> None:
    found = _raised(samples, kind, Tuning(changes={"door": {kind: changes}}) if changes else None)
    assert [round((one.seen - one.started).total_seconds()) for one in found] == seconds
    assert not any(one.active for one in found)


def test_a_cold_store_is_judged_again_with_its_rule() -> None:
    warm: list[Sample] = [Reading("cold", "env.temperature", T0_MS + n * 300_000, 9.0) for n in range(24)]
    (found,) = _raised({"cold": warm}, FindingKind.COLD_LIMIT)
    assert found.active
    assert (
        _raised({"cold": warm}, FindingKind.COLD_LIMIT, Tuning(changes={"cold": {FindingKind.COLD_LIMIT: {"max_c": 12.0}}})) == []
    )


def _told(at_s: float, **changes: Any) -> tuple[Finding, int]:
    at = datetime.fromtimestamp(T0_MS / 1000 + at_s, UTC)
    plain: dict[str, Any] = {"kind": HELD, "device_id": "door", "space_id": "b", "score": 0.5, "message": "m", "facts": {"n": at_s}}
    return Finding(**{**plain, "active": True, "started": at, "seen": at, **changes}), T0_MS + round(1000 * at_s)


def test_what_is_told_again_and_again_is_one_finding_with_its_first_start_and_last_words() -> None:
    said = [
        _told(0),
        _told(60),
        _told(90, active=False),
        _told(500),
        _told(510, kind=FORCED),
        _told(600, device_id="other", active=False),
    ]
    first, second = folded(said, HELD)
    assert (first.active, (first.seen - first.started).total_seconds(), first.facts) == (False, 90.0, {"n": 60})
    assert second.active


def test_what_began_before_the_span_is_not_counted() -> None:
    assert folded([_told(0), _told(90, active=False)], HELD, since_ms=T0_MS + 60_000) == []
