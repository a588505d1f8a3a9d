"""A copy of a running installation: whole, consistent under writers and sealers, and good to start from."""

import json
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.errors import BadInput
from devices.model import Reading
from ingest.dead_letter import DeadLetter
from ingest.message import Message
from ingest.spool import Spool
from runtime.backup import back_up
from runtime.cli import run
from runtime.databases import open_database
from runtime.pseudonyms import KEY_FILE, person_key
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.change_store import ChangeStore
from storage.dead_letter_store import DeadLetterStore

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
REGISTER = "water.volume"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data")
    with closing(open_database(made)) as database:
        database.migrate()
    person_key(made.data_dir)
    return made


def rows(settings: Settings) -> list[int]:
    with closing(open_reading_store(settings)) as store:
        return [reading.ts_ms for reading in store.range("w-1", REGISTER, 0, NOW_MS * 2)]


def test_what_is_restored_goes_on_where_the_copy_was_made(settings: Settings, tmp_path: Path) -> None:
    written = [NOW_MS - hours * 3_600_000 for hours in range(100)]
    with closing(open_reading_store(settings)) as store:
        store.write([Reading("w-1", REGISTER, at, 1.0) for at in written])
        store.seal((NOW - timedelta(days=1)).date())  # type: ignore[attr-defined]
    with closing(Spool(settings.data_dir / "spool", limit_bytes=1 << 20)) as spool:
        spool.append([Message(1, "t", b"on its way", False, 1)])
    photo = settings.data_dir / "incoming" / "photos" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"photo")
    made = back_up(settings, tmp_path / "disk", NOW)
    restored = Settings(data_dir=tmp_path / "restored")
    made.path.rename(restored.data_dir)
    assert rows(restored) == rows(settings) == sorted(written)
    assert (restored.data_dir / KEY_FILE).read_bytes() == (settings.data_dir / KEY_FILE).read_bytes()
    assert (restored.data_dir / "incoming" / "photos" / "a.jpg").read_bytes() == b"photo"
    assert restored.data_dir.stat().st_mode & 0o077 == 0
    with closing(Spool(restored.data_dir / "spool", limit_bytes=1 << 20)) as spool:
        assert [message.payload for message in spool.read(10)[0]] == [b"on its way"]
    with closing(open_database(restored)) as database:
        database.check()


@dataclass
class Writer:
    """Writes a reading and, when that is durable, a row that says so; seals days beside it."""

    settings: Settings
    stopping: bool = False

    def run(self) -> None:
        with closing(open_reading_store(self.settings)) as store, closing(open_database(self.settings)) as database:
            letters, number = DeadLetterStore(database), 0
            while not self.stopping:
                at = NOW_MS - 20 * 86_400_000 + number * 3_600_000
                store.write([Reading("w-1", REGISTER, at, 1.0), Reading(f"w-{number % 50 + 2}", REGISTER, at, 1.0)])
                letters.append([DeadLetter(received_ms=at, topic="t", payload=b"", reason="r", device_id=None)])
                if number % 40 == 39:
                    store.seal((NOW - timedelta(days=20) + timedelta(hours=number - 24)).date())  # type: ignore[attr-defined]
                number += 1


def test_copies_under_writing_hold_at_least_what_their_database_knows(settings: Settings, tmp_path: Path) -> None:
    writer = Writer(settings)
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        copies = [back_up(settings, tmp_path / "disk", NOW + timedelta(seconds=second)) for second in range(6)]
    finally:
        writer.stopping = True
        thread.join(20)
    known = []
    for made in copies:
        copy = Settings(data_dir=made.path)
        with closing(open_database(copy)) as database:
            told = {stored.letter.received_ms for stored in DeadLetterStore(database).list(100_000)}
            assert ChangeStore(database).last_seq() == 0
        assert told <= set(rows(copy))
        known.append(len(told))
    assert known[-1] > known[0]


def test_a_copy_is_not_made_into_what_it_copies(settings: Settings) -> None:
    with pytest.raises(BadInput, match="another disk"):
        back_up(settings, settings.data_dir / "backup", NOW)
    with pytest.raises(BadInput, match="no data directory"):
        back_up(Settings(data_dir=settings.data_dir / "none"), Path("/tmp"), NOW)


def test_what_a_dead_copy_left_goes_after_a_day(settings: Settings, tmp_path: Path) -> None:
    left = tmp_path / "disk" / "caretaker-20261120T000000Z.partial"
    left.mkdir(parents=True)
    back_up(settings, tmp_path / "disk", datetime.now(UTC))
    assert left.exists()
    back_up(settings, tmp_path / "disk", datetime.now(UTC) + timedelta(days=2))
    assert not left.exists()


def test_the_command(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(settings.data_dir))
    monkeypatch.chdir(tmp_path)
    assert run("backup", [str(tmp_path / "disk"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (Path(told["path"]) / "caretaker.sqlite").exists()
    assert told["outside"] == []
