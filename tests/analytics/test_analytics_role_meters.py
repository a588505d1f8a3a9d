"""The analytics role and people's entries: what is in the database reaches the hours, in virtual time."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from analytics.amend import Entry, EntryKind
from analytics.notes import NoteKind
from devices.health import DeviceHealth
from storage.meter_store import MeterStore, Recount
from tests.analytics.test_analytics_role import HOUR_MS, HOURLY, NOW, House, _ms

METRIC = "water.volume"
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def hours(house: House, since_h: float, until_h: float) -> list[float]:
    found = house.readings.range("w-f1", HOURLY, _ms(NOW - timedelta(hours=since_h)), _ms(NOW - timedelta(hours=until_h)))
    return [round(reading.value, 6) for reading in found]


def quarter_hours(start_h: float, end_h: float) -> np.ndarray:
    return np.arange(_ms(NOW - timedelta(hours=start_h)), _ms(NOW - timedelta(hours=end_h)), 900_000, dtype=np.int64)


def entry(kind: EntryKind, hours_ago: float, before: float | None, after: float | None) -> Entry:
    at_ms = _ms(NOW - timedelta(hours=hours_ago))
    return Entry(
        device_id="w-f1", kind=kind, ts_ms=at_ms, before=before, after=after, reason="why", entered_by="me", entered_at=NOW
    )


def test_an_exchange_that_nobody_had_entered_is_told_and_then_counted(house: House) -> None:
    old, new = quarter_hours(100, 50), quarter_hours(50, 0)
    house.import_rows("w-f1", METRIC, old, 5000.0 + np.arange(old.size) * 0.25)
    house.import_rows("w-f1", METRIC, new, 3.0 + np.arange(new.size) * 0.25)
    role, store = house.role(), MeterStore(house.database)
    role.tick(NOW)
    [note] = [note for note in store.notes("w-f1", 0, _ms(NOW)) if note.kind is NoteKind.RESET]
    assert (note.before, note.after) == (5000.0 + (old.size - 1) * 0.25, 3.0)
    elsewhere = hours(house, 49, 1)
    made = store.enter(entry(EntryKind.EXCHANGE, 50, 5050.0, 3.0), (_ms(NOW - timedelta(hours=50)),) * 2)
    role.tick(LATER)
    assert hours(house, 52, 48) == [1.0, 1.0, 1.0, 1.0]
    assert hours(house, 49, 1) == elsewhere
    assert {note.kind for note in store.notes("w-f1", 0, _ms(NOW))} == {NoteKind.EXCHANGE}
    assert store.recounts() == []
    store.undo(made.id, by="me", at=LATER, span=(made.ts_ms, made.ts_ms))
    role.tick(LATER + timedelta(minutes=1))
    assert {note.kind for note in store.notes("w-f1", 0, _ms(NOW))} == {NoteKind.RESET}


def test_a_correction_of_last_week_is_counted_though_analytics_was_down_when_it_was_made(house: House) -> None:
    at = quarter_hours(400, 0)
    house.import_rows("w-f1", METRIC, at, 100.0 + np.arange(at.size) * 0.25)
    house.role().tick(NOW)
    before = 100.0 + 800 * 0.25
    store = MeterStore(house.database)
    half = _ms(NOW - timedelta(hours=200))
    store.enter(entry(EntryKind.CORRECTION, 200, before, before + 0.2), (half, half))
    house.role().tick(LATER)
    assert hours(house, 202, 199) == [1.0, 1.0, 1.0], "what one quarter gains the next loses"
    on_the_hour = 200.5
    store.enter(entry(EntryKind.CORRECTION, on_the_hour, before - 0.5, before - 0.3), (half, half))
    house.role().tick(LATER + timedelta(minutes=1))
    assert hours(house, 202, 199) == [1.2, 0.8, 1.0]


def test_a_history_imported_for_a_known_meter_is_noticed_without_a_restart(house: House) -> None:
    at = quarter_hours(100, 0)
    house.import_rows("w-f1", METRIC, at, 5000.0 + np.arange(at.size) * 0.25)
    role = house.role()
    role.tick(NOW)
    older = quarter_hours(900, 100)
    house.import_rows("w-f1", METRIC, older, 5000.0 - 0.25 * np.arange(older.size, 0, -1))
    role.tick(LATER)
    assert hours(house, 900, 101) == []
    MeterStore(house.database).ask_recount([Recount(device_id="w-f1", from_ms=int(older[0]), to_ms=int(older[-1]))], LATER)
    role.tick(LATER + timedelta(seconds=5))
    found = hours(house, 899, 99)
    assert len(found) == 800
    assert set(found) == {1.0}


def test_a_month_offline_and_its_backlog(house: House) -> None:
    before, after = quarter_hours(1000, 720), quarter_hours(0.5, 0)
    house.import_rows("w-f1", METRIC, before, 100.0 + np.arange(before.size) * 0.25)
    role = house.role()
    role.tick(NOW - timedelta(minutes=31))
    missing = quarter_hours(720, 0.5)
    house.import_rows("w-f1", METRIC, after, 100.0 + (before.size + missing.size + np.arange(after.size)) * 0.25)
    role.tick(NOW)
    guessed = hours(house, 600, 500)
    assert guessed == pytest.approx([1.0] * 100, abs=0.01)
    values = 100.0 + (before.size + np.minimum(2.0 * np.arange(1, missing.size + 1), missing.size)) * 0.25
    house.import_rows("w-f1", METRIC, missing, values)
    house.health.record(
        [DeviceHealth(device_id="w-f1", last_seen_ms=_ms(NOW), received=1, stored=1, late=missing.size, rejected=0, duplicate=0)]
    )
    role.tick(NOW + timedelta(seconds=30))
    assert hours(house, 700, 690) == [2.0] * 10
    assert hours(house, 300, 290) == [0.0] * 10


def test_the_running_hour_stays_as_it_is(house: House) -> None:
    assert HOUR_MS == 3_600_000
    at = quarter_hours(100, 0)
    house.import_rows("w-f1", METRIC, at, 500.0 + np.arange(at.size) * 0.25)
    role = house.role()
    role.tick(NOW)
    running = hours(house, 0.5, 0)
    store = MeterStore(house.database)
    old = _ms(NOW - timedelta(hours=60.5))
    store.enter(entry(EntryKind.CORRECTION, 60.5, 0, 500.0 + 158 * 0.25 + 0.1), (old, old))
    role.tick(LATER + timedelta(minutes=2))
    assert hours(house, 0.5, 0) == running
