"""Rows of a table → readings, by a plan that says which column is what; each row that cannot be used is told. Pure."""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devices.errors import BadInput
from devices.metrics import canonical_name, metric
from devices.model import Reading
from ingest.tables import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Columns by name. One of `device_column` and `device`, one of `metric_column` and `metric`. `unit`: of the values, where it
    is not the metric's own; `timezone`: of times without an offset."""

    time: str
    value: str
    device_column: str | None = None
    device: str | None = None
    metric_column: str | None = None
    metric: str | None = None
    quality_column: str | None = None
    timezone: str = "Asia/Shanghai"
    unit: str | None = None


class Problem(NamedTuple):
    """A row that cannot be used: its number as the spreadsheet counts, the column, what is wrong and how to mend it."""

    row: int
    column: str
    message: str


TIMES = ("ts_ms", "time", "timestamp", "datetime", "date", "ts", "时间", "抄表时间", "采集时间", "抄表日期", "日期", "读数时间")
VALUES = (
    "value",
    "reading",
    "register",
    "meter reading",
    "读数",
    "示数",
    "表读数",
    "数值",
    "本次读数",
    "本次示数",
    "本期读数",
    "抄表读数",
    "累计读数",
    "表底",
    "表底数",
    "表码",
    "止码",
    "值",
)
DEVICES = (
    "device_id",
    "device",
    "meter",
    "meter_id",
    "meter no",
    "meter number",
    "表号",
    "电表编号",
    "水表编号",
    "表编号",
    "表具编号",
    "设备编号",
    "设备号",
    "设备",
    "电表号",
    "水表号",
    "表计编号",
)
_METRICS = ("metric", "quantity", "指标", "参数", "量")
_QUALITIES = ("quality", "flags")

_FACTORS: Mapping[tuple[str, str], float] = {
    ("Wh", "kWh"): 0.001,
    ("MWh", "kWh"): 1000.0,
    ("kW", "W"): 1000.0,
    ("MW", "W"): 1e6,
    ("L", "m3"): 0.001,
    ("L/h", "m3/h"): 0.001,
    ("L/min", "m3/h"): 0.06,
    ("L/s", "m3/h"): 3.6,
    ("MPa", "kPa"): 1000.0,
    ("bar", "kPa"): 100.0,
    ("Pa", "kPa"): 0.001,
    ("kV", "V"): 1000.0,
    ("mA", "A"): 0.001,
}
_SPELLINGS = {
    "m³": "m3",
    "立方米": "m3",
    "吨": "m3",
    "t": "m3",
    "度": "kWh",
    "升": "L",
    "千瓦时": "kWh",
    "kwh": "kWh",
    "m³/h": "m3/h",
}

_REGISTERS = {
    "Wh": "elec.energy.import",
    "kWh": "elec.energy.import",
    "MWh": "elec.energy.import",
    "m3": "water.volume",
    "L": "water.volume",
}
"""What a column of such a unit holds in a school, where nothing else tells."""

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]*(\d{1,2})[:时](\d{1,2})分?(?::?(\d{1,2}(?:\.\d+)?)秒?)?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2}))?")
_EXCEL_DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_OLDEST_MS, _END_MS = 0, 4_102_444_800_000


def guess(columns: Sequence[str], *, timezone: str, metric: str | None = None, device: str | None = None) -> Plan | None:
    """The plan that the columns' names suggest, English or Chinese; None where time or value cannot be told."""
    plain = {folded(name): name for name in columns}

    def find(words: Sequence[str]) -> str | None:
        return next((plain[word] for word in words if word in plain), None)

    time, value = find(TIMES), find(VALUES)
    if time is None or value is None:
        return None
    metrics, unit = find(_METRICS), unit_in(value)
    return Plan(
        time=time,
        value=value,
        device_column=find(DEVICES),
        device=device,
        metric_column=metrics,
        metric=metric or (None if metrics else _REGISTERS.get(unit or "")),
        unit=None if metrics else unit,
        quality_column=find(_QUALITIES),
        timezone=timezone,
    )


def check(plan: Plan, columns: Sequence[str]) -> None:
    """Raises BadInput naming the field of the plan that does not fit the table."""
    for field in ("time", "value", "device_column", "metric_column", "quality_column"):
        name = getattr(plan, field)
        if name is not None and name not in columns:
            raise BadInput(f"there is no column {name!r}; the columns are {', '.join(columns[:30])}", place=field)
    if plan.device_column is None and not plan.device:
        raise BadInput("say which column names the device, or which device all rows are of", place="device_column")
    if plan.metric_column is None and not plan.metric:
        raise BadInput("say which column names the metric, or which metric all rows are of", place="metric_column")
    if plan.metric_column is None and plan.metric is not None:
        _factor(plan.unit, canonical_name(plan.metric))
    _zone(plan.timezone)


def convert(rows: Iterator[Row], plan: Plan, known: frozenset[str] | None) -> Iterator[tuple[int, Reading] | Problem]:
    """(row, reading) or what is wrong with the row, in the table's order. `known`: ids of devices that may occur; None: any."""
    zone = _zone(plan.timezone)
    for row in rows:
        try:
            yield row.number, _reading(row, plan, zone, known)
        except _Wrong as wrong:
            yield Problem(row.number, wrong.column, str(wrong))


