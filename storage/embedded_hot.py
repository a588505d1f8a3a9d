"""One unfinished day in SQLite: written by whoever ingests, read by any process.

The key is (hour of the day, series, ms within the hour): writes stay within the pages of the current hour, and a day of one
series is 24 short look-ups. `newest` holds the youngest hour of each series, so that its last reading is found at once.
"""

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from storage.embedded_days import DAY_MS, HOUR_MS, Days, fsync_folder
from storage.embedded_sqlite import connect, transaction

_SCHEMA = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
CREATE TABLE reading (
    bucket INTEGER NOT NULL,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    quality INTEGER NOT NULL,
    PRIMARY KEY (bucket, series, at)
) WITHOUT ROWID;
CREATE TABLE newest (series INTEGER PRIMARY KEY, bucket INTEGER NOT NULL);
"""

_CHECKPOINT_PAGES = 4_000
"""32 MB: the pages of the current hour are written many times, but need to reach the file only once in a while."""

_ROWS_AT_ONCE = 200
"""In one statement: each statement lets go of the interpreter and has to get it back from the other threads."""


def _insert(rows: int) -> str:
    places = ", ".join(["(?, ?, ?, ?, ?)"] * rows)
    return f"INSERT INTO reading VALUES {places} ON CONFLICT DO UPDATE SET value = excluded.value, quality = excluded.quality"  # noqa: S608 - only places


_KEY = itemgetter(0, 1, 2)
_WRITE, _WRITE_MANY = _insert(1), _insert(_ROWS_AT_ONCE)
_NEWEST = "INSERT INTO newest (bucket, series) VALUES (?, ?) ON CONFLICT DO UPDATE SET bucket = max(bucket, excluded.bucket)"

ROW = np.dtype([("series", "i4"), ("ts_ms", "i8"), ("value", "f8"), ("quality", "i4")])
Rows = npt.NDArray[np.void]
HotRow = tuple[int, int, int, float, int]
"""(bucket, series, at, value, quality)"""


class HotWriter:
    """The open hot files of one writing process, at most `limit`. Its caller holds the day's lock and serialises calls."""

    def __init__(self, days: Days, limit: int = 8) -> None:
        self._days = days
        self._limit = limit
        self._open: OrderedDict[int, tuple[Path, sqlite3.Connection, set[tuple[int, int]]]] = OrderedDict()

    def append(self, day: int, path: Path, rows: Sequence[HotRow]) -> None:
        """One transaction: all of `rows` or none."""
        connection, known = self._connection(day, path)
        fresh = {row[:2] for row in rows} - known
        with transaction(connection):
            _write(connection, rows)
            if fresh:
                connection.executemany(_NEWEST, sorted(fresh))
        known |= fresh

    def path(self, day: int) -> Path | None:
        """The day's file where it is already open here and still the valid one; saves listing the folder."""
        held = self._open.get(day)
        return held[0] if held and held[0].exists() else None

    def create(self, day: int) -> Path:
        """A new file for a day that has none. Only under the day's exclusive lock."""
        path = self._days.new_hot(day)
        draft = path.with_suffix(".draft")
        connection = connect(draft, create=True)
        connection.executescript(_SCHEMA)
        connection.close()
        draft.rename(path)
        fsync_folder(path.parent)
        return path

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1][1].close()

    def _connection(self, day: int, path: Path) -> tuple[sqlite3.Connection, set[tuple[int, int]]]:
        held = self._open.get(day)
        if held is None or held[0] != path:
            if held is not None:
                held[1].close()
            connection = connect(path)
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            held = (path, connection, set())
            self._open[day] = held
        self._open.move_to_end(day)
        if len(self._open) > 1:
            self._close_unused()
        return held[1], held[2]

    def _close_unused(self) -> None:
        """Days that were sealed meanwhile, whose removed files would stay on the disk, and those longest unused."""
        gone = [day for day, (path, _, _) in self._open.items() if not path.exists()]
        surplus = list(self._open)[: max(0, len(self._open) - self._limit)]
        for day in {*gone, *surplus}:
            self._open.pop(day)[1].close()


