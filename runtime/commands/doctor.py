"""`caretaker doctor`: is this machine and this installation in order? One line per check, with the remedy."""

import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from devices.errors import CaretakerError
from runtime import broker
from runtime import settings as configuration
from runtime.databases import open_database
from runtime.settings import Settings
from runtime.stores import open_reading_store

_ENOUGH_DISK_GB = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str
    remedy: str = ""


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print the checks as one JSON list")] = False) -> None:
    """Checks Python, settings, disk, broker, database and reading store. Example: caretaker doctor"""
    settings = configuration.load()
    checks = [examine(settings) for examine in EXAMINATIONS]
    if checks[DATA_DIR].ok:
        checks += [examine(settings) for examine in INSIDE_THE_DATA_DIR]
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            typer.echo(
                f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}" + (f" -> {check.remedy}" if not check.ok else "")
            )
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def _python(_: Settings) -> Check:
    return Check("python", sys.version_info >= (3, 11), sys.version.split()[0], "use Python 3.11 or newer")


def _data_dir(settings: Settings) -> Check:
    if not settings.data_dir.exists():
        remedy = "`caretaker up` and `caretaker users add` make it; or choose another with CARETAKER_DATA_DIR"
        return Check("data directory", ok=False, detail=f"{settings.data_dir} does not exist yet", remedy=remedy)
    try:
        with tempfile.TemporaryFile(dir=settings.data_dir):
            return Check("data directory", ok=True, detail=f"{settings.data_dir} can be written")
    except OSError as error:
        remedy = "make it writable for this user, or choose another with CARETAKER_DATA_DIR"
        return Check("data directory", ok=False, detail=f"{settings.data_dir}: {error.strerror}", remedy=remedy)


def _disk(settings: Settings) -> Check:
    free_gb = shutil.disk_usage(settings.data_dir).free / 1e9
    return Check("disk", free_gb >= _ENOUGH_DISK_GB, f"{free_gb:.1f} GB free", f"free at least {_ENOUGH_DISK_GB:.0f} GB")


def _broker_program(settings: Settings) -> Check:
    found = broker.mosquitto_binary()
    needed = settings.mqtt.managed
    return Check("mosquitto", bool(found) or not needed, found or "not installed", "apt-get install mosquitto")


def _broker_answers(settings: Settings) -> Check:
    place = f"{settings.mqtt.host}:{settings.mqtt.port}"
    try:
        with socket.create_connection((settings.mqtt.host, settings.mqtt.port), timeout=2):
            return Check("broker", ok=True, detail=f"answers at {place}")
    except OSError as error:
        return Check(
            "broker", ok=False, detail=f"{place}: {error.strerror or error}", remedy="start it (caretaker up) or correct [mqtt]"
        )


def _database(settings: Settings) -> Check:
    try:
        database = open_database(settings)
        database.check()
        database.close()
    except CaretakerError as error:
        return Check("database", ok=False, detail=str(error), remedy="caretaker migrate, or correct [database]")
    return Check("database", ok=True, detail="answers and has this version's schema")


def _reading_store(settings: Settings) -> Check:
    try:
        open_reading_store(settings).close()
    except CaretakerError as error:
        return Check("reading store", ok=False, detail=str(error), remedy="correct [store]")
    return Check("reading store", ok=True, detail=settings.store.kind)


EXAMINATIONS: tuple[Callable[[Settings], Check], ...] = (_python, _data_dir, _broker_program, _broker_answers)
DATA_DIR = EXAMINATIONS.index(_data_dir)
INSIDE_THE_DATA_DIR: tuple[Callable[[Settings], Check], ...] = (_disk, _database, _reading_store)
"""Looked at only where there is one: doctor changes nothing."""
