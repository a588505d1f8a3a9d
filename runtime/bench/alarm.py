"""`caretaker bench alarm`: from a fire message to the raised alert, while telemetry streams through ingest on the same machine.

The floor is measured on the very same messages: when a plain subscriber gets them from the broker.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from devices.errors import DependencyFailed
from devices.model import Device, DeviceKind, Space, SpaceKind
from runtime import mqtt as connections
from runtime.bench.broker import private_settings, running_broker
from runtime.bench.publisher import connect
from runtime.bus import Bus
from runtime.databases import open_database
from runtime.settings import Settings
from runtime.supervisor import child_environment, role_command
from storage.alert_store import AlertStore
from storage.registry_store import RegistryStore

P99_TARGET_MS, P999_TARGET_MS = 5.0, 20.0
_KINDS = ("smoke", "heat", "co", "gas", "call_point")
_SITE = Space(id="bench", kind=SpaceKind.SITE, name="Bench", name_zh="Bench")
_WAIT_S = 30.0
_TELEMETRY_DEVICES = 2_000
_WARM_UP = 50


@dataclass(slots=True)
class Heard:
    """When something was first heard, by key; perf_counter nanoseconds."""

    at_ns: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: str) -> None:
        now_ns = time.perf_counter_ns()
        with self.lock:
            self.at_ns.setdefault(key, now_ns)


def bench_alarm(*, alarms: int = 2_000, alarms_per_s: float = 80, telemetry_per_s: float = 5_000) -> dict[str, Any]:
    """Row 4 of the figures to reach. Takes about 40 s."""
    devices = -(-alarms // len(_KINDS)) + _WARM_UP
    load_s = alarms / alarms_per_s + 8
    with ExitStack() as stack:
        settings = stack.enter_context(_arena(devices))
        for role in ("ingest", "alerts"):
            stack.enter_context(_role(settings, role))
        prober = stack.enter_context(_prober(settings))
        _progress("waiting for the alerts role")
        prober.warm_up()
        count = round(telemetry_per_s * load_s)
        load = stack.enter_context(_telemetry(settings, telemetry_per_s, count)) if count else None
        time.sleep(2)
        _progress(f"{alarms} alarms at {alarms_per_s:g}/s beside {telemetry_per_s:g} telemetry messages/s")
        sent_ns = prober.send(alarms, alarms_per_s)
        prober.wait(sent_ns)
        told = _ended(load, count)
        raised_ns = _raised(settings, prober.bus.at_ns)
    delays = [(raised_ns[key] - at_ns) / 1e6 for key, at_ns in sent_ns.items() if key in raised_ns]
    relayed_ns = prober.relay.at_ns
    floor = [(relayed_ns[key] - at_ns) / 1e6 for key, at_ns in sent_ns.items() if key in relayed_ns]
    beyond = [(raised_ns[key] - relayed_ns[key]) / 1e6 for key in sent_ns if key in raised_ns and key in relayed_ns]
    result = _report(delays, floor, lost=alarms - len(delays), telemetry_per_s=told)
    return result | {"beyond_relay_p50_ms": _percentile(beyond, 0.5), "beyond_relay_p99_ms": _percentile(beyond, 0.99)}


def _report(delays: list[float], floor: list[float], *, lost: int, telemetry_per_s: float) -> dict[str, Any]:
    p50, p99, p999 = (_percentile(delays, share) for share in (0.5, 0.99, 0.999))
    floors = tuple(_percentile(floor, share) for share in (0.5, 0.99, 0.999))
    row = {
        "what": f"fire publish to alert raised, p99 / p99.9 with {telemetry_per_s:,.0f} messages/s beside it",
        "target": f"<= {P99_TARGET_MS:g} / {P999_TARGET_MS:g} ms, none lost",
        "reached": f"{p99:.1f} / {p999:.1f} ms (p50 {p50:.1f} ms, {lost} lost); a plain subscriber gets the same messages after "
        f"{floors[1]:.1f} / {floors[2]:.1f} ms",
        "met": p99 <= P99_TARGET_MS and p999 <= P999_TARGET_MS and lost == 0,
    }
    return {
        "bench": "alarm",
        "rows": [row],
        "alarms": len(delays),
        "lost": lost,
        "p50_ms": p50,
        "p99_ms": p99,
        "p999_ms": p999,
        "relay_p50_ms": floors[0],
        "relay_p99_ms": floors[1],
        "relay_p999_ms": floors[2],
        "telemetry_per_s": telemetry_per_s,
        "cores": os.cpu_count(),
    }


class _Prober:
    """Sends alarms on a raw socket and hears them twice: from the broker as they are, and as alerts on the bus."""

    def __init__(self, settings: Settings) -> None:
        self.bus, self.relay = Heard(), Heard()
        self._settings = settings
        self._bus = Bus(settings, "api", lambda kind, number: self.bus.note(str(number)) if kind == "alert" else None)
        self._listener = connections.client(settings, "ingest", client_id="bench-relay")
        self._listener.on_connect = lambda client, *_: client.subscribe("caretaker/v1/+/+/event", qos=1)
        self._listener.on_message = self._hear
        self._socket = self._connect()
        self._packet_id = 0

    def start(self) -> None:
        self._bus.start()
        connections.start(self._settings, self._listener)

    def stop(self) -> None:
        self._bus.stop()
        connections.stop(self._listener)
        self._socket.close()

    def warm_up(self) -> None:
        """One alarm after another until the first is answered, then some more, so that nothing is measured cold."""
        deadline = time.monotonic() + _WAIT_S
        number = 0
        while number < _WARM_UP:
            before = len(self.bus.at_ns)
            self._alarm(f"warm-{number}", "smoke")
            until = time.monotonic() + 0.5
            while len(self.bus.at_ns) == before and time.monotonic() < until:
                time.sleep(0.002)
            number += len(self.bus.at_ns) > before
            if time.monotonic() > deadline:
                raise DependencyFailed("the alerts role does not answer; see its output above", transient=False)
        time.sleep(0.5)

    def send(self, count: int, rate: float) -> dict[str, int]:
        """perf_counter nanoseconds of each alarm's sending, by device and kind. No device raises the same alarm twice."""
        start = time.perf_counter()
        sent_ns: dict[str, int] = {}
        for number in range(count):
            device, kind = f"fire-{number // len(_KINDS)}", _KINDS[number % len(_KINDS)]
            pause_s = start + number / rate - time.perf_counter()
            if pause_s > 0:
                time.sleep(pause_s)
            sent_ns[f"{device} fire.{kind}"] = time.perf_counter_ns()
            self._alarm(device, kind)
        return sent_ns

    def wait(self, sent_ns: dict[str, int]) -> None:
        deadline = time.monotonic() + _WAIT_S
        while len(self.bus.at_ns) < len(sent_ns) + _WARM_UP and time.monotonic() < deadline:
            time.sleep(0.05)

    def _connect(self) -> socket.socket:
        password = self._settings.secret("mqtt-simulator.password").get_secret_value()
        return connect(self._settings.mqtt.port, "bench-alarms", password)

    def _alarm(self, device: str, kind: str) -> None:
        self._packet_id = self._packet_id % 65_535 + 1
        topic = f"caretaker/v1/{self._settings.site.id}/{device}/event".encode()
        payload = json.dumps({"ts": time.time(), "event": f"alarm.{kind}"}).encode()
        body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", self._packet_id) + payload
        low, high = len(body) % 128, len(body) // 128
        self._socket.sendall(b"\x32" + (bytes((low | 128, high)) if high else bytes((low,))) + body)

    def _hear(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        kind = json.loads(message.payload)["event"].removeprefix("alarm.")
        self.relay.note(f"{message.topic.split('/')[3]} fire.{kind}")


def _raised(settings: Settings, heard_ns: dict[str, int]) -> dict[str, int]:
    """The bus tells numbers; the database tells whose alerts they are."""
    database = open_database(settings)
    alerts = AlertStore(database).list(limit=1_000_000)
    database.close()
    return {f"{alert.device_id} {alert.kind}": heard_ns[str(alert.id)] for alert in alerts if str(alert.id) in heard_ns}


@contextmanager
def _arena(fire_devices: int) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="caretaker-bench-") as directory:
        settings = private_settings(Path(directory))
        database = open_database(settings)
        database.migrate()
        RegistryStore(database).save([_SITE], list(_devices(fire_devices)))
        database.close()
        with running_broker(settings):
            yield settings


