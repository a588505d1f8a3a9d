"""The simulated campus: seven buildings and a small house, their floors and rooms, about 300 devices of the known profiles."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from devices.registry import Registry
from simulators.annex import house_devices, house_spaces

PEOPLE_PER_ROOM = 4
ALLOWED_W = "800"
"""The load a dormitory room may draw by the house rules (typical Chinese limits: 500-1,000 W); the meter says so."""


HAIR_DRYER = "hair_dryer"
"""Value of a room meter's attribute `allowed`: its residents may use one at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campus:
    """Spaces and devices of one site; `seed` drives everything that is drawn at random about it."""

    site_id: str
    seed: int
    spaces: tuple[Space, ...]
    devices: tuple[Device, ...]
    registry: Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """One building as drawn: `people` and `area_m2` are per floor, `room` names the rooms in English and Chinese."""

    id: str
    name: str
    name_zh: str
    use: UseType
    floors: int
    rooms: int
    room: str
    room_zh: str
    area_m2: float
    people: int


_PLANS = (
    _Plan(id="dorm-a", name="Dormitory A", name_zh="宿舍A栋", use=UseType.DORMITORY, floors=4, rooms=8,
          room="Room", room_zh="室", area_m2=420, people=32),
    _Plan(id="dorm-b", name="Dormitory B", name_zh="宿舍B栋", use=UseType.DORMITORY, floors=4, rooms=8,
          room="Room", room_zh="室", area_m2=420, people=32),
    _Plan(id="teach-1", name="Teaching Building 1", name_zh="第一教学楼", use=UseType.TEACHING, floors=5, rooms=5,
          room="Classroom", room_zh="教室", area_m2=760, people=190),
    _Plan(id="teach-2", name="Teaching Building 2", name_zh="第二教学楼", use=UseType.TEACHING, floors=5, rooms=5,
          room="Classroom", room_zh="教室", area_m2=820, people=210),
    _Plan(id="lab", name="Laboratory", name_zh="实验楼", use=UseType.LABORATORY, floors=4, rooms=4,
          room="Lab", room_zh="实验室", area_m2=640, people=70),
    _Plan(id="canteen", name="Canteen", name_zh="食堂", use=UseType.CANTEEN, floors=2, rooms=3,
          room="Hall", room_zh="餐厅", area_m2=900, people=420),
    _Plan(id="library", name="Library", name_zh="图书馆", use=UseType.LIBRARY, floors=4, rooms=3,
          room="Reading room", room_zh="阅览室", area_m2=980, people=180),
)  # fmt: skip

_DOORS = (
    ("dorm-a", ("main", "rear", "side", "roof")),
    ("dorm-b", ("main", "rear", "side", "roof")),
    ("teach-1", ("main", "rear", "roof")),
    ("teach-2", ("main", "rear", "roof")),
    ("lab", ("main", "rear", "store", "server", "plant")),
    ("canteen", ("main", "rear", "store")),
    ("library", ("main", "rear", "archive", "plant")),
)
_PLACES = {
    "main": ("main entrance", "正门"),
    "rear": ("rear door", "后门"),
    "side": ("side door", "侧门"),
    "roof": ("roof door", "楼顶门"),
    "store": ("store", "库房"),
    "server": ("server room", "机房"),
    "plant": ("plant room", "设备间"),
    "archive": ("archive", "档案室"),
}


_VALVE, _BREAKER = {"commands": "valve.close valve.open"}, {"commands": "breaker.off breaker.on"}
_OBEYS = {"wm-building": _VALVE, "wm-floor": _VALVE, "em-room": _BREAKER, "em-floor": _BREAKER}
"""Valves at the risers and breakers in the floor boxes can be moved from afar; nobody switches a whole building off."""


def build_campus(seed: int = 7, site_id: str = "campus") -> Campus:
    """The campus of that seed. The layout is fixed; the seed draws areas here and all behaviour elsewhere."""
    spaces = tuple(_spaces(site_id, stream(seed, "campus")))
    devices = tuple(sorted(_devices(site_id, stream(seed, "appliances")), key=lambda device: device.id))
    return Campus(site_id=site_id, seed=seed, spaces=spaces, devices=devices, registry=Registry(spaces, devices))


