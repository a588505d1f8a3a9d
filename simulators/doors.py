"""Traffic at the doors: badges, exit buttons, bursts at the class bell, now and then a badge that is refused."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from devices.model import Device, DeviceKind, Event, UseType
from simulators.campus import Campus, stream
from simulators.labels import LabelledFault
from simulators.noise import smoothed_row
from simulators.timetable import MINUTES, DayKind, Floats, breaks, day_kind, day_start_s, occupancy

HELD_OPEN_AFTER_S = 60
"""When the controller itself complains. How long doors stay open in real schools: no source found, an assumption."""
_OPENINGS_PER_DAY = {"main": 190, "rear": 34, "side": 30, "store": 9, "server": 4, "archive": 5, "plant": 3, "roof": 0.4}
_RESTRICTED = frozenset({"store", "server", "archive", "plant", "roof"})
_BUSY = {DayKind.TERM: 1.0, DayKind.WEEKEND: 0.45, DayKind.HOLIDAY: 0.2, DayKind.VACATION: 0.08}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Somebody at a door. `opened_ms`, `closed_ms` are None where the badge was refused. Epoch milliseconds UTC."""

    device_id: str
    asked_ms: int
    opened_ms: int | None
    closed_ms: int | None
    person: str | None
    direction: str


def passages(campus: Campus, day: int, faults: Iterable[LabelledFault] = ()) -> list[Passage]:
    """All passages of a local day by time. A door with a fault has no ordinary traffic until a minute after it ended; one whose
    reader is dead only lets people out."""
    kind = day_kind(day)
    faults = list(faults)
    blocked = [
        (fault.device_id, fault.start_s * 1000 - 60_000, fault.end_s * 1000 + 60_000)
        for fault in faults
        if fault.kind != "door.reader_dead"
    ]
    found: list[Passage] = []
    unread = [fault for fault in faults if fault.kind == "door.reader_dead"]
    for device in campus.devices:
        if device.kind is DeviceKind.DOOR_CONTROLLER and "place" in device.attributes:
            mine = [(start, end) for device_id, start, end in blocked if device_id == device.id]
            seen = [p for p in _at_door(campus, device, day, kind) if not any(start <= p.asked_ms <= end for start, end in mine)]
            found += [p for p in seen if p.direction == "out" or not any(_asked_in(p, fault) for fault in unread)]
    return _one_place_at_a_time(sorted(found, key=lambda passage: (passage.asked_ms, passage.device_id)))


def _asked_in(passage: Passage, fault: LabelledFault) -> bool:
    return passage.device_id == fault.device_id and fault.active(passage.asked_ms / 1000)


_APART_MS = 900_000


def _one_place_at_a_time(passages: list[Passage]) -> list[Passage]:
    """Nobody badges again within a quarter of an hour, there or elsewhere: it was somebody else."""
    last_ms: dict[str, int] = {}
    found = []
    for passage in passages:
        if passage.person is not None:
            number = int(passage.person[2:])
            while passage.asked_ms - last_ms.get(f"p-{number:04d}", -_APART_MS) < _APART_MS:
                number = number % 899 + 1
            passage = replace(passage, person=f"p-{number:04d}")  # noqa: PLW2901 - the same passage, by its right name
            last_ms[f"p-{number:04d}"] = passage.asked_ms
        found.append(passage)
    return found


def _at_door(campus: Campus, device: Device, day: int, kind: DayKind) -> Iterator[Passage]:
    use, place = campus.registry.spaces[device.space_id].use, device.attributes["place"]
    rng = stream(campus.seed, device.id, day)
    rate = _rate(use, place, kind)
    times = np.repeat(np.arange(MINUTES), rng.poisson(rate)) * 60_000.0
    times = np.sort(times + rng.uniform(0, 60_000, len(times)))
    base, free_ms = day_start_s(day) * 1000, 0
    for offset in times:
        asked = base + int(offset)
        if asked < free_ms:
            continue
        passage = _passage(device.id, asked, rng, restricted=place in _RESTRICTED)
        free_ms = (passage.closed_ms or asked) + 1500
        if free_ms < base + 86_400_000:
            yield passage


