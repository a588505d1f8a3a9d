"""Who goes in and out of dormitories: which doors tell it, and what stored grants say of those who live there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from analytics.detectors import access
from analytics.detectors.not_back import Passed, People
from devices.model import Device, DeviceKind, Event, UseType
from devices.registry import Registry

GRANTED = "access.granted"
_LATEST_MS = 7_258_118_400_000
"""2200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """`buildings`: dormitories with doors marked `direction` in and out, each with its first way in. `doors`: all doors in them,
    by id, with the building and whether people come in by it."""

    buildings: Mapping[str, Device] = field(default_factory=dict)
    doors: Mapping[str, tuple[str, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the stored grants say of everybody who lives there."""

    people: People


def ways_of(registry: Registry) -> Ways:
    marked: dict[tuple[str, str], list[Device]] = defaultdict(list)
    doors: dict[str, tuple[str, bool]] = {}
    for device in registry.devices.values():
        building = registry.building(device.space_id)
        dormitory = building is not None and registry.spaces[device.space_id].use is UseType.DORMITORY
        if device.kind is DeviceKind.DOOR_CONTROLLER and building is not None and dormitory:
            direction = device.attributes.get("direction", "")
            marked[building.id, direction].append(device)
            doors[device.id] = (building.id, direction != "out")
    ways_in = {building: min(found, key=lambda door: door.id) for (building, way), found in marked.items() if way == "in"}
    asked = {building: door for building, door in ways_in.items() if (building, "out") in marked}
    return Ways(buildings=asked, doors={door: way for door, way in doors.items() if way[0] in asked})


def passed(event: Event, ways: Ways) -> Passed | None:
    """What a grant tells; None for any other event, and for grants that name nobody."""
    way, person = ways.doors.get(event.device_id), access.person_of(event)
    if way is None or person is None or event.type != GRANTED or not 0 <= event.ts_ms < _LATEST_MS:
        return None
    return Passed(building=way[0], person=person, ts_ms=event.ts_ms, inwards=way[1])


def all_passed(events: Iterable[Event], ways: Ways) -> Iterator[Passed]:
    for event in events:
        one = passed(event, ways)
        if one is not None:
            yield one
