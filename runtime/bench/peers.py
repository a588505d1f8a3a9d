"""What a school would run instead, on the same load into a VictoriaMetrics: Node-RED in two ways, and the tutorial's script."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from devices.errors import BadInput, DependencyFailed
from runtime.bench.publisher import connect, publish_packet
from runtime.settings import Settings

NODE_RED_PACKAGES = ("node-red@4", "node-red-contrib-influxdb@0.7")
_INSERTED = re.compile(r'^vm_rows_inserted_total\{[^}]*type="influx"[^}]*\} (\d+)', re.MULTILINE)
_START_WITHIN_S = 60.0
_INSTALL_WITHIN_S = 600.0
_QUIET_S = 15.0
_FIELDS = 2
_WARM_DEVICE = 9_999


class Skipped(Exception):
    """Why a peer cannot be measured here."""


@contextmanager
def victoria(directory: Path) -> Iterator[str]:
    """The address of a server of one's own."""
    binary = shutil.which("victoria-metrics") or shutil.which("victoria-metrics-prod")
    if binary is None:
        raise Skipped("VictoriaMetrics is not installed (apt-get install victoria-metrics)")
    port = _free_port()
    command = [binary, f"-storageDataPath={directory / 'victoria'}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    with _quiet(command, directory / "victoria.log"):
        url = f"http://127.0.0.1:{port}"
        _wait(lambda: _page(f"{url}/health") is not None, "VictoriaMetrics")
        yield url


@contextmanager
def tutorial(settings: Settings, store: str) -> Iterator[int]:
    """Yields its process id."""
    command = [sys.executable, "-m", "runtime.bench.tutorial", "--port", str(settings.mqtt.port), "--store", store]
    with _quiet(command, settings.data_dir / "tutorial.log", say=_password(settings)) as process:
        yield process.pid


@contextmanager
def node_red(settings: Settings, store: str, *, batch: bool) -> Iterator[int]:
    """Yields its process id. Its packages have been installed before (`install_node_red`)."""
    directory = settings.data_dir / "node-red"
    directory.mkdir()
    modules = node_red_directory() / "node_modules"
    options: dict[str, Any] = {"uiHost": "127.0.0.1", "uiPort": _free_port(), "credentialSecret": False, "httpAdminRoot": False}
    options |= {"httpNodeRoot": False, "nodesDir": str(modules / "node-red-contrib-influxdb"), "telemetry": {"enabled": False}}
    (directory / "settings.js").write_text(f"module.exports = {json.dumps(options)};\n")
    (directory / "flows.json").write_text(json.dumps(_flow(settings, store, batch=batch)))
    (directory / "flows_cred.json").write_text(json.dumps({"broker": {"user": "ingest", "password": _password(settings)}}))
    command = ["node", str(modules / "node-red" / "red.js"), "--userDir", str(directory), str(directory / "flows.json")]
    with _quiet(command, directory / "log") as process:
        yield process.pid


def node_red_directory() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "caretaker" / "node-red"


def install_node_red() -> None:
    """From the registry that npm is configured for. Raises BadInput where npm is missing, DependencyFailed where it fails."""
    directory = node_red_directory()
    if (directory / "node_modules" / "node-red").is_dir() and (directory / "node_modules" / "node-red-contrib-influxdb").is_dir():
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise BadInput("node and npm are needed for Node-RED; install them (apt-get install nodejs npm)")
    directory.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(directory), "--no-audit", "--no-fund", "--omit=dev", *NODE_RED_PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S, check=False)
    if done.returncode != 0:
        raise DependencyFailed(f"npm could not install Node-RED: {done.stderr.strip()[-500:]}", transient=False)


