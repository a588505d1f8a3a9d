"""Spaces and devices as tables: exported, and read back as changes of the registry."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from api.sheet_rows import Problem, Said, cells_of, checked, headings, resolve_place
from api.sheets import Cell
from devices import editing
from devices.editing import Changes
from devices.errors import BadInput, CaretakerError
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from devices.profiles import PROFILES
from devices.registry import Registry
from ingest.tables import Row, Table

Columns = tuple[tuple[str, str], ...]

SPACE_COLUMNS: Columns = (
    ("id", "编号"),
    ("kind", "类型"),
    ("name", "英文名称"),
    ("name_zh", "名称"),
    ("parent_id", "上级编号"),
    ("use", "用途"),
    ("area_m2", "面积(平方米)"),
    ("people", "人数"),
)
DEVICE_COLUMNS: Columns = (
    ("id", "设备编号"),
    ("profile_id", "型号模板"),
    ("space_id", "位置"),
    ("name", "英文名称"),
    ("name_zh", "名称"),
    ("upstream_id", "上级表编号"),
    ("measures_space", "计量整个区域"),
)
_WORDS = {
    "校区": "site",
    "楼栋": "building",
    "楼层": "floor",
    "房间": "room",
    "校园": "campus",
    "宿舍": "dormitory",
    "教学": "teaching",
    "实验": "laboratory",
    "食堂": "canteen",
    "图书馆": "library",
}
_TRUE, _FALSE = frozenset({"1", "true", "yes", "是"}), frozenset({"0", "false", "no", "否"})


def space_rows(spaces: Iterable[Space]) -> Iterable[list[Cell]]:
    for space in spaces:
        yield [getattr(space, key) for key, _ in SPACE_COLUMNS]


def device_rows(devices: Iterable[Device]) -> Iterable[list[Cell]]:
    for device in devices:
        yield [getattr(device, key) for key, _ in DEVICE_COLUMNS]


def read_spaces(registry: Registry, table: Table) -> Said[Changes]:
    """New and changed spaces; parents may stand below their children. Nothing is stored."""
    return _read(registry, table, SPACE_COLUMNS, ("parent_id", _space))


def read_devices(registry: Registry, table: Table) -> Said[Changes]:
    """New and changed devices; a main meter may stand below its sub-meters. Nothing is stored."""
    return _read(registry, table, DEVICE_COLUMNS, ("upstream_id", _device))


Edit = Callable[[Registry, Mapping[str, str]], Changes]


def _read(registry: Registry, table: Table, columns: Columns, how: tuple[str, Edit]) -> Said[Changes]:
    keys = headings(table.columns, {name: key for key, zh in columns for name in (key, zh)})
    above, edit = how
    grown = Registry(registry.spaces.values(), registry.devices.values())
    said, seen = Said(things=Changes()), set[str]()
    for row, cells in _parents_first([(row, cells_of(row, keys)) for row in table.rows], above):
        said.rows += 1
        try:
            _check_id(cells, seen)
            changes = edit(grown, cells)
        except (Problem, BadInput) as problem:
            said.errors += checked(row.number, problem, keys)
            continue
        except CaretakerError as error:
            said.errors += checked(row.number, Problem([("id", str(error))]), keys)
            continue
        seen.add(cells["id"])
        if not changes.spaces and not changes.devices:
            said.skipped += 1
            continue
        grown.spaces.update({space.id: space for space in changes.spaces})
        grown.devices.update({device.id: device for device in changes.devices})
        said.things = Changes(spaces=(*said.things.spaces, *changes.spaces), devices=(*said.things.devices, *changes.devices))
        said.show(row, keys)
    said.errors.sort(key=lambda error: error.row)
    return said


def _check_id(cells: Mapping[str, str], seen: set[str]) -> None:
    if "id" not in cells:
        raise Problem([("id", "is missing")])
    if cells["id"] in seen:
        raise Problem([("id", f"{cells['id']} stands in the file twice")])


def _space(registry: Registry, cells: Mapping[str, str]) -> Changes:
    fields: dict[str, Any] = dict(cells)
    _take_word(fields, "kind", SpaceKind)
    _take_word(fields, "use", UseType)
    _take_number(fields, "area_m2", float)
    _take_number(fields, "people", int)
    if fields["id"] in registry.spaces:
        return editing.edit_space(registry, fields.pop("id"), fields)
    if "kind" not in fields:
        raise Problem([("kind", f"is missing; one of {', '.join(SpaceKind)}")])
    return editing.add_space(registry, Space(**_named(fields)))


def _device(registry: Registry, cells: Mapping[str, str]) -> Changes:
    fields: dict[str, Any] = dict(cells)
    if "measures_space" in fields:
        fields["measures_space"] = _truth(fields["measures_space"])
    if "space_id" in fields:
        fields["space_id"] = resolve_place(registry, fields["space_id"])
    if fields["id"] in registry.devices:
        return editing.edit_device(registry, fields.pop("id"), fields)
    lacking = [(key, "is missing") for key in ("profile_id", "space_id") if key not in fields]
    if lacking:
        raise Problem(lacking)
    profile = PROFILES.get(fields["profile_id"])
    kind = profile.kind if profile else DeviceKind.SENSOR  # without a profile the edit is refused
    return editing.add_device(registry, Device(kind=kind, **_named(fields)))


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """One name stands in for the other."""
    names = {"name": fields.get("name") or fields.get("name_zh"), "name_zh": fields.get("name_zh") or fields.get("name")}
    if names["name"] is None:
        raise Problem([("name", "is missing")])
    return {**fields, **names}


def _take_word(fields: dict[str, Any], key: str, words: type[SpaceKind] | type[UseType]) -> None:
    if key not in fields:
        return
    told = str(fields[key])
    try:
        fields[key] = words(_WORDS.get(told, told.lower()))
    except ValueError:
        raise Problem([(key, f"{told!r} is not one of {', '.join(words)}")]) from None


def _take_number(fields: dict[str, Any], key: str, number: type[int] | type[float]) -> None:
    if key not in fields:
        return
    try:
        fields[key] = number(fields[key])
    except ValueError:
        raise Problem([(key, f"{fields[key]!r} is no number")]) from None
    if not 0 <= fields[key] < 1e9:
        raise Problem([(key, "must be at least 0 and less than a billion")])


def _truth(told: str) -> bool:
    if told.lower() in _TRUE | _FALSE:
        return told.lower() in _TRUE
    raise Problem([("measures_space", f"{told!r} is neither yes nor no (1, 0, 是, 否)")])


Rows = list[tuple[Row, dict[str, str]]]


def _parents_first(rows: Rows, above: str) -> Rows:
    """Each row after the one it hangs on, where that stands in the table too."""
    by_id = {cells["id"]: (row, cells) for row, cells in rows if "id" in cells}
    done, ordered = set[int](), Rows()
    for first in rows:
        waiting, current = [], first
        while current[0].number not in done:
            done.add(current[0].number)
            waiting.append(current)
            parent = by_id.get(current[1].get(above, ""))
            if parent is None:
                break
            current = parent
        ordered += reversed(waiting)
    return ordered
