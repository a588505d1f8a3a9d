"""A Mosquitto of one's own for a measurement or a test: our generated configuration, a free port, a temporary directory."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devices.errors import BadInput, DependencyFailed
from runtime import credentials
from runtime.bench.mixed_families import PUBLISHES, TOPICS
from runtime.bench.publisher import MIXED_ACCOUNT
from runtime.broker import ROLE_TOPICS, ensure_passwords, mosquitto_binary, write_configuration, write_private
from runtime.priority import prefer
from runtime.settings import Settings

_START_WITHIN_S = 10.0


def private_settings(directory: Path) -> Settings:
    """Settings whose data lie in `directory` and whose broker has a port that was free a moment ago.

    `ingest` understands what mixed_families publishes.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings.model_validate(
        {
            "data_dir": directory,
            "mqtt": {"port": port},
            "ingest": {"topics": TOPICS},
        }
    )


def start_broker(settings: Settings) -> subprocess.Popen[bytes]:
    """Serving on return; the caller ends it. Raises BadInput where Mosquitto is missing, DependencyFailed where it fails."""
    program = mosquitto_binary()
    if program is None:
        raise BadInput("mosquitto is not installed; install it (apt-get install mosquitto mosquitto-clients)")
    ensure_passwords(settings)
    _let_the_bench_in(settings)
    configuration = write_configuration(settings)
    log = settings.data_dir / "broker" / "log"
    with log.open("ab") as output:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=output, stderr=output, start_new_session=True)
    prefer(process.pid)  # as the supervisor does
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((settings.mqtt.host, settings.mqtt.port), timeout=1):
            return process
        time.sleep(0.02)
    stop_broker(process)
    raise DependencyFailed(f"mosquitto did not start: {log.read_text()[-500:]}", transient=False)


def _let_the_bench_in(settings: Settings) -> None:
    """It may publish what mixed_families says."""
    if not any(one.name == MIXED_ACCOUNT for one in credentials.load(settings.data_dir)):
        password = credentials.add(settings.data_dir, MIXED_ACCOUNT, write=PUBLISHES, taken=tuple(ROLE_TOPICS))
        write_private(settings.data_dir / "secrets" / f"mqtt-{MIXED_ACCOUNT}.password", password + "\n")


def stop_broker(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_broker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    process = start_broker(settings)
    try:
        yield process
    finally:
        stop_broker(process)
