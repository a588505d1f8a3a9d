"""`caretaker bench analytics`: ledger and hourly detectors on a day of many meters and on weeks of very many, from cold."""

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import empty, known_hours, post
from analytics.calendar import hour_table
from analytics.hourly import Hourly, on_grid
from analytics.meter import Meter
from analytics.site import Site
from analytics.watch import Watch
from devices.model import SpaceKind, UseType
from devices.profiles import Register

DAY_TARGET_S = 2.0
COLD_TARGET_S = 60.0
MEMORY_TARGET_MB = 2048.0
DAY_METERS, DAY_STEP_MS = 1_000, 900_000
COLD_METERS, COLD_WEEKS = 10_000, 8
_AT_ONCE = 500
"""Meters that are held in memory at a time, as the analytics role opens its books in chunks."""
_FAULTY_EVERY = 20
_SEED = 5
_START_MS = 1_788_192_000_000
_REGISTER = Register(modulus=1e8, max_per_hour=2_000.0)
_USES = (UseType.TEACHING, UseType.DORMITORY, UseType.LABORATORY, UseType.LIBRARY)


def bench_analytics() -> dict[str, Any]:
    """Rows: one day of 1,000 meters x 96 readings; 10,000 meters x 8 weeks of hours; the memory that both took.

    Seconds of one processor, so that what else the machine does cannot matter: nothing here waits or runs in parallel.
    """
    rng = np.random.default_rng(_SEED)
    day_s = _day(rng)
    cold_s, episodes = _cold(rng)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 * 1024.0 if sys.platform == "darwin" else 1024.0)
    rows = (
        (f"a day of {DAY_METERS} meters x 96 readings, ledger and detectors", day_s, DAY_TARGET_S, "s CPU"),
        (f"{COLD_METERS} meters x {COLD_WEEKS} weeks of hours from cold, {episodes} episodes", cold_s, COLD_TARGET_S, "s CPU"),
        ("memory", memory_mb, MEMORY_TARGET_MB, "MB"),
    )
    return {
        "rows": [
            {
                "what": what,
                "reached": f"{value:.2f} {unit}",
                "target": f"<= {target:g} {unit}",
                "value": value,
                "met": value <= target,
            }
            for what, value, target, unit in rows
        ]
    }


def _day(rng: np.random.Generator) -> float:
    """Each meter has its weeks behind it; timed is what the new day costs: posting it and looking at it."""
    watch, days = Watch({}, Site()), {}
    for meter, hourly in _meters(rng, DAY_METERS):
        watch.meters[meter.device_id] = meter
        watch.books[meter.device_id] = known_hours(empty(), hourly)
        days[meter.device_id] = _readings(hourly)
    begun = time.process_time()
    for device_id, (ts_ms, register) in days.items():
        readings = (ts_ms, register, np.zeros(ts_ms.size, np.int64))
        watch.books[device_id] = post(watch.books[device_id], readings, _REGISTER, whole=True).book
    end_ms = max(int(ts_ms[-1]) for ts_ms, _ in days.values())
    watch.episodes(end_ms, days=1)
    return time.process_time() - begun


def _readings(hourly: Hourly) -> tuple[Ints, Floats]:
    """The register every quarter of an hour through the day after the hours."""
    ts_ms = hourly.end_ms + DAY_STEP_MS * np.arange(97, dtype=np.int64)
    steps = np.repeat(hourly.consumption[-7 * 24 : -6 * 24] / 4, 4)
    return ts_ms, 1e5 + np.concatenate(([0.0], np.cumsum(np.nan_to_num(steps))))


def _cold(rng: np.random.Generator) -> tuple[float, int]:
    """Timed without the making of the data. Seconds, episodes."""
    seconds, episodes = 0.0, 0
    for _ in range(COLD_METERS // _AT_ONCE):
        chunk = list(_meters(rng, _AT_ONCE))
        begun = time.process_time()
        watch = Watch({meter.device_id: meter for meter, _ in chunk}, Site())
        for meter, hourly in chunk:
            watch.books[meter.device_id] = known_hours(watch.books[meter.device_id], hourly)
        episodes += len(watch.episodes(_START_MS + COLD_WEEKS * 7 * 24 * HOUR_MS))
        seconds += time.process_time() - begun
        print(f"\r{episodes} episodes", end="", file=sys.stderr)
    print(file=sys.stderr)
    return seconds, episodes


def _meters(rng: np.random.Generator, count: int) -> Iterator[tuple[Meter, Hourly]]:
    """Places with a day and a night and some scatter; every twentieth has something left on, or leaking, for three days."""
    size = COLD_WEEKS * 7 * 24
    hours = _START_MS + HOUR_MS * np.arange(size, dtype=np.int64)
    for number in range(count):
        quantity = ("electricity", "water")[number % 2]
        meter = Meter(
            device_id=f"m-{number}",
            space_id=f"m-{number}",
            quantity=quantity,
            level=SpaceKind.FLOOR,
            use=_USES[number // 2 % len(_USES)],
            register=_REGISTER,
            interval_s=900.0,
        )
        busy = hour_table(Site().calendar, meter.use, _START_MS, size).open
        closed, opened = (0.5, 4.0) if quantity == "electricity" else (0.0, 0.2)
        used = np.where(busy, opened, closed) * rng.lognormal(0.0, 0.15, size)
        if number % _FAULTY_EVERY < 2:
            used[-10 * 24 : -7 * 24] += 0.6 * opened
        yield meter, on_grid(hours, used, np.zeros(size, np.uint8))
