"""Finished days as Parquet, sorted by metric, device and time, read by an in-memory DuckDB that any process may have.

Nearly every question names one metric, so its readings lie together. A value of at most three decimals is kept as
`value_milli`, an integer of thousandths (a meter's register then takes 1 byte instead of 4), any other as `value`; one of the
two is null, and no value comes back changed.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from devices.model import Quality
from storage import embedded_table
from storage.embedded_days import fsync_folder
from storage.reading_store import Aggregate

ROW_GROUP = 65_536
"""Rows that are decoded together. Smaller groups cost a file of many devices more in looking for the right one than they save."""

_FILE = pa.schema(
    [
        *(embedded_table.SCHEMA.field(name) for name in ("device_id", "metric", "ts_ms")),
        pa.field("value_milli", pa.int64()),
        pa.field("value", pa.float64()),
        embedded_table.SCHEMA.field("quality"),
    ]
)
QUERIES_EACH = 500
"""DuckDB (2.0.0) keeps about 8 KB of each query over files for as long as its database lives: a new one after so many."""

_VALUE_OF_ROW = "coalesce(value_milli::DOUBLE / 1000::DOUBLE, value) AS value"
_GOOD = f"(quality & {int(Quality.IMPLAUSIBLE)}) = 0"
_AGGREGATE = {
    Aggregate.SUM: f"sum(value) FILTER ({_GOOD})",
    Aggregate.MEAN: f"avg(value) FILTER ({_GOOD})",
    Aggregate.MIN: f"min(value) FILTER ({_GOOD})",
    Aggregate.MAX: f"max(value) FILTER ({_GOOD})",
    Aggregate.FIRST: f"arg_min(value, ts_ms) FILTER ({_GOOD})",
    Aggregate.LAST: f"arg_max(value, ts_ms) FILTER ({_GOOD})",
    Aggregate.COUNT: f"CAST(count(*) FILTER ({_GOOD}) AS DOUBLE)",
}

WindowRow = tuple[str, int, float | None, int, int]
"""(device_id, index of the window, value, count, quality)"""


def write(path: Path, tables: Iterable[pa.Table]) -> int:
    """A new sealed file, complete and on the disk when its name appears. `tables` follow each other in order. Rows written."""
    draft = path.with_suffix(".draft")
    rows = 0
    with draft.open("wb") as file:
        with pq.ParquetWriter(
            file,
            _FILE,
            compression="zstd",
            use_dictionary=["device_id", "metric", "quality"],
            column_encoding={"ts_ms": "DELTA_BINARY_PACKED", "value_milli": "DELTA_BINARY_PACKED", "value": "PLAIN"},
        ) as writer:
            for table in tables:
                writer.write_table(_packed(table), row_group_size=ROW_GROUP)
                rows += len(table)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    fsync_folder(path.parent)
    return rows


def row_count(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def _packed(table: pa.Table) -> pa.Table:
    value = table["value"].to_numpy()
    milli, exact = thousandths(value)
    columns = [*table.columns[:3], pa.array(milli, mask=~exact), pa.array(value, mask=exact), table["quality"]]
    return pa.Table.from_arrays(columns, schema=_FILE)


def thousandths(value: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Integers of thousandths, and where dividing them by 1000 gives back the very same number."""
    small = np.abs(value) < 1e12
    milli = np.rint(np.where(small, value, 0.0) * 1000).astype(np.int64)
    return milli, small & (milli / 1000.0 == value) & ~((value == 0) & np.signbit(value))


