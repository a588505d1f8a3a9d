"""A user's own meter history through the shipped ledger and hourly detectors: what would have been told, and when."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import EARLIEST_MS, HOUR_MS, LATEST_MS, Floats, Ints
from analytics.book import Book, empty, known_hours, post
from analytics.episodes import Episode
from analytics.hourly import MAX_DAYS, on_grid
from analytics.meter import Meter
from analytics.site import Site
from analytics.watch import Watch
from devices.errors import BadInput
from devices.model import SpaceKind, UseType
from devices.profiles import Register
from ingest.tables import Row
from runtime.partitions import map_partitions

TIME_NAMES = ("time", "timestamp", "ts", "datetime", "date", "时间", "日期")
VALUE_NAMES = ("value", "reading", "register", "kwh", "m3", "consumption", "读数", "示数", "用量")
METER_NAMES = ("meter", "device_id", "device", "id", "表号", "设备")
_FALLS_AT_MOST = 0.02
_FACTORS = {"kWh": 1.0, "MWh": 1000.0, "Wh": 0.001, "m3": 1.0, "L": 0.001}
UNITS = {"electricity": ("kWh", "MWh", "Wh"), "water": ("m3", "L")}
_FASTEST_PER_HOUR = {"electricity": 20_000.0, "water": 2_000.0}


class Values(StrEnum):
    """What the numbers are: a register's readings, or what was used since the row before."""

    REGISTER = "register"
    CONSUMPTION = "consumption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How to read the file, and what the meters measure. `unit` is the file's; `zone` that of times without offset."""

    quantity: str
    values: Values
    unit: str
    zone: ZoneInfo
    level: SpaceKind
    use: UseType
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One meter of the file: its hours and what the detectors say, oldest first."""

    meter: str
    hours: int
    consumption: float
    episodes: tuple[Episode, ...]


def wasted_money(episodes: Iterable[Episode]) -> float:
    """What all of them wasted in the site's currency; where several saw the same hour, the largest counts."""
    hours: dict[int, float] = {}
    for finding in (episode.finding for episode in episodes):
        first, last = (int(at.timestamp()) // 3600 for at in (finding.started, finding.seen))
        for hour in range(first, max(last, first + 1)):
            hours[hour] = max(hours.get(hour, 0.0), finding.waste.cost_per_day / 24)
    return sum(hours.values())


def columns_of(known: Iterable[str], wanted: Mapping[str, str | None], place: str) -> dict[str, str]:
    """The file's columns for time, value and (where there are several) meter. Raises BadInput naming what is there."""
    by_name = {name.strip().lower(): name for name in known}
    found: dict[str, str] = {}
    for what, names in (("time", TIME_NAMES), ("value", VALUE_NAMES), ("meter", METER_NAMES)):
        asked = wanted.get(what)
        candidates = (asked.strip().lower(),) if asked else names
        name = next((by_name[one] for one in candidates if one in by_name), None)
        if name is None and (asked or what != "meter"):
            raise BadInput(
                f"no column for the {what}; there are {', '.join(by_name.values())}; say which with --{what}-column", place=place
            )
        if name is not None:
            found[what] = name
    return found


def backtest(rows: Iterable[Row], question: Question, site: Site, place: str, *, scheduler: str = "") -> list[Tested]:
    """Each meter of the file by itself, a partition each. Raises BadInput naming the row that cannot be read."""
    series: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        cell = row.cells[question.columns["value"]].strip()
        if cell:
            name = row.cells[question.columns["meter"]].strip() if "meter" in question.columns else place
            series[name].append((_moment(row, question, place), _number(row, cell, question, place)))
    if not series:
        raise BadInput("there is no row with a value", place=place)
    parts = [(name, np.array(sorted(pairs))) for name, pairs in sorted(series.items())]
    return map_partitions(partial(_test, question=question, site=site), parts, scheduler)


def _moment(row: Row, question: Question, place: str) -> int:
    """Epoch ms UTC of ISO 8601, or of epoch seconds."""
    cell = row.cells[question.columns["time"]].strip()
    try:
        at = float(cell)
        ts_ms = int(at if at > 1e11 else at * 1000)
    except ValueError:
        try:
            moment = datetime.fromisoformat(cell.replace("/", "-"))
        except ValueError:
            raise BadInput(
                f"{cell!r} is no time; write it as 2026-03-01 08:00 or with an offset", place=f"{place} row {row.number}"
            ) from None
        ts_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=question.zone)).timestamp() * 1000)
    if not EARLIEST_MS <= ts_ms < LATEST_MS:
        raise BadInput(f"{cell!r} lies outside the years 2000 to 2100", place=f"{place} row {row.number}")
    return ts_ms


def _number(row: Row, cell: str, question: Question, place: str) -> float:
    try:
        value = float(cell.replace(" ", ""))
    except ValueError:
        raise BadInput(f"{cell!r} is no number; write it as 1234.5", place=f"{place} row {row.number}") from None
    if not np.isfinite(value):
        raise BadInput(f"{cell!r} is no finite number", place=f"{place} row {row.number}")
    return value * _FACTORS[question.unit]


def _test(part: tuple[str, Floats], *, question: Question, site: Site) -> Tested:
    name, pairs = part
    ts_ms, value = pairs[:, 0].astype(np.int64), pairs[:, 1]
    meter = _meter(name, ts_ms, question)
    if question.values is Values.REGISTER:
        if value.size > 20 and float(np.mean(np.diff(value) < 0)) > _FALLS_AT_MOST:
            raise BadInput("the values fall too often for a register; say --values consumption", place=name)
        book = post(empty(), (ts_ms, value, np.zeros(ts_ms.size, np.int64)), meter.register).book
    else:
        book = known_hours(empty(), on_grid(*_per_hour(ts_ms, value)))
    episodes = tuple(_look_back(meter, book, site))
    known = book.hourly.consumption
    return Tested(meter=name, hours=int(np.isfinite(known).sum()), consumption=float(np.nansum(known)), episodes=episodes)


def _per_hour(ts_ms: Ints, value: Floats) -> tuple[Ints, Floats, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    """What was used in each hour; a row counts for the hour it is stamped in, or begins."""
    hours, index = np.unique(ts_ms // HOUR_MS * HOUR_MS, return_inverse=True)
    used = np.bincount(index, np.maximum(value, 0.0)).astype(np.float64)
    return hours, used, np.zeros(hours.size, np.uint8)


def _look_back(meter: Meter, book: Book, site: Site) -> Iterator[Episode]:
    """The detectors look back MAX_DAYS; a longer history keeps its last ones."""
    watch = Watch({meter.device_id: meter}, site)
    watch.books[meter.device_id] = book
    yield from sorted(watch.episodes(book.hourly.end_ms, days=MAX_DAYS), key=lambda episode: episode.raised_ms)


def _meter(name: str, ts_ms: Ints, question: Question) -> Meter:
    steps = np.diff(ts_ms)
    return Meter(
        device_id=name,
        space_id=name,
        quantity=question.quantity,
        level=question.level,
        use=question.use,
        register=Register(modulus=1e12, max_per_hour=_FASTEST_PER_HOUR[question.quantity]),
        interval_s=float(np.median(steps)) / 1000 if steps.size else 3600.0,
    )
