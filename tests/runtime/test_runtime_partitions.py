"""Batch work in partitions: this machine, or Dask with a real scheduler and two workers as processes of their own; same results."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from devices.errors import BadInput, DependencyFailed
from runtime import datasets, datasets_streams
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


def test_the_folders_of_third_parties_say_the_same_on_dask(scheduler: str, tmp_path: Path) -> None:
    _write_folders(tmp_path)
    for evaluated in (datasets.dorm, datasets.campus, datasets_streams.leakdb, datasets_streams.nab):
        here, there = evaluated(tmp_path), evaluated(tmp_path, scheduler)
        assert len(here)
        pd.testing.assert_frame_equal(here, there)


def _write_folders(directory: Path) -> None:
    """Two rooms, meters, scenarios and series with something to find in one of each."""
    tens = pd.date_range("2026-03-02", periods=360, freq="10s")
    kettle = np.where((np.arange(360) >= 100) & (np.arange(360) < 118), 2000.0, 150.0)
    rooms = [
        pd.DataFrame({"room": room, "timestamp": tens, "power_w": power}) for room, power in (("A", kettle), ("B", kettle / 9))
    ]
    pd.concat(rooms).to_parquet(directory / "dorm.parquet")
    hours = pd.date_range("2025-03-03", periods=24 * 60, freq="h")
    litres = np.where((hours.hour >= 7) & (hours.hour < 22), 100.0, 0.0)
    burst = np.where((np.arange(hours.size) >= 1000) & (np.arange(hours.size) < 1004), 5000.0, litres)
    meters = [
        pd.DataFrame({"meter": name, "kind": "water_L", "timestamp": hours, "value": v})
        for name, v in (("U", litres), ("W", burst))
    ]
    pd.concat(meters).to_parquet(directory / "campus.parquet")
    t = np.arange(48 * 90)
    inflow = 40.0 + 20.0 * np.sin(2 * np.pi * t / 48)
    scenarios = [pd.DataFrame({"scenario": n, "t": t, "inflow_m3h": inflow + np.where(t > 2500, 12.0 * n, 0)}) for n in (0, 1)]
    pd.concat(scenarios).to_parquet(directory / "leakdb.parquet")
    value = np.random.default_rng(1).normal(0, 1, 400)
    series = [pd.DataFrame({"series": name, "timestamp": tens.append(tens[:40]), "value": value}) for name in ("a", "b")]
    pd.concat(series).to_parquet(directory / "nab.parquet")
