"""Runs the roles as child processes: starts them in order, restarts what dies, stops all within five seconds."""

import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devices.errors import BadInput
from runtime import broker
from runtime.children import Child
from runtime.settings import Settings

STOP_WITHIN_S = 4.0
HOUSEKEEPING_EVERY_S = 3600.0
ROLES = ("ingest", "analytics", "alerts", "api")

Say = Callable[[str], None]


def broker_command(settings: Settings, say: Say) -> list[str]:
    """Mosquitto where it is installed, else amqtt with a warning. Writes the broker's configuration."""
    program = broker.mosquitto_binary()
    if program is not None:
        return [program, "-c", str(broker.write_configuration(settings))]
    say("warning: Mosquitto is not installed; amqtt stands in, which can lose messages. Remedy: apt-get install mosquitto")
    return role_command("fallback-broker")


def role_command(role: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "runtime", role, *arguments]


def child_environment(settings: Settings, config: Path | None = None) -> dict[str, str]:
    """What a role needs to read the same settings: overrides by environment, one thread per numeric library."""
    file = {"CARETAKER_CONFIG": str(config.absolute())} if config else {}
    return (
        dict(os.environ)
        | file
        | {
            "CARETAKER_DATA_DIR": str(settings.data_dir.absolute()),
            "CARETAKER_SITE_ID": settings.site.id,
            "CARETAKER_SITE_NAME": settings.site.name,
            "CARETAKER_SITE_NAME_ZH": settings.site.name_zh,
            "CARETAKER_HTTP_HOST": settings.http.host,
            "CARETAKER_HTTP_PORT": str(settings.http.port),
            "CARETAKER_MQTT_HOST": settings.mqtt.host,
            "CARETAKER_MQTT_PORT": str(settings.mqtt.port),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
    )


def children(
    settings: Settings, say: Say, *, extra: Sequence[tuple[str, list[str]]] = (), config: Path | None = None
) -> list[Child]:
    """The roles in starting order: broker first, then those that listen, then those that are looked at."""
    broker.ensure_passwords(settings)
    commands = [("broker", broker_command(settings, say))] if settings.mqtt.managed else []
    commands += [(role, role_command(role)) for role in ROLES]
    commands += list(extra)
    environment = child_environment(settings, config)
    logs = settings.data_dir / "logs"
    roles = [
        Child(name=name, command=command, log_file=logs / f"{name}.log", environment=environment) for name, command in commands
    ]
    rounds = Child(
        name="housekeeping",
        command=role_command("housekeeping"),
        log_file=logs / "housekeeping.log",
        environment=environment,
        every_s=HOUSEKEEPING_EVERY_S,
        restart_at_s=time.monotonic() + HOUSEKEEPING_EVERY_S,
    )
    return [*roles, rounds]


class Supervisor:
    """`run` returns when `stop` is set; every child is gone by then."""

    def __init__(self, roles: Sequence[Child], say: Say) -> None:
        self._children = list(roles)
        self._say = say

    def start(self) -> None:
        for child in self._children:
            if child.restart_at_s is None:
                child.start(time.monotonic())

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(0.25):
                self.tick(time.monotonic())
        finally:
            self.stop()

    def tick(self, now_s: float) -> None:
        for child in self._children:
            status = child.died(now_s)
            if status is not None:
                delay_s = (child.restart_at_s or now_s) - now_s
                self._say(f"{child.name} ended with status {status}; restarting in {delay_s:.1f} s (log: {child.log_file})")
            if child.restart_at_s is not None and now_s >= child.restart_at_s:
                child.start(now_s)

    def stop(self) -> None:
        """Producers first, the broker last, so that what is on its way still arrives."""
        deadline_s = time.monotonic() + STOP_WITHIN_S
        *others, last = reversed(self._children)
        for child in others:
            child.terminate()
        for child in others:
            child.finish(deadline_s - 0.5 - time.monotonic())
        last.terminate()
        last.finish(deadline_s - time.monotonic())


def stop_on_signals() -> threading.Event:
    """An event that SIGINT (Ctrl-C) or SIGTERM sets. Call from the main thread."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def prepare_data_dir(path: Path) -> None:
    """Makes the data directory, private to us. Raises BadInput where it cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = path / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise BadInput(
            f"cannot write the data directory: {error.strerror}; choose another (CARETAKER_DATA_DIR)", place=str(path)
        ) from None


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Holds the data directory's lock. Raises BadInput where another Caretaker already runs on it."""
    path = data_dir / "caretaker.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise BadInput(
                f"another Caretaker (process {owner}) already runs on this data directory; stop it or set CARETAKER_DATA_DIR",
                place=str(data_dir),
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def port_is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_ports(settings: Settings) -> None:
    """Raises BadInput naming the first port that somebody else holds."""
    wanted = [("HTTP", settings.http.host, settings.http.port, "CARETAKER_HTTP_PORT")]
    if settings.mqtt.managed:
        wanted.append(("MQTT", settings.mqtt.host, settings.mqtt.port, "CARETAKER_MQTT_PORT"))
        door = settings.mqtt.tls_listener
        wanted += [("MQTT TLS", door.host, door.port, "mqtt.tls_listener.port")] if door.port else []
    for name, host, port, variable in wanted:
        if not port_is_free(host, port):
            raise BadInput(f"{name} port {port} on {host} is taken by another program; stop it or set {variable}")
