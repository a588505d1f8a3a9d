"""The embedded store's small catalogue: a number for each (device, metric), and its youngest sealed reading."""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from storage.embedded_sqlite import connect, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    ts_ms INTEGER,
    value REAL,
    quality INTEGER,
    UNIQUE (device_id, metric)
)
"""

Series = tuple[str, str]
"""(device_id, metric)"""


class Catalogue:
    """Any process may read and add. What is known is remembered; numbers are never changed or given twice."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = connect(path, create=True)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(_SCHEMA)
        self.ids: dict[Series, int] = {}
        self.names: dict[int, Series] = {}
        self._of_device: dict[str, dict[str, int]] = {}
        self._last_id = 0

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def refresh(self) -> None:
        """Learns what other processes have added."""
        with self._lock:
            rows = self._connection.execute("SELECT id, device_id, metric FROM series WHERE id > ? ORDER BY id", (self._last_id,))
            for number, device_id, metric in rows.fetchall():
                self.ids[device_id, metric] = number
                self.names[number] = (device_id, metric)
                self._of_device.setdefault(device_id, {})[metric] = number
                self._last_id = number

    def add(self, series: Iterable[Series]) -> None:
        """Gives numbers to those that have none; durable on return."""
        with self._lock:
            with transaction(self._connection):
                self._connection.executemany(
                    "INSERT INTO series (device_id, metric) VALUES (?, ?) ON CONFLICT DO NOTHING", sorted(series)
                )
            self.refresh()

    def find(self, device_ids: Sequence[str], metrics: Sequence[str] | None) -> list[int]:
        """The known series of these devices, of all metrics where `metrics` is None. Calls refresh first."""
        self.refresh()
        with self._lock:
            known = [self._of_device.get(device_id, {}) for device_id in dict.fromkeys(device_ids)]
            if metrics is None:
                return [number for of_device in known for number in of_device.values()]
            wanted = list(dict.fromkeys(metrics))
            return [of_device[metric] for of_device in known for metric in wanted if metric in of_device]

    def sealed_latest(self, series: Sequence[int]) -> list[tuple[int, int, float, int]]:
        """(series, ts_ms, value, quality) of those that have a sealed reading."""
        with self._lock:
            return self._connection.execute(
                "SELECT id, ts_ms, value, quality FROM series WHERE id IN (SELECT value FROM json_each(?)) AND ts_ms IS NOT NULL",
                (json.dumps(list(series)),),
            ).fetchall()

    def note_sealed(self, youngest: Mapping[Series, tuple[int, float, int]]) -> None:
        """Remembers (ts_ms, value, quality) where it is not older than what is known."""
        with self._lock:
            self.refresh()
            missing = youngest.keys() - self.ids.keys()
            if missing:
                self.add(missing)
            with transaction(self._connection):
                self._connection.executemany(
                    "UPDATE series SET ts_ms = ?, value = ?, quality = ? WHERE id = ? AND coalesce(ts_ms, 0) <= ?",
                    [(ts, value, quality, self.ids[key], ts) for key, (ts, value, quality) in youngest.items()],
                )

    def forget_sealed_before(self, ts_ms: int) -> None:
        with self._lock, transaction(self._connection):
            self._connection.execute("UPDATE series SET ts_ms = NULL, value = NULL, quality = NULL WHERE ts_ms < ?", (ts_ms,))