class Stored:
    """How many messages have reached the store of a peer."""

    def __init__(self, settings: Settings, store: str) -> None:
        self._settings = settings
        self._store = store
        self._before = 0

    def until_ready(self) -> None:
        """One message after another until the first is stored: the peer has subscribed, its store is warm."""
        deadline = time.monotonic() + _START_WITHIN_S
        password = self._settings.secret("mqtt-simulator.password").get_secret_value()
        with connect(self._settings.mqtt.port, "bench-warm", password) as connection:
            number = 0
            while self._count() == 0:
                if time.monotonic() > deadline:
                    raise DependencyFailed("the peer stores nothing; see its log", transient=False)
                connection.sendall(publish_packet(number, _WARM_DEVICE, time.time_ns() // 1_000_000))
                number += 1
                time.sleep(0.3)
        self._before = self._settled()

    def wait(self, messages: int) -> tuple[int, int]:
        """(epoch ns when the last arrived, messages that did not) once all are stored, or nothing came for a while."""
        count, changed_at, changed_ns = self._count(), time.monotonic(), time.time_ns()
        while count - self._before < messages and time.monotonic() - changed_at < _QUIET_S:
            time.sleep(0.01)
            now = self._count()
            if now != count:
                count, changed_at, changed_ns = now, time.monotonic(), time.time_ns()
        return changed_ns, max(0, messages - (count - self._before))

    def _settled(self) -> int:
        """What batches still held back has come."""
        count = -1
        while count != (count := self._count()):
            time.sleep(2.5)
        return count

    def _count(self) -> int:
        page = _page(f"{self._store}/metrics") or ""
        return sum(map(int, _INSERTED.findall(page))) // _FIELDS


def _flow(settings: Settings, store: str, *, batch: bool) -> list[dict[str, Any]]:
    """As the nodes' own examples have it; the batch gathers 1,000 messages or 1 s in a function node."""
    server = store.removeprefix("http://").split(":")
    broker: dict[str, Any] = {
        "id": "broker",
        "type": "mqtt-broker",
        "broker": "127.0.0.1",
        "port": str(settings.mqtt.port),
        "clientid": "bench-red",
    }
    broker |= {"autoConnect": True, "protocolVersion": "4", "keepalive": "60", "cleansession": True}
    influx: dict[str, Any] = {
        "id": "influx",
        "type": "influxdb",
        "hostname": server[0],
        "port": server[1],
        "protocol": "http",
        "database": "bench",
    }
    influx |= {"name": "", "usetls": False, "influxdbVersion": "1.x"}
    source: dict[str, Any] = {
        "id": "in",
        "type": "mqtt in",
        "z": "flow",
        "topic": "caretaker/v1/+/+/telemetry",
        "qos": "1",
        "datatype": "json",
    }
    source |= {"broker": "broker", "inputs": 0, "wires": [["map"]]}
    function = {"id": "map", "type": "function", "z": "flow", "func": _GATHER if batch else _EACH, "outputs": 1, "wires": [["out"]]}
    out: dict[str, Any] = {
        "id": "out",
        "type": "influxdb batch" if batch else "influxdb out",
        "z": "flow",
        "influxdb": "influx",
        "precision": "",
    }
    out |= {"retentionPolicy": "", "database": "bench", "measurement": "telemetry", "wires": [], "precisionV18FluxV20": "ms"}
    return [{"id": "flow", "type": "tab", "label": "bench"}, broker, influx, source, function, out]


_EACH = """
const told = msg.payload;
msg.payload = [Object.assign({time: told.ts * 1000}, told.readings), {device: msg.topic.split('/')[3]}];
msg.measurement = 'telemetry';
msg.precision = 'ms';
return msg;
"""

_GATHER = """
const told = msg.payload;
const point = {measurement: 'telemetry', fields: told.readings, tags: {device: msg.topic.split('/')[3]},
               timestamp: new Date(told.ts * 1000)};
const held = context.get('held') || [];
held.push(point);
const send = () => { clearTimeout(context.get('timer')); context.set('timer', undefined); context.set('held', []);
                     node.send({payload: held}); };
if (held.length >= 1000) { send(); return null; }
context.set('held', held);
if (!context.get('timer')) { context.set('timer', setTimeout(send, 1000)); }
return null;
"""


def _password(settings: Settings) -> str:
    return settings.secret("mqtt-ingest.password").get_secret_value()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _page(url: str) -> str | None:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return str(answer.read().decode())
    except (URLError, OSError):
        return None


def _wait(is_there: Any, what: str) -> None:  # noqa: ANN401 - a question
    deadline = time.monotonic() + _START_WITHIN_S
    while not is_there():
        if time.monotonic() > deadline:
            raise DependencyFailed(f"{what} did not start", transient=False)
        time.sleep(0.05)


@contextmanager
def _quiet(command: list[str], log: Path, *, say: str = "") -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
    try:
        assert process.stdin is not None
        if say:
            process.stdin.write(say.encode() + b"\n")
            process.stdin.flush()
        yield process
    except DependencyFailed:
        print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
        raise
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
