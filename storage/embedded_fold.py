"""Exchanging the files of one day: hot and sealed rows, and imported ones, become one new sealed file."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

import pyarrow as pa
import pyarrow.compute as pc

from storage import embedded_hot, embedded_sealed, embedded_table
from storage.embedded_catalogue import Catalogue
from storage.embedded_days import DAY_MS, Days, remove_hot
from storage.embedded_sealed import SealedReader
from storage.embedded_sqlite import connect

_DEVICES_AT_ONCE = 200
"""Bounds the memory: about 2 million rows where each device sends every 10 s."""


class Folder:
    """Call each method under the exclusive lock of its day.

    Killed at any moment, it loses nothing: no file goes before the one that replaces it has its name.
    """

    def __init__(self, days: Days, catalogue: Catalogue, sealed: SealedReader) -> None:
        self._days = days
        self._catalogue = catalogue
        self._sealed = sealed

    def fold(self, day: int, *, extra: pa.Table | None = None, keep_from_ms: int = 0) -> int:
        """Writes the day anew from all it has and `extra` (sorted), from `keep_from_ms` on; returns how many rows it dropped."""
        self._days.sweep(day)
        hot, old, new = self._days.hot().get(day), self._days.sealed().get(day), self._days.next_sealed(day)
        youngest: dict[tuple[str, str], tuple[int, float, int]] = {}
        seen = 0

        def tables() -> Iterator[pa.Table]:
            nonlocal seen
            for table in self._merged(day, hot, old, extra):
                seen += len(table)
                kept = table.filter(pc.greater_equal(table["ts_ms"], keep_from_ms)) if keep_from_ms else table
                youngest.update(embedded_table.youngest(kept))
                yield kept

        written = embedded_sealed.write(new, tables())
        self._catalogue.note_sealed(youngest)
        if hot is not None:
            remove_hot(hot)
        for path in (old, None if written else new):
            if path is not None:
                path.unlink(missing_ok=True)
        return seen - written

    def drop_before(self, day: int, ts_ms: int) -> int:
        """Deletes the day's rows before `ts_ms`, files and all where none stays; returns how many."""
        hot, sealed = self._days.hot().get(day), self._days.sealed().get(day)
        if ts_ms < (day + 1) * DAY_MS or (hot and sealed):
            return self.fold(day, keep_from_ms=ts_ms)
        rows = 0
        if sealed is not None:
            rows = embedded_sealed.row_count(sealed)
            sealed.unlink()
        if hot is not None:
            with closing(connect(hot, read_only=True)) as connection:
                rows = embedded_hot.row_count(connection)
            remove_hot(hot)
        self._days.sweep(day)
        return rows

    def _merged(self, day: int, hot: Path | None, sealed: Path | None, extra: pa.Table | None) -> Iterator[pa.Table]:
        """All rows of the day, metric by metric, some devices at a time."""
        connection = connect(hot, read_only=True) if hot else None
        try:
            yield from self._by_metric(day, connection, sealed, extra)
        finally:
            if connection is not None:
                connection.close()

    def _by_metric(
        self, day: int, connection: Connection | None, sealed: Path | None, extra: pa.Table | None
    ) -> Iterator[pa.Table]:
        span = (day * DAY_MS, (day + 1) * DAY_MS)
        self._catalogue.refresh()
        names = self._catalogue.names
        hot = {names[number]: number for number in embedded_hot.series_of(connection)} if connection else {}
        known = {
            *hot,
            *(self._sealed.series(sealed) if sealed else ()),
            *(embedded_table.series(extra) if extra is not None else ()),
        }
        for metric, devices in _chunks(known):
            tables = [self._sealed.rows([sealed], devices, [metric], span)] if sealed else []
            if connection is not None:
                numbers = [hot[device, metric] for device in devices if (device, metric) in hot]
                tables.append(embedded_table.from_rows(embedded_hot.read(connection, day, numbers, *span), names))
            if extra is not None:
                tables.append(embedded_table.only(extra, metric, devices))
            yield embedded_table.merged(tables)


def _chunks(series: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """(metric, some devices that have it), in the order of a sealed file."""
    of_metric: dict[str, list[str]] = defaultdict(list)
    for device, metric in sorted(series):
        of_metric[metric].append(device)
    for metric, devices in sorted(of_metric.items()):
        for start in range(0, len(devices), _DEVICES_AT_ONCE):
            yield metric, devices[start : start + _DEVICES_AT_ONCE]
