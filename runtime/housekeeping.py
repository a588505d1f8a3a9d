"""What keeps years of running small: finished days are sealed, what has expired is removed."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ingest.mailbox import MAILBOX_FOLDER
from runtime.databases import open_database
from runtime.incoming import files_of
from runtime.settings import Settings
from runtime.stores import open_reading_store, seal_finished_days
from storage.change_store import ChangeStore
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.idempotency_store import IdempotencyStore
from storage.import_store import ImportStore
from storage.manual_store import ManualStore
from storage.meter_store import MeterStore
from storage.registry_store import RegistryStore
from storage.user_store import UserStore

_LEFT_AFTER = timedelta(days=1)
"""Longer than anything is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """How many of each were sealed or removed."""

    days_sealed: int
    events: int
    changes: int
    dead_letters: int
    sessions: int
    strangers: int
    imports: int
    notes: int
    answers: int
    files: int


def tidy(settings: Settings, now: datetime) -> Tidied:
    """One round; safe beside running roles, and to repeat. Raises DependencyFailed where a store does not answer."""
    with closing(open_database(settings)) as database:
        removed = _remove_expired(database, settings, now)
        photos = ManualStore(database).photos()
    files = leftovers(settings, photos, now)
    return Tidied(days_sealed=_seal(settings, now), files=files, **removed)


def _remove_expired(database: Database, settings: Settings, now: datetime) -> dict[str, int]:
    keep = settings.retention
    known = RegistryStore(database).load().devices

    def days_ago_ms(days: int) -> int:
        return round((now - timedelta(days=days)).timestamp() * 1000)

    return {
        "events": EventStore(database).delete_before(days_ago_ms(keep.event_days)),
        "changes": ChangeStore(database).prune(keep.changes),
        "dead_letters": DeadLetterStore(database).prune(keep.dead_letters),
        "sessions": UserStore(database).purge_sessions(now),
        "strangers": HealthStore(database).forget_silent(days_ago_ms(keep.stranger_days), known),
        "imports": ImportStore(database).forget_before(now - timedelta(days=keep.import_days)),
        "notes": MeterStore(database).forget_notes_before(days_ago_ms(keep.note_days)),
        "answers": IdempotencyStore(database).forget_old(now),
    }


def leftovers(settings: Settings, photos: Collection[str], now: datetime) -> int:
    """Files of more than a day that nothing refers to: photos, uploads, and what a crash left half written; how many went."""
    incoming, oldest_s = files_of(settings), (now - _LEFT_AFTER).timestamp()
    photographed = [path for path in incoming.glob("photos/*.jpg") if path.stem not in photos]
    half = [*incoming.glob("*/*.partial"), *(settings.data_dir / MAILBOX_FOLDER).glob("*.partial")]
    return sum(_removed(path, oldest_s) for path in (*photographed, *half, *incoming.glob("uploads/*")))


def _removed(path: Path, oldest_s: float) -> bool:
    try:
        if path.stat().st_mtime >= oldest_s:
            return False
        path.unlink()
    except FileNotFoundError:  # another round or the upload's own was quicker
        return False
    return True


def _seal(settings: Settings, now: datetime) -> int:
    store = open_reading_store(settings)
    try:
        return seal_finished_days(store, now)
    finally:
        store.close()
