"""What keeps years of running small: finished days are sealed, what has expired is removed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.databases import open_database
from runtime.settings import Settings
from runtime.stores import open_reading_store, seal_finished_days
from storage.change_store import ChangeStore
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.user_store import UserStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """How many of each were sealed or removed."""

    days_sealed: int
    events: int
    changes: int
    dead_letters: int
    sessions: int


def tidy(settings: Settings, now: datetime) -> Tidied:
    """One round; safe beside running roles, and to repeat. Raises DependencyFailed where a store does not answer."""
    database = open_database(settings)
    try:
        removed = _remove_expired(database, settings, now)
    finally:
        database.close()
    return Tidied(days_sealed=_seal(settings, now), **removed)


def _remove_expired(database: Database, settings: Settings, now: datetime) -> dict[str, int]:
    keep = settings.retention
    expired = now - timedelta(days=keep.event_days)
    return {
        "events": EventStore(database).delete_before(round(expired.timestamp() * 1000)),
        "changes": ChangeStore(database).prune(keep.changes),
        "dead_letters": DeadLetterStore(database).prune(keep.dead_letters),
        "sessions": UserStore(database).purge_sessions(now),
    }


def _seal(settings: Settings, now: datetime) -> int:
    store = open_reading_store(settings)
    try:
        return seal_finished_days(store, now)
    finally:
        store.close()