def stream(seed: int, name: str, part: int = 0) -> np.random.Generator:
    """A random stream of its own for each purpose and part (a day, say), so that adding one never moves another."""
    return np.random.default_rng((seed, zlib.crc32(name.encode()), part & 0xFFFFFFFF))


def _spaces(site_id: str, rng: np.random.Generator) -> Iterator[Space]:
    people = sum(plan.floors * plan.people for plan in _PLANS if plan.use is UseType.DORMITORY) * 3
    yield Space(id=site_id, kind=SpaceKind.SITE, name="Riverside School", name_zh="河滨学校", area_m2=62_000, people=people)
    for plan in _PLANS:
        yield Space(
            id=plan.id, kind=SpaceKind.BUILDING, name=plan.name, name_zh=plan.name_zh, parent_id=site_id, use=plan.use,
            area_m2=plan.area_m2 * plan.floors, people=plan.people * plan.floors,
        )  # fmt: skip
        for floor in range(1, plan.floors + 1):
            yield from _floor(plan, floor, rng)
    yield from house_spaces(site_id)


def _floor(plan: _Plan, floor: int, rng: np.random.Generator) -> Iterator[Space]:
    floor_id = f"{plan.id}-f{floor}"
    yield Space(
        id=floor_id, kind=SpaceKind.FLOOR, name=f"{plan.name}, floor {floor}", name_zh=f"{plan.name_zh}{floor}层",
        parent_id=plan.id, use=plan.use, area_m2=plan.area_m2, people=plan.people,
    )  # fmt: skip
    shares = rng.uniform(0.85, 1.15, plan.rooms)
    for room, share in enumerate(shares / shares.sum() * 0.8, start=1):
        number = f"{floor}{room:02d}"
        yield Space(
            id=f"{plan.id}-{number}", kind=SpaceKind.ROOM, name=f"{plan.room} {number}", name_zh=f"{number}{plan.room_zh}",
            parent_id=floor_id, use=plan.use, area_m2=round(plan.area_m2 * share, 1), people=plan.people // plan.rooms,
        )  # fmt: skip


def _devices(site_id: str, rng: np.random.Generator) -> Iterator[Device]:
    yield _meter("em", site_id, "site", "Site electricity meter", "校区总电表", None)
    yield _meter("wm", site_id, "site", "Site water meter", "校区总水表", None)
    yield _sensor(DeviceKind.HYDRANT_PRESSURE, "hydrant", site_id, "1", "Hydrant ring main pressure", "消防环网压力")
    for plan in _PLANS:
        yield _meter("em", plan.id, "building", f"{plan.name} electricity", f"{plan.name_zh}电表", f"em-{site_id}")
        yield _meter("wm", plan.id, "building", f"{plan.name} water", f"{plan.name_zh}水表", f"wm-{site_id}")
        yield _sensor(DeviceKind.HYDRANT_PRESSURE, "hydrant", plan.id, "1", f"{plan.name} hydrant", f"{plan.name_zh}消火栓压力")
        for floor in range(1, plan.floors + 1):
            yield from _floor_devices(plan, floor, rng)
        yield from _special_detectors(plan)
    plans = {plan.id: plan for plan in _PLANS}
    yield from _cold_stores()
    yield replace(
        _sensor(DeviceKind.ENVIRONMENT_SENSOR, "climate", site_id, "1", "Outdoor temperature", "室外温湿度"),
        attributes={"outdoor": "true"},
    )
    for building, places in _DOORS:
        for place in places:
            yield _door(plans[building], place, *_PLACES[place])
    yield from house_devices(site_id)


_COLD = (
    ("canteen-f1", "1", "Canteen cold room", "食堂冷藏库", {"set_c": "3.5", "min_c": "-1", "max_c": "8"}),
    ("canteen-f1", "2", "Canteen freezer", "食堂冷冻库", {"set_c": "-20", "min_c": "-30", "max_c": "-12"}),
    ("lab-f2", "1", "Reagent refrigerator", "试剂冰箱", {"set_c": "4.5", "min_c": "0", "max_c": "9", "max_rh": "85"}),
)


