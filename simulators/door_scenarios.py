"""What door controllers report in a scenario: cards misused, contacts that chatter, classes that end, doors that fire releases."""

from collections.abc import Iterator

from devices.model import Event
from simulators import safety_events
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault

EVENT_KINDS = frozenset(
    {
        "door.chattering",
        "door.denied_burst",
        "door.pass_back",
        "door.lost_card",
        "door.impossible_travel",
        "door.card_shared",
        "door.after_hours",
        "normal.class_bell",
        "normal.fire_release",
        "fire.tamper",
        *safety_events.KINDS,
    }
)
_PERSON = "p-9001"


def scenario_events(campus: Campus, fault: LabelledFault) -> tuple[Event, ...]:
    """By time; none for kinds that are no events."""
    if fault.kind not in EVENT_KINDS:
        return ()
    return tuple(sorted(_events(campus, fault), key=lambda event: event.ts_ms))


def _events(campus: Campus, fault: LabelledFault) -> Iterator[Event]:
    start, door = round(fault.start_s * 1000), fault.device_id
    rng = stream(campus.seed, f"scenario {door}", start // 60_000)
    if fault.kind == "normal.class_bell":
        for number in range(int(rng.integers(25, 40))):
            yield from _entry(door, start + 9000 * number, f"p-{9200 + number}")
    elif fault.kind in safety_events.KINDS and (fault.kind != "door.after_hours" or "people" in fault.parameters):
        yield from safety_events.events_of(campus, fault)
    elif fault.kind == "normal.fire_release":
        yield from safety_events.opening(door, start + int(rng.integers(0, 20_000)), 240_000)
    elif fault.kind in ("door.impossible_travel", "door.card_shared"):
        yield from _entry(str(fault.parameters["other"]), start - 4000, _PERSON)
        yield from _entry(door, start, _PERSON)
    else:
        yield from _at_one_device(fault, start, round(fault.end_s * 1000))


def _at_one_device(fault: LabelledFault, start: int, end: int) -> Iterator[Event]:
    door = fault.device_id
    if fault.kind == "door.chattering":
        for at in range(start, end - 1000, 700):
            yield from safety_events.opening(door, at, 300)
    elif fault.kind == "door.denied_burst":
        for number in range(7):
            yield safety_events.said(
                door, "access.denied", start + 9000 * number, person=f"p-{9100 + number}", reason="no_permission"
            )
    elif fault.kind == "door.lost_card":
        yield safety_events.said(door, "access.denied", start, person="p-9002", reason="lost_card")
    elif fault.kind == "fire.tamper":
        yield safety_events.said(door, "device.tamper", start)
        yield safety_events.said(door, "device.tamper.cleared", end)
    else:  # a card let in once, or twice where it was handed back
        for at in (start, start + 14_000)[: 2 if fault.kind == "door.pass_back" else 1]:
            yield from _entry(door, at, _PERSON)


def _entry(door: str, at_ms: int, person: str) -> Iterator[Event]:
    yield safety_events.said(door, "access.granted", at_ms, person=person, direction="in", method="badge")
    yield from safety_events.opening(door, at_ms + 900, 4500)
