"""amqtt with our users and topic lists: it starts, admits our roles and refuses strangers."""

import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from runtime import broker
from runtime import mqtt as connections
from runtime.roles import fallback_broker
from runtime.settings import Mqtt, Settings
from runtime.supervisor import free_port

pytestmark = [pytest.mark.network, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def wait_until_open(settings: Settings) -> None:
    deadline = time.monotonic() + 10
    while True:
        probe = mqtt.Client(CallbackAPIVersion.VERSION2)
        try:
            probe.connect(settings.mqtt.host, settings.mqtt.port)
            probe.disconnect()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_messages_pass_between_our_roles_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mqtt=Mqtt(port=free_port("127.0.0.1")))
    broker.ensure_passwords(settings)
    stop = threading.Event()
    server = threading.Thread(target=fallback_broker.run, args=(settings, stop))
    server.start()
    try:
        wait_until_open(settings)
        heard = threading.Event()
        listening = threading.Event()
        ingest = connections.client(settings, "ingest", client_id="ingest")
        ingest.on_connect = lambda client, *_: client.subscribe("caretaker/v1/+/+/telemetry", qos=1)
        ingest.on_subscribe = lambda *_: listening.set()
        ingest.on_message = lambda *_: heard.set()
        connections.start(settings, ingest)
        assert listening.wait(10)
        simulator = connections.client(settings, "simulator", client_id="simulator")
        simulator.on_connect = lambda client, *_: client.publish("caretaker/v1/campus/m1/telemetry", b"{}", qos=1)
        connections.start(settings, simulator)
        assert heard.wait(10)
        connections.stop(simulator)
        connections.stop(ingest)
    finally:
        stop.set()
        server.join(10)
    assert not server.is_alive()