def _cold_stores() -> Iterator[Device]:
    for space, number, name, name_zh, attributes in _COLD:
        one = _sensor(DeviceKind.COLD_STORE, "cold-store", space, number, name, name_zh)
        yield replace(one, id=f"cold-{space}-{number}", attributes=attributes)


def _floor_devices(plan: _Plan, floor: int, rng: np.random.Generator) -> Iterator[Device]:
    space, name, zh = f"{plan.id}-f{floor}", f"{plan.name} floor {floor}", f"{plan.name_zh}{floor}层"
    yield _meter("em", space, "floor", f"{name} electricity", f"{zh}电表", f"em-{plan.id}")
    yield _meter("wm", space, "floor", f"{name} water", f"{zh}水表", f"wm-{plan.id}")
    if plan.use is UseType.DORMITORY:
        for room in range(1, plan.rooms + 1):
            number = f"{floor}{room:02d}"
            meter = _meter(
                "em",
                f"{plan.id}-{number}",
                "room",
                f"{plan.name} {number} electricity",
                f"{plan.name_zh}{number}电表",
                f"em-{space}",
            )
            yield replace(
                meter,
                attributes={**meter.attributes, "limit_w": ALLOWED_W} | ({"allowed": HAIR_DRYER} if rng.random() < 0.2 else {}),
            )
    for end, end_zh, number in (("west", "西", "1"), ("east", "东", "2")):
        yield _sensor(DeviceKind.SMOKE_DETECTOR, "smoke", space, number, f"{name} smoke {end}", f"{zh}{end_zh}侧烟感")
    yield _sensor(DeviceKind.CALL_POINT, "call-point", space, "1", f"{name} call point", f"{zh}手动报警按钮")


def _special_detectors(plan: _Plan) -> Iterator[Device]:
    """Heat, CO and gas detectors where there is a kitchen, a laboratory or a plant room."""
    ground, zh = f"{plan.id}-f1", plan.name_zh
    yield _sensor(DeviceKind.HEAT_DETECTOR, "heat", ground, "1", f"{plan.name} plant heat", f"{zh}设备间温感")
    yield _sensor(DeviceKind.CO_DETECTOR, "co", ground, "1", f"{plan.name} CO", f"{zh}一氧化碳探测器")
    if plan.use in (UseType.CANTEEN, UseType.LABORATORY):
        for floor in range(1, plan.floors + 1):
            space = f"{plan.id}-f{floor}"
            yield _sensor(DeviceKind.HEAT_DETECTOR, "heat", space, "2", f"{plan.name} floor {floor} heat", f"{zh}{floor}层温感")
            yield _sensor(DeviceKind.GAS_DETECTOR, "gas", space, "1", f"{plan.name} floor {floor} gas", f"{zh}{floor}层燃气探测器")


def _meter(prefix: str, space_id: str, level: str, name: str, name_zh: str, upstream_id: str | None) -> Device:
    return Device(
        id=f"{prefix}-{space_id}",
        kind=DeviceKind.ELECTRICITY_METER if prefix == "em" else DeviceKind.WATER_METER,
        profile_id=f"{prefix}-{level}",
        space_id=space_id,
        name=name,
        name_zh=name_zh,
        upstream_id=upstream_id,
        measures_space=True,
        attributes=_OBEYS.get(f"{prefix}-{level}", {}),
    )


def _sensor(kind: DeviceKind, profile: str, space_id: str, number: str, name: str, name_zh: str) -> Device:
    return Device(id=f"{profile}-{space_id}-{number}", kind=kind, profile_id=profile, space_id=space_id, name=name, name_zh=name_zh)


def _door(plan: _Plan, place: str, name: str, name_zh: str) -> Device:
    space = f"{plan.id}-f{plan.floors}" if place == "roof" else f"{plan.id}-f1"
    return Device(
        id=f"door-{plan.id}-{place}",
        kind=DeviceKind.DOOR_CONTROLLER,
        profile_id="door",
        space_id=space,
        name=f"{plan.name} {name}",
        name_zh=f"{plan.name_zh}{name_zh}",
        attributes={"place": place, "commands": "door.release door.lock"},
    )
