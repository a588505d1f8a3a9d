"""`caretaker simulate`: the files it writes, what it refuses, and the live role against a real broker."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from devices.errors import BadInput
from devices.model import Device, Event, Space
from runtime import broker, cli, mqtt
from runtime.commands.simulate import app
from runtime.roles import simulator
from runtime.settings import Mqtt, Settings, Site
from runtime.supervisor import free_port

END = "2026-11-21T08:00:00+08:00"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("simulation") / "history"
    assert cli.run("simulate", ["--history", str(made), "--weeks", "1", "--end", END, "--truth", str(made / "truth.json")]) == 0
    return made


def test_it_writes_what_the_import_reads(folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text(encoding="utf-8"))
    assert {key for row in registry["devices"] for key in row} == {field.name for field in fields(Device)}
    assert {key for row in registry["spaces"] for key in row} == {field.name for field in fields(Space)}
    table = pq.read_table(folder / "readings.parquet")
    assert table.column_names == ["device_id", "metric", "ts_ms", "value"]
    first = json.loads((folder / "events.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(first) == {field.name for field in fields(Event)}
    kinds = {row["kind"] for row in json.loads((folder / "truth.json").read_text(encoding="utf-8"))}
    assert kinds >= {"meter.frozen", "device.dead", "water.toilet_leak"}


def test_same_seed_same_files(folder: Path, tmp_path: Path) -> None:
    app(history=tmp_path, weeks=1, end=END)
    for name in ("registry.json", "events.jsonl", "state.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert pq.read_table(tmp_path / "readings.parquet").equals(pq.read_table(folder / "readings.parquet"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "either --history"),
        (["--live"], "--live needs --state"),
        (["--history", "x", "--live"], "either --history"),
        (["--history", "x", "--end", "yesterday"], "ISO 8601"),
        (["--history", "x", "--end", "2026-11-21T08:00:00"], "with an offset"),
        (["--live", "--state", "nowhere/state.json"], "simulate --history"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_is_told_in_one_line(arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run("simulate", arguments) == 1
    assert words in " ".join(capfd.readouterr().err.split())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data", mqtt=Mqtt(port=free_port("127.0.0.1")))
    broker.ensure_passwords(made)
    return made


@contextmanager
def running_broker(settings: Settings) -> Iterator[None]:
    program = broker.mosquitto_binary()
    assert program, "install mosquitto"
    process = subprocess.Popen(
        [program, "-c", str(broker.write_configuration(settings))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def running_campus(settings: Settings, state: Path, truth: Path | None = None) -> Iterator[threading.Thread]:
    stop = threading.Event()
    options = {"state": state, "tour": truth is not None, "truth": truth}
    runner = threading.Thread(target=simulator.run, args=(settings, stop), kwargs=options)
    runner.start()
    try:
        yield runner
    finally:
        stop.set()
        runner.join(10)
    assert not runner.is_alive()


@contextmanager
def listening(settings: Settings) -> Iterator[list[str]]:
    """The topics heard."""
    heard: list[str] = []
    listener = mqtt.client(settings, "ingest", client_id="listener")
    listener.on_connect = lambda client, *_: client.subscribe("caretaker/v1/+/+/#", qos=1)
    listener.on_message = lambda _client, _data, message: heard.append(message.topic)
    mqtt.start(settings, listener)
    try:
        yield heard
    finally:
        mqtt.stop(listener)


def telemetry(heard: list[str]) -> int:
    return sum(topic.endswith("/telemetry") for topic in heard)


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.network
def test_live_publishes_keeps_its_state_and_writes_the_truth(settings: Settings, folder: Path, tmp_path: Path) -> None:
    state, truth = tmp_path / "state.json", tmp_path / "truth.json"
    state.write_bytes((folder / "state.json").read_bytes())
    with running_broker(settings):
        with listening(settings) as heard, running_campus(settings, state, truth):
            assert wait_for(lambda: telemetry(heard) > 30)
            assert wait_for(lambda: sum(topic.endswith("/status") for topic in heard) > 250)
        assert json.loads(state.read_text())["at_ms"] > json.loads((folder / "state.json").read_text())["at_ms"]
        kinds = ["water.burst", "door.forced", "fire.smoke", "elec.heating_appliance"]
        assert [row["kind"] for row in json.loads(truth.read_text())] == kinds
        with listening(settings) as heard, running_campus(settings, state, truth):
            assert wait_for(lambda: telemetry(heard) > 5)
        assert [row["kind"] for row in json.loads(truth.read_text())] == kinds, "a restart goes on with the faults it had"


@pytest.mark.network
def test_a_broker_that_goes_away_and_comes_back_does_not_stop_the_campus(settings: Settings, folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_bytes((folder / "state.json").read_bytes())
    with ExitStack() as stack:
        with running_broker(settings):
            campus = stack.enter_context(running_campus(settings, state))
            with listening(settings) as heard:
                assert wait_for(lambda: telemetry(heard) > 5)
        assert campus.is_alive()
        with running_broker(settings), listening(settings) as heard:
            assert wait_for(lambda: telemetry(heard) > 5)
        assert campus.is_alive()


def test_a_state_of_another_site_is_refused(folder: Path, tmp_path: Path) -> None:
    elsewhere = Settings(data_dir=tmp_path, site=Site(id="north"))
    with pytest.raises(BadInput, match="of site 'campus'"):
        simulator.run(elsewhere, threading.Event(), state=folder / "state.json", tour=False, truth=None)
