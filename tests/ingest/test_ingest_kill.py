"""kill -9 of ingest under load: every reading whose message was acknowledged is in the store exactly once.

`CARETAKER_TEST_KILLS` sets how often (default 20); a soak uses hundreds.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runtime.bench.publisher import Window, connect, publish_packet
from runtime.databases import open_database
from runtime.settings import Settings
from runtime.stores import open_reading_store
from tests.fixtures_broker import Broker

KILLS = int(os.environ.get("CARETAKER_TEST_KILLS", "20"))
RATE = 2_000
DEVICES = 100
START_WITHIN_S = 30
RESTART_WITHIN_S = 5.0
"""Held where many are measured, on a machine that has nothing else to do."""

LIFE_S = 2.5
DRAIN_WITHIN_S = 60
ROOT = Path(__file__).parents[2]


class Publisher(threading.Thread):
    """Sends message n (device n modulo DEVICES, time START + n ms) until `stop`; then waits for the last PUBACK."""

    def __init__(self, broker: Broker, start_ms: int) -> None:
        super().__init__(name="publisher", daemon=True)
        self._window = Window(connect(broker.port, "kill-test", broker.password("simulator")))
        self._start_ms = start_ms
        self.stop = threading.Event()

    @property
    def acknowledged(self) -> int:
        return self._window.acknowledged

    def run(self) -> None:
        begin = time.monotonic()
        while not self.stop.is_set():
            due = int((time.monotonic() - begin) * RATE)
            numbers = range(self._window.sent, min(due, self._window.sent + max(self._window.room, 0)))
            if numbers:
                self._window.send([publish_packet(number, number % DEVICES, self._start_ms + number) for number in numbers])
            self._window.collect(0.002)
            time.sleep(0.002)
        while self._window.acknowledged < self._window.sent:
            self._window.collect(1)

    def close(self) -> None:
        self._window.close()


class IngestProcess:
    """`caretaker ingest` as it ships. `started_s`: on the steady clock."""

    def __init__(self, settings: Settings) -> None:
        self.started_s = time.monotonic()
        self._metrics = settings.data_dir / "metrics" / "ingest.json"
        self._started_ms = time.time_ns() // 1_000_000
        environment = os.environ | {"CARETAKER_DATA_DIR": str(settings.data_dir), "CARETAKER_MQTT_PORT": str(settings.mqtt.port)}
        with (settings.data_dir / "ingest.log").open("ab") as log:
            command = [sys.executable, "-m", "runtime", "ingest"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def metrics(self) -> dict[str, float]:
        """Empty until this very process has told."""
        try:
            told: dict[str, float] = json.loads(self._metrics.read_text())
        except FileNotFoundError:
            return {}
        return told if told["caretaker_ingest_updated_ms"] >= self._started_ms else {}

    def wait_connected(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self.metrics().get("caretaker_ingest_broker_connected"):
            assert self._process.poll() is None, "ingest ended by itself"
            assert time.monotonic() < deadline, "ingest did not connect"
            time.sleep(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        self._process.terminate()
        return self._process.wait(10)


def rows_stored(settings: Settings) -> int:
    store = open_reading_store(settings)
    try:
        return sum(len(store.frame([device], ["elec.energy.import"], 0, 1 << 45)) for device in devices())
    finally:
        store.close()


def devices() -> list[str]:
    return [f"bench-{number:04d}" for number in range(DEVICES)]


def wait_stored(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + DRAIN_WITHIN_S
    while (stored := rows_stored(settings)) < count:
        assert time.monotonic() < deadline, f"{stored} of {count} stored"
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * KILLS)
def test_every_acknowledged_reading_is_stored_exactly_once(broker: Broker) -> None:
    """At any moment of a life: while it starts, recovers, connects, takes in and drains."""
    settings = broker.settings
    database = open_database(settings)
    database.migrate()
    database.close()
    seeded = random.Random(5)
    first = IngestProcess(settings)
    first.wait_connected()  # the broker knows our session from here on
    start_ms = time.time_ns() // 1_000_000 - 60_000
    publisher = Publisher(broker, start_ms)
    publisher.start()
    time.sleep(0.5)
    first.kill()
    restarts_s = []
    for _ in range(KILLS - 1):
        ingest = IngestProcess(settings)
        if seeded.random() < 0.5:
            ingest.wait_connected()
            restarts_s.append(time.monotonic() - ingest.started_s)
        time.sleep(seeded.uniform(0, LIFE_S))
        ingest.kill()
    last = IngestProcess(settings)
    publisher.stop.set()
    publisher.join(30)
    count = publisher.acknowledged
    publisher.close()
    assert count > KILLS * 500
    wait_stored(settings, count)
    assert last.terminate() == 0
    check_store(settings, start_ms, count)
    print(f"{KILLS} kills, {count} messages; connected again after {max(restarts_s):.1f} s at most")  # noqa: T201 - what a soak is run for
    if KILLS >= 100:
        assert max(restarts_s) <= RESTART_WITHIN_S


def check_store(settings: Settings, start_ms: int, count: int) -> None:
    store = open_reading_store(settings)
    try:
        for device in range(DEVICES):
            frame = store.frame([devices()[device]], ["elec.energy.import"], 0, 1 << 45)
            numbers = list(range(device, count, DEVICES))
            assert frame["ts_ms"].tolist() == [start_ms + number for number in numbers]
            assert frame["value"].round(3).tolist() == [round(10_000 + number / 1000, 3) for number in numbers]
    finally:
        store.close()
