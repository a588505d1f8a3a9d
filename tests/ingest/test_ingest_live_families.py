"""Every family live: one message of each, published to the topic of its own makers, ends as readings or events in the stores."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.link import DeviceLink, LinkScope
from devices.model import Space, SpaceKind
from ingest.families.sparkplug_schema import Payload
from runtime import broker as brokers
from runtime import credentials
from runtime.databases import open_database
from runtime.roles.ingest import run
from runtime.settings import Ingest, Settings
from runtime.settings_topics import Adopt
from runtime.stores import open_reading_store
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.link_store import LinkStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore
from tests.fakes.family_payloads import DLT645, EVENTS, READINGS, TOPICS
from tests.fixtures_broker import Broker

SITE = Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校园")


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settings, stop))
    thread.start()
    try:
        until(lambda: metrics(settings).get("caretaker_ingest_broker_connected") == 1)
        yield
    finally:
        stop.set()
        thread.join(8)
        assert not thread.is_alive()
        (settings.data_dir / "metrics" / "ingest.json").unlink()


def metrics(settings: Settings) -> dict[str, float]:
    path = settings.data_dir / "metrics" / "ingest.json"
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def until(reached: Callable[[], bool], what: object = "", timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, f"not reached in time: {what}"
        time.sleep(0.05)


class Field:
    """A device of the school: signs in with a credential that may publish anything."""

    def __init__(self, broker: Broker) -> None:
        self.settings = broker.settings.model_copy(update={"ingest": Ingest(topics=TOPICS)})
        password = credentials.add(broker.settings.data_dir, "field", write=["#"], read=["spBv1.0/#"])
        assert brokers.refresh(broker.settings)
        self.heard: list[tuple[str, bytes]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("field", password)
        self._client.on_connect = lambda client, *_: client.subscribe("spBv1.0/+/NCMD/+")
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, bytes(message.payload)))
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def field(broker: Broker) -> Iterator[Field]:
    with closing(Field(broker)) as made:
        yield made


@pytest.fixture
def database(broker: Broker) -> Iterator[Database]:
    with closing(open_database(broker.settings)) as made:
        made.migrate()
        RegistryStore(made).save([SITE], [])
        yield made


def values(store: ReadingStore, device_id: str) -> dict[str, float]:
    return {reading.metric: reading.value for reading in store.latest([device_id])}


def test_one_message_of_each_family_arrives(field: Field, database: Database) -> None:
    key = {"aes_key": "A004EB23329A477F1DD2D7820B56EB3D"}
    LinkStore(database).save(DeviceLink(scope=LinkScope.DEVICE, key="61070071", secret=key))
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        time.sleep(0.3)
        for topic, payload in [sent[1:3] for sent in EVENTS] + [sent[1:3] for sent in READINGS]:
            field.publish(topic, payload)
        total = len(READINGS) + len(EVENTS)
        until(lambda: metrics(field.settings).get("caretaker_ingest_messages_total", 0) >= total, "drained")
        until(lambda: bool(values(store, READINGS[-1][3])), "stored")
        letters = [(letter.letter.topic, letter.letter.reason) for letter in DeadLetterStore(database).list(limit=50)]
        for family, _, _, device_id, metric, value in READINGS:
            found = values(store, device_id)
            assert any(got == pytest.approx(value) for name, got in found.items() if metric in ("", name)), (family, found, letters)
        events = {(event.device_id, event.type) for event in EventStore(database).list(start_ms=0, end_ms=1 << 45, limit=500)}
        assert {(device_id, kind) for *_, device_id, kind in EVENTS} <= events, letters
        assert not letters
    health = HealthStore(database).all()
    assert (health["000000000161"].gateway_id, health["000000000161"].family) == ("g1", "dlt645")
    assert health["0101010101010101"].gateway_id == "0016c001f153a14c"
    assert {"000000000161", "tb-1"} <= {stranger.device_id for stranger in HealthStore(database).discovered()}


def test_a_frame_in_two_messages_even_across_a_restart(field: Field, database: Database) -> None:
    frame = bytes.fromhex(DLT645)
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        field.publish("dtu/g1/dlt645", b"\xfe\xfe" + frame[:9])
        field.publish("dtu/g1/dlt645", frame[9:] + bytes.fromhex("68431010001134"))
        until(lambda: values(store, "000000000161") == {"elec.energy.import": 0.26}, "joined")
        until(lambda: ("tail", "dtu/g1/dlt645") in LinkStore(database).memories(), "the beginning is kept")
    field.publish("dtu/g1/dlt645", bytes.fromhex("006891063334343530" + "5500"))  # not the rest: its check sum is wrong
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        until(lambda: DeadLetterStore(database).count() > 0, "what could not be joined is told")
        field.publish("dtu/g2/dlt645", frame[:12])
        until(lambda: ("tail", "dtu/g2/dlt645") in LinkStore(database).memories())
    field.publish("dtu/g2/dlt645", frame[12:])
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        until(lambda: HealthStore(database).get("000000000161") is not None and len(LinkStore(database).memories()) > 0)
        until(lambda: metrics(field.settings).get("caretaker_ingest_readings_total", 0) >= 1, "joined across the restart")


def _data(*, seq: int, alias: int, value: float) -> bytes:
    told = Payload(timestamp=int(time.time() * 1000), seq=seq)
    told.metrics.add(alias=alias, datatype=9, float_value=value)
    return bytes(told.SerializeToString())


def _birth(seq: int) -> bytes:
    told = Payload(timestamp=int(time.time() * 1000), seq=seq)
    told.metrics.add(name="Power", alias=7, datatype=9, float_value=1)
    return bytes(told.SerializeToString())


def test_sparkplug_aliases_outlive_a_restart_and_unknown_ones_ask_for_a_rebirth(field: Field, database: Database) -> None:
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        time.sleep(0.3)
        field.publish("spBv1.0/g/DDATA/n/d", _data(seq=5, alias=7, value=2))
        until(lambda: bool(field.heard), "a rebirth is asked for")
        topic, payload = field.heard[0]
        asked = Payload.FromString(payload)
        assert topic == "spBv1.0/g/NCMD/n"
        assert [(metric.name, metric.boolean_value) for metric in asked.metrics] == [("Node Control/Rebirth", True)]
        field.publish("spBv1.0/g/DBIRTH/n/d", _birth(1))
        until(lambda: values(store, "g/n/d").get("x.sp.power") == 1)
    field.publish("spBv1.0/g/DDATA/n/d", _data(seq=2, alias=7, value=3))
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        until(lambda: values(store, "g/n/d").get("x.sp.power") == 3, "known after a restart")
        field.publish("spBv1.0/g/DDATA/n/d", _data(seq=9, alias=7, value=4))
        until(lambda: len(field.heard) == 2, "a gap asks too")
    assert HealthStore(database).all()["g/n/d"].gateway_id == "g/n"


def test_announced_states_are_subscribed_and_read_and_forgotten_when_taken_back(field: Field, database: Database) -> None:
    config = {
        "device": {"identifiers": ["esp-1"], "manufacturer": "ESPHome", "model": "d1_mini"},
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_topic": "esp-1/sensor/room/state",
    }
    topic = "homeassistant/sensor/esp-1/room/config"
    field.publish(topic, json.dumps(config).encode(), retain=True)
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        until(lambda: ("ha", topic) in LinkStore(database).memories())
        time.sleep(0.7)  # the connection's turn to subscribe
        field.publish("esp-1/sensor/room/state", b"21.5", retain=True)
        until(lambda: values(store, "esp-1") == {"env.temperature": 21.5})
    with running(field.settings), closing(open_reading_store(field.settings)) as store:
        field.publish("esp-1/sensor/room/state", b"22.5")
        until(lambda: values(store, "esp-1") == {"env.temperature": 22.5}, "known after a restart")
        count = len(store.range("esp-1", "env.temperature", 0, 1 << 45))
        assert count == 2, "the retained 21.5 is no new reading"
        field.publish(topic, b"", retain=True)
        until(lambda: ("ha", topic) not in LinkStore(database).memories())
    (stranger,) = [one for one in HealthStore(database).discovered() if one.device_id == "esp-1"]
    assert (stranger.model, stranger.told["vendor"]) == ("d1_mini", "ESPHome")


def test_a_rule_adopts_a_stranger(field: Field, database: Database) -> None:
    rule = Adopt(space="site", family="zigbee2mqtt", profile="", name="Detector {id}", after_s=0)
    settings = field.settings.model_copy(update={"ingest": Ingest(adopt=(rule,))})
    with running(settings):
        time.sleep(0.3)
        field.publish("zigbee2mqtt/0x00158d0001a2b3c4", b'{"smoke":false,"battery":97}')
        until(lambda: "0x00158d0001a2b3c4" in RegistryStore(database).load().devices, "adopted", timeout_s=25)
    device = RegistryStore(database).load().devices["0x00158d0001a2b3c4"]
    assert (device.profile_id, device.name, device.attributes["family"]) == ("smoke", "Detector 0x00158d0001a2b3c4", "zigbee2mqtt")


def test_a_family_that_is_switched_off_is_not_heard(field: Field, database: Database) -> None:
    with running(field.settings.model_copy(update={"ingest": Ingest(families=())})):
        time.sleep(0.3)
        field.publish("zigbee2mqtt/0x00158d0001a2b3c4", b'{"smoke":false}')
        field.publish("caretaker/v1/campus/m1/telemetry", b'{"readings":{"leak":1}}')
        until(lambda: metrics(field.settings).get("caretaker_ingest_messages_total", 0) >= 1)
    assert HealthStore(database).all().keys() == {"m1"}
