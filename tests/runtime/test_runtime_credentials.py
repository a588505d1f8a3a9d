"""Credentials of devices at a real Mosquitto: default deny, own topics only, told to the running broker, gone when removed."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.errors import BadInput, Conflict, NotFound
from runtime import broker as brokers
from runtime import credentials
from tests.fixtures_broker import Broker


def _signed_in(broker: Broker, user: str, password: str) -> bool:
    answer: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.on_connect = lambda _c, _u, _f, reason, *_: answer.append(not reason.is_failure)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    _until(lambda: bool(answer))
    client.disconnect()
    client.loop_stop()
    return answer[0]


def _until(reached: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)


def test_a_device_is_let_in_without_a_restart_and_to_its_topics_only(broker: Broker) -> None:
    settings = broker.settings
    password = credentials.add(settings.data_dir, "dtu-7", write=["dtu/7/{device}/up"])
    assert brokers.refresh(settings)
    _until(lambda: _signed_in(broker, "dtu-7", password))
    assert not _signed_in(broker, "dtu-7", "guess")
    heard: list[str] = []
    ready = threading.Event()
    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.username_pw_set("ingest", broker.password("ingest"))
    listener.on_message = lambda _c, _u, message: heard.append(message.topic)
    listener.on_subscribe = lambda *_: ready.set()
    listener.connect("127.0.0.1", broker.port)
    listener.subscribe([("dtu/#", 1), ("caretaker/#", 1)])
    listener.loop_start()
    assert ready.wait(5)
    sender = mqtt.Client(CallbackAPIVersion.VERSION2)
    sender.username_pw_set("dtu-7", password)
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    for topic in ("dtu/8/1/up", "caretaker/v1/campus/bus/finding", "caretaker/v1/campus/other/telemetry", "dtu/7/1/up"):
        sender.publish(topic, b"x", qos=1).wait_for_publish(5)
    _until(lambda: bool(heard))
    listener.loop_stop()
    sender.loop_stop()
    assert heard == ["dtu/7/1/up"]
    credentials.remove(settings.data_dir, "dtu-7")
    assert brokers.refresh(settings)
    _until(lambda: not _signed_in(broker, "dtu-7", password))


def test_only_the_hash_is_kept(tmp_path: Path) -> None:
    password = credentials.add(tmp_path, "z2m", write=["zigbee2mqtt/#"], read=["zigbee2mqtt/+/set"])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(password not in path.read_text() for path in files)
    assert (tmp_path / "secrets" / "broker-credentials.json").stat().st_mode & 0o077 == 0
    (kept,) = credentials.load(tmp_path)
    assert (kept.name, kept.write, kept.read) == ("z2m", ("zigbee2mqtt/#",), ("zigbee2mqtt/+/set",))


@pytest.mark.parametrize(
    ("name", "write", "error"),
    [
        ("ingest", ["a"], Conflict),
        ("two words", ["a"], BadInput),
        ("a\nb", ["a"], BadInput),
        ("a", [], BadInput),
        ("a", ["a\nuser ingest\ntopic #"], BadInput),
        ("a", ["a/#/b"], BadInput),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, write: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        credentials.add(tmp_path, name, write=write, taken=("ingest",))
    assert credentials.load(tmp_path) == ()


def test_the_same_name_twice_and_one_that_is_not_there(tmp_path: Path) -> None:
    credentials.add(tmp_path, "a", write=["a"])
    with pytest.raises(Conflict, match="remove it first"):
        credentials.add(tmp_path, "a", write=["a"])
    with pytest.raises(NotFound):
        credentials.remove(tmp_path, "b")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "broker-credentials.json").write_text(json.dumps([{"name": "a"}]))
    with pytest.raises(BadInput, match=r"broker-credentials\.json"):
        credentials.load(tmp_path)
