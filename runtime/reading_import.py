"""Tables of readings into the reading store: one implementation for the command line and for imports by API."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from devices.metrics import MetricKind, metric
from devices.model import Reading
from ingest.table_import import Plan, Problem, check, convert
from ingest.tables import open_table
from storage.meter_store import MeterStore, Recount
from storage.reading_store import ReadingStore

PROBLEMS_KEPT = 200
_WEEK_MS = 7 * 86_400_000
_LOOK_EVERY = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """`table`: columns device_id, metric, ts_ms, value, quality. `problems`: the first of the `rejected` rows."""

    table: pa.Table
    rows: int
    rejected: int
    problems: tuple[Problem, ...]


def load(
    data: bytes, filename: str, plan: Plan, known: frozenset[str] | None, alive: Callable[[int], None] = lambda _rows: None
) -> Loaded:
    """`alive(rows so far)` is called now and then. Raises BadInput where the file or the plan cannot be used."""
    opened = open_table(data, filename)
    check(plan, opened.columns)
    readings: list[Reading] = []
    problems: list[Problem] = []
    rejected = 0
    for number, outcome in enumerate(convert(opened.rows, plan, known), start=1):
        if isinstance(outcome, Problem):
            rejected += 1
            problems += [outcome] if len(problems) < PROBLEMS_KEPT else []
        else:
            readings.append(outcome[1])
        if number % _LOOK_EVERY == 0:
            alive(number)
    return Loaded(table=_table(readings), rows=len(readings) + rejected, rejected=rejected, problems=tuple(problems))


def store_by_weeks(store: ReadingStore, table: pa.Table) -> Iterator[int]:
    """Imports week after week, each once, and tells how many readings went in; what is there already is replaced."""
    for part in weeks(table):
        yield store.import_table(part)


def weeks(table: pa.Table) -> Iterator[pa.Table]:
    """The table by weeks that begin at midnight UTC, so that a bar can move and no day is written twice."""
    week = pc.cast(pc.divide(table["ts_ms"], _WEEK_MS), pa.int32())
    for number in sorted(week.unique().to_pylist()):
        yield table.filter(pc.equal(week, number))


def ask_recount(meters: MeterStore, table: pa.Table, now: datetime) -> None:
    """History of registers that came in: the ledger counts the hours it touches anew."""
    grouped = table.group_by(["device_id", "metric"]).aggregate([("ts_ms", "min"), ("ts_ms", "max")])
    meters.ask_recount(_recounts(grouped.to_pylist()), now)


def _recounts(groups: Iterable[dict[str, object]]) -> Sequence[Recount]:
    return [
        Recount(device_id=str(group["device_id"]), from_ms=int(str(group["ts_ms_min"])), to_ms=int(str(group["ts_ms_max"])))
        for group in groups
        if metric(str(group["metric"])).kind is MetricKind.REGISTER
    ]


def _table(readings: Sequence[Reading]) -> pa.Table:
    columns = list(zip(*readings, strict=True)) or [(), (), (), (), ()]
    types = (pa.string(), pa.string(), pa.int64(), pa.float64(), pa.int16())
    names = ("device_id", "metric", "ts_ms", "value", "quality")
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)})