class SealedReader:
    """Queries over sealed files and, where given, a table of unsealed rows. Each call has a cursor of its own; any thread.

    A file may be replaced while it is read: then a duckdb.IOException comes, and the caller lists the files again.
    """

    def __init__(self, *, threads: int = 2, memory_mb: int = 512, queries_each: int = QUERIES_EACH) -> None:
        self._options: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": f"{memory_mb}MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._queries_each = queries_each
        self._queries = 0

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    def rows(
        self, paths: Sequence[Path], device_ids: Sequence[str], metrics: Sequence[str] | None, span: tuple[int, int]
    ) -> pa.Table:
        """All rows of these devices and metrics (None: all) in [span), file after file, not sorted across files."""
        if not paths or not device_ids:
            return embedded_table.empty()
        where, values = _where(device_ids, metrics, span)
        with closing(self._cursor()) as cursor:
            query = f"SELECT device_id, metric, ts_ms, {_VALUE_OF_ROW}, quality FROM {_files(paths)} WHERE {where}"  # noqa: S608 - names are ours
            return embedded_table.encoded(cursor.sql(query, params=values).to_arrow_table())

    def series(self, path: Path) -> list[tuple[str, str]]:
        """The (device_id, metric) that occur in a file."""
        with closing(self._cursor()) as cursor:
            return cursor.execute(f"SELECT DISTINCT device_id, metric FROM {_files([path])}").fetchall()  # noqa: S608 - names are ours

    def windows(
        self,
        paths: Sequence[Path],
        unsealed: pa.Table,
        device_ids: Sequence[str],
        metric: str,
        edges_ms: Sequence[int],
        aggregate: Aggregate,
    ) -> list[WindowRow]:
        """Windows that hold any reading. `unsealed` must not overlap the files."""
        where, values = _where(device_ids, [metric], (edges_ms[0], edges_ms[-1]))
        sources = [(_VALUE_OF_ROW, _files(paths))] if paths else []
        sources += [("value", "unsealed")] if len(unsealed) else []
        if not sources:
            return []
        rows = " UNION ALL ".join(
            f"SELECT device_id, ts_ms, {value}, quality FROM {source} WHERE {where}"  # noqa: S608 - names are ours
            for value, source in sources
        )
        with closing(self._cursor()) as cursor:
            if len(unsealed):
                cursor.register("unsealed", unsealed)
            cursor.execute(
                f"SELECT device_id, {window_index(edges_ms)} AS place, {_AGGREGATE[aggregate]}, "  # noqa: S608 - text is ours
                f"count(*) FILTER ({_GOOD}), bit_or(quality) FROM ({rows}) GROUP BY device_id, place",
                values * len(sources),
            )
            return cursor.fetchall()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            self._queries += 1
            if self._queries > self._queries_each:
                self._database = None  # not closed, which would close the cursors in use: it goes with the last of them
            if self._database is None:
                self._queries = 1
                self._database = duckdb.connect(":memory:", config=self._options)
                self._database.execute("SET GLOBAL parquet_metadata_cache = true")  # safe: no name is given to a second file
            return self._database.cursor()


def window_index(edges_ms: Sequence[int]) -> str:
    """SQL that numbers the window of `ts_ms`. Windows of equal width share one division; days have few changes of width."""
    runs: list[tuple[int, int, int]] = []  # (first window, its start, width)
    for index, (start, end) in enumerate(pairwise(edges_ms)):
        if not runs or runs[-1][2] != end - start:
            runs.append((index, start, end - start))
    parts = [f"{first} + (ts_ms - {start}) // {width}" for first, start, width in runs]
    cases = [f"WHEN ts_ms < {runs[i + 1][1]} THEN {parts[i]}" for i in range(len(runs) - 1)]
    return f"CASE {' '.join(cases)} ELSE {parts[-1]} END" if cases else parts[-1]


def _files(paths: Sequence[Path]) -> str:
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{names}])"


def _where(device_ids: Sequence[str], metrics: Sequence[str] | None, span: tuple[int, int]) -> tuple[str, list[object]]:
    devices = list(dict.fromkeys(device_ids))
    text = f"device_id IN ({', '.join('?' * len(devices))}) AND ts_ms >= ? AND ts_ms < ?"
    values: list[object] = [*devices, *span]
    if metrics is not None:
        text += f" AND metric IN ({', '.join('?' * len(metrics))})"
        values += metrics
    return text, values
