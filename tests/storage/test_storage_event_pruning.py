"""What is old goes in small transactions, all of it."""

from contextlib import AbstractContextManager, closing
from pathlib import Path

from sqlalchemy import Connection

from analytics.notes import LedgerNote, NoteKind
from devices.health import DiscoveredDevice
from devices.model import Event
from ingest.dead_letter import DeadLetter
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.meter_store import MeterStore
from storage.pruning import delete_by_and_by
from storage.schema import EVENT


def test_thousands_of_old_events_go_and_the_others_stay(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'c.sqlite'}")) as database:
        database.migrate()
        store = EventStore(database)
        store.append(
            [Event(device_id="d", type=f"t{number % 2}", ts_ms=1000 + number // 2, attributes={}) for number in range(9000)]
        )
        assert store.delete_before(1000 + 4000) == 8000
        assert store.delete_before(1000 + 4000) == 0
        assert len(store.list(start_ms=0, end_ms=10_000, limit=5000)) == 1000


def test_thousands_of_letters_notes_and_strangers_go_in_small_transactions_and_the_others_stay(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'c.sqlite'}")) as database:
        database.migrate()
        letters = DeadLetterStore(database)
        letters.append([DeadLetter(topic="t", payload=b"x", reason="r", received_ms=number) for number in range(6000)])
        assert letters.prune(5000, before_ms=4500) == 4500
        assert letters.prune(1000, before_ms=0) == 500
        assert letters.count() == 1000
        strangers = HealthStore(database)
        strangers.discover(
            [
                DiscoveredDevice(device_id=f"d{number}", first_seen_ms=0, last_seen_ms=number, topic="t", family="f")
                for number in range(2500)
            ]
        )
        assert strangers.forget_silent(2100, set()) == 2100
        assert len(strangers.discovered()) == 400
        many = [_note(number) for number in range(4100)]
        notes = MeterStore(database)
        notes.renote({}, {"m": many})
        assert notes.forget_notes_before(4001) == 4000
        assert len(notes.notes("m", 0, 5000)) == 100


def test_no_transaction_deletes_more_than_two_thousand(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'c.sqlite'}")) as database:
        database.migrate()
        EventStore(database).append([Event(device_id="d", type="t", ts_ms=number, attributes={}) for number in range(5000)])
        counting = _Counting(database)
        assert delete_by_and_by(counting, EVENT.c.ts_ms, EVENT.c.ts_ms < 4500) == 4500
        assert counting.transactions == 3


def _note(number: int) -> LedgerNote:
    return LedgerNote(kind=NoteKind.RESET, from_ms=number, to_ms=number + 1, before=1, after=0, counted=0)


class _Counting:
    def __init__(self, database: Database) -> None:
        self._database, self.transactions = database, 0

    def begin(self, *, conflict: str = "") -> AbstractContextManager[Connection]:
        self.transactions += 1
        return self._database.begin(conflict=conflict)

    def read(self) -> AbstractContextManager[Connection]:
        return self._database.read()