def _write(connection: sqlite3.Connection, rows: Sequence[HotRow]) -> None:
    """In the order of the key, so that a statement touches few pages: SQLite copies each before it changes it."""
    rows = sorted(rows, key=_KEY)  # stable: of equal keys the last still comes last
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    for start in range(0, whole, _ROWS_AT_ONCE):
        connection.execute(_WRITE_MANY, list(chain.from_iterable(rows[start : start + _ROWS_AT_ONCE])))
    connection.executemany(_WRITE, rows[whole:])


class HotReaders:
    """Read connections of one process: at most `limit` idle ones, none to files that are gone."""

    def __init__(self, limit: int = 16) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: list[tuple[Path, sqlite3.Connection]] = []

    @contextmanager
    def borrow(self, path: Path) -> Iterator[sqlite3.Connection | None]:
        """None where the file has been sealed meanwhile."""
        connection = self._take(path)
        if connection is None:
            try:
                connection = connect(path, read_only=True)
            except sqlite3.OperationalError:
                if path.exists():
                    raise
                yield None
                return
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._give(path, connection)

    def keep_only(self, paths: Sequence[Path]) -> None:
        with self._lock:
            gone = [item for item in self._idle if item[0] not in paths]
            self._idle = [item for item in self._idle if item[0] in paths]
        for _, connection in gone:
            connection.close()

    def close(self) -> None:
        self.keep_only(())

    def _take(self, path: Path) -> sqlite3.Connection | None:
        with self._lock:
            for index, item in enumerate(self._idle):
                if item[0] == path:
                    return self._idle.pop(index)[1]
        return None

    def _give(self, path: Path, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._idle.append((path, connection))
            surplus = self._idle.pop(0)[1] if len(self._idle) > self._limit else None
        if surplus is not None:
            surplus.close()


def read(
    connection: sqlite3.Connection, day: int, series: Sequence[int], start_ms: int, end_ms: int, limit: int | None = None
) -> Rows:
    """The rows of these series in [start_ms, end_ms) of that day, hour by hour; one series alone comes in time order."""
    first = max(start_ms - day * DAY_MS, 0)
    last = min(end_ms - day * DAY_MS, DAY_MS) - 1
    if last < first or not series:
        return np.empty(0, ROW)
    buckets = range(first // HOUR_MS, last // HOUR_MS + 1)
    cursor = connection.execute(
        "SELECT series, :day + bucket * 3600000 + at, value, quality FROM reading "
        "WHERE bucket IN (SELECT value FROM json_each(:buckets)) AND series IN (SELECT value FROM json_each(:series)) "
        "AND bucket * 3600000 + at BETWEEN :first AND :last ORDER BY bucket, series, at LIMIT :limit",
        {
            "day": day * DAY_MS,
            "buckets": json.dumps(list(buckets)),
            "series": json.dumps(list(series)),
            "first": first,
            "last": last,
            "limit": -1 if limit is None else limit,
        },
    )
    return np.fromiter(cursor, ROW)


def latest(connection: sqlite3.Connection, day: int, series: Sequence[int]) -> list[tuple[int, int, float, int]]:
    """(series, ts_ms, value, quality) of the youngest reading of each series that has one on that day."""
    return connection.execute(
        "SELECT r.series, ? + r.bucket * 3600000 + r.at, r.value, r.quality FROM json_each(?) AS wanted "
        "CROSS JOIN newest AS n ON n.series = wanted.value "
        "CROSS JOIN reading AS r ON r.bucket = n.bucket AND r.series = n.series AND r.at = "
        "(SELECT max(at) FROM reading AS x WHERE x.bucket = n.bucket AND x.series = n.series)",
        (day * DAY_MS, json.dumps(list(series))),
    ).fetchall()


def series_of(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT series FROM newest")]


def row_count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM reading").fetchone()[0])
