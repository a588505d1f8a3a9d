"""The gates of a dormitory: who lives there goes out and comes back, one card at a time."""

from collections.abc import Iterable, Iterator

import numpy as np

from devices.model import Event
from simulators.annex import GATE_IN, GATE_OUT, PEOPLE
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault
from simulators.timetable import DayKind, day_kind, day_start_s

_LATEST_BACK_H = 23.05
_APART_MS = 9000
_AWAY = (DayKind.HOLIDAY, DayKind.VACATION)


def gate_events(campus: Campus, day: int, faults: Iterable[LabelledFault] = ()) -> list[Event]:
    """All of a local day by time. On the eve of holidays all leave; on their last day all come back."""
    if any(device.id == GATE_IN for device in campus.devices):
        rng = stream(campus.seed, "gates", day)
        missing = _missing(day, faults)
        walks = sorted(
            (round(hour * 3_600_000), person, way)
            for person in range(PEOPLE)
            for hour, way in _walks(rng, day, missing.get(person))
        )
        return [event for at_ms, person, way in _queue(walks) for event in _passing(day_start_s(day) * 1000 + at_ms, person, way)]
    return []


def night_of(fault: LabelledFault) -> int:
    """The local day on whose evening they are missed."""
    return int((fault.start_s + 8 * 3600) // 86_400)


def _missing(day: int, faults: Iterable[LabelledFault]) -> dict[int, str]:
    """By person: `stays out` tonight, or `comes back` this morning."""
    found: dict[int, str] = {}
    for fault in faults:
        if fault.kind == "door.not_back":
            people = range(int(fault.number("first")), int(fault.number("first") + fault.number("people")))
            if night_of(fault) == day:
                found |= dict.fromkeys(people, "stays out")
            elif night_of(fault) == day - 1:
                found |= dict.fromkeys(people, "comes back")
    return found


def _walks(rng: np.random.Generator, day: int, missing: str | None) -> Iterator[tuple[float, str]]:
    """Hours of the local day and the way; as many draws for everybody."""
    kind = day_kind(day)
    out, back, lunch, late = rng.normal(7.6, 0.2), rng.normal(17.6, 0.5), rng.random() < 0.3, rng.random() < 0.4
    again, home = rng.uniform(18.8, 19.6), rng.uniform(20.5, _LATEST_BACK_H)
    if kind in _AWAY:
        if day_kind(day + 1) not in _AWAY:
            yield rng.uniform(16, 21), "in"
        return
    if missing == "comes back":
        yield rng.uniform(6.1, 6.9), "in"
    shift = 0.0 if kind is DayKind.TERM else 1.2
    yield float(out) + shift, "out"
    if lunch:
        yield 12.2 + (float(out) - 7.6), "in"
        yield 13.4 + (float(out) - 7.6), "out"
    if day_kind(day + 1) in _AWAY:
        return
    if missing == "stays out":
        return
    yield float(back), "in"
    if late:
        yield again, "out"
        yield home, "in"


def _queue(walks: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """One after the other at each gate."""
    free = {"in": 0, "out": 0}
    for at_ms, person, way in walks:
        at = max(at_ms, free[way])
        free[way] = at + _APART_MS
        yield at, person, way


def _passing(at_ms: int, person: int, way: str) -> Iterator[Event]:
    gate = GATE_IN if way == "in" else GATE_OUT
    told = {"person": f"p-{7100 + person}", "direction": way, "method": "badge"}
    yield Event(device_id=gate, type="access.granted", ts_ms=at_ms, attributes=told)
    yield Event(device_id=gate, type="door.opened", ts_ms=at_ms + 700)
    yield Event(device_id=gate, type="door.closed", ts_ms=at_ms + 3200)
