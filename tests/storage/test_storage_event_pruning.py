"""Old events go in small transactions, all of them."""

from contextlib import closing
from pathlib import Path

from devices.model import Event
from storage.database import Database
from storage.event_store import EventStore


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
