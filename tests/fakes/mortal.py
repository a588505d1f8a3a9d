"""Work that a test kills in the middle: `python -m tests.fakes.mortal` forks a process of its own for each line it is told.

Forked from a process that has everything imported, so that a kill falls into the work and not into its imports.
"""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from analytics.site import Site
from devices.registry import Registry
from ingest.pipeline import Pipeline
from ingest.replaying import Replayer
from runtime.cli import main
from runtime.databases import open_database, ready_database
from runtime.housekeeping import tidy
from runtime.incoming import files_of
from runtime.roles.analytics import Analytics, Entered
from runtime.roles.analytics_recorder import Recorder
from runtime.roles.importer import Importer
from runtime.roles.ingest import sinks
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.dead_letter_store import DeadLetterStore
from storage.health_store import HealthStore
from storage.registry_store import RegistryStore


def recount(settings: Settings, now: datetime) -> None:
    """What the analytics role does at its start and at one turn."""
    with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as readings:
        role = Analytics(
            readings=readings,
            registry=RegistryStore(database),
            health=HealthStore(database),
            record=Recorder(database, lambda _: None),
            site=Site,
            entered=Entered(*(store(database) for store in Entered.__annotations__.values())),
        )
        role.tick(now)


def replay(settings: Settings, now: datetime) -> None:
    """What ingest does with dead letters that somebody wants tried again."""
    with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as readings:
        line = Replayer(DeadLetterStore(database), Pipeline(Registry((), ())), sinks(database, readings))
        while line.step(round(now.timestamp() * 1000)):
            pass


def background_import(settings: Settings, now: datetime) -> None:
    """What the api role does with an import that waits, or whose worker was killed."""
    with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as readings:
        importer = Importer(database, readings, files_of(settings), now=lambda: now)
        while importer.step():
            pass


def housekeeping(settings: Settings, now: datetime) -> None:
    tidy(settings, now)


def migrate(settings: Settings, _now: datetime) -> None:
    with ready_database(settings):
        pass


def command(*arguments: str) -> None:
    """A command of `caretaker`."""
    sys.argv = ["caretaker", *arguments]
    main()


WORKS: dict[str, Callable[[Settings, datetime], None]] = {
    work.__name__: work for work in (recount, replay, background_import, housekeeping, migrate)
}


def _do(told: dict[str, Any]) -> None:
    os.environ["CARETAKER_DATA_DIR"] = told["data_dir"]
    if told["work"] == "command":
        command(*told["arguments"])
        return
    database = {"database": {"url": told["database_url"]}} if told.get("database_url") else {}
    settings = Settings(data_dir=Path(told["data_dir"]), **database)
    WORKS[told["work"]](settings, datetime.fromisoformat(told["now"]).astimezone(UTC))


def _fork(told: dict[str, Any]) -> int:
    """How it ended: 0, or the number of the signal below zero. `kill_after_s`: its life, where it shall be a short one."""
    child = os.fork()
    if child == 0:
        _live(told)
    until = time.monotonic() + told["kill_after_s"] if told["kill_after_s"] is not None else math.inf
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended:
        time.sleep(0.001)
        if time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            until = math.inf
        ended, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status)


def _live(told: dict[str, Any]) -> NoReturn:
    try:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        _do(told)
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    except BaseException as error:  # noqa: BLE001 - told by the exit status
        print(repr(error), file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        print(_fork(json.loads(line)), flush=True)  # noqa: T201