class _Wrong(ValueError):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def _reading(row: Row, plan: Plan, zone: ZoneInfo, known: frozenset[str] | None) -> Reading:
    device_id = row.cells[plan.device_column] if plan.device_column else plan.device or ""
    if not 0 < len(device_id) <= 128 or not device_id.isprintable():
        raise _Wrong(plan.device_column or "", "the device is empty or no id; write the id as on the device page")
    if known is not None and device_id not in known:
        raise _Wrong(plan.device_column or "", f"there is no device {device_id!r}; correct it or register the device first")
    named = row.cells[plan.metric_column] if plan.metric_column else plan.metric or ""
    if not named:
        raise _Wrong(plan.metric_column or "", "the metric is empty; write for example elec.energy.import or water.volume")
    name = canonical_name(named)
    try:
        factor = _factor(plan.unit, name)
    except BadInput as error:
        raise _Wrong(plan.value, str(error)) from None
    ts_ms = _time(row.cells[plan.time], zone, plan.time)
    return Reading(device_id, name, ts_ms, _number(row.cells[plan.value], plan.value) * factor, _quality(row, plan))


def _time(text: str, zone: ZoneInfo, column: str) -> int:
    moment = moment_of(unicodedata.normalize("NFKC", text), zone)
    if moment is None:
        raise _Wrong(column, f"{text[:40]!r} is no time; write 2026-03-01 08:30 or 2026-03-01T08:30:00+08:00")
    if not _OLDEST_MS <= moment < _END_MS:
        raise _Wrong(column, f"{text[:40]!r} lies outside 1970-2099")
    return moment


def moment_of(text: str, zone: ZoneInfo) -> int | None:
    """Epoch ms UTC of a time as people write it, in `zone` where it has no offset; None where it is no time."""
    try:
        told = _calendar(text)
        if told is None and re.fullmatch(r"\d+(\.\d+)?", text):
            return _counted(float(text), zone)
        found = told or datetime.fromisoformat(text)
        return round((found if found.tzinfo else found.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _calendar(text: str) -> datetime | None:
    """Local calendar forms that ISO 8601 does not know: 2026/3/1 8:30, 2026年3月1日, 20260301083000."""
    found = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (float(part) if part else 0.0 for part in found.groups())
    midnight = datetime(int(year), int(month), int(day))  # noqa: DTZ001 - the zone is the plan's
    if hour > 24 or minute >= 60 or second >= 60:
        raise ValueError(text)
    return midnight + timedelta(hours=hour, minutes=minute, seconds=second)


def _counted(number: float, zone: ZoneInfo) -> int | None:
    """Epoch milliseconds or seconds, told by their size; below that Excel's days since 1900."""
    if number >= 1e11:
        return round(number)
    if number >= 1e8:
        return round(number * 1000)
    if 20_000 <= number < 80_000:
        local = (_EXCEL_DAY_ZERO + timedelta(days=number)).replace(tzinfo=zone)
        return round(local.timestamp() * 1000)
    return None


def _number(text: str, column: str) -> float:
    plain = unicodedata.normalize("NFKC", text).strip()
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        value = float(plain)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in plain:
        raise _Wrong(column, f"{text[:40]!r} is no number" if text else "the value is empty; fill it in or drop the row")
    return value


def _quality(row: Row, plan: Plan) -> int:
    told = row.cells[plan.quality_column] if plan.quality_column else ""
    if told and not (told.isascii() and told.isdecimal() and int(told) < 1 << 15):
        raise _Wrong(plan.quality_column or "", f"{told[:40]!r} is no number of quality flags; leave it empty or write 0")
    return int(told or 0)


def _factor(unit: str | None, name: str) -> float:
    own = metric(name).unit
    told = _SPELLINGS.get(unit or "", unit or "")
    if not told or told == own:
        return 1.0
    factor = _FACTORS.get((told, own))
    if factor is None:
        known = [own, *(known for known, into in _FACTORS if into == own)]
        raise BadInput(
            f"{told!r} cannot be turned into {own or 'a number without unit'}; {name} takes {', '.join(known)}", place="unit"
        )
    return factor


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"no time zone {name!r}; write for example Asia/Shanghai", place="timezone") from None


def unit_in(name: str) -> str | None:
    """`表底(kWh)` tells kWh, `Reading [m³]` m3; None where it tells none that is known."""
    found = re.search(r"[(\[（［【](.+?)[)\]）］】]", name)
    told = unicodedata.normalize("NFC", found[1]).strip() if found else ""
    known = {unit for pair in _FACTORS for unit in pair}
    by_spelling = {unit.lower(): unit for unit in sorted(known)} | {unit: unit for unit in known} | _SPELLINGS
    return by_spelling.get(told) or by_spelling.get(told.lower())


def folded(name: str) -> str:
    """`读数（kWh）` and `Reading [kWh]` name the same as `读数` and `reading`."""
    plain = unicodedata.normalize("NFKC", name).lower()
    return re.sub(r"[(\[].*[)\]]", "", plain).strip()
