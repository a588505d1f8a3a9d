"""A small house beside the campus with its own supply, its gates and odd meters; and the panel and tank of the fire system.

What hangs here draws from streams of its own, so that nothing of the seven buildings moves by it.
"""

from collections.abc import Iterator

from devices.model import Device, DeviceKind, Space, SpaceKind, UseType

HOUSE = "dorm-c"
GATE_IN, GATE_OUT = f"gate-{HOUSE}-in", f"gate-{HOUSE}-out"
PEOPLE = 24
MINUTE_ROOM, SHARED_ROOM, DRYER_ROOM, QUARTER_ROOM = "101", "103", "104", "105"
"""Read each minute when evaluated; one meter for two rooms; a hair dryer is allowed by day; read by quarters of an hour."""
_ROOMS = {
    "101": ("em-room", {}),
    "102": ("em-room", {}),
    SHARED_ROOM: ("em-room", {"rooms": "2"}),
    DRYER_ROOM: ("em-room", {"allowed": "hair_dryer@7-22"}),
    QUARTER_ROOM: ("em-polled", {}),
    "106": ("em-polled", {}),
}


def house_spaces(site_id: str) -> Iterator[Space]:
    """Postgraduates; one floor, six metered doors."""
    yield Space(
        id=HOUSE, kind=SpaceKind.BUILDING, name="Dormitory C", name_zh="宿舍C栋", parent_id=site_id, use=UseType.DORMITORY,
        area_m2=260, people=PEOPLE,
    )  # fmt: skip
    yield Space(
        id=f"{HOUSE}-f1", kind=SpaceKind.FLOOR, name="Dormitory C, floor 1", name_zh="宿舍C栋1层", parent_id=HOUSE,
        use=UseType.DORMITORY, area_m2=260, people=PEOPLE,
    )  # fmt: skip
    for number, (_, attributes) in _ROOMS.items():
        rooms = int(attributes.get("rooms", "1"))
        yield Space(
            id=f"{HOUSE}-{number}", kind=SpaceKind.ROOM, name=f"Room {number}", name_zh=f"{number}室", parent_id=f"{HOUSE}-f1",
            use=UseType.DORMITORY, area_m2=26.0 * rooms, people=4 * rooms,
        )  # fmt: skip


def house_devices(site_id: str) -> Iterator[Device]:
    for number, (profile, attributes) in _ROOMS.items():
        yield Device(
            id=room_meter(number), kind=DeviceKind.ELECTRICITY_METER, profile_id=profile, space_id=f"{HOUSE}-{number}",
            name=f"Dormitory C {number} electricity", name_zh=f"宿舍C栋{number}电表", measures_space=True,
            attributes={"limit_w": "800", **attributes},
        )  # fmt: skip
    for gate, name, name_zh, direction in (
        (GATE_IN, "Dormitory C gate in", "宿舍C栋进门闸机", "in"),
        (GATE_OUT, "Dormitory C gate out", "宿舍C栋出门闸机", "out"),
    ):
        yield Device(
            id=gate, kind=DeviceKind.DOOR_CONTROLLER, profile_id="door", space_id=f"{HOUSE}-f1", name=name, name_zh=name_zh,
            attributes={"direction": direction, "commands": "door.release door.lock"},
        )  # fmt: skip
    yield Device(
        id=panel(site_id), kind=DeviceKind.FIRE_PANEL, profile_id="fire-panel", space_id=site_id, name="Fire alarm panel",
        name_zh="火灾报警控制器",
    )  # fmt: skip
    yield Device(
        id=tank(site_id), kind=DeviceKind.FIRE_TANK, profile_id="fire-tank", space_id=site_id, name="Fire water tank",
        name_zh="消防水池", attributes={"low_m": "2.5"},
    )  # fmt: skip


def room_meter(number: str) -> str:
    return f"rm-{HOUSE}-{number}"


def panel(site_id: str) -> str:
    return f"panel-{site_id}"


def tank(site_id: str) -> str:
    return f"tank-{site_id}"


def in_house(device: Device) -> bool:
    """Whether it hangs in this house, on its own supply."""
    return device.id.startswith("rm-")
