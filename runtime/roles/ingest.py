"""The ingest role: MQTT to spool to acknowledgement on one thread, spool to stores on another."""

import gc
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from devices.errors import DependencyFailed
from devices.model import Event
from ingest.drain import Drainer, EventSink, ReadingSink, Sinks
from ingest.intake import Intake
from ingest.mailbox import MAILBOX_FOLDER, Mailbox
from ingest.mqtt import Endpoint, MqttSource
from ingest.pipeline import Latest, Pipeline
from ingest.replaying import Replayer, ReplayRequests
from ingest.spool import Spool
from runtime import mqtt as connections
from runtime.databases import open_database
from runtime.pseudonyms import PseudonymousEvents, person_key
from runtime.roles.ingest_links import AdoptingRules, Links, Subscriber
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.link_store import LinkStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore

_LOG = logging.getLogger(__name__)

HEALTH_EVERY_S = 10.0
METRICS_EVERY_S = 5.0
REGISTRY_EVERY_S = 5.0
REPLAYS_EVERY_S = 2.0
GATHER_S = 0.1
"""How long the drainer lets messages gather: larger transactions are cheaper, and what waits is durable already."""

OWN_ID = "caretaker-ingest"
SPOOL_REFUSES, SPOOL_ACCEPTS = "fault.spool_refuses", "fault.spool_refuses.cleared"
"""Our own device id and the types of our own events."""

_IDLE_S = 0.5
_LONGEST_RETRY_S = 30.0
_STOP_WITHIN_S = 4.0
_SWITCH_INTERVAL_S = 0.0005
_OBJECTS_BEFORE_COLLECTION = 50_000
_METRICS_BYTES = 4096
_ALARM_AGAIN_S = 10.0


