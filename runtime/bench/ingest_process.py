"""The ingest role as it ships, in a process of its own, with a stop-watch: run by runtime.bench.ingest.

Prints `ready` once subscribed, and one JSON object when what came of `--messages` messages is stored.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ingest.message import Message
from ingest.segments import Position
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
    """Counts what is drained and sets `stop` after `expected` messages; notes how late each was durable, in ms, where `timing`."""

    timing = False
    expected = 0

    def __init__(self, directory: Path, *, limit_bytes: int, stop: threading.Event) -> None:
        super().__init__(directory, limit_bytes=limit_bytes)
        self._stop = stop
        self._drained = 0
        self._batch = 0
        self.done_ns = 0
        self.durable_after_ms: list[float] = []

    def append(self, messages: Sequence[Message]) -> None:
        super().append(messages)
        if self.timing:
            now_ms = time.time_ns() / 1e6
            self.durable_after_ms += [now_ms - _STAMP.decode(message.payload).ts * 1000 for message in messages]

    def read(self, max_messages: int) -> tuple[list[Message], Position]:
        messages, position = super().read(max_messages)
        self._batch = len(messages)
        return messages, position

    def advance(self, position: Position) -> None:
        """Every store has taken the batch."""
        super().advance(position)
        self._drained += self._batch
        self._batch = 0
        if self._drained >= self.expected:
            self.done_ns = time.time_ns()
            self._stop.set()


def main() -> None:
    parser = argparse.ArgumentParser(description="Bench ingest process")
    parser.add_argument("--settings", required=True, help="JSON")
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--latency", action="store_true")
    options = parser.parse_args()
    settings = Settings.model_validate_json(options.settings)
    stop = threading.Event()
    database, store = open_database(settings), open_reading_store(settings)
    spool = TimedSpool(settings.data_dir / "spool", limit_bytes=settings.ingest.spool_limit_mb << 20, stop=stop)
    spool.timing, spool.expected = options.latency, options.messages
    metrics = settings.data_dir / "metrics" / "ingest.json"
    cpu_s: list[float] = []
    threading.Thread(target=_announce, args=(metrics, cpu_s), daemon=True).start()
    serve(Line(settings=settings, spool=spool, sinks=sinks(database, store), registry=RegistryStore(database)), stop)
    told = {"done_ns": spool.done_ns, "cpu_s": _cpu_s() - cpu_s[0], "durable_after_ms": spool.durable_after_ms}
    counted = json.loads(metrics.read_text())
    told |= {name: counted[f"caretaker_ingest_{name}_total"] for name in ("readings", "rejected")}
    spool.close()
    store.close()
    database.close()
    print(json.dumps(told), flush=True)


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
