"""What panels and door controllers report in the scenarios of simulators.safety_scenarios."""

from collections.abc import Iterator

from devices.model import Event
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault

KINDS = frozenset(
    {
        "door.tailgating",
        "door.after_hours",
        "normal.bell_rush",
        "normal.exam_day",
        "normal.holiday_reader",
        "normal.test_day",
        "fire.loop_fault",
    }
)


def events_of(campus: Campus, fault: LabelledFault) -> Iterator[Event]:
    """Not by time."""
    start, end, door = round(fault.start_s * 1000), round(fault.end_s * 1000), fault.device_id
    if fault.kind == "fire.loop_fault":
        yield said(door, "loop.fault", start)
        yield said(door, "loop.fault.cleared", end)
    elif fault.kind == "normal.test_day":
        yield said(door, "test.begin", start)
        yield said(door, "test.end", end)
    elif fault.kind == "door.tailgating":
        yield _granted(door, start, "p-9301")
        yield from opening(door, start + 900, 3800)
        yield from opening(door, start + 900 + 3800 + 1900, 3000)
    elif fault.kind == "normal.bell_rush":
        yield from _rush(campus, fault)
    elif fault.kind in ("normal.exam_day", "normal.holiday_reader", "door.after_hours"):
        for number in range(int(fault.number("people", 1))):
            yield _granted(door, start + 11_000 * number, f"p-{9400 + number}")
            yield from opening(door, start + 11_000 * number + 900, 4500)


def _rush(campus: Campus, fault: LabelledFault) -> Iterator[Event]:
    """A class goes in card by card, three seconds apart, through a door that hardly shuts in between: nobody follows uncarded."""
    start = round(fault.start_s * 1000)
    rng = stream(campus.seed, f"rush {fault.device_id}", start // 60_000)
    at = start
    for number in range(int(rng.integers(18, 30))):
        yield _granted(fault.device_id, at, f"p-{9500 + number}")
        yield from opening(fault.device_id, at + 600, 2000)
        at += int(rng.integers(3100, 4200))


def _granted(door: str, at_ms: int, person: str) -> Event:
    return Event(
        device_id=door, type="access.granted", ts_ms=at_ms, attributes={"person": person, "direction": "in", "method": "badge"}
    )


def said(device_id: str, kind: str, at_ms: int, **attributes: str) -> Event:
    return Event(device_id=device_id, type=kind, ts_ms=at_ms, attributes=dict(attributes))


def opening(door: str, at_ms: int, open_ms: int) -> Iterator[Event]:
    yield said(door, "door.opened", at_ms)
    yield said(door, "door.closed", at_ms + open_ms)
