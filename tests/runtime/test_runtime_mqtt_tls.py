"""TLS, client certificates and both versions of MQTT against a real Mosquitto: our own clients, ingest's reader, and devices."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devices.errors import BadInput
from ingest.intake import Intake
from ingest.message import Message
from ingest.mqtt import MqttSource
from ingest.repeats import Tail
from runtime import certificates, credentials
from runtime import mqtt as connections
from runtime.bench.broker import private_settings, running_broker
from runtime.broker import mosquitto_binary
from runtime.roles.ingest import SystemClock, endpoint
from runtime.settings import Settings
from runtime.supervisor import free_port

pytestmark = pytest.mark.network
V3, V5 = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5
TOPIC = "caretaker/v1/campus/meter-1/telemetry"


def door(directory: Path, **tls_listener: Any) -> Settings:
    """A managed broker with a TLS door, and the credential `meter-1`."""
    told = private_settings(directory).model_dump()
    told["mqtt"] |= {
        "tls_listener": {"port": free_port("127.0.0.1"), "host": "127.0.0.1", **tls_listener},
    }
    settings = Settings.model_validate(told)
    if not credentials.load(directory):
        password = credentials.add(directory, "meter-1", write=["zigbee2mqtt/#"])
        (directory / "secrets" / "mqtt-meter-1.password").write_text(password)
    return settings


def through_tls(settings: Settings, version: str, **more: Any) -> Settings:
    """The same broker, seen as an existing one that is reached by TLS."""
    told = settings.model_dump()
    ca_file = certificates.broker_pair(settings).ca_file
    told["mqtt"] = {
        "host": "127.0.0.1",
        "port": settings.mqtt.tls_listener.port,
        "managed": False,
        "version": version,
        "tls": True,
        "ca_file": ca_file,
        **more,
    }
    return Settings.model_validate(told)


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A door that asks for passwords."""
    if not mosquitto_binary():
        pytest.skip("mosquitto is not installed")
    settings = door(tmp_path_factory.mktemp("tls"))
    with running_broker(settings):
        yield settings


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A door that asks for certificates and takes their name for the user's."""
    if not mosquitto_binary():
        pytest.skip("mosquitto is not installed")
    settings = door(tmp_path_factory.mktemp("mtls"), require_certificate=True, use_identity_as_username=True)
    with running_broker(settings):
        yield settings


class Spool:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.tail = Tail()

    def append(self, messages: list[Message]) -> None:
        self.messages += messages
        self.tail.add(messages)


