"""A copy of all that an installation is, made while it runs: put in place of the data directory, it goes on from there.

What is on its way is copied first, then the database, then the readings: whatever moves on meanwhile stands in the copy twice
rather than not at all, and everything that is taken in again has a key of its own.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.errors import BadInput, DependencyFailed
from ingest.mailbox import MAILBOX_FOLDER
from runtime.pseudonyms import KEY_FILE
from runtime.settings import Settings
from storage.embedded_days import Days, fsync_folder

_PARTIAL = ".partial"
_DEAD_AFTER = timedelta(days=1)
_PLAIN = ("secrets", "incoming/photos", "incoming/uploads", "resend")
_FILES = (KEY_FILE, "demo-users.json", "demo-push-token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """`outside`: what a server keeps and the copy therefore lacks."""

    path: Path
    files: int
    bytes: int
    outside: tuple[str, ...]


def back_up(settings: Settings, folder: Path, now: datetime) -> Backup:
    """A new folder in `folder`, whole and durable on return, or none. Raises BadInput, DependencyFailed where it cannot be made."""
    data = settings.data_dir
    if not data.is_dir():
        raise BadInput("there is no data directory to copy; set CARETAKER_DATA_DIR", place=str(data))
    if folder.resolve().is_relative_to(data.resolve()):
        raise BadInput("a copy inside the data directory is lost with it; name another disk", place=str(folder))
    whole = folder / f"caretaker-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    draft = whole.with_name(whole.name + _PARTIAL)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder, now)
        draft.mkdir(mode=0o700)
        _copy_all(settings, draft)
        _make_durable(draft)
        draft.rename(whole)
        fsync_folder(folder)
    except FileExistsError:
        raise BadInput("there is a copy of this second already; call again", place=str(whole)) from None
    except (OSError, sqlite3.Error) as error:
        raise DependencyFailed(f"the copy {whole} was not made: {error}", transient=True) from error
    files = [path for path in whole.rglob("*") if path.is_file()]
    return Backup(path=whole, files=len(files), bytes=sum(path.stat().st_size for path in files), outside=_outside(settings))


def _copy_all(settings: Settings, to: Path) -> None:
    data = settings.data_dir
    # How far the spool is drained comes first: a word that is too old only means that some of it is drained again.
    _copy_files(data, to, [data / "spool" / "cursor", *sorted((data / "spool").glob("*.segment"))])
    _copy_files(data, to, sorted((data / MAILBOX_FOLDER).glob("*")))
    if not settings.database.url:
        _copy_database(data / "caretaker.sqlite", to / "caretaker.sqlite")
    if settings.store.kind == "embedded" and (data / "readings").is_dir():
        _copy_readings(data / "readings", to / "readings")
    for name in _PLAIN:
        _copy_files(data, to, sorted((data / name).rglob("*")))
    _copy_files(data, to, [data / name for name in _FILES])


def _copy_readings(source: Path, to: Path) -> None:
    """Days may be sealed meanwhile, which removes a hot file only when its sealed one is there; the catalogue only grows."""
    kept, copied = Days(source), Days(to)
    for path in kept.hot().values():
        _copy_database(path, copied.root / path.relative_to(source))
    for path in kept.sealed().values():
        if not _copy_file(path, copied.root / path.relative_to(source)):  # a younger one has taken its place
            _copy_files(source, to, [found for found in Days(source).sealed().values() if found.name[:10] == path.name[:10]])
    _copy_database(source / "catalogue.sqlite", to / "catalogue.sqlite")


def _copy_database(source: Path, to: Path) -> None:
    """As it was at one moment, whoever writes; nothing where there is none."""
    if not source.exists():
        return
    to.touch(mode=0o600)
    with closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True)) as opened, closing(sqlite3.connect(to)) as copy:
        opened.backup(copy)


def _copy_files(root: Path, to: Path, paths: Iterable[Path]) -> None:
    for path in paths:
        _copy_file(path, to / path.relative_to(root))


def _copy_file(path: Path, to: Path) -> bool:
    """False where it is no file, or went while we looked."""
    if not path.is_file():
        return False
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        shutil.copy2(path, to)
    except FileNotFoundError:
        return False
    return True


def _make_durable(folder: Path) -> None:
    for path in folder.rglob("*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(folder: Path, now: datetime) -> None:
    """What copies left that died."""
    for path in folder.glob(f"caretaker-*{_PARTIAL}"):
        if path.stat().st_mtime < (now - _DEAD_AFTER).timestamp():
            shutil.rmtree(path)


def _outside(settings: Settings) -> tuple[str, ...]:
    database = ("the database (pg_dump)",) if settings.database.url else ()
    return database if settings.store.kind == "embedded" else (*database, f"readings ({settings.store.kind})")
