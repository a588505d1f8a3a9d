"""The reading store that needs no server: today in SQLite, finished days in Parquet, one directory, any number of processes.

A reading is looked for in the hot file of its day first and in the sealed one second; where both have it, the hot one is younger
and stands. See embedded_days for the files, embedded_hot and embedded_sealed for the two halves.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from devices.errors import DependencyFailed
from devices.model import Reading
from storage import embedded_hot, embedded_sealed, embedded_table
from storage.embedded_catalogue import Catalogue
from storage.embedded_days import DAY_MS, HOUR_MS, Days, day_of
from storage.embedded_fold import Folder
from storage.embedded_hot import HotReaders, HotRow, HotWriter
from storage.embedded_sealed import SealedReader
from storage.embedded_sqlite import explained
from storage.reading_store import Aggregate, Window, all_windows, check_edges, check_readings

_IMPORT_CHUNK = 50_000
_LOOKS = 50
"""How often a read looks again where days are sealed under its hands; it fails within a millisecond, before it has read."""
_T = TypeVar("_T")


class EmbeddedReadingStore:
    """ReadingStore in `directory`. Every method may be called from any thread; writers and readers may be many processes."""

    def __init__(self, directory: Path, *, threads: int = 2, memory_mb: int = 512) -> None:
        self._what = f"reading store {directory}"
        with explained(self._what):
            self._days = Days(directory)
            self._catalogue = Catalogue(directory / "catalogue.sqlite")
        self._write_lock = threading.Lock()
        self._writer = HotWriter(self._days)
        self._readers = HotReaders()
        self._sealed = SealedReader(threads=threads, memory_mb=memory_mb)
        self._folder = Folder(self._days, self._catalogue, self._sealed)

    def close(self) -> None:
        with self._write_lock:
            self._writer.close()
        self._readers.close()
        self._sealed.close()
        self._catalogue.close()

    # ---- writing

    def write(self, readings: Sequence[Reading]) -> None:
        if not readings:
            return
        with explained(self._what), self._write_lock:
            for day, rows in sorted(self._by_day(readings).items()):
                self._append(day, rows)

    def import_table(self, table: pa.Table) -> int:
        ours = embedded_table.merged([embedded_table.checked(table)])
        days = ours["ts_ms"].to_numpy() // DAY_MS
        order = np.argsort(days, kind="stable")
        numbers, starts = np.unique(days[order], return_index=True)
        with explained(self._what):
            for day, (start, end) in zip(numbers.tolist(), pairwise([*starts.tolist(), len(ours)]), strict=True):
                self._import_day(day, ours.take(pa.array(order[start:end])))
        return len(table)

    def seal(self, before_day: date) -> int:
        """Turns the hot days (UTC) before that one into sealed ones; returns how many. Late data re-opens a day until then."""
        with explained(self._what):
            days = [day for day in sorted(self._days.hot()) if day < day_of(before_day)]
            for day in days:
                with self._days.lock(day, exclusive=True):
                    self._retry(partial(self._folder.fold, day))
            for day in self._days.unfinished():
                with self._days.lock(day, exclusive=True):
                    self._days.sweep(day)
            return len(days)

    def delete_before(self, ts_ms: int) -> int:
        last, inside = divmod(ts_ms, DAY_MS)
        deleted = 0
        with explained(self._what):
            for day in sorted(self._days.hot().keys() | self._days.sealed().keys()):
                if day < last or (day == last and inside):
                    with self._days.lock(day, exclusive=True):
                        deleted += self._retry(partial(self._folder.drop_before, day, ts_ms))
            self._catalogue.forget_sealed_before(ts_ms)
        return deleted

    # ---- reading

    def latest(self, device_ids: Sequence[str], metrics: Sequence[str] | None = None) -> list[Reading]:
        with explained(self._what):
            wanted = self._catalogue.find(device_ids, metrics)
            hot = self._hot_latest(wanted)
            newest_sealed = max(self._days.sealed(), default=-1)
            unsure = [series for series in wanted if series not in hot or hot[series][1] < (newest_sealed + 1) * DAY_MS]
            for row in self._catalogue.sealed_latest(unsure) if unsure else ():
                if row[0] not in hot or row[1] > hot[row[0]][1]:
                    hot[row[0]] = row
        names = self._catalogue.names
        return sorted(Reading(*names[series], ts, value, quality) for series, ts, value, quality in hot.values())

    def range(self, device_id: str, metric: str, start_ms: int, end_ms: int, *, limit: int | None = None) -> list[Reading]:
        table = self._table([device_id], [metric], (start_ms, end_ms))
        if limit is not None:
            table = table.slice(0, limit)
        return [
            Reading(device_id, metric, *row)
            for row in zip(*(table[name].to_pylist() for name in table.column_names[2:]), strict=True)
        ]

    def frame(self, device_ids: Sequence[str], metrics: Sequence[str], start_ms: int, end_ms: int) -> pd.DataFrame:
        return embedded_table.to_frame(self._table(device_ids, metrics, (start_ms, end_ms)))

    def windows(self, device_ids: Sequence[str], metric: str, edges_ms: Sequence[int], aggregate: Aggregate) -> list[Window]:
        check_edges(edges_ms)
        if len(edges_ms) < 2 or not device_ids:
            return []
        with explained(self._what):
            rows = self._retry(lambda: self._window_rows(device_ids, metric, edges_ms, aggregate))
        return all_windows(device_ids, edges_ms, aggregate, {row[:2]: row[2:] for row in rows})

    # ---- inside

    def _by_day(self, readings: Sequence[Reading]) -> dict[int, list[HotRow]]:
        """At least one reading, checked and numbered. Nearly every batch lies within one day."""
        first, last = check_readings(readings)
        ids = self._catalogue.ids
        unknown = {reading[:2] for reading in readings} - ids.keys()
        if unknown:
            self._catalogue.add(unknown)
        day = first // DAY_MS
        if day == last // DAY_MS:
            start = day * DAY_MS
            return {day: [((ts - start) // HOUR_MS, ids[d, m], ts % HOUR_MS, v, q) for d, m, ts, v, q in readings]}
        grouped: dict[int, list[HotRow]] = defaultdict(list)
        for device, metric, ts, value, quality in readings:
            row = (ts % DAY_MS // HOUR_MS, ids[device, metric], ts % HOUR_MS, value, quality)
            grouped[ts // DAY_MS].append(row)
        return grouped

    def _append(self, day: int, rows: Sequence[HotRow]) -> None:
        """Under the write lock. The exclusive lock only for a day that has no hot file yet."""
        with self._days.lock(day, exclusive=False):
            path = self._writer.path(day) or self._days.hot().get(day)
            if path is not None:
                self._writer.append(day, path, rows)
                return
        with self._days.lock(day, exclusive=True):
            self._writer.append(day, self._days.hot().get(day) or self._writer.create(day), rows)

    def _import_day(self, day: int, table: pa.Table) -> None:
        """Into the sealed file, unless the day is hot: what was written last must stand, and hot stands above sealed."""
        with self._days.lock(day, exclusive=True):
            path = self._days.hot().get(day)
            if path is None:
                self._retry(lambda: self._folder.fold(day, extra=table))
                return
            self._catalogue.add(embedded_table.youngest(table).keys())
            with closing(HotWriter(self._days)) as writer:  # not the shared one: its lock is taken before a day's, never after
                for start in range(0, len(table), _IMPORT_CHUNK):
                    chunk = table.slice(start, _IMPORT_CHUNK)
                    columns = [chunk[name].to_pylist() for name in chunk.column_names]
                    writer.append(day, path, self._by_day(list(map(Reading, *columns)))[day])

    def _hot_latest(self, wanted: Sequence[int]) -> dict[int, tuple[int, int, float, int]]:
        found: dict[int, tuple[int, int, float, int]] = {}
        files = self._hot_files()
        for day in sorted(files, reverse=True):
            missing = [series for series in wanted if series not in found]
            if not missing:
                break
            with self._readers.borrow(files[day]) as connection:
                if connection is not None:
                    found |= {row[0]: row for row in embedded_hot.latest(connection, day, missing)}
        return found

    def _hot_table(self, device_ids: Sequence[str], metrics: Sequence[str], span: tuple[int, int]) -> dict[int, pa.Table]:
        """Day → rows, of the hot days that overlap the span."""
        files = {day: path for day, path in self._hot_files().items() if span[0] < (day + 1) * DAY_MS and day * DAY_MS < span[1]}
        series = self._catalogue.find(device_ids, metrics) if files else []
        tables = {}
        for day, path in files.items():
            with self._readers.borrow(path) as connection:
                if connection is not None:
                    rows = embedded_hot.read(connection, day, series, *span)
                    tables[day] = embedded_table.from_rows(rows, self._catalogue.names)
        return tables

    def _hot_files(self) -> dict[int, Path]:
        """Also closes connections to sealed days, which would keep their removed files on the disk."""
        files = self._days.hot()
        self._readers.keep_only(tuple(files.values()))
        return files

    def _sealed_paths(self, span: tuple[int, int]) -> dict[int, Path]:
        return {day: path for day, path in self._days.sealed().items() if span[0] < (day + 1) * DAY_MS and day * DAY_MS < span[1]}

    def _table(self, device_ids: Sequence[str], metrics: Sequence[str], span: tuple[int, int]) -> pa.Table:
        if span[0] >= span[1] or not device_ids or not metrics:
            return embedded_table.empty()
        with explained(self._what):
            return self._retry(lambda: self._table_once(device_ids, metrics, span))

    def _table_once(self, device_ids: Sequence[str], metrics: Sequence[str], span: tuple[int, int]) -> pa.Table:
        hot = self._hot_table(device_ids, metrics, span)
        paths = list(self._sealed_paths(span).values())
        return embedded_table.merged([self._sealed.rows(paths, device_ids, metrics, span), *hot.values()])

    def _window_rows(
        self, device_ids: Sequence[str], metric: str, edges_ms: Sequence[int], aggregate: Aggregate
    ) -> list[embedded_sealed.WindowRow]:
        span = (edges_ms[0], edges_ms[-1])
        hot = self._hot_table(device_ids, [metric], span)
        paths = self._sealed_paths(span)
        both = [path for day, path in paths.items() if day in hot]
        unsealed = embedded_table.merged([self._sealed.rows(both, device_ids, [metric], span), *hot.values()])
        only_sealed = [path for day, path in paths.items() if day not in hot]
        return self._sealed.windows(only_sealed, unsealed, device_ids, metric, edges_ms, aggregate)

    def _retry(self, read: Callable[[], _T]) -> _T:
        """A day that is sealed again replaces its file; who was about to open the old one looks again."""
        for attempt in range(_LOOKS):
            try:
                return read()
            except duckdb.IOException as error:
                if attempt == _LOOKS - 1:
                    raise DependencyFailed(f"{self._what}: {error}", transient=True) from error
            except duckdb.Error as error:
                raise DependencyFailed(f"{self._what}: {error}", transient=False) from error
        raise AssertionError("unreachable")
