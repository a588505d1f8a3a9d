"""Batch work in partitions: this machine, or Dask with a real scheduler and two workers as processes of their own; same results."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.errors import BadInput, DependencyFailed
from runtime.cli import run
from runtime.partitions import map_partitions
from runtime.supervisor import free_port

ROOT = Path(__file__).parents[2]
READY_S = 40


def square(part: tuple[int, int]) -> tuple[int, int]:
    """The number, and the process that did it."""
    return part[1] ** 2, os.getpid()


def refuse(part: int) -> int:
    raise BadInput(f"part {part} cannot be read", place="here")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A scheduler and two workers, each a process, on free loopback ports."""
    pytest.importorskip("distributed")
    port = free_port("127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    quiet = ["--no-dashboard"]
    begin = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), *quiet]
    one = [*dask, "worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", *quiet]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in (begin, one, one)
    ]
    try:
        _wait_for_workers(address, 2)
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """A worker may wait long for a scheduler that has gone."""
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=20)


def _wait_for_workers(address: str, count: int) -> None:
    import distributed

    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            with distributed.Client(address, timeout=2, set_as_default=False) as client:
                client.wait_for_workers(count, timeout=READY_S)
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the scheduler did not start")


def test_one_part_is_worked_out_here() -> None:
    assert map_partitions(square, [(0, 3)]) == [(9, os.getpid())]
    assert map_partitions(square, []) == []


def test_several_parts_are_worked_out_in_order_by_other_processes() -> None:
    found = map_partitions(square, [(0, n) for n in range(5)])
    assert [value for value, _ in found] == [0, 1, 4, 9, 16]


def test_dask_gives_the_same_in_the_same_order(scheduler: str) -> None:
    found = map_partitions(square, [(0, n) for n in range(40)], scheduler)
    assert [value for value, _ in found] == [n**2 for n in range(40)]
    assert os.getpid() not in {pid for _, pid in found}


def test_what_is_wrong_with_a_part_is_told_as_without_dask(scheduler: str) -> None:
    with pytest.raises(BadInput, match="part 7 cannot be read"):
        map_partitions(refuse, [7], scheduler)


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(DependencyFailed, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:"):
        map_partitions(square, [(0, 1)], f"tcp://127.0.0.1:{free_port('127.0.0.1')}")


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInput, match=r"pip install caretaker\[scale\]"):
        map_partitions(square, [(0, 1)], "tcp://127.0.0.1:1")


def test_a_backtest_says_the_same_on_dask(scheduler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["meter,time,value"]
    for meter in ("a", "b", "c"):
        for hour in range(40 * 24):
            used = (0.4 if 7 <= hour % 24 < 22 else 0.01) + (0.25 if meter == "b" and hour > 25 * 24 else 0)
            lines.append(f"{meter},2026-03-{1 + hour // 24:02d} {hour % 24:02d}:00,{used}" if hour < 31 * 24 else "")
    file = tmp_path / "meters.csv"
    file.write_text("\n".join(line for line in lines if line))
    asked = [str(file), "--quantity", "water", "--values", "consumption", "--use", "dormitory", "--json"]
    told = []
    for more in (["--scheduler", ""], ["--scheduler", scheduler]):
        assert run("backtest", [*asked, *more]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert [bool(meter["findings"]) for meter in told[0]["meters"]] == [False, True, False]
