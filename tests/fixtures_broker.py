"""`broker`: a real Mosquitto with our generated configuration, on a free port, with a data directory of its own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.errors import BadInput
from runtime.bench.broker import private_settings, start_broker, stop_broker
from runtime.settings import Settings


class Broker:
    """`settings` point to it and to an empty data directory; roles run with these settings find their passwords there."""

    def __init__(self, directory: Path) -> None:
        self.settings: Settings = private_settings(directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.settings.mqtt.port

    def password(self, user: str) -> str:
        return self.settings.secret(f"mqtt-{user}.password").get_secret_value()

    def start(self) -> None:
        self._process = start_broker(self.settings)

    def stop(self) -> None:
        if self._process is not None:
            stop_broker(self._process)
            self._process = None

    def kill(self) -> None:
        """As by kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def publish(self, topic: str, *payloads: bytes, retain: bool = False) -> None:
        """As the simulator, QoS 1; acknowledged by the broker on return."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set("simulator", self.password("simulator"))
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            for published in [client.publish(topic, payload, qos=1, retain=retain) for payload in payloads]:
                published.wait_for_publish(10)
        finally:
            client.disconnect()
            client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker-data")
    try:
        made.start()
    except BadInput as missing:
        pytest.skip(str(missing))
    yield made
    made.stop()
