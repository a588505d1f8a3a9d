"""A user's own meter history through the shipped ledger and hourly detectors: what would have been told, and when."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
from runtime.meter_table import MISSING, Habits, habits_of, moment, number, tells_use
from runtime.partitions import map_partitions

_FALLS_AT_MOST, _FEW = 0.02, 20
_FACTORS = {"kWh": 1.0, "MWh": 1000.0, "Wh": 0.001, "m3": 1.0, "L": 0.001}
UNITS = {"electricity": ("kWh", "MWh", "Wh"), "water": ("m3", "L")}
_FASTEST_PER_HOUR = {"electricity": 20_000.0, "water": 2_000.0}


class Values(StrEnum):
    """What the numbers are: a register's readings, or what was used since the row before."""

    REGISTER = "register"
    CONSUMPTION = "consumption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How to read the file, and what the meters measure. `unit` is the file's; `zone` that of times without offset; `values` None:
    told by the column's name and by whether they fall."""

    quantity: str
    values: Values | None
    unit: str
    zone: ZoneInfo
    level: SpaceKind
    use: UseType
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One meter of the file: its hours and what the detectors say, oldest first. `values`: what its numbers were taken for."""

    meter: str
    values: Values
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


def backtest(rows: Iterable[Row], question: Question, site: Site, place: str, *, scheduler: str = "") -> list[Tested]:
    """Each meter of the file by itself, a partition each. Raises BadInput naming the row that cannot be read."""
    series: dict[str, list[tuple[int, float]]] = defaultdict(list)
    known = [row for row in rows if row.cells[question.columns["value"]].strip().lower() not in MISSING]
    times = [_time_cell(row, question) for row in known]
    habits = habits_of(times, (row.cells[question.columns["value"]] for row in known), place)
    for row, time in zip(known, times, strict=True):
        name = row.cells[question.columns["meter"]].strip() if "meter" in question.columns else place
        at = f"{place} row {row.number}"
        series[name].append((_moment(time, habits, question.zone, at), _number(row, habits, question, at)))
    if not series:
        raise BadInput("there is no row with a value", place=place)
    parts = [(name, np.array(sorted(pairs))) for name, pairs in sorted(series.items())]
    if question.values is None:
        question = replace(question, values=_kind_of(question, [pairs[:, 1] for _, pairs in parts]))
    return map_partitions(partial(_test, question=question, site=site), parts, scheduler)


def _time_cell(row: Row, question: Question) -> str:
    cells = (row.cells[question.columns[what]].strip() for what in ("time", "clock") if what in question.columns)
    return " ".join(cells)


def _kind_of(question: Question, values: Iterable[Floats]) -> Values:
    """What the numbers are, where nobody says: by the column's name, else a register if they hardly ever fall."""
    if tells_use(question.columns["value"]) or any(_falls(one) for one in values):
        return Values.CONSUMPTION
    return Values.REGISTER


def _falls(value: Floats) -> bool:
    return value.size > _FEW and float(np.mean(np.diff(value) < 0)) > _FALLS_AT_MOST


def _moment(cell: str, habits: Habits, zone: ZoneInfo, place: str) -> int:
    """Epoch ms UTC."""
    ts_ms = moment(cell, habits, zone)
    if ts_ms is None:
        raise BadInput(f"{cell!r} is no time; write it as 2026-03-01 08:00 or with an offset", place=place)
    if not EARLIEST_MS <= ts_ms < LATEST_MS:
        raise BadInput(f"{cell!r} lies outside the years 2000 to 2100", place=place)
    return ts_ms


def _number(row: Row, habits: Habits, question: Question, place: str) -> float:
    cell = row.cells[question.columns["value"]].strip()
    value = number(cell, habits)
    if value is None:
        raise BadInput(f"{cell!r} is no number; write it as 1234.5", place=place)
    if not np.isfinite(value):
        raise BadInput(f"{cell!r} is no finite number", place=place)
    return value * _FACTORS[question.unit]


def _test(part: tuple[str, Floats], *, question: Question, site: Site) -> Tested:
    name, pairs = part
    ts_ms, value = pairs[:, 0].astype(np.int64), pairs[:, 1]
    meter = _meter(name, ts_ms, question)
    if question.values is Values.REGISTER:
        if _falls(value):
            raise BadInput("the values fall too often for a register; say --values consumption", place=name)
        book = post(empty(), (ts_ms, value, np.zeros(ts_ms.size, np.int64)), meter.register).book
    else:
        book = known_hours(empty(), on_grid(*_per_hour(ts_ms, value)))
    episodes = tuple(_look_back(meter, book, site))
    known = book.hourly.consumption
    return Tested(
        meter=name,
        values=question.values or Values.CONSUMPTION,
        hours=int(np.isfinite(known).sum()),
        consumption=float(np.nansum(known)),
        episodes=episodes,
    )


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