@contextmanager
def device(
    settings: Settings, version: MQTTProtocolVersion, context: ssl.SSLContext, password: str | None = None
) -> Iterator[mqtt.Client]:
    """Somebody else's client, connected to the TLS door."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version)
    client.tls_set_context(context)
    if password is not None:
        client.username_pw_set("meter-1", password)
    connected = threading.Event()
    client.on_connect = lambda _c, _u, _f, reason, _p: None if reason.is_failure else connected.set()
    client.connect("127.0.0.1", settings.mqtt.tls_listener.port)
    client.loop_start()
    try:
        assert connected.wait(2), "not let in"
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def trusting(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.broker_pair(settings).ca_file)


def turn_until(source: MqttSource, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        if not source.turn(0.05):
            source.connect()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("sent_by", [V3, V5], ids=["device 3.1.1", "device 5"])
def test_a_device_reaches_ingest_through_tls_with_every_quality_of_service(
    passwords: Settings, version: str, sent_by: MQTTProtocolVersion
) -> None:
    spool = Spool()
    ours = endpoint(through_tls(passwords, version))
    source = MqttSource(ours, Intake(spool, max_age_s=0.002, max_messages=5_000), clock=SystemClock(), tail=spool.tail)
    assert source.connect() == 0
    turn_until(source, lambda: source.subscribed)
    with device(passwords, sent_by, trusting(passwords), passwords.secret("mqtt-meter-1.password").get_secret_value()) as sender:
        for qos in (0, 1, 2):
            sender.publish(TOPIC, b"qos %d" % qos, qos=qos).wait_for_publish(5)
        sender.publish(TOPIC, b"x" * 60_000, qos=1).wait_for_publish(5)  # several TLS records
        turn_until(source, lambda: len(spool.messages) == 4)
    source.close()
    assert [one.payload[:5] for one in spool.messages] == [b"qos 0", b"qos 1", b"qos 2", b"xxxxx"]
    assert len(spool.messages[3].payload) == 60_000
    assert {one.topic for one in spool.messages} == {TOPIC}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_the_session_is_kept_while_ingest_is_away(passwords: Settings, version: str) -> None:
    spool = Spool()
    ours = endpoint(through_tls(passwords, version))
    for arrived in ([], [b"while away"]):
        source = MqttSource(ours, Intake(spool, max_age_s=0.002, max_messages=5_000), clock=SystemClock())
        assert source.connect() == 0
        turn_until(source, lambda source=source: source.subscribed)
        turn_until(source, lambda arrived=arrived: [one.payload for one in spool.messages] == arrived)
        source.close()
        if not arrived:
            password = passwords.secret("mqtt-meter-1.password").get_secret_value()
            with device(passwords, V5, trusting(passwords), password) as sender:
                sender.publish(TOPIC, b"while away", qos=1).wait_for_publish(5)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_our_other_clients_speak_tls_and_either_version(passwords: Settings, version: str) -> None:
    heard: list[bytes] = []
    listening = threading.Event()
    settings = through_tls(passwords, version)
    client = connections.client(settings, "alerts", client_id=f"tls-{version}", clean_session=False, manual_ack=True)
    client.on_connect = lambda client, *_: client.subscribe("caretaker/v1/campus/bus/+", qos=1)
    client.on_subscribe = lambda *_: listening.set()
    client.on_message = lambda _c, _u, message: heard.append(message.payload)
    connections.start(settings, client)
    assert listening.wait(5)
    client.publish("caretaker/v1/campus/bus/alert", b"1", qos=1).wait_for_publish(5)
    deadline = time.monotonic() + 5
    while not heard and time.monotonic() < deadline:
        time.sleep(0.02)
    connections.stop(client)
    assert heard == [b"1"]


def test_a_certificate_signs_in_without_a_password_as_its_own_name(identities: Settings) -> None:
    spool = Spool()
    pair = certificates.client_pair(identities, "ingest")
    settings = through_tls(identities, "5", cert_file=pair.cert_file, key_file=pair.key_file)
    source = MqttSource(endpoint(settings), Intake(spool, max_age_s=0.002, max_messages=5_000), clock=SystemClock())
    assert source.connect() == 0
    turn_until(source, lambda: source.subscribed)
    context = trusting(identities)
    mine = certificates.client_pair(identities, "meter-1")
    context.load_cert_chain(mine.cert_file, mine.key_file)
    with device(identities, V5, context) as sender:
        sender.publish("caretaker/v1/campus/meter-2/telemetry", b"forged", qos=1).wait_for_publish(5)
        sender.publish(TOPIC, b"mine", qos=1).wait_for_publish(5)
        turn_until(source, lambda: bool(spool.messages))
    source.close()
    assert [one.payload for one in spool.messages] == [b"mine"]


def test_without_a_certificate_nobody_comes_in(identities: Settings) -> None:
    context = trusting(identities)
    password = identities.secret("mqtt-meter-1.password").get_secret_value()
    with pytest.raises((AssertionError, OSError)), device(identities, V3, context, password):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves the socket to the collector
def test_an_authority_that_is_not_trusted_is_named_with_a_remedy(
    passwords: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = certificates.broker_pair(Settings(data_dir=tmp_path)).ca_file
    ours = endpoint(through_tls(passwords, "5", ca_file=stranger))
    source = MqttSource(ours, Intake(Spool(), max_age_s=0.002, max_messages=10), clock=SystemClock())
    assert source.connect() > 0
    assert "not trusted" in caplog.text
    assert "mqtt.ca_file" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_old_tls_is_refused(passwords: Settings) -> None:
    context = trusting(passwords)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError), device(passwords, V3, context, ""):  # noqa: PT011 - which of OpenSSL's words is not ours to say
        pass


def test_certificates_are_made_once_and_anew_where_names_change(tmp_path: Path) -> None:
    settings = door(tmp_path)
    first = certificates.broker_pair(settings).cert_file.read_bytes()
    assert certificates.broker_pair(settings).cert_file.read_bytes() == first
    renamed = door(tmp_path, names=["mqtt.school.example", "10.0.0.5"])
    pair = certificates.broker_pair(renamed)
    assert pair.cert_file.read_bytes() != first
    keys = [pair.key_file, pair.ca_file.with_suffix(".key"), certificates.client_pair(settings, "g-1").key_file]
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}
    with pytest.raises(BadInput, match="cannot stand in a certificate"):
        certificates.client_pair(settings, "../ca")


@pytest.mark.parametrize(
    ("mqtt_settings", "complaint"),
    [
        ({"tls": True}, "for an existing broker only"),
        ({"managed": False, "ca_file": "ca.crt"}, "needs tls = true"),
        ({"managed": False, "tls": True, "cert_file": "a.crt"}, "go together"),
        ({"managed": False, "password_file": "p"}, "needs username"),
        ({"tls_listener": {"port": 8883, "use_identity_as_username": True}}, "needs require_certificate"),
        ({"tls_listener": {"port": 8883, "cert_file": "a.crt"}}, "go together"),
    ],
)
def test_settings_that_cannot_work_are_refused(mqtt_settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Settings.model_validate({"mqtt": mqtt_settings})


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"data_dir": tmp_path, "mqtt": {"managed": False, "tls": True, "ca_file": tmp_path / "none.crt"}}
    )
    with pytest.raises(BadInput, match=r"mqtt\.ca_file: cannot read"):
        connections.tls_context(settings)
