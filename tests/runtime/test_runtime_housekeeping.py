"""A round of housekeeping on real stores: days are sealed, what expired is gone, the rest stays, twice is the same as once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.model import Event, Reading
from runtime.databases import open_database
from runtime.housekeeping import tidy
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.event_store import EventStore

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def test_a_round(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    database = open_database(settings)
    database.migrate()
    fresh, old = ms(NOW - timedelta(days=1)), ms(NOW - timedelta(days=61))
    events = [Event(device_id="door-1", type="access.granted", ts_ms=at) for at in (fresh, old)]
    EventStore(database).append(events)
    store = open_reading_store(settings)
    readings = [Reading("m1", "water.volume", ms(NOW - timedelta(days=days)), 10.0 - days) for days in (2, 1, 0)]
    store.write(readings)
    first = tidy(settings, NOW)
    again = tidy(settings, NOW)
    assert (first.days_sealed, first.events, again.days_sealed, again.events) == (2, 1, 0, 0)
    assert [event.ts_ms for event in EventStore(database).list(start_ms=0, end_ms=ms(NOW))] == [fresh]
    assert store.range("m1", "water.volume", 0, ms(NOW) + 1) == sorted(readings, key=lambda reading: reading.ts_ms)
    store.close()
    database.close()