class SystemClock:
    def epoch_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_s(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one ingest process is made of; its maker closes the parts."""

    settings: Settings
    spool: Spool
    sinks: Sinks
    registry: RegistryStore
    replays: ReplayRequests | None = None
    links: LinkStore | None = None
    latest: Latest | None = None


def run(settings: Settings, stop: threading.Event) -> None:
    """Until `stop`. Raises BadInput where the password or the data directory is not usable."""
    database, readings = open_database(settings), open_reading_store(settings)
    spool = open_spool(settings)
    try:
        serve(_line(settings, spool, database, readings), stop)
    finally:
        spool.close()
        readings.close()
        database.close()


def _line(settings: Settings, spool: Spool, database: Database, readings: ReadingStore) -> Line:
    return Line(
        settings=settings,
        spool=spool,
        sinks=sinks(database, readings, key=person_key(settings.data_dir)),
        registry=RegistryStore(database),
        replays=DeadLetterStore(database),
        links=LinkStore(database),
        latest=partial(_latest, readings),
    )


def _latest(readings: ReadingStore, device_id: str) -> Mapping[str, float]:
    """Nothing is known while the store is away: then a repetition is stored once more, flagged, rather than a batch cut in half."""
    try:
        return {reading.metric: reading.value for reading in readings.latest([device_id])}
    except DependencyFailed as failure:
        _LOG.warning("newest values of %s not known: %s", device_id, failure)
        return {}


def open_spool(settings: Settings) -> Spool:
    ours = settings.ingest
    return Spool(settings.data_dir / "spool", limit_bytes=ours.spool_limit_mb << 20, reserve_bytes=ours.disk_reserve_mb << 20)


def sinks(database: Database, readings: ReadingSink, *, key: bytes = b"") -> Sinks:
    """`key`: the installation's secret for pseudonyms of people (runtime.pseudonyms); without one they differ from all others."""
    return Sinks(
        readings=readings,
        events=PseudonymousEvents(EventStore(database).append, key),
        dead_letters=DeadLetterStore(database),
        health=HealthStore(database),
        memory=LinkStore(database),
    )


def serve(line: Line, stop: threading.Event) -> None:
    configured = line.settings.ingest
    intake = Intake(line.spool, max_age_s=configured.commit_max_age_ms / 1000, max_messages=configured.commit_max_messages)
    source = MqttSource(endpoint(line.settings), intake, clock=SystemClock(), tail=line.spool.tail)
    draining = Draining(line)
    metrics = Metrics(line.settings.data_dir / "metrics" / "ingest.json", lambda: _counters(line, intake, source, draining))
    drainer = threading.Thread(target=draining.run, args=(stop,), name="drainer", daemon=True)
    drainer.start()
    with _interpreter_tuned():
        try:
            _receive(source, draining.subscriber, metrics, SelfAlarm(line.sinks.events), stop)
        finally:
            stop.set()
            drainer.join(_STOP_WITHIN_S)
            metrics.write()
    if draining.failure is not None:
        raise draining.failure


@contextmanager
def _interpreter_tuned() -> Iterator[None]:
    """A long batch must not keep the next commit waiting, nor the collector look for cycles in tuples that have none."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, *thresholds[1:])
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)


def endpoint(settings: Settings) -> Endpoint:
    username, password = connections.credentials(settings, "ingest")
    return Endpoint(
        host=settings.mqtt.host,
        port=settings.mqtt.port,
        client_id=f"caretaker-ingest-{settings.site.id}",
        username=username,
        password=password,
        tls=connections.tls_context(settings),
        version=connections.protocol(settings),
        session_expiry_s=settings.mqtt.session_expiry_s,
        receive_maximum=settings.mqtt.receive_maximum,
    )


def _receive(source: MqttSource, subscriber: Subscriber, metrics: "Metrics", alarm: "SelfAlarm", stop: threading.Event) -> None:
    while not stop.is_set():
        delay_s = source.connect()
        if delay_s:
            metrics.write_if_due()
            stop.wait(delay_s)
            continue
        while not stop.is_set() and source.turn(_IDLE_S):
            subscriber.attend(source)
            metrics.write_if_due(news=(source.connected, source.refusal is not None))
            alarm.note(source.refusal)
        if not stop.is_set():
            stop.wait(source.lost_delay_s())
    source.close()


class Draining:
    """The drainer's thread: batches, health, the registry's changes; waits and tries again while a store does not answer."""

    def __init__(self, line: Line) -> None:
        self._spool = line.spool
        self._registry = line.registry
        self._revision = line.registry.revision()
        self.subscriber = Subscriber()
        self.links = Links(line.settings, line.links, self.subscriber)
        self.pipeline = Pipeline(line.registry.load(), live=self.links.live, latest=line.latest)
        self._rules = AdoptingRules(line.settings, line.registry, line.sinks.health)
        self._drainer = Drainer(line.spool, self.pipeline, line.sinks)
        self._pushed = Drainer(Mailbox(line.settings.data_dir / MAILBOX_FOLDER), self.pipeline, line.sinks)
        self._replayer = Replayer(line.replays, self.pipeline, line.sinks) if line.replays else None
        self._health_at = self._registry_at = self._replay_at = 0.0
        self.failure: Exception | None = None
        self.store_failures = 0

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                if self._spool.wait(_IDLE_S):
                    stop.wait(GATHER_S)
                    while not stop.is_set() and self._patiently(self._drainer.step, stop):
                        self.links.follow()
                        self._housekeeping(stop)
                while not stop.is_set() and self._patiently(self._pushed.step, stop):
                    self._housekeeping(stop)
                self._housekeeping(stop)
            with suppress(DependencyFailed):  # counters of the last seconds; not worth a failed stop
                self._drainer.flush_health()
        except Exception as error:  # noqa: BLE001 - the task's border: the whole role ends and the supervisor starts it anew
            self.failure = error
            stop.set()

    def _housekeeping(self, stop: threading.Event) -> None:
        now_s = time.monotonic()
        if now_s >= self._registry_at:
            self._registry_at = now_s + REGISTRY_EVERY_S
            self._patiently(self._reload_registry, stop)
            self._patiently(self.links.reload, stop)
        if now_s >= self._replay_at:
            self._replay_at = now_s + REPLAYS_EVERY_S
            self._patiently(self._replay, stop)
        if now_s >= self._health_at:
            self._health_at = now_s + HEALTH_EVERY_S
            self._patiently(self._flush_health, stop)

    def _reload_registry(self) -> bool:
        revision = self._registry.revision()
        if revision != self._revision:
            self.pipeline.adopt(self._registry.load())
            self._revision = revision
            _LOG.info("registry reloaded revision=%s", revision)
        return True

    def _replay(self) -> bool:
        """One turn of them; the next one comes soon, and live messages in between."""
        if self._replayer is not None and self._replayer.step(SystemClock().epoch_ms()):
            self._replay_at = 0.0
        return True

    def _flush_health(self) -> bool:
        self._drainer.flush_health()
        self._rules.apply(SystemClock().epoch_ms())
        return True

    def _patiently(self, work: Callable[[], bool], stop: threading.Event) -> bool:
        """Its result; while a store fails, waits (longer each time) and tries again, until `stop`, then False."""
        wait_s = 0.0
        while True:
            try:
                result = work()
            except DependencyFailed as failure:
                self.store_failures += 1
                if not wait_s:
                    _LOG.error("store does not take a batch, it stays in the spool: %s", failure)
                wait_s = min(max(2 * wait_s, failure.retry_after_s), _LONGEST_RETRY_S)
                if stop.wait(wait_s):
                    return False
            else:
                if wait_s:
                    _LOG.warning("store takes batches again")
                return result


class SelfAlarm:
    """An event of our own when acknowledging stops because the spool takes nothing, and one when it goes on."""

    def __init__(self, events: EventSink) -> None:
        self._events = events
        self._told: str | None = None
        self._again_at = 0.0

    def note(self, refusal: str | None) -> None:
        """Told once per spell; `refusal` is why, None while all is well. While the database is away it waits for its turn."""
        if (refusal is None) == (self._told is None) or time.monotonic() < self._again_at:
            return
        kind = SPOOL_REFUSES if refusal is not None else SPOOL_ACCEPTS
        attributes = {"why": refusal} if refusal is not None else {}
        event = Event(device_id=OWN_ID, type=kind, ts_ms=SystemClock().epoch_ms(), attributes=attributes)
        try:
            self._events.append([event])
        except DependencyFailed as failure:
            self._again_at = time.monotonic() + _ALARM_AGAIN_S
            _LOG.error("could not record %s: %s", kind, failure)
        else:
            self._told = refusal


class Metrics:
    """`{name: value}` in a JSON file, for /metrics of the api and for the self-alarm; rewritten every few seconds.

    A full disk takes no new file but lets the old one be overwritten, so that "the disk is full" can still be told.
    """

    def __init__(self, path: Path, read: Callable[[], dict[str, float]]) -> None:
        self._path = path
        self._read = read
        self._due_at = 0.0
        self._news = (False, False)
        path.parent.mkdir(parents=True, exist_ok=True)

    def write_if_due(self, *, news: tuple[bool, bool] = (False, False)) -> None:
        """Every few seconds, and at once when `news` (are we connected, do we refuse?) changes."""
        if news != self._news or time.monotonic() >= self._due_at:
            self._news = news
            self._due_at = time.monotonic() + METRICS_EVERY_S
            self.write()

    def write(self) -> None:
        text = json.dumps(self._read()).ljust(_METRICS_BYTES)
        partial = self._path.with_suffix(".partial")
        try:
            partial.write_text(text)
            partial.replace(self._path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            self._overwrite(text, error)

    def _overwrite(self, text: str, why: OSError) -> None:
        try:
            with self._path.open("r+") as file:
                file.write(text)
        except OSError:
            _LOG.warning("metrics not written: %s", why.strerror)


def _counters(line: Line, intake: Intake, source: MqttSource, draining: Draining) -> dict[str, float]:
    spool, now_ms = line.spool, SystemClock().epoch_ms()
    oldest_ms = spool.oldest_ms
    totals = {f"caretaker_ingest_{name}_total": float(count) for name, count in draining.pipeline.totals.items()}
    times = os.times()
    totals["caretaker_ingest_half_frames_lost_total"] = float(draining.links.live.half_frames_lost)
    return totals | {
        "caretaker_ingest_received_total": source.received,
        "caretaker_ingest_durable_total": intake.committed,
        "caretaker_ingest_commits_total": intake.commits,
        "caretaker_ingest_commits_refused_total": intake.refused,
        "caretaker_ingest_store_failures_total": draining.store_failures,
        "caretaker_ingest_refusing": float(source.refusal is not None),
        "caretaker_ingest_broker_connects_total": source.connects,
        "caretaker_ingest_broker_connected": float(source.connected),
        "caretaker_ingest_spool_bytes": spool.size_bytes,
        "caretaker_ingest_spool_limit_bytes": spool.limit_bytes,
        "caretaker_ingest_spool_age_seconds": 0.0 if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000),
        "caretaker_ingest_waiting_alarm_seconds": line.settings.ingest.waiting_alarm_s,
        "caretaker_ingest_disk_free_bytes": spool.disk_free_bytes,
        "caretaker_ingest_cpu_seconds_total": times.user + times.system,
        "caretaker_ingest_updated_ms": now_ms,
    }
