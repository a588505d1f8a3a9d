"""The mailbox: durable, in order, bounded, drained by the role like its spool."""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep, time

import pytest

from devices.errors import DependencyFailed
from devices.model import Device, DeviceKind, Space, SpaceKind
from ingest.mailbox import MAILBOX_FOLDER, Mailbox
from ingest.message import Message
from runtime.databases import open_database
from runtime.roles.ingest import run
from runtime.stores import open_reading_store
from storage.dead_letter_store import DeadLetterStore
from storage.registry_store import RegistryStore
from tests.fixtures_broker import Broker


def message(number: int, received_ms: int = 1000) -> Message:
    return Message(received_ms, "t", str(number).encode())


def numbers(messages: list[Message]) -> list[int]:
    return [int(one.payload) for one in messages]


def test_what_was_put_is_read_in_order_until_advanced(tmp_path: Path) -> None:
    box, other = Mailbox(tmp_path), Mailbox(tmp_path)
    for number in range(5):
        box.put([message(number)])
    box.put([])
    messages, taken = other.read(3)
    assert numbers(messages) == [0, 1, 2]
    assert numbers(other.read(3)[0]) == [0, 1, 2]
    other.advance(taken)
    assert numbers(other.read(100)[0]) == [3, 4]
    assert other.size_bytes > 0


def test_a_half_written_file_is_none_and_a_damaged_one_is_kept_aside(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    box.put([message(1)])
    (tmp_path / "x.batch.partial").write_bytes(b"half")
    next(tmp_path.glob("*.batch")).write_bytes(b"\0\0\0\0nonsense")
    box.put([message(2, received_ms=2000)])
    assert numbers(box.read(10)[0]) == [2]
    assert len(list(tmp_path.glob("*.damaged"))) == 1


@pytest.mark.parametrize("limits", [{"limit_files": 2}, {"limit_bytes": 40}])
def test_it_is_bounded(tmp_path: Path, limits: dict[str, int]) -> None:
    box = Mailbox(tmp_path, **limits)
    box.put([message(1)])
    with pytest.raises(DependencyFailed, match="waits for ingest"):  # noqa: PT012 - the second or the third
        box.put([message(2)])
        box.put([message(3)])
    assert numbers(box.read(10)[0])[0] == 1


def test_a_disk_that_refuses_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    box = Mailbox(tmp_path / "box")
    (tmp_path / "box").rmdir()
    with pytest.raises((DependencyFailed, FileNotFoundError)):
        box.put([message(1)])


def until(reached: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not reached():
        assert monotonic() < deadline, "not reached in time"
        sleep(0.05)


def test_the_role_drains_it_whether_there_is_a_broker_or_not(broker: Broker) -> None:
    now_ms = round(time() * 1000)
    box = Mailbox(broker.settings.data_dir / MAILBOX_FOLDER)
    chirpstack = {"deviceInfo": {"devEui": "24e124136c221234"}, "object": {"temperature": 21.5}, "fPort": 85}
    telemetry = json.dumps({"ts": now_ms / 1000, "readings": {"elec.voltage": 230}}).encode()
    box.put([Message(now_ms, "caretaker/v1/campus/m1/telemetry", telemetry)])
    box.put([Message(now_ms, "push/chirpstack.v4/", json.dumps(chirpstack).encode()), Message(now_ms, "push/nonsense/", b"x")])
    site = Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校园")
    meter = Device(id="m1", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id="site", name="m", name_zh="m")
    broker.stop()
    with closing(open_database(broker.settings)) as database, closing(open_reading_store(broker.settings)) as store:
        database.migrate()
        RegistryStore(database).save([site], [meter])
        stop = threading.Event()
        thread = threading.Thread(target=run, args=(broker.settings, stop))
        thread.start()
        try:
            until(lambda: len(store.latest(["m1", "24e124136c221234"])) == 2)
            until(lambda: DeadLetterStore(database).count() == 1)
            until(lambda: not box.read(10)[0])
        finally:
            stop.set()
            thread.join(8)