def _devices(fire_devices: int) -> Iterator[Device]:
    names = [f"fire-{number}" for number in range(fire_devices)] + [f"warm-{number}" for number in range(_WARM_UP)]
    for name in names:
        yield Device(id=name, kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id=_SITE.id, name=name, name_zh=name)
    for number in range(_TELEMETRY_DEVICES):
        name = f"bench-{number:04d}"
        yield Device(id=name, kind=DeviceKind.ELECTRICITY_METER, profile_id="em-site", space_id=_SITE.id, name=name, name_zh=name)


@contextmanager
def _role(settings: Settings, role: str) -> Iterator[None]:
    environment = child_environment(settings)
    with (settings.data_dir / f"{role}.log").open("wb") as log:
        process = subprocess.Popen(role_command(role), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    try:
        yield
    except DependencyFailed:
        print((settings.data_dir / f"{role}.log").read_text()[-2000:], file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _prober(settings: Settings) -> Iterator[_Prober]:
    sys.setswitchinterval(0.0005)
    prober = _Prober(settings)
    prober.start()
    try:
        yield prober
    finally:
        prober.stop()


@contextmanager
def _telemetry(settings: Settings, rate: float, count: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "runtime.bench.publisher", "--port", str(settings.mqtt.port), "--rate", str(rate)]
    command += ["--count", str(count), "--devices", str(_TELEMETRY_DEVICES)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(settings.secret("mqtt-simulator.password").get_secret_value() + "\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _ended(load: "subprocess.Popen[str] | None", count: int) -> float:
    """Messages a second that the load really had."""
    if load is None:
        return 0.0
    assert load.stdout is not None
    told = json.loads(load.stdout.readline())
    return float(count / (told["ended_ns"] - told["started_ns"]) * 1e9)


def _progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")
