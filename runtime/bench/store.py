"""`caretaker bench store`: thirty million readings in the embedded store, asked while another process writes to it."""

import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from devices.model import Reading
from storage.embedded import EmbeddedReadingStore
from storage.embedded_days import DAY_MS, HOUR_MS
from storage.reading_store import Aggregate

DEVICES = 1_000
DAYS = 21
BATCH = 5_000
REGISTER, HOURLY, POWER = "elec.energy.import", "elec.energy.import.hourly", "elec.power.active"
FIRST_MS = 20_000 * DAY_MS
TODAY_MS = FIRST_MS + DAYS * DAY_MS
NAMES = [f"em-{number:04d}" for number in range(DEVICES)]
_LOAD_ROWS = 1_000
_LOAD_PERIOD_S = 0.2


def bench_store(*, devices: int = DEVICES, days: int = DAYS) -> dict[str, Any]:
    """Rows of design.md §11; about a minute and 200 MB of disk at the default size. Times in ms are medians."""
    names = NAMES[:devices]
    with tempfile.TemporaryDirectory(prefix="caretaker-bench-") as folder:
        root = Path(folder) / "readings"
        with closing(EmbeddedReadingStore(root)) as store:
            rows, seconds = _history(store, names, days)
            size = sum(path.stat().st_size for path in (root / "sealed").iterdir()) / rows
            written, cpu_us = _writes(store, names)
            with _load(root, names):
                times = {what: _median_ms(ask) for what, ask in _questions(store, names, days).items()}
            started = time.perf_counter()
            store.seal(datetime.fromtimestamp(TODAY_MS / 1000, UTC).date().replace(year=2090))
            sealed_s = time.perf_counter() - started
    return {
        "readings": rows,
        "rows": [
            _row("bytes per reading, sealed", size, 5, "B"),
            *(_row(what, times[what], limit, "ms") for what, limit in _LIMITS.items()),
            _row("CPU per row written, batches of 5,000", cpu_us, 3, "us"),
            _row("rows written per second, batches of 5,000", written, 150_000, "rows/s", at_least=True),
            _row("rows imported per second", rows / seconds, 500_000, "rows/s", at_least=True),
            _row("seconds to seal the day that was written", sealed_s, 10, "s"),
        ],
    }


_LIMITS = {"last of all devices": 5, "raw day of one device": 5, "hourly use of one meter": 30, "daily use of all meters": 250}


def _questions(store: EmbeddedReadingStore, names: list[str], days: int) -> dict[str, Callable[[], object]]:
    one = names[len(names) // 2]
    day_ms = FIRST_MS + days // 2 * DAY_MS
    hours = [FIRST_MS + hour * HOUR_MS for hour in range(24 * days + 1)]
    midnights = [FIRST_MS - 8 * HOUR_MS + day * DAY_MS for day in range(days + 2)]
    return {
        "last of all devices": lambda: store.latest(names, [REGISTER]),
        "raw day of one device": lambda: store.range(one, REGISTER, day_ms, day_ms + DAY_MS),
        "hourly use of one meter": lambda: store.windows([one], HOURLY, hours, Aggregate.SUM),
        "daily use of all meters": lambda: store.windows(names, HOURLY, midnights, Aggregate.SUM),
    }


def _history(store: EmbeddedReadingStore, names: list[str], days: int) -> tuple[int, float]:
    """Registers by the minute and the ledger by the hour; (rows, seconds spent in the store)."""
    random_numbers = np.random.default_rng(7)
    base = random_numbers.random(len(names)) * 1e4
    rows, seconds = 0, 0.0
    for day in range(days):
        use = np.round(random_numbers.gamma(2.0, 0.01, (len(names), 1440)), 3)
        register = np.round(base[:, None] + np.cumsum(use, axis=1), 3)
        base = register[:, -1]
        hourly = np.round(use.reshape(len(names), 24, 60).sum(axis=2), 3)
        jitter = random_numbers.integers(0, 900, use.size)
        table = pa.concat_tables(
            [_table(names, REGISTER, day, register, 60_000, jitter), _table(names, HOURLY, day, hourly, HOUR_MS, 0)]
        )
        started = time.perf_counter()
        rows += store.import_table(table)
        seconds += time.perf_counter() - started
    return rows, seconds


def _table(names: list[str], metric: str, day: int, values: Any, step_ms: int, jitter: Any) -> pa.Table:  # noqa: ANN401 - arrays
    per_device = values.shape[1]
    times = np.tile(FIRST_MS + day * DAY_MS + np.arange(per_device) * step_ms, len(names)) + jitter
    device = pa.DictionaryArray.from_arrays(np.repeat(np.arange(len(names), dtype=np.int32), per_device), names)
    kind = pa.DictionaryArray.from_arrays(np.zeros(values.size, np.int32), [metric])
    return pa.table({"device_id": device, "metric": kind, "ts_ms": times, "value": values.ravel()})


def _batches(names: list[str], start_ms: int, rows: int) -> Iterator[list[Reading]]:
    """Endless; every device in turn, in an order that changes, 10 s apart."""
    chooser = random.Random(7)
    series = [(name, metric) for name in names for metric in (REGISTER, POWER)]
    batch: list[Reading] = []
    while True:
        chooser.shuffle(series)
        for name, metric in series:
            batch.append(Reading(name, metric, start_ms + chooser.randrange(10_000), chooser.random() * 1000))
            if len(batch) == rows:
                yield batch
                batch = []
        start_ms += 10_000


def _writes(store: EmbeddedReadingStore, names: list[str]) -> tuple[float, float]:
    """(rows per second, CPU in us per row) of 100 batches."""
    source = _batches(names, TODAY_MS, BATCH)
    batches = [next(source) for _ in range(100)]
    started, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        store.write(batch)
    rows = BATCH * len(batches)
    return rows / (time.perf_counter() - started), (time.process_time() - cpu) / rows * 1e6


@contextmanager
def _load(root: Path, names: list[str]) -> Iterator[None]:
    """5,000 rows a second from another process."""
    context = multiprocessing.get_context("spawn")
    stop, ready = context.Event(), context.Event()
    writer = context.Process(target=_write_steadily, args=(root, names, ready, stop))
    writer.start()
    try:
        ready.wait(60)
        yield
    finally:
        stop.set()
        writer.join()


def _write_steadily(root: Path, names: list[str], ready: Event, stop: Event) -> None:
    with closing(EmbeddedReadingStore(root)) as store:
        for batch in _batches(names, TODAY_MS + 12 * HOUR_MS, _LOAD_ROWS):
            store.write(batch)
            ready.set()
            if stop.wait(_LOAD_PERIOD_S):
                return


def _median_ms(ask: Callable[[], object]) -> float:
    ask()
    times = []
    for _ in range(15):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _row(what: str, reached: float, target: float, unit: str, *, at_least: bool = False) -> dict[str, Any]:
    met = reached >= target if at_least else reached <= target
    sign = "at least" if at_least else "at most"
    shown = f"{reached:,.0f}" if reached >= 1000 else f"{reached:.2f}"
    return {"what": what, "reached": f"{shown} {unit}", "target": f"{sign} {target:,} {unit}", "met": met, "value": reached}
