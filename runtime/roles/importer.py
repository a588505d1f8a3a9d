"""Runs imports of readings, one after the other: a thread of the api role. What it does may be done again without harm."""

import logging
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from devices.errors import BadInput, Conflict, DependencyFailed
from ingest.table_import import Plan
from runtime.reading_import import ask_recount, load, store_by_weeks
from storage.database import Database
from storage.import_store import ImportStore
from storage.incoming import ImportState, ReadingImport
from storage.meter_store import MeterStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 5.0
_ATTEMPTS_AT_MOST = 3
_ATTEMPTS = "failed_attempts"
"""Kept in the import's plan."""
_PLAN = tuple(field.name for field in fields(Plan))


class Importer:
    """`wake` from any thread. A process that dies leaves its import to the next one, which begins it anew."""

    def __init__(
        self, database: Database, readings: ReadingStore, directory: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._imports, self._meters, self._registry = ImportStore(database), MeterStore(database), RegistryStore(database)
        self._readings, self._directory, self._now = readings, directory, now
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="importer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """An import under way is left; it goes on at the next start."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stopping:
            try:
                while not self._stopping and self.step():
                    pass
            except DependencyFailed as failure:
                _LOG.warning("imports wait: %s", failure)
            except Exception:  # noqa: BLE001 - the task's border: one bad import must not end the others
                _LOG.exception("an import failed")
            self._woken.wait(_LOOK_EVERY_S)
            self._woken.clear()

    def step(self) -> bool:
        """The next import from beginning to end; False where none waits. Raises DependencyFailed: it will be tried again."""
        mine = self._imports.claim(self._now())
        if mine is None:
            return False
        try:
            self._import(mine)
        except BadInput as error:
            self._end(mine, ImportState.FAILED, errors=((0, "", str(error)),))
        except Conflict:
            _LOG.warning("import %s was taken over by another process", mine.id)
        except DependencyFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the border of one import: it must neither end the others nor repeat for ever
            _LOG.exception("import %s failed", mine.id)
            self._failed(mine, error)
        return True

    def _failed(self, mine: ReadingImport, error: Exception) -> None:
        """Counts it with the import, so that restarts do not begin anew; the next attempt comes when its heartbeat is stale."""
        attempts = int(mine.plan.get(_ATTEMPTS) or 0) + 1
        counted = replace(mine, plan={**mine.plan, _ATTEMPTS: attempts})
        if attempts < _ATTEMPTS_AT_MOST:
            self._say(counted)
            return
        why = f"it failed {attempts} times ({type(error).__name__}: {error}); the log of the api role tells where"
        self._end(counted, ImportState.FAILED, errors=((0, "", why),))

    def _import(self, mine: ReadingImport) -> None:
        plan = Plan(**{name: mine.plan[name] for name in _PLAN})  # type: ignore[arg-type]
        path = self._directory / "uploads" / str(mine.plan["upload"])
        try:
            data = path.read_bytes()
        except OSError:
            raise BadInput("the uploaded file is no longer there; upload it again", place=mine.filename) from None
        known = frozenset(self._registry.load().devices)
        loaded = load(data, mine.filename, plan, known, alive=lambda rows: self._say(replace(mine, rows_total=rows)))
        mine = replace(mine, rows_total=loaded.rows, rows_rejected=loaded.rejected, errors=loaded.problems)
        self._say(replace(mine, rows_done=loaded.rejected))
        for count in store_by_weeks(self._readings, loaded.table):
            if self._stopping:
                return
            mine = replace(mine, readings=mine.readings + count)
            self._say(replace(mine, rows_done=loaded.rejected + mine.readings))
        ask_recount(self._meters, loaded.table, self._now())
        self._end(replace(mine, rows_done=loaded.rows), ImportState.DONE, errors=mine.errors)

    def _say(self, mine: ReadingImport) -> None:
        self._imports.save(replace(mine, heartbeat_at=self._now()))

    def _end(self, mine: ReadingImport, state: ImportState, *, errors: tuple[tuple[int, str, str], ...]) -> None:
        now = self._now()
        self._imports.save(replace(mine, state=state, errors=errors, finished_at=now, heartbeat_at=now))
