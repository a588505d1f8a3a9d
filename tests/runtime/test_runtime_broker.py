"""The generated broker configuration against the real Mosquitto: who may connect, who may touch which topic."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from runtime import broker
from runtime import mqtt as connections
from runtime.bus import Bus
from runtime.settings import Mqtt, Settings
from runtime.supervisor import free_port

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    made = Settings(data_dir=tmp_path_factory.mktemp("data"), mqtt=Mqtt(port=free_port("127.0.0.1")))
    broker.ensure_passwords(made)
    program = broker.mosquitto_binary()
    assert program, "install mosquitto"
    process = subprocess.Popen(
        [program, "-c", str(broker.write_configuration(made))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield made
    process.terminate()
    process.wait(10)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def outcome(settings: Settings, user: str | None, password: str | None) -> str:
    """The broker's answer to a connection attempt."""
    answered = threading.Event()
    answer = ["no answer"]
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    if user:
        client.username_pw_set(user, password)

    def on_connect(_c: object, _u: object, _f: object, reason: object, _p: object) -> None:
        answer[0] = str(reason)
        answered.set()

    client.on_connect = on_connect
    deadline = time.monotonic() + 5
    while True:
        try:
            client.connect(settings.mqtt.host, settings.mqtt.port)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    client.loop_start()
    answered.wait(5)
    client.disconnect()
    client.loop_stop()
    return answer[0]


def test_nobody_comes_in_without_the_right_password(settings: Settings) -> None:
    good = settings.secret("mqtt-ingest.password").get_secret_value()
    assert outcome(settings, "ingest", good) == "Success"
    assert outcome(settings, "ingest", "wrong") == "Not authorized"
    assert outcome(settings, "ingest", None) == "Not authorized"
    assert outcome(settings, None, None) == "Not authorized"
    assert outcome(settings, "stranger", good) == "Not authorized"


def test_secrets_and_configuration_are_private(settings: Settings) -> None:
    private = [
        *(settings.data_dir / "secrets").iterdir(),
        *(settings.data_dir / "broker").glob("*.conf"),
        settings.data_dir / "broker" / "acl",
    ]
    assert private
    assert {path.stat().st_mode & 0o077 for path in private} == {0}
    hashed = (settings.data_dir / "broker" / "passwords").read_text()
    assert settings.secret("mqtt-api.password").get_secret_value() not in hashed


def test_a_role_reaches_its_topics_and_no_others(settings: Settings) -> None:
    heard: list[str] = []
    listening = threading.Event()
    listener = connections.client(settings, "ingest", client_id="listener")
    listener.on_connect = lambda client, *_: client.subscribe("caretaker/v1/+/+/telemetry", qos=1)
    listener.on_subscribe = lambda *_: listening.set()
    listener.on_message = lambda _c, _u, message: heard.append(message.topic)
    connections.start(settings, listener)
    assert listening.wait(5)
    forger = connections.client(settings, "analytics", client_id="forger")
    simulator = connections.client(settings, "simulator", client_id="simulator")
    for sender, topic in ((forger, "caretaker/v1/campus/m1/telemetry"), (simulator, "caretaker/v1/campus/m2/telemetry")):
        connections.start(settings, sender)
        wait_for(sender.is_connected)
        sender.publish(topic, b"{}", qos=1).wait_for_publish(5)
    wait_for(lambda: bool(heard))
    time.sleep(0.2)  # a forged message would have come before
    for client in (forger, simulator, listener):
        connections.stop(client)
    assert heard == ["caretaker/v1/campus/m2/telemetry"]


def test_the_bus_wakes_the_others(settings: Settings) -> None:
    heard: list[tuple[str, int]] = []
    api = Bus(settings, "api", lambda kind, entity_id: heard.append((kind, entity_id)))
    alerts = Bus(settings, "alerts")
    api.start()
    alerts.start()
    deadline = time.monotonic() + 10
    while not heard and time.monotonic() < deadline:
        alerts.publish("alert", 42)
        time.sleep(0.05)
    api.stop()
    alerts.stop()
    assert heard[0] == ("alert", 42)


def test_the_topic_list_names_the_site() -> None:
    text = broker.access_list(Settings(data_dir=Path("unused")))
    assert "user simulator\ntopic write caretaker/v1/campus/+/telemetry" in text
    assert "{site}" not in text