def _rate(use: UseType, place: str, kind: DayKind) -> Floats:
    """Openings expected in each minute of the day."""
    hours = np.arange(MINUTES) / 60
    if place in _RESTRICTED:
        if kind is DayKind.HOLIDAY or kind is DayKind.VACATION:
            return np.zeros(MINUTES)  # stores and plant rooms stay shut
        working: Floats = np.where((hours > (8.5 if kind is DayKind.TERM else 9.1)) & (hours < 17.3), 1.0, 0.0)
        return working / float(working.sum()) * _OPENINGS_PER_DAY[place] * _BUSY[kind]
    people = occupancy(use, kind)
    if use is UseType.LIBRARY and kind is DayKind.HOLIDAY:
        people = np.where((hours > 8) & (hours < 17.9), people, 0.0)
    moving = smoothed_row(np.abs(np.gradient(people)), 8)
    shape: Floats = moving + 0.0004 * people + (0.0015 * breaks(kind) if use is UseType.TEACHING else 0)
    if use is UseType.DORMITORY:
        shape = shape + np.where((hours > 0.5) & (hours < 6), 0.00006, 0.0004)
    if not shape.any():
        return np.zeros(MINUTES)
    result: Floats = shape / shape.sum() * _OPENINGS_PER_DAY[place] * _BUSY[kind]
    return result


def _passage(device_id: str, asked: int, rng: np.random.Generator, *, restricted: bool) -> Passage:
    inwards, person = rng.random() < 0.55 or restricted, f"p-{int(rng.integers(1, 900)):04d}"
    if inwards and rng.random() < (0.04 if restricted else 0.006):
        return Passage(device_id=device_id, asked_ms=asked, opened_ms=None, closed_ms=None, person=person, direction="in")
    opened = asked + int(rng.uniform(400, 2200))
    closed = opened + int(min(2500 + rng.exponential(3500), 24_000))
    return Passage(
        device_id=device_id,
        asked_ms=asked,
        opened_ms=opened,
        closed_ms=closed,
        person=person if inwards else None,
        direction="in" if inwards else "out",
    )


def passage_events(passage: Passage) -> tuple[Event, ...]:
    """What the controller reports: the badge or exit button, then the contact opening and closing."""
    door = passage.device_id
    if passage.opened_ms is None or passage.closed_ms is None:
        refused = {"person": passage.person, "direction": "in", "reason": "no_permission"}
        return (Event(device_id=door, type="access.denied", ts_ms=passage.asked_ms, attributes=refused),)
    method = "badge" if passage.direction == "in" else "exit_button"
    granted = {"person": passage.person, "direction": passage.direction, "method": method}
    return (
        Event(device_id=door, type="access.granted", ts_ms=passage.asked_ms, attributes=granted),
        Event(device_id=door, type="door.opened", ts_ms=passage.opened_ms),
        Event(device_id=door, type="door.closed", ts_ms=passage.closed_ms),
    )


def fault_events(fault: LabelledFault) -> tuple[Event, ...]:
    """What the controller reports about a door that was forced (open without a grant) or is held open."""
    door, start, end = fault.device_id, round(fault.start_s * 1000), round(fault.end_s * 1000)
    opened = Event(device_id=door, type="door.opened", ts_ms=start)
    closed = Event(device_id=door, type="door.closed", ts_ms=end)
    if fault.kind == "door.forced":
        return opened, Event(device_id=door, type="door.forced", ts_ms=start + 200), closed
    granted = Event(
        device_id=door,
        type="access.granted",
        ts_ms=start - 1200,
        attributes={"person": "p-0017", "direction": "in", "method": "badge"},
    )
    held = Event(device_id=door, type="door.held_open", ts_ms=start + HELD_OPEN_AFTER_S * 1000)
    return granted, opened, held, closed


CONTACT = {"door.opened": 1.0, "door.closed": 0.0}
"""The `door.open` reading that goes with an event."""

CONTACT_KINDS = frozenset({"door.forced", "door.held_open"})
"""Faults that `fault_events` tells."""
