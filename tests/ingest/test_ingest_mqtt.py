"""The MQTT source against a real broker: acknowledged means spooled, the session is kept, and paho is as we lean on it."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from devices.errors import DependencyFailed
from ingest.intake import Intake
from ingest.message import Message
from ingest.mqtt import Endpoint, MqttSource
from ingest.spool import Spool as RealSpool
from runtime.roles.ingest import SystemClock
from tests.fixtures_broker import Broker

TOPIC = "caretaker/v1/campus/m1/telemetry"


class Spool:
    """Keeps or refuses."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.full = False

    def append(self, messages: list[Message]) -> None:
        if self.full:
            raise DependencyFailed("full", transient=True, retry_after_s=0.05)
        self.messages += messages

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]


def source(broker: Broker, spool: Spool, *, max_messages: int = 5_000, password: str | None = None) -> MqttSource:
    endpoint = Endpoint(
        host="127.0.0.1",
        port=broker.port,
        client_id="test-ingest",
        username="ingest",
        password=password or broker.password("ingest"),
    )
    return MqttSource(endpoint, Intake(spool, max_age_s=0.002, max_messages=max_messages), clock=SystemClock())


def turn_until(made: MqttSource, reached: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        if not made.turn(0.05):
            made.connect()


@pytest.fixture
def spool() -> Spool:
    return Spool()


@pytest.fixture
def connected(broker: Broker, spool: Spool) -> Iterator[MqttSource]:
    made = source(broker, spool)
    assert made.connect() == 0
    subscribe(made)
    yield made
    made.close()


def subscribe(made: MqttSource) -> None:
    turn_until(made, lambda: made.subscribed)


def sleep_through(made: MqttSource, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        made.turn(0.02)


def test_messages_arrive_in_order_with_topic_time_and_payload(broker: Broker, connected: MqttSource, spool: Spool) -> None:
    before_ms = SystemClock().epoch_ms()
    broker.publish(TOPIC, *[b"%d" % number for number in range(50)])
    turn_until(connected, lambda: len(spool.messages) == 50)
    assert spool.payloads == [b"%d" % number for number in range(50)]
    assert spool.messages[0].topic == TOPIC
    assert before_ms <= spool.messages[0].received_ms <= SystemClock().epoch_ms()
    assert not spool.messages[0].retained


def test_large_messages_pass_whole(broker: Broker, connected: MqttSource, spool: Spool) -> None:
    broker.publish(TOPIC, b"x" * 60_000, b"", b"y" * 128)
    turn_until(connected, lambda: len(spool.messages) == 3)
    assert [len(payload) for payload in spool.payloads] == [60_000, 0, 128]


def test_retained_messages_are_marked(broker: Broker, spool: Spool) -> None:
    broker.publish("caretaker/v1/campus/m1/status", b"online", retain=True)
    made = source(broker, spool)
    made.connect()
    turn_until(made, lambda: bool(spool.messages))
    made.close()
    assert spool.messages[0].retained


def test_what_is_published_while_we_are_away_is_kept_by_the_broker(broker: Broker, connected: MqttSource, spool: Spool) -> None:
    connected.close()
    broker.publish(TOPIC, b"while away")
    again = source(broker, spool)
    again.connect()
    turn_until(again, lambda: spool.payloads == [b"while away"])
    again.close()


def test_what_the_spool_refused_is_not_acknowledged_and_comes_again(broker: Broker, connected: MqttSource, spool: Spool) -> None:
    spool.full = True
    broker.publish(TOPIC, b"1", b"2")
    turn_until(connected, lambda: connected.received == 2)
    sleep_through(connected, 0.2)
    connected.close()
    assert spool.messages == []
    spool.full = False
    again = source(broker, spool)
    again.connect()
    turn_until(again, lambda: spool.payloads == [b"1", b"2"])
    sleep_through(again, 0.2)
    again.close()
    assert spool.payloads == [b"1", b"2"]


def test_what_was_durable_but_not_acknowledged_comes_again_with_its_first_time(broker: Broker, tmp_path: Path) -> None:
    """As after a kill between the spool and the acknowledgement."""
    ours = Endpoint(
        host="127.0.0.1", port=broker.port, client_id="test-again", username="ingest", password=broker.password("ingest")
    )
    stored: list[Message] = []
    for _ in range(2):
        spool = RealSpool(tmp_path, limit_bytes=1 << 20)
        intake = Intake(spool, max_age_s=60, max_messages=100)
        made = MqttSource(ours, intake, clock=SystemClock(), tail=spool.tail)
        assert made.connect() == 0
        turn_until(made, lambda made=made: made.subscribed)
        if not stored:
            broker.publish(TOPIC, b'{"readings":{"a":1}}', b'{"readings":{"a":1}}')
        turn_until(made, lambda intake=intake, made=made: intake.due_in_s(0) is not None and made.received == 2)
        intake.commit(0)
        messages, position = spool.read(100)
        stored += messages
        spool.advance(position)
        spool.close()
        made._client.socket().close()  # the process is gone, nobody says goodbye
    assert stored[:2] == stored[2:]
    assert stored[0].received_ms != stored[1].received_ms


def test_a_spool_that_takes_again_gets_each_message_once(broker: Broker, connected: MqttSource, spool: Spool) -> None:
    spool.full = True
    broker.publish(TOPIC, b"1", b"2")
    turn_until(connected, lambda: connected.received == 2)
    spool.full = False
    broker.publish(TOPIC, b"3")
    turn_until(connected, lambda: len(spool.messages) >= 3)
    sleep_through(connected, 0.3)
    assert spool.payloads == [b"1", b"2", b"3"]


def test_memory_is_bounded_while_the_spool_refuses(broker: Broker, spool: Spool) -> None:
    spool.full = True
    made = source(broker, spool, max_messages=20)
    made.connect()
    subscribe(made)
    for _ in range(5):
        broker.publish(TOPIC, *[b"x" * 1000] * 100)
        sleep_through(made, 0.1)
    assert made.received < 500
    spool.full = False
    turn_until(made, lambda: len(spool.messages) >= 500)
    made.close()
    assert len(spool.messages) == 500


def test_a_broker_that_restarts_is_found_again(broker: Broker, connected: MqttSource, spool: Spool) -> None:
    broker.publish(TOPIC, b"before")
    turn_until(connected, lambda: spool.payloads == [b"before"])
    broker.stop()
    deadline = time.monotonic() + 5
    while connected.turn(0.05):
        assert time.monotonic() < deadline
    assert not connected.connected
    delays = [connected.connect() for _ in range(4)]
    assert all(0.25 <= delay <= 15 for delay in delays)
    assert delays[3] > delays[0]
    broker.start()
    assert connected.connect() == 0
    turn_until(connected, lambda: connected.connected)
    broker.publish(TOPIC, b"after")
    turn_until(connected, lambda: spool.payloads == [b"before", b"after"])


def test_a_wrong_password_is_named_with_a_remedy(broker: Broker, spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    made = source(broker, spool, password="wrong")
    made.connect()
    deadline = time.monotonic() + 5
    while made.turn(0.05):
        assert time.monotonic() < deadline
    assert "broker refuses us user=ingest" in caplog.text
    assert made.lost_delay_s() > 0
    made.close()


def test_a_peer_that_does_not_speak_mqtt_is_left(spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint(host="127.0.0.1", port=server.getsockname()[1], client_id="x")
        made = MqttSource(endpoint, Intake(spool, max_age_s=0.002, max_messages=10), clock=SystemClock())
        assert made.connect() == 0
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"\x32\xff\xff\xff\xff\xff")
            deadline = time.monotonic() + 5
            while made.turn(0.05):
                assert time.monotonic() < deadline
        made.close()
    assert "not MQTT" in caplog.text


def test_nobody_there_is_a_delay_not_an_error(spool: Spool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = MqttSource(
        Endpoint(host="127.0.0.1", port=port, client_id="x"), Intake(spool, max_age_s=1, max_messages=1), clock=SystemClock()
    )
    assert 0 < made.connect() <= 0.5


def test_paho_has_what_we_lean_on() -> None:
    """The private parts that _PublishReader replaces or calls; a new paho that moves them must fail here, not in the field."""
    for name in (
        "_sock_recv",
        "_packet_read",
        "_packet_queue",
        "_loop_rc_handle",
        "loop_read",
        "loop_write",
        "loop_misc",
        "want_write",
    ):
        assert callable(getattr(paho.Client, name)), name
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="x", manual_ack=True)
    assert {"_msgtime_mutex", "_last_bytes_received"} <= vars(client).keys()
