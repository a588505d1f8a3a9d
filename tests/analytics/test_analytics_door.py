"""The door detector: given what a controller says and when we look, expect findings."""

import pytest

from analytics.detectors import door
from analytics.finding import Finding, FindingKind
from devices.model import Device, DeviceKind, Event, Reading

T0 = 1_772_600_000_000
DOOR = Device(id="door-1", kind=DeviceKind.DOOR_CONTROLLER, profile_id="door", space_id="dorm-1", name="Gate", name_zh="大门")
FORCED, HELD = FindingKind.DOOR_FORCED, FindingKind.DOOR_HELD_OPEN
FORCED_THEN_SHUT = [(FORCED, True), (FORCED, False)]
Step = tuple[str, float]  # event type, or open/shut for the telemetry, and seconds


def play(told: list[Step], until_s: float, every_s: float = 1.0) -> list[Finding]:
    """All that is said, in steps of a tick, as the role does it."""
    state, found, left = door.DoorState(), list[Finding](), sorted(told, key=lambda step: step[1])
    for tick in range(round(until_s / every_s) + 1):
        now_s = tick * every_s
        while left and left[0][1] <= now_s:
            name, seconds = left.pop(0)
            state, finding = door.step(state, sample(name, seconds), DOOR)
            found += [finding] if finding else []
        state, finding = door.tick(state, T0 + round(1000 * now_s), DOOR)
        found += [finding] if finding else []
    return found


def sample(name: str, seconds: float) -> Reading | Event:
    ts_ms = T0 + round(1000 * seconds)
    if name in {"open", "shut"}:
        return Reading("door-1", "door.open", ts_ms, float(name == "open"))
    return Event(device_id="door-1", type=name, ts_ms=ts_ms)


CHATTER = [("door.opened" if n % 2 == 0 else "door.closed", 20 + 0.4 * n) for n in range(60)]
SLOW_CHATTER = [("access.granted", 3.0), *[("door.opened" if n % 2 == 0 else "door.closed", 5 + 2.0 * n) for n in range(40)]]

CASES = [
    ("a badge, then the door", [("access.granted", 1), ("door.opened", 3), ("door.closed", 9)], 120, []),
    ("the exit button", [("door.exit_request", 1), ("door.opened", 3), ("door.closed", 9)], 120, []),
    ("nobody was let in", [("shut", 0), ("door.opened", 3), ("door.closed", 9)], 120, FORCED_THEN_SHUT),
    ("quick through and shut", [("shut", 0), ("door.opened", 3), ("door.closed", 4.5)], 120, FORCED_THEN_SHUT),
    ("by telemetry alone", [("shut", 0), ("open", 60), ("shut", 70)], 120, FORCED_THEN_SHUT),
    ("a denied badge is no grant", [("access.denied", 1), ("door.opened", 3)], 20, [(FORCED, True)]),
    ("a grant ten seconds ago", [("access.granted", 1), ("door.opened", 11), ("door.closed", 15)], 120, []),
    ("a grant too long ago", [("access.granted", 1), ("door.opened", 12), ("door.closed", 16)], 120, FORCED_THEN_SHUT),
    ("the grant is reported late", [("door.opened", 3), ("access.granted", 4), ("door.closed", 9)], 120, []),
    ("held open", [("access.granted", 1), ("door.opened", 3), ("door.closed", 100)], 150, [(HELD, True), (HELD, False)]),
    ("held, but not for long", [("access.granted", 1), ("door.opened", 3), ("door.closed", 60)], 150, []),
    ("forced and left open is forced", [("shut", 0), ("door.opened", 3), ("door.closed", 200)], 250, FORCED_THEN_SHUT),
    ("open since before we looked is not forced", [("open", 1), ("open", 30)], 50, []),
    ("but held", [("open", 1), ("open", 61)], 70, [(HELD, True)]),
    ("a contact that bounces", [("shut", 0), ("door.opened", 3), ("door.closed", 3.1)], 120, []),
    ("a contact that chatters", CHATTER, 120, []),
    ("a contact that chatters slowly", SLOW_CHATTER, 260, []),
    ("the controller judges by itself", [("door.opened", 3), ("door.forced", 3.2), ("door.closed", 9)], 60, FORCED_THEN_SHUT),
    ("and is not contradicted", [("access.granted", 1), ("door.opened", 2), ("door.held_open", 32), ("door.closed", 90)], 120,
     [(HELD, True), (HELD, False)]),
]  # fmt: skip


@pytest.mark.parametrize(("told", "until_s", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_door(told: list[Step], until_s: float, expected: list[tuple[FindingKind, bool]]) -> None:
    found = play(told, until_s)
    assert [(finding.kind, finding.active) for finding in found] == expected
    for finding in found:
        assert finding.message % finding.facts


def test_a_forced_door_is_said_within_seconds() -> None:
    (forced,) = play([("shut", 0), ("door.opened", 3)], 20)
    assert forced.started.timestamp() * 1000 == T0 + 3000
    assert (forced.seen - forced.started).total_seconds() <= 4


def test_after_a_restart_the_end_is_noticed() -> None:
    (forced,) = play([("shut", 0), ("door.opened", 3)], 20)
    state = door.resume(door.DoorState(), forced)
    _, ended = door.step(state, sample("shut", 60), DOOR)
    assert ended is not None
    assert (ended.kind, ended.active) == (FORCED, False)
