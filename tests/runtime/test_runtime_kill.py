"""kill -9 of what works for a while beside the live line: nothing is lost, nothing counts twice, the next one goes on.

Recounts, replays of dead letters, imports, exports, housekeeping and migrations are processes of their own, killed at random
moments of their work. `CARETAKER_TEST_KILLS` sets how often each (default 20 in all).
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.amend import Entry, EntryKind
from devices.model import Device, DeviceKind, Event, Reading, Space, SpaceKind
from ingest.dead_letter import DeadLetter
from runtime.databases import open_database
from runtime.incoming import files_of
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.import_store import STALE_AFTER, ImportStore
from storage.incoming import ImportState
from storage.meter_store import MeterStore
from storage.registry_store import RegistryStore
from tests.analytics.test_analytics_role import House, _ms

KILLS = max(2, int(os.environ.get("CARETAKER_TEST_KILLS", "20")) // 5)
NOW = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
NOW_MS = _ms(NOW)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ROOT = Path(__file__).parents[2]
REGISTER, HOURLY = "water.volume", "water.volume.hourly"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 20 * KILLS)]


@dataclass
class Reaper:
    """Lets work run, whole or until it is killed at a random moment of the time that it needs."""

    process: "subprocess.Popen[str]"
    seeded: random.Random
    takes_s: float = 0.3
    killed: int = 0

    def run(self, settings: Settings, work: str, *arguments: str, kill: bool = False, **more: Any) -> None:
        assert self.process.stdin is not None
        told = {
            "work": work,
            "data_dir": str(settings.data_dir),
            "database_url": settings.database.url,
            "now": NOW.isoformat(),
            "arguments": arguments,
            "kill_after_s": self.seeded.uniform(0, self.takes_s) if kill else None,
        }
        began = time.monotonic()
        self.process.stdin.write(json.dumps(told | more) + "\n")
        self.process.stdin.flush()
        status = int(self._line())
        assert status in ((0, -signal.SIGKILL) if kill else (0,)), f"{work} ended with {status}"
        self.killed += status != 0
        if not kill:
            self.takes_s = time.monotonic() - began

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@pytest.fixture(scope="module")
def forge() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.fakes.mortal"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def reaper(forge: "subprocess.Popen[str]") -> Reaper:
    return Reaper(forge, random.Random(11))


def house_with_history(folder: Path) -> Settings:
    """Four weeks of a meter every quarter of an hour, its hours counted, then three corrections that ask for a recount."""
    folder.mkdir()
    house = House(folder)
    with closing(house.database), closing(house.readings):
        house.history("w-f1", REGISTER, 0.3)
        house.history("w-t", REGISTER, 0.5)
        house.role().tick(NOW - timedelta(minutes=2))
        meters = MeterStore(house.database)
        for days in (3, 9, 17):
            at_ms = (NOW_MS - days * DAY_MS) // 900_000 * 900_000
            correction = Entry(
                device_id="w-f1", kind=EntryKind.CORRECTION, ts_ms=at_ms, before=None, after=150.0 + days, reason="r",
                entered_by="li", entered_at=NOW,
            )  # fmt: skip
            meters.enter(correction, (at_ms, at_ms))
    return Settings(data_dir=folder)


def account(settings: Settings) -> tuple[list[Reading], list[Any], int]:
    """Hours and notes of the meter, and how many recounts wait."""
    with closing(open_reading_store(settings)) as readings, closing(open_database(settings)) as database:
        meters = MeterStore(database)
        hours = [one._replace(value=round(one.value, 9)) for one in readings.range("w-f1", HOURLY, 0, NOW_MS // HOUR_MS * HOUR_MS)]
        return hours, meters.notes("w-f1", 0, NOW_MS), len(meters.recounts())


def test_a_recount_is_done_only_when_its_hours_are_stored(tmp_path: Path, reaper: Reaper) -> None:
    control, house = house_with_history(tmp_path / "control"), house_with_history(tmp_path / "house")
    before = account(house)
    assert before[2] == 3
    reaper.run(control, "recount")
    wanted = account(control)
    assert wanted[2] == 0
    assert wanted[0] != before[0], "the corrections change nothing: this test would prove nothing"
    for _ in range(KILLS):
        reaper.run(house, "recount", kill=True)
        hours, notes, waiting = account(house)
        assert waiting in (0, 3)
        if not waiting:
            assert (hours, notes) == wanted[:2]
    reaper.run(house, "recount")
    assert account(house) == wanted
    assert reaper.killed


LETTERS = 900


def letters() -> list[DeadLetter]:
    """Readings, events and, each tenth, what nobody will ever understand."""

    def payload(number: int) -> bytes:
        if number % 10 == 0:
            return b"{broken"
        return json.dumps({"readings": {REGISTER: number / 8}}).encode()

    topic = "caretaker/v1/campus/w-f1/telemetry"
    return [
        DeadLetter(received_ms=NOW_MS - DAY_MS + 1000 * n, topic=topic, payload=payload(n), reason="as it was", device_id="w-f1")
        for n in range(LETTERS)
    ]


def house_with_letters(settings: Settings) -> Settings:
    settings.data_dir.mkdir(exist_ok=True)
    with closing(open_database(settings)) as database:
        database.migrate()
        store = DeadLetterStore(database)
        store.append(letters())
        store.request_replay([one.id for one in store.list(LETTERS)], by="li", at_ms=NOW_MS)
    return settings


def check_replay(settings: Settings, reaper: Reaper) -> None:
    reaper.run(house_with_letters(Settings(data_dir=settings.data_dir / "control")), "replay")  # tells how long it takes here
    house_with_letters(settings)
    for _ in range(KILLS):
        reaper.run(settings, "replay", kill=True)
        assert _lost(settings) == []
    reaper.run(settings, "replay")
    assert _lost(settings) == []
    with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as readings:
        store = DeadLetterStore(database)
        assert (store.count(), store.waiting()) == (LETTERS // 10, 0)
        assert len(readings.range("w-f1", REGISTER, 0, NOW_MS)) == LETTERS - LETTERS // 10
    assert reaper.killed


def _lost(settings: Settings) -> list[int]:
    """Messages that are neither a letter any more nor a reading."""
    with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as readings:
        there = {one.letter.received_ms for one in DeadLetterStore(database).list(LETTERS)}
        there |= {one.ts_ms for one in readings.range("w-f1", REGISTER, 0, NOW_MS)}
    return [letter.received_ms for letter in letters() if letter.received_ms not in there]


def test_a_replayed_letter_goes_only_when_its_readings_are_stored(tmp_path: Path, reaper: Reaper) -> None:
    check_replay(Settings(data_dir=tmp_path), reaper)


def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str, reaper: Reaper) -> None:
    check_replay(Settings(data_dir=tmp_path, database={"url": postgres_url}), reaper)  # type: ignore[arg-type]


ROWS = 30_000


def table() -> str:
    start_s = (NOW_MS - 60 * DAY_MS) // 1000
    return "device_id,metric,ts_ms,value\n" + "".join(
        f"w-{n % 7},{REGISTER},{(start_s + n * 170) * 1000},{n / 4}\n" for n in range(ROWS)
    )


def rows_of(settings: Settings) -> list[tuple[str, int, float]]:
    with closing(open_reading_store(settings)) as store:
        return [
            (f"w-{n}", reading.ts_ms, reading.value) for n in range(7) for reading in store.range(f"w-{n}", REGISTER, 0, NOW_MS * 2)
        ]


def test_an_import_by_command_may_be_repeated_after_any_death(tmp_path: Path, reaper: Reaper) -> None:
    control, settings = Settings(data_dir=tmp_path / "control"), Settings(data_dir=tmp_path / "house")
    file = tmp_path / "table.csv"
    file.write_text(table())
    for one in (control, settings):
        reaper.run(one, "migrate")
    asked = ("import", "readings", str(file))
    reaper.run(control, "command", *asked)
    for _ in range(KILLS):
        reaper.run(settings, "command", *asked, kill=True)
    reaper.run(settings, "command", *asked)
    assert rows_of(settings) == rows_of(control)
    assert len(rows_of(settings)) == ROWS
    with closing(open_database(settings)) as database:
        assert len(MeterStore(database).recounts()) >= 7, "the hours must be counted again"
    check_export(settings, tmp_path, reaper)
    assert reaper.killed


def check_export(settings: Settings, folder: Path, reaper: Reaper) -> None:
    """A file under its own name is whole."""
    devices = [part for n in range(7) for part in ("--device", f"w-{n}")]
    out = folder / "out.csv"
    reaper.run(settings, "command", "export", "readings", str(out), *devices)
    whole = out.read_bytes()
    assert whole.count(b"\n") == ROWS + 1
    for _ in range(KILLS):
        out.unlink()
        reaper.run(settings, "command", "export", "readings", str(out), *devices, kill=True)
        assert not out.exists() or out.read_bytes() == whole
        out.touch()


def test_a_backup_that_dies_is_none(tmp_path: Path, reaper: Reaper) -> None:
    settings, disk = Settings(data_dir=tmp_path / "house"), tmp_path / "disk"
    reaper.run(settings, "migrate")
    with closing(open_reading_store(settings)) as store:
        store.write([Reading(f"w-{n % 7}", REGISTER, NOW_MS - n * 700_000, n / 4) for n in range(2_000)])
    readings = rows_of(settings)
    reaper.run(settings, "command", "backup", str(disk))
    for number in range(KILLS):
        reaper.run(settings, "command", "backup", str(disk / str(number)), kill=True)
    made = [path for path in disk.glob("**/caretaker-*") if not path.name.endswith(".partial")]
    assert made
    for path in made:
        assert rows_of(Settings(data_dir=path)) == readings
    assert rows_of(settings) == readings
    assert reaper.killed


def test_a_background_import_goes_on_with_the_next_process(tmp_path: Path, reaper: Reaper) -> None:
    settings = Settings(data_dir=tmp_path)
    reaper.run(settings, "migrate")
    upload = files_of(settings) / "uploads" / ("0" * 64)
    upload.parent.mkdir(parents=True)
    upload.write_text(table())
    plan: dict[str, Any] = dict.fromkeys(("device", "metric", "quality_column", "unit"))
    plan |= {
        "time": "ts_ms",
        "value": "value",
        "device_column": "device_id",
        "metric_column": "metric",
        "timezone": "Asia/Shanghai",
    }
    with closing(open_database(settings)) as database:
        register(database)
        imports = ImportStore(database)
        made = imports.create("t.csv", {**plan, "upload": "0" * 64}, by="li", now=NOW)
    at = NOW
    reaper.takes_s = 2.0
    for _ in range(KILLS):
        reaper.run(settings, "background_import", kill=True, now=at.isoformat())
        at += STALE_AFTER * 2
        with closing(open_database(settings)) as database:
            if ImportStore(database).get(made.id).state is ImportState.DONE:
                assert len(rows_of(settings)) == ROWS
    reaper.run(settings, "background_import", now=at.isoformat())
    with closing(open_database(settings)) as database:
        done = ImportStore(database).get(made.id)
        assert (done.state, done.readings, done.rows_rejected) == (ImportState.DONE, ROWS, 0)
        assert len({one.device_id for one in MeterStore(database).recounts()}) == 7
    assert len(rows_of(settings)) == ROWS


def register(database: Database) -> None:
    site = Space(id="site", kind=SpaceKind.SITE, name="S", name_zh="S")
    meters = [
        Device(id=f"w-{n}", kind=DeviceKind.WATER_METER, profile_id="wm-floor", space_id="site", name="w", name_zh="w")
        for n in range(7)
    ]
    RegistryStore(database).save([site], meters)


def test_housekeeping_that_dies_seals_and_removes_the_rest_the_next_time(tmp_path: Path, reaper: Reaper) -> None:
    def fill(settings: Settings) -> Settings:
        reaper.run(settings, "migrate")
        with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as store:
            start_ms = NOW_MS - 130 * DAY_MS
            events = [Event(device_id="d", type="access.granted", ts_ms=start_ms + n * DAY_MS // 100) for n in range(13_000)]
            EventStore(database).append(events)
            DeadLetterStore(database).append(letters())
            store.write([Reading(f"w-{n % 7}", REGISTER, NOW_MS - 12 * DAY_MS + n * 100_000, n / 4) for n in range(10_000)])
        return settings

    def state(settings: Settings) -> Any:
        with closing(open_database(settings)) as database:
            events = [event.ts_ms for event in EventStore(database).list(start_ms=0, end_ms=NOW_MS * 2, limit=20_000)]
            return events, DeadLetterStore(database).count(), rows_of(settings)

    control, settings = fill(Settings(data_dir=tmp_path / "control")), fill(Settings(data_dir=tmp_path / "house"))
    readings = rows_of(settings)
    reaper.run(control, "housekeeping")
    kept_events, letters_left, _ = wanted = state(control)
    assert 0 < len(kept_events) < 13_000
    for _ in range(KILLS):
        reaper.run(settings, "housekeeping", kill=True)
        events, count, rows = state(settings)
        assert rows == readings
        assert set(kept_events) <= set(events)
        assert count >= letters_left
    reaper.run(settings, "housekeeping")
    assert state(settings) == wanted
    assert not list((settings.data_dir / "readings").glob("**/*.partial"))


def schema(settings: Settings) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(settings.data_dir / "caretaker.sqlite")) as connection:
        return sorted(connection.execute("SELECT name, COALESCE(sql, '') FROM sqlite_master").fetchall())


def test_a_migration_that_dies_has_not_begun(tmp_path: Path, reaper: Reaper) -> None:
    control = Settings(data_dir=tmp_path / "control")
    reaper.run(control, "migrate")
    wanted = schema(control)
    for number in range(KILLS):
        settings = Settings(data_dir=tmp_path / f"house-{number}")
        reaper.run(settings, "migrate", kill=True)
        if (settings.data_dir / "caretaker.sqlite").exists():
            assert schema(settings) in ([], wanted), "half a schema"
        taken_s = reaper.takes_s
        reaper.run(settings, "migrate")
        reaper.takes_s = taken_s
        assert schema(settings) == wanted
    assert reaper.killed
