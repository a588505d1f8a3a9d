"""`caretaker bench ingest`: our whole path beside mosquitto_sub on the same load, broker and publisher on the same machine."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from devices.errors import BadInput, DependencyFailed
from devices.model import Device, DeviceKind, Space, SpaceKind
from ingest.mqtt import NATIVE_TOPICS
from runtime.bench.broker import private_settings, running_broker
from runtime.bench.peers import Skipped, Stored, install_node_red, node_red, tutorial, victoria
from runtime.bench.publisher import MIXED_ACCOUNT
from runtime.databases import open_database
from runtime.settings import Settings
from storage.registry_store import RegistryStore

RATIO_TARGET = 1.0
CPU_TARGET_US = 30.0
P99_TARGET_MS = 25.0
PEER_TARGETS = {"Node-RED, batches of 1,000": 2.0, "Node-RED, one write per message": 12.0}
PACED_RATE = 2_000
DEVICES = 2_000
_SITE = Space(id="bench", kind=SpaceKind.SITE, name="Bench", name_zh="Bench")
_WAIT_S = 120.0


def bench_ingest(
    *, messages: int = 300_000, runs: int = 3, paced_s: int = 8, with_node_red: bool = False, peers: bool = True
) -> dict[str, Any]:
    """Rows 1 to 3 of the figures to reach, and what others do on the same load. Takes about two minutes, with Node-RED three.

    Runs of ours and of mosquitto_sub alternate; medians stand. `peers`: the tutorial's script, which needs a VictoriaMetrics.
    """
    if with_node_red:
        _progress("installing Node-RED")
        install_node_red()
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    for number in range(runs):
        _progress(f"run {number + 1} of {runs}: mosquitto_sub")
        theirs.append(_measure_mosquitto_sub(messages))
        _progress(f"run {number + 1} of {runs}: ingest")
        ours.append(_measure_ingest(messages))
    _progress("ingest, mixed families")
    mixed = _measure_ingest(messages // 3, "--mixed")
    others = {name: _peer(name, messages, asked=asked) for name, asked in _wanted(peers=peers, with_node_red=with_node_red)}
    _progress(f"publish to durable at {PACED_RATE} messages/s")
    delays_ms = _measure_delay(PACED_RATE * paced_s)
    return _report(ours, theirs, mixed, others, delays_ms)


_TUTORIAL, _BATCH, _EACH = "tutorial script", "Node-RED, batches of 1,000", "Node-RED, one write per message"
_SHARE = {_TUTORIAL: 5, _BATCH: 5, _EACH: 15}
"""A slow peer gets so much less to do."""


def _wanted(*, peers: bool, with_node_red: bool) -> tuple[tuple[str, bool], ...]:
    return (_TUTORIAL, peers), (_BATCH, with_node_red), (_EACH, with_node_red)


def _peer(name: str, messages: int, *, asked: bool) -> dict[str, Any]:
    if not asked:
        return {"skipped": "not asked" if name == _TUTORIAL else "not asked (--with-node-red)"}
    _progress(name)
    try:
        return dict(_measure_peer(name, messages // _SHARE[name]))
    except Skipped as why:
        return {"skipped": str(why)}


def _report(
    ours: list[dict[str, float]],
    theirs: list[dict[str, float]],
    mixed: dict[str, float],
    others: dict[str, dict[str, Any]],
    delays_ms: list[float],
) -> dict[str, Any]:
    rate, reference = _median(ours, "messages_per_s"), _median(theirs, "messages_per_s")
    # Neighbours in time share what else the machine was doing, so the ratio is taken pair by pair.
    ratio = statistics.median(mine["messages_per_s"] / other["messages_per_s"] for mine, other in zip(ours, theirs, strict=True))
    cpu_us = _median(ours, "cpu_us_per_message")
    p50, p99 = _percentile(delays_ms, 0.50), _percentile(delays_ms, 0.99)
    return {
        "bench": "ingest",
        "rows": [
            {
                "what": "durable ingest, MQTT QoS 1 to stored, beside mosquitto_sub on the same load",
                "target": f">= {RATIO_TARGET} x",
                "reached": f"{ratio:.2f} x (medians {rate:,.0f} and {reference:,.0f} messages/s)",
                "met": ratio >= RATIO_TARGET,
            },
            {
                "what": "CPU per message, whole ingest process",
                "target": f"<= {CPU_TARGET_US:.0f} us",
                "reached": f"{cpu_us:.1f} us",
                "met": cpu_us <= CPU_TARGET_US,
            },
            {
                "what": f"publish to durable, p99 at {PACED_RATE} messages/s",
                "target": f"<= {P99_TARGET_MS:.0f} ms",
                "reached": f"{p99:.1f} ms (p50 {p50:.1f} ms)",
                "met": p99 <= P99_TARGET_MS,
            },
            *(_beside(name, rate, others[name]) for name in (_BATCH, _EACH, _TUTORIAL)),
            {
                "what": "eight formats mixed (native, Zigbee2MQTT, Tasmota, Shelly, ChirpStack, DL/T 645, CJ/T 188, wM-Bus)",
                "target": "told",
                "reached": f"{mixed['messages_per_s']:,.0f} messages/s, {mixed['messages_per_s'] / reference:.2f} x mosquitto_sub, "
                f"{mixed['cpu_us_per_message']:.1f} us CPU, {mixed['readings_per_message']:.1f} readings a message, "
                f"{mixed['rejected']:.0f} rejected",
                "met": None if not mixed["rejected"] else False,
            },
        ],
        "ratio": ratio,
        "cpu_us_per_message": cpu_us,
        "durable_p50_ms": p50,
        "durable_p99_ms": p99,
        "ingest_runs": ours,
        "mosquitto_sub_runs": theirs,
        "mixed": mixed,
        "peers": others,
        "cores": os.cpu_count(),
    }


def _beside(name: str, rate: float, peer: dict[str, Any]) -> dict[str, Any]:
    least = PEER_TARGETS.get(name)
    row = {"what": f"durable ingest beside: {name}", "target": f">= {least:g} x" if least else "told"}
    if "skipped" in peer:
        return row | {"reached": f"skipped: {peer['skipped']}", "met": None}
    ratio = rate / peer["messages_per_s"]
    lost = f", {peer['lost']:.0f} lost" if peer["lost"] else ""
    reached = f"{ratio:.1f} x (it stores {peer['messages_per_s']:,.0f} messages/s, {peer['cpu_us_per_message']:.0f} us CPU{lost})"
    return row | {"reached": reached, "met": ratio >= least if least else None}


def _measure_peer(name: str, messages: int) -> dict[str, float]:
    with _arena() as settings, victoria(settings.data_dir) as store:
        running = tutorial(settings, store) if name == _TUTORIAL else node_red(settings, store, batch=name == _BATCH)
        with running as pid:
            stored = Stored(settings, store)
            stored.until_ready()
            cpu_s = _cpu_s(pid)
            started_ns = _publish(settings, messages)["started_ns"]
            done_ns, lost = stored.wait(messages)
            return {
                "messages_per_s": (messages - lost) / max(1, done_ns - started_ns) * 1e9,
                "cpu_us_per_message": (_cpu_s(pid) - cpu_s) / messages * 1e6,
                "lost": lost,
            }


def _cpu_s(pid: int) -> float:
    """Of another process, so far; as Linux tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measure_mosquitto_sub(messages: int) -> dict[str, float]:
    program = shutil.which("mosquitto_sub")
    if program is None:
        raise BadInput("mosquitto_sub is not installed; install it (apt-get install mosquitto-clients)")
    with _arena() as settings:
        password = settings.secret("mqtt-ingest.password").get_secret_value()
        command = [program, "-p", str(settings.mqtt.port), "-u", "ingest", "-P", password, "-i", "bench-sub", "-c", "-q", "1"]
        for topic in NATIVE_TOPICS:
            command += ["-t", topic]
        with _process([*command, "-C", str(messages)], output=subprocess.DEVNULL) as reader:
            time.sleep(0.5)  # it does not say when it has subscribed
            started_ns = _publish(settings, messages)["started_ns"]
            reader.wait(_WAIT_S)
            return {"messages_per_s": messages / (time.time_ns() - started_ns) * 1e9}


