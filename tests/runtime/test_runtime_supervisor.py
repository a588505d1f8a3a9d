"""The supervisor with real processes: restarts, stops in time, leaves no orphan."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from devices.errors import BadInput
from runtime.children import Child, restart_delay_s
from runtime.settings import Http, Mqtt, Settings
from runtime.supervisor import Supervisor, check_ports, free_port, only_instance, prepare_data_dir

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


def child(tmp_path: Path, name: str, command: list[str]) -> Child:
    return Child(name=name, command=command, log_file=tmp_path / f"{name}.log", environment=dict(os.environ))


def wait_for(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


@pytest.mark.parametrize(("failures", "delay_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (50, 30.0)])
def test_restarts_back_off(failures: int, delay_s: float) -> None:
    assert restart_delay_s(failures) == delay_s


def test_a_killed_role_comes_back(tmp_path: Path) -> None:
    said: list[str] = []
    role = child(tmp_path, "role", SLEEPER)
    supervisor = Supervisor([role], said.append)
    supervisor.start()
    stop = threading.Event()
    runner = threading.Thread(target=supervisor.run, args=(stop,))
    assert role.process is not None
    first = role.process.pid
    os.kill(first, signal.SIGKILL)
    runner.start()
    wait_for(lambda: role.process is not None and role.process.pid != first)
    stop.set()
    runner.join(10)
    assert any("role ended with status -9" in line for line in said)


def test_stopping_takes_less_than_five_seconds_even_with_a_stubborn_role(tmp_path: Path) -> None:
    roles = [child(tmp_path, "broker", SLEEPER), child(tmp_path, "stubborn", STUBBORN)]
    supervisor = Supervisor(roles, lambda _: None)
    supervisor.start()
    log = tmp_path / "stubborn.log"
    wait_for(lambda: log.exists() and "ready" in log.read_text())
    pids = [role.process.pid for role in roles if role.process]
    started = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - started < 5
    assert not any(alive(pid) for pid in pids)


def test_no_orphan_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, time; from pathlib import Path; from runtime.children import Child\n"
        f"c = Child(name='x', command={SLEEPER!r}, log_file=Path({str(tmp_path / 'x.log')!r}), environment=dict(os.environ))\n"
        "c.start(0.0); print(c.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.2)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not alive(pid))


def test_a_second_instance_gets_one_clear_line(tmp_path: Path) -> None:
    with only_instance(tmp_path), pytest.raises(BadInput, match=f"process {os.getpid()}"), only_instance(tmp_path):
        pass


def test_a_busy_port_is_named_with_its_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(http=Http(port=port), mqtt=Mqtt(port=free_port("127.0.0.1")))
        with pytest.raises(BadInput, match=f"HTTP port {port} .* CARETAKER_HTTP_PORT"):
            check_ports(settings)


def test_an_unwritable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write the data directory"):
        prepare_data_dir(tmp_path / "file" / "data")
