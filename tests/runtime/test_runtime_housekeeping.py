"""A round of housekeeping on real stores: days are sealed, what expired is gone, the rest stays, twice is the same as once."""

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics.notes import LedgerNote, NoteKind
from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Device, Event, Reading, Space
from runtime.databases import open_database
from runtime.housekeeping import leftovers, tidy
from runtime.settings import Settings
from runtime.stores import open_reading_store
from simulators.campus import build_campus
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.idempotency_store import IdempotencyStore, RequestKey
from storage.import_store import ImportStore
from storage.incoming import ImportState
from storage.meter_store import MeterStore
from storage.registry_store import RegistryStore

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


def test_leftovers_go_after_a_day_and_what_is_referred_to_stays(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    old = ["photos/gone.jpg", "photos/kept.jpg", "photos/x.1.partial", "uploads/table"]
    fresh = ["photos/fresh.jpg", "uploads/fresh"]
    for name in (*old, *fresh):
        path = tmp_path / "incoming" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        at = NOW - timedelta(days=0 if name in fresh else 2)
        os.utime(path, (at.timestamp(), at.timestamp()))
    assert leftovers(settings, {"kept"}, NOW) == 3
    left = {path.relative_to(tmp_path / "incoming").as_posix() for path in (tmp_path / "incoming").glob("*/*")}
    assert left == {"photos/kept.jpg", *fresh}
    assert leftovers(settings, {"kept"}, NOW) == 0


def test_rows_that_nobody_asks_for_any_more_go(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with closing(open_database(settings)) as database:
        database.migrate()
        RegistryStore(database).save(*_one_meter())
        health, long_ago = HealthStore(database), ms(NOW - timedelta(days=91))
        health.record([_heard(device_id, long_ago) for device_id in ("m1", "stranger")] + [_heard("new", ms(NOW))])
        health.discover([_stranger("stranger", long_ago), _stranger("new", ms(NOW))])
        notes = [_note(NOW - timedelta(days=days)) for days in (1900, 10)]
        MeterStore(database).renote({}, {"m1": notes})
        imports = ImportStore(database)
        imports.create("t.csv", {}, by="admin", now=NOW - timedelta(days=500))
        running = imports.claim(NOW - timedelta(days=500))
        assert running is not None
        imports.save(replace(running, state=ImportState.DONE, finished_at=NOW - timedelta(days=499)))
        kept_key = RequestKey(username="a", route="r", key="k", request_sha256="0")
        IdempotencyStore(database).reserve(kept_key, NOW - timedelta(days=2))
        done = tidy(settings, NOW)
        assert (done.strangers, done.notes, done.imports, done.answers) == (2, 1, 1, 1)
        assert set(health.all()) == {"m1", "new"}
        assert [one.device_id for one in health.discovered()] == ["new"]
        assert imports.list() == []


def _one_meter() -> tuple[list[Space], list[Device]]:
    campus = build_campus(7)
    meter = next(device for device in campus.devices if device.id == "em-campus")
    return [campus.registry.spaces["campus"]], [replace(meter, id="m1")]


def _heard(device_id: str, at_ms: int) -> DeviceHealth:
    return DeviceHealth(device_id=device_id, last_seen_ms=at_ms, received=1)


def _stranger(device_id: str, at_ms: int) -> DiscoveredDevice:
    return DiscoveredDevice(device_id=device_id, first_seen_ms=at_ms, last_seen_ms=at_ms, topic="t", family="native", metrics=())


def _note(at: datetime) -> LedgerNote:
    return LedgerNote(kind=NoteKind.RESET, from_ms=ms(at), to_ms=ms(at) + 3_600_000, before=1, after=0, counted=0)
