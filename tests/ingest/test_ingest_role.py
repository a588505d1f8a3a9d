"""The role whole: broker in, stores out; registry reloaded; stopping in time; a store that fails costs time, not data."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from devices.errors import DependencyFailed
from devices.model import Device, DeviceKind, Quality, Reading, Space, SpaceKind
from ingest.spool import Spool
from runtime.databases import open_database
from runtime.roles.ingest import OWN_ID, SPOOL_ACCEPTS, SPOOL_REFUSES, Line, open_spool, run, serve, sinks
from runtime.stores import open_reading_store
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.registry_store import RegistryStore
from tests.fixtures_broker import Broker

SITE = Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校园")
METER = Device(id="m1", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id="site", name="m1", name_zh="m1")


@pytest.fixture
def database(broker: Broker) -> Iterator[Database]:
    with closing(open_database(broker.settings)) as made:
        made.migrate()
        RegistryStore(made).save([SITE], [METER])
        yield made


@contextmanager
def running(work: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive(), "the role did not stop within 5 s"


def until(reached: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


def metrics(broker: Broker) -> dict[str, float]:
    path = broker.settings.data_dir / "metrics" / "ingest.json"
    return json.loads(path.read_text()) if path.exists() else {}


def until_connected(broker: Broker) -> None:
    until(lambda: metrics(broker).get("caretaker_ingest_broker_connected") == 1)


def telemetry(ts_ms: int, **values: float) -> bytes:
    return json.dumps({"ts": ts_ms / 1000, "readings": {name.replace("_", "."): value for name, value in values.items()}}).encode()


def test_readings_events_dead_letters_health_and_strangers_arrive(broker: Broker, database: Database) -> None:
    now_ms = time.time_ns() // 1_000_000
    with running(lambda stop: run(broker.settings, stop)), closing(open_reading_store(broker.settings)) as store:
        until_connected(broker)
        broker.publish("caretaker/v1/campus/m1/telemetry", telemetry(now_ms, elec_voltage=230, elec_power_active=-3e7), b"{")
        broker.publish("caretaker/v1/campus/stranger/telemetry", telemetry(now_ms, leak=1))
        broker.publish("caretaker/v1/campus/m1/event", b'{"event":"door.denied","attributes":{"card":"7"}}')
        until(lambda: len(store.latest(["m1", "stranger"])) == 3 and DeadLetterStore(database).count() == 1)
        until(lambda: len(EventStore(database).list(start_ms=0, end_ms=1 << 45)) == 1)
        assert {(r.device_id, r.metric, r.ts_ms, r.value, r.quality) for r in store.latest(["m1", "stranger"])} == {
            ("m1", "elec.voltage", now_ms, 230.0, 0),
            ("m1", "elec.power.active", now_ms, -3e7, Quality.IMPLAUSIBLE),
            ("stranger", "leak", now_ms, 1.0, 0),
        }
    health = HealthStore(database)
    assert (health.all()["m1"].received, health.all()["m1"].stored, health.all()["m1"].rejected) == (3, 2, 1)
    assert [one.device_id for one in health.discovered()] == ["stranger"]
    assert metrics(broker)["caretaker_ingest_durable_total"] == 4
    assert metrics(broker)["caretaker_ingest_rejected_total"] == 1


class Failing:
    """A reading store that is down for the first `failures` writes."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.rows: list[Reading] = []

    def write(self, readings: Sequence[Reading]) -> None:
        if self.failures:
            self.failures -= 1
            raise DependencyFailed("the store is down", transient=True, retry_after_s=0.05)
        self.rows += readings


def test_a_store_that_is_down_is_tried_again_and_gets_everything_once(broker: Broker, database: Database) -> None:
    store = Failing(3)
    now_ms = time.time_ns() // 1_000_000
    with closing(open_spool(broker.settings)) as spool:
        line = Line(settings=broker.settings, spool=spool, sinks=sinks(database, store), registry=RegistryStore(database))
        with running(lambda stop: serve(line, stop)):
            until_connected(broker)
            broker.publish(
                "caretaker/v1/campus/m1/telemetry", *[telemetry(now_ms + number, elec_voltage=230) for number in range(20)]
            )
            until(lambda: len(store.rows) == 20)
        assert spool.drained
    assert [row.ts_ms for row in store.rows] == list(range(now_ms, now_ms + 20))
    assert metrics(broker)["caretaker_ingest_store_failures_total"] == 3


def test_what_was_spooled_before_a_stop_is_stored_after_the_next_start(broker: Broker, database: Database) -> None:
    down, up = Failing(1_000_000), Failing(0)
    now_ms = time.time_ns() // 1_000_000
    for store in (down, up):
        with closing(open_spool(broker.settings)) as spool:
            line = Line(settings=broker.settings, spool=spool, sinks=sinks(database, store), registry=RegistryStore(database))
            with running(lambda stop, line=line: serve(line, stop)):
                if store is down:
                    until_connected(broker)
                    broker.publish("caretaker/v1/campus/m1/telemetry", telemetry(now_ms, elec_voltage=230))
                    until(lambda spool=spool: spool.size_bytes > 0)
                else:
                    until(lambda: len(up.rows) == 1)
    assert up.rows == [Reading("m1", "elec.voltage", now_ms, 230.0)]


def test_a_full_spool_raises_a_self_alarm_and_recovers_by_itself(broker: Broker, database: Database) -> None:
    store = Failing(1_000_000)
    now_ms = time.time_ns() // 1_000_000
    with closing(Spool(broker.settings.data_dir / "spool", limit_bytes=8_000)) as spool:
        line = Line(settings=broker.settings, spool=spool, sinks=sinks(database, store), registry=RegistryStore(database))
        with running(lambda stop: serve(line, stop)):
            until_connected(broker)
            payloads = [telemetry(now_ms + number, elec_voltage=230) for number in range(200)]
            for at in range(0, 200, 10):
                broker.publish("caretaker/v1/campus/m1/telemetry", *payloads[at : at + 10])
            until(lambda: own_events(database) == [SPOOL_REFUSES])
            store.failures = 0
            until(lambda: len(store.rows) == 200)
            until(lambda: own_events(database)[-1] == SPOOL_ACCEPTS)
    assert [row.ts_ms for row in store.rows] == list(range(now_ms, now_ms + 200))


def own_events(database: Database) -> list[str]:
    return [event.type for event in reversed(EventStore(database).list(start_ms=0, end_ms=1 << 45, device_id=OWN_ID))]


class Broken:
    def write(self, readings: Sequence[Reading]) -> None:
        raise KeyError("a bug")


def test_a_bug_ends_the_role_so_that_the_supervisor_sees_it(broker: Broker, database: Database) -> None:
    stop = threading.Event()
    with closing(open_spool(broker.settings)) as spool:
        line = Line(settings=broker.settings, spool=spool, sinks=sinks(database, Broken()), registry=RegistryStore(database))
        publisher = threading.Thread(
            target=lambda: (until_connected(broker), broker.publish("caretaker/v1/campus/m1/telemetry", b'{"readings":{"leak":1}}'))
        )
        publisher.start()
        with pytest.raises(KeyError, match="a bug"):
            serve(line, stop)
        publisher.join(5)
        assert not spool.drained
