"""The reading store away, the disk full: all rows arrive afterwards, in order, alarms go on meanwhile, and the platform says so.

`CARETAKER_TEST_OUTAGE_S` is how long the store is away (default 4; a soak takes 600).
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts import self_watch
from alerts.model import AlertState
from analytics.finding import FindingKind
from api.role_metrics import read_role_metrics
from devices.errors import DependencyFailed
from devices.model import Device, DeviceKind, Reading, Space, SpaceKind
from runtime.bench.broker import private_settings, running_broker
from runtime.bench.publisher import Window, connect, publish_packet
from runtime.broker import mosquitto_binary
from runtime.databases import open_database
from runtime.roles import alerts as alerts_role
from runtime.roles.ingest import Line, _line, open_spool, serve
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.alert_store import AlertStore
from storage.database import Database
from storage.registry_store import RegistryStore
from tests.fixtures_broker import Broker

OUTAGE_S = float(os.environ.get("CARETAKER_TEST_OUTAGE_S", "4"))
RATE = 1_000
DEVICES = 50
DISK_MB = 64
SITE = Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校园")
SMOKE = Device(id="smoke-1", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="site", name="s", name_zh="s")


class Publisher(threading.Thread):
    """Message n is of device n modulo DEVICES, of the time `start_ms` + n ms."""

    def __init__(self, settings: Settings, *, rate: int = RATE) -> None:
        super().__init__(name="publisher", daemon=True)
        self._window = Window(connect(settings.mqtt.port, "outage", settings.secret("mqtt-simulator.password").get_secret_value()))
        self._rate = rate
        self.start_ms = time.time_ns() // 1_000_000 - 60_000
        self._stop_sending = threading.Event()

    @property
    def acknowledged(self) -> int:
        return self._window.acknowledged

    def run(self) -> None:
        begin = time.monotonic()
        while not self._stop_sending.is_set():
            due = int((time.monotonic() - begin) * self._rate)
            numbers = range(self._window.sent, min(due, self._window.sent + max(self._window.room, 0)))
            if numbers:
                self._window.send([publish_packet(n, n % DEVICES, self.start_ms + n) for n in numbers])
            self._window.collect(0.002)
            time.sleep(0.002)
        with suppress(ConnectionError):  # the test has failed before and the broker is gone
            while self._window.acknowledged < self._window.sent:
                self._window.collect(1)

    def finish(self) -> int:
        """How many the broker has taken."""
        self._stop_sending.set()
        self.join(60)
        self._window.close()
        return self.acknowledged


class Away:
    """The real store behind a wire that can be cut; keeps the order in which rows were taken."""

    def __init__(self, settings: Settings) -> None:
        self.store = open_reading_store(settings)
        self.cut = threading.Event()
        self.order: dict[str, list[int]] = {}

    def write(self, readings: Sequence[Reading]) -> None:
        if self.cut.is_set():
            raise DependencyFailed("the reading store cannot be reached", transient=True, retry_after_s=0.2)
        self.store.write(readings)
        for reading in readings:
            if reading.metric == "elec.energy.import":
                self.order.setdefault(reading.device_id, []).append(reading.ts_ms)


@contextmanager
def running(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(15)
            assert not thread.is_alive()


def until(reached: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.1)


def prepared(settings: Settings) -> Database:
    database = open_database(settings)
    database.migrate()
    RegistryStore(database).save([SITE], [SMOKE])
    return database


def connected(settings: Settings) -> bool:
    return numbers(settings).get("caretaker_ingest_broker_connected") == 1


def numbers(settings: Settings) -> dict[str, float]:
    return dict(read_role_metrics(settings.data_dir / "metrics").get("ingest", {}))


def state(database: Database, kind: FindingKind) -> AlertState | None:
    return next((alert.state for alert in AlertStore(database).list() if alert.kind == kind), None)


def check_rows(settings: Settings, order: dict[str, list[int]] | None, start_ms: int, count: int) -> None:
    with closing(open_reading_store(settings)) as store:
        for device in range(DEVICES):
            expected = [start_ms + number for number in range(device, count, DEVICES)]
            name = f"bench-{device:04d}"
            assert store.frame([name], ["elec.energy.import"], 0, 1 << 45)["ts_ms"].tolist() == expected
            if order is not None:
                assert order[name] == expected


@pytest.mark.slow
@pytest.mark.timeout(180 + 3 * OUTAGE_S)
def test_a_store_that_is_away_costs_no_row_no_order_and_no_alarm(broker: Broker) -> None:
    waiting_s = min(OUTAGE_S / 2, 120)
    settings = broker.settings.model_copy(
        update={"ingest": broker.settings.ingest.model_copy(update={"waiting_alarm_s": waiting_s})}
    )
    away = Away(settings)
    with closing(prepared(settings)) as database, closing(open_spool(settings)) as spool, closing(away.store):
        whole = _line(settings, spool, database, away.store)
        line: Line = replace(whole, sinks=replace(whole.sinks, readings=away))
        with running(lambda stop: serve(line, stop), lambda stop: alerts_role.serve(settings, stop)):
            until(lambda: connected(settings), "ingest connected")
            publisher = Publisher(settings)
            publisher.start()
            until(lambda: bool(away.order), "the first rows")
            away.cut.set()
            begun = time.monotonic()
            until(lambda: state(database, FindingKind.PLATFORM_READINGS_WAIT) == "open", "the self-alarm", waiting_s + 20)
            broker.publish("caretaker/v1/campus/smoke-1/telemetry", b'{"readings":{"smoke":1}}')
            until(lambda: state(database, FindingKind.FIRE_SMOKE) == "open", "the smoke alarm", 10)
            assert numbers(settings)["caretaker_ingest_spool_age_seconds"] > 0
            time.sleep(max(0.0, OUTAGE_S - (time.monotonic() - begun)))
            assert away.cut.is_set()
            away.cut.clear()
            count = publisher.finish()
            assert count > 0.9 * RATE * OUTAGE_S
            until(lambda: sum(map(len, away.order.values())) >= count, "all rows", 60 + OUTAGE_S)
            until(lambda: state(database, FindingKind.PLATFORM_READINGS_WAIT) == "resolved", "the end of the self-alarm")
            assert numbers(settings)["caretaker_ingest_commits_refused_total"] == 0
    check_rows(settings, away.order, publisher.start_ms, count)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(path: Path, leave_bytes: int) -> None:
    """A file that takes the disk but for `leave_bytes`; 0: to the last byte."""
    disk = os.statvfs(path.parent)
    with path.open("wb", buffering=0) as file, suppress(OSError):
        left = disk.f_bavail * disk.f_frsize - leave_bytes
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 16)))
        while not leave_bytes:
            file.write(bytes(512))


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("reserve_mb", [pytest.param(12, id="room kept for alarms"), pytest.param(0, id="not a byte left")])
def test_a_full_disk_stops_acknowledging_shows_an_alarm_and_recovers(small_disk: Path, tmp_path: Path, reserve_mb: int) -> None:
    if not mosquitto_binary():
        pytest.skip("mosquitto is not installed")
    elsewhere = private_settings(tmp_path / "broker-data")
    with running_broker(elsewhere):
        data_dir = small_disk / "data"
        data_dir.mkdir()
        (data_dir / "secrets").symlink_to(elsewhere.data_dir / "secrets")
        ingest = {"disk_reserve_mb": reserve_mb, "spool_limit_mb": 16}
        settings = Settings.model_validate({**elsewhere.model_dump(), "data_dir": data_dir, "ingest": ingest})
        with (
            closing(prepared(settings)) as database,
            closing(open_reading_store(settings)) as readings,
            closing(open_spool(settings)) as spool,
        ):
            line = _line(settings, spool, database, readings)
            with running(lambda stop: serve(line, stop), lambda stop: alerts_role.serve(settings, stop)):
                until(lambda: connected(settings), "ingest connected")
                publisher = Publisher(settings, rate=300)
                publisher.start()
                until(lambda: numbers(settings).get("caretaker_ingest_readings_total", 0) > 0, "the first rows")
                ballast = small_disk / "ballast"
                fill(ballast, (reserve_mb << 20) * 3 // 4)
                until(lambda: told(settings) is not None, "what the api and the desk show")
                if reserve_mb:
                    until(lambda: state(database, FindingKind.PLATFORM_SPOOL_REFUSES) == "open", "the self-alarm")
                durable = numbers(settings)["caretaker_ingest_durable_total"]
                time.sleep(1)
                assert numbers(settings)["caretaker_ingest_durable_total"] == durable
                ballast.unlink()
                until(lambda: told(settings) is None, "acknowledging again")
                count = publisher.finish()
                until(lambda: numbers(settings).get("caretaker_ingest_messages_total", 0) >= count, "all rows", 60)
                until(lambda: state(database, FindingKind.PLATFORM_SPOOL_REFUSES) in {None, "resolved"}, "the end of the alarm")
        check_rows(settings, None, publisher.start_ms, count)


def told(settings: Settings) -> self_watch.Trouble | None:
    """As the summary of the api makes it, without the database."""
    return self_watch.judge(numbers(settings), datetime.now(UTC)).get(FindingKind.PLATFORM_SPOOL_REFUSES)
