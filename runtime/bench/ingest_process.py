"""The ingest role as it ships, in a process of its own, with a stop-watch: run by runtime.bench.ingest.

Prints `ready` once subscribed, and one JSON object when `--readings` rows are stored.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from devices.model import Reading
from ingest.drain import ReadingSink
from ingest.message import Message
from ingest.spool import Spool
from runtime.databases import open_database
from runtime.roles.ingest import Line, serve, sinks
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.registry_store import RegistryStore


class _Stamp(msgspec.Struct):
    ts: float


_STAMP = msgspec.json.Decoder(_Stamp)


class TimedSpool(Spool):
    """Notes how long after its own time each message was durable, in ms, where `timing` is set."""

    timing = False

    def __init__(self, directory: Path, *, limit_bytes: int) -> None:
        super().__init__(directory, limit_bytes=limit_bytes)
        self.durable_after_ms: list[float] = []

    def append(self, messages: Sequence[Message]) -> None:
        super().append(messages)
        if self.timing:
            now_ms = time.time_ns() / 1e6
            self.durable_after_ms += [now_ms - _STAMP.decode(message.payload).ts * 1000 for message in messages]


class CountingSink:
    """The reading store, counted; sets `stop` when `expected` rows are in."""

    def __init__(self, store: ReadingSink, expected: int, stop: threading.Event) -> None:
        self._store = store
        self._expected = expected
        self._stop = stop
        self.stored = 0
        self.done_ns = 0

    def write(self, readings: Sequence[Reading]) -> None:
        count = len(readings)
        self._store.write(readings)
        self.stored += count
        if self.stored >= self._expected:
            self.done_ns = time.time_ns()
            self._stop.set()


def main() -> None:
    parser = argparse.ArgumentParser(description="Bench ingest process")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--readings", type=int, required=True)
    parser.add_argument("--latency", action="store_true")
    options = parser.parse_args()
    settings = Settings.model_validate({"data_dir": options.data_dir, "mqtt": {"port": options.port}})
    stop = threading.Event()
    database, store = open_database(settings), open_reading_store(settings)
    spool = TimedSpool(settings.data_dir / "spool", limit_bytes=settings.ingest.spool_limit_mb << 20)
    spool.timing = options.latency
    sink = CountingSink(store, options.readings, stop)
    cpu_s: list[float] = []
    threading.Thread(target=_announce, args=(settings.data_dir / "metrics" / "ingest.json", cpu_s), daemon=True).start()
    serve(Line(settings=settings, spool=spool, sinks=sinks(database, sink), registry=RegistryStore(database)), stop)
    used_s = _cpu_s() - cpu_s[0]
    spool.close()
    store.close()
    database.close()
    print(json.dumps({"done_ns": sink.done_ns, "cpu_s": used_s, "durable_after_ms": spool.durable_after_ms}), flush=True)


def _announce(metrics: Path, cpu_s: list[float]) -> None:
    """Tells the bench once the subscription stands: the first metrics after connecting say so."""
    while not (metrics.exists() and json.loads(metrics.read_text())["caretaker_ingest_broker_connected"]):
        time.sleep(0.05)
    time.sleep(0.2)
    cpu_s.append(_cpu_s())
    print("ready", flush=True)


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    main()