def _measure_ingest(messages: int, *load: str) -> dict[str, float]:
    with _arena() as settings, _ingest(settings, messages) as reader:
        published = _publish(settings, messages, *load)
        told = _answer(reader)
        return {
            "messages_per_s": messages / (told["done_ns"] - published["started_ns"]) * 1e9,
            "cpu_us_per_message": told["cpu_s"] / messages * 1e6,
            "readings_per_message": told["readings"] / messages,
            "rejected": told["rejected"],
            "publisher_us_per_message": published["cpu_us_per_message"],
        }


def _measure_delay(messages: int) -> list[float]:
    with _arena() as settings, _ingest(settings, messages, "--latency") as reader:
        _publish(settings, messages, "--rate", str(PACED_RATE))
        delays: list[float] = _answer(reader)["durable_after_ms"]
        return delays


def _device(number: int) -> Device:
    name = f"bench-{number:04d}"
    return Device(id=name, kind=DeviceKind.ELECTRICITY_METER, profile_id="em-site", space_id=_SITE.id, name=name, name_zh=name)


@contextmanager
def _arena() -> Iterator[Settings]:
    """Broker, passwords and an empty database in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="caretaker-bench-") as directory:
        settings = private_settings(Path(directory))
        database = open_database(settings)
        database.migrate()
        RegistryStore(database).save([_SITE], [_device(number) for number in range(DEVICES)])
        database.close()
        with running_broker(settings):
            yield settings


@contextmanager
def _ingest(settings: Settings, messages: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "runtime.bench.ingest_process", "--settings", settings.model_dump_json()]
    command += ["--messages", str(messages), *options]
    with _process(command, output=subprocess.PIPE) as process:
        _expect_ready(process)
        yield process


def _publish(settings: Settings, messages: int, *options: str) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "runtime.bench.publisher",
        "--port",
        str(settings.mqtt.port),
        "--count",
        str(messages),
        *options,
    ]
    with _process(command, output=subprocess.PIPE) as process:
        account = MIXED_ACCOUNT if "--mixed" in options else "simulator"
        _say(process, settings.secret(f"mqtt-{account}.password").get_secret_value())
        _expect_ready(process)
        _say(process, "go")
        answer: dict[str, float] = _answer(process)
        return answer


@contextmanager
def _process(command: list[str], *, output: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _expect_ready(process: subprocess.Popen[str]) -> None:
    line = _line(process.stdout)
    if line != "ready":
        raise DependencyFailed(f"a process of the bench did not start: {line!r}", transient=False)


def _answer(process: subprocess.Popen[str]) -> Any:  # noqa: ANN401 - what that process prints
    return json.loads(_line(process.stdout))


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def _progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
