"""A user's own table of meter values: which column is what, and how its times and numbers are written."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from devices.errors import BadInput
from ingest.table_import import DEVICES, TIMES, VALUES, folded, moment_of, unit_in
from ingest.tables import Row

MISSING = frozenset({"", "-", "--", "---", "/", "na", "n/a", "#n/a", "nan", "null", "none", "无", "缺", "缺失"})
"""What people and programs write where there is no value."""
_MORE_TIMES = ("zeit", "zeitstempel", "date time", "date/time", "interval start", "start time", "数据时间")
_DATES, _CLOCKS = ("date", "日期", "抄表日期", "datum"), ("time", "时间", "uhrzeit", "时刻")
_MORE_VALUES = ("kwh", "m3", "consumption", "usage", "用量", "用电量", "用水量", "电量", "水量")
_MORE_METERS = ("id", "name", "表计名称", "设备名称", "电表名称", "水表名称")
_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"time": (*TIMES, *_MORE_TIMES), "meter": (*DEVICES, *_MORE_METERS), "value": (*VALUES, *_MORE_VALUES)}
)
_USED = ("consumption", "usage", "used", "verbrauch", "interval", "用量", "用电量", "用水量", "日用", "时用")
_UNITS = ("kWh", "MWh", "Wh", "m3", "L")
_PARTS = re.compile(
    r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})"
    r"(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:([AaPp])\.?[Mm]\.?)?)?"
)
_CLOCK_12 = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp])\.?[Mm]\.?")


class Order(StrEnum):
    """Which comes first in dates that do not begin with the year."""

    DAY = "day"
    MONTH = "month"


class Habits(NamedTuple):
    """How the whole file is written. `order` is None where no date needs it."""

    order: Order | None
    decimal_comma: bool


def columns_of(known: Sequence[str], wanted: Mapping[str, str | None], place: str, rows: Sequence[Row] = ()) -> dict[str, str]:
    """The file's columns for time, value, meter (where there are several) and clock (where the time of day has its own): those
    that are asked for, else by their names, else by what they hold. Raises BadInput naming what is there."""
    names = {folded(name): name for name in reversed(known)} | {name.strip().lower(): name for name in reversed(known)}
    found = {what: _asked(name, known, what, place) for what, name in wanted.items() if name}
    if "time" not in found and (date := _first(names, _DATES)) and (clock := _first(names, _CLOCKS)):
        found |= {"time": date, "clock": clock}
    for what, words in _WORDS.items():
        if what not in found and (name := _first(names, words)) and name not in found.values():
            found[what] = name
    if "time" not in found:
        found.update(("time", name) for name in _only(name for name in known if _all_times(name, rows)))
    if "value" not in found:
        rest = [name for name in known if name not in found.values()]
        found.update(("value", name) for name in _only(name for name in rest if unit_of(name)) or _only(rest))
    for what in ("time", "value"):
        if what not in found:
            raise BadInput(
                f"no column for the {what}; there are {', '.join(known)}; say which with --{what}-column, "
                "and let the file begin with the line of the columns' names",
                place=place,
            )
    return found


def unit_of(name: str) -> str | None:
    """`Usage (kWh)`, `Energy kWh` and `consumption_kwh` tell kWh."""
    words = [unit_in(name), *re.split(r"[\s_.-]+", unicodedata.normalize("NFKC", name))]
    by_name = {unit.lower(): unit for unit in _UNITS}
    return next((by_name[word.lower()] for word in words if word and word.lower() in by_name and word not in "lL"), None)


def tells_use(name: str) -> bool:
    """Whether a column's name speaks of what was used, not of a register."""
    return any(word in name.lower() for word in _USED)


def habits_of(times: Iterable[str], values: Iterable[str], place: str) -> Habits:
    """From all cells together. Raises BadInput where no date says whether its day or its month comes first."""
    parts = [found for found in (_PARTS.fullmatch(text.strip()) for text in times) if found]
    plain = [text.replace(" ", "") for text in values]
    comma = any(re.search(r"\.\d{3},|,\d+$", text) and not re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", text) for text in plain)
    return Habits(_order(parts, place) if parts else None, comma and not any(re.search(r",\d{3}\.", text) for text in plain))


def moment(text: str, habits: Habits, zone: ZoneInfo) -> int | None:
    """Epoch ms UTC, None where it is no time."""
    found = _PARTS.fullmatch(text.strip()) if habits.order else None
    if found is None:
        return moment_of(_clock_24(unicodedata.normalize("NFKC", text)), zone)
    one, two, year, hour, minute, second, half = found.groups()
    day, month = (one, two) if habits.order is Order.DAY else (two, one)
    try:
        at = datetime(
            int(year) + (2000 if len(year) == 2 else 0),
            int(month),
            int(day),
            _hour(int(hour or 0), half),
            int(minute or 0),
            int(second or 0),
            tzinfo=zone,
        )
    except ValueError:
        return None
    return int(at.timestamp() * 1000)


def number(text: str, habits: Habits) -> float | None:
    """None where it is no number."""
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").replace("\u202f", "").replace("'", "")
    plain = plain.replace(".", "").replace(",", ".") if habits.decimal_comma else plain.replace(",", "")
    try:
        return float(plain) if "_" not in plain else None
    except ValueError:
        return None


def _asked(name: str, known: Sequence[str], what: str, place: str) -> str:
    found = next((one for one in known if one.strip().lower() == name.strip().lower()), None)
    if found is None:
        raise BadInput(f"no column {name!r} for the {what}; there are {', '.join(known)}", place=place)
    return found


def _first(names: Mapping[str, str], words: Iterable[str]) -> str | None:
    return next((names[word] for word in words if word in names), None)


def _only(names: Iterable[str]) -> list[str]:
    """Those names if it is one."""
    found = list(names)
    return found if len(found) == 1 else []


def _all_times(name: str, rows: Sequence[Row]) -> bool:
    cells = [row.cells[name].strip() for row in rows[:20]]
    return bool(cells) and all(re.search(r"\d[-/.年:]", cell) and _is_time(cell) for cell in cells)


def _is_time(cell: str) -> bool:
    return _PARTS.fullmatch(cell) is not None or moment_of(cell, ZoneInfo("UTC")) is not None


def _order(parts: Sequence[re.Match[str]], place: str) -> Order:
    most = [max(int(found[group]) for found in parts) for group in (1, 2)]
    if most[0] > 12 or (most[1] <= 12 and all("." in found[0] for found in parts)):
        return Order.DAY
    if most[1] > 12:
        return Order.MONTH
    raise BadInput(f"{parts[0][0]!r} may be day or month first; write 2026-03-01 08:00", place=place)


def _clock_24(text: str) -> str:
    """`2026-03-01 1:30 PM` as `2026-03-01 13:30`."""
    return _CLOCK_12.sub(lambda found: f"{_hour(int(found[1]), found[4]):02}:{found[2]}:{found[3] or '00'}", text)


def _hour(hour: int, half: str | None) -> int:
    return hour if half is None else hour % 12 + (12 if half in "pP" else 0)
