"""The drainer: nothing leaves the spool before every store took it, and a failing store costs time, not data."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devices.errors import DependencyFailed
from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Event, Reading
from devices.registry import Registry
from ingest.dead_letter import DeadLetter
from ingest.drain import Drainer, Sinks
from ingest.message import Message
from ingest.pipeline import Pipeline
from ingest.spool import Spool

NOW = 1_790_000_000_000


class Store:
    """All four sinks; refuses the first `failures` calls of each."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = dict.fromkeys(("write", "append", "record", "discover"), failures)
        self.rows: list[object] = []
        self.health: list[DeviceHealth] = []

    def _take(self, call: str, rows: Sequence[object]) -> None:
        if self.failures[call] > 0:
            self.failures[call] -= 1
            raise DependencyFailed("the store is down", transient=True)
        self.rows += rows

    def write(self, readings: Sequence[Reading]) -> None:
        self._take("write", readings)

    def append(self, rows: Sequence[Event] | Sequence[DeadLetter]) -> None:
        self._take("append", rows)

    def record(self, health: Sequence[DeviceHealth]) -> None:
        self._take("record", ())
        self.health += health

    def discover(self, found: Sequence[DiscoveredDevice]) -> None:
        self._take("discover", found)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path, limit_bytes=1 << 20)
    yield made
    made.close()


def drainer(spool: Spool, store: Store, max_messages: int = 10_000) -> Drainer:
    sinks = Sinks(readings=store, events=store, dead_letters=store, health=store)
    return Drainer(spool, Pipeline(Registry([], [])), sinks, max_messages=max_messages)


def leak(number: int) -> Message:
    return Message(NOW + number, "caretaker/v1/campus/m1/telemetry", b'{"readings":{"leak":1}}')


def test_all_kinds_of_rows_arrive_and_the_spool_is_empty(spool: Spool) -> None:
    store = Store()
    spool.append([leak(0), Message(NOW, "caretaker/v1/campus/m1/event", b'{"event":"door.denied"}'), Message(NOW, "x", b"?")])
    draining = drainer(spool, store)
    while draining.step():
        pass
    assert [type(row).__name__ for row in store.rows] == ["Reading", "Event", "DeadLetter"]
    assert spool.drained


def test_a_store_that_is_down_gets_each_row_once_when_it_is_back(spool: Spool) -> None:
    store = Store(failures=2)
    spool.append([leak(0), Message(NOW, "x", b"?")])
    spool.append([leak(1)])
    draining = drainer(spool, store)
    refusals = 0
    while not spool.drained:
        try:
            draining.step()
        except DependencyFailed:
            refusals += 1
    assert refusals == 4
    assert [type(row).__name__ for row in store.rows] == ["Reading", "Reading", "DeadLetter"]


def test_the_cursor_waits_for_the_stores(spool: Spool, tmp_path: Path) -> None:
    store = Store(failures=1)
    spool.append([leak(0)])
    with pytest.raises(DependencyFailed):
        drainer(spool, store).step()
    assert not spool.drained
    spool.close()
    again = Spool(tmp_path, limit_bytes=1 << 20)
    drainer(again, store).step()
    assert len(store.rows) == 1
    assert again.drained
    again.close()


def test_batches_are_bounded(spool: Spool) -> None:
    store = Store()
    for number in range(10):
        spool.append([leak(number)])
    draining = drainer(spool, store, max_messages=4)
    draining.step()
    assert len(store.rows) == 4


def test_health_that_could_not_be_told_is_told_later(spool: Spool) -> None:
    store = Store(failures=1)
    store.failures["write"] = 0
    spool.append([leak(0)])
    draining = drainer(spool, store)
    draining.step()
    for _ in range(2):
        with pytest.raises(DependencyFailed):
            draining.flush_health()
    draining.flush_health()
    assert [(one.device_id, one.received) for one in store.health] == [("m1", 1)]
    assert [type(row).__name__ for row in store.rows] == ["Reading", "DiscoveredDevice"]
