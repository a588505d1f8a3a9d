"""The alerts role: fire and door messages on a connection of its own, the findings of the others, timers, work orders.

Two threads. The lane takes messages and writes alarms, nothing else; the desk follows what is stored and raises orders. So a
hundred orders to raise never stand before a smoke detector.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from analytics.residents import Past
from analytics.tuning import Tuning
from devices.errors import Conflict, DependencyFailed
from devices.model import Event
from ingest.live import LiveDecoder
from runtime.bus import Bus
from runtime.databases import ready_database
from runtime.priority import answer_at_once, prefer
from runtime.pseudonyms import person_key, pseudonymous
from runtime.roles.alerts_desk import Desk
from runtime.roles.alerts_foreign import Foreign, Hearing
from runtime.roles.alerts_inbox import Inbox, Letter, News
from runtime.roles.alerts_lane import FastLane, Moment, Said
from runtime.roles.alerts_past import RecalledPast
from runtime.roles.alerts_self import SelfWatch
from runtime.settings import Settings
from runtime.site import site_of
from runtime.topics import topic_map
from storage.change import ChangeKind
from storage.database import Database

_LOG = logging.getLogger(__name__)

TICK_S = 1.0
RECONCILE_S = 60.0
RECALL_S = 5.0
REGISTRY_S = 2.0
SELF_S = 2.0
HEAR_S = 5.0
_RETRY_S = 0.2
_GATHER_S = 0.05
_LOOK_UP_S = 0.25
_TELL_AFTER = 3
CHECKPOINT_S = 2.0


def run(settings: Settings, stop: threading.Event) -> None:
    """Until `stop` is set. Raises DependencyFailed where the database does not answer at the start."""
    prefer(os.getpid())
    serve(settings, stop, ready=answer_at_once)


def serve(settings: Settings, stop: threading.Event, *, ready: Callable[[], None] = lambda: None) -> None:
    """As `run`, and leaves the process as it is. `ready` is called when all is loaded, before the first message."""
    with ready_database(settings) as database:
        role = Role(settings, database, stop)
        ready()
        role.run()


class Role:
    """Owns the threads, the connections and the clock."""

    def __init__(self, settings: Settings, database: Database, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._wake = threading.Event()
        self._bus = Bus(settings, "alerts", self._hint)
        self._desk = Desk(database, ZoneInfo(settings.site.timezone), self._bus.publish)
        key = _person_key(settings)
        self._past = RecalledPast(database, ZoneInfo(settings.site.timezone)) if key is not None else None
        self._lane = FastLane(
            self._desk.registry,
            self._desk.findings.active(),
            _moment(),
            site_of(settings).calendar,
            hide=_hider(key),
            await_past=self._past is not None,
        )
        self._self = SelfWatch(settings.data_dir / "metrics", self._desk.findings, lambda: self._desk.registry, since=_now())
        self._inbox = Inbox(settings, _moment)
        topics = topic_map(settings)
        self._foreign = Foreign(database, topics)
        self._hearing = self._foreign.hearing(self._desk.registry)
        self._live = LiveDecoder(topics, links=self._hearing.links, memories=self._hearing.memories)
        self._database = database
        self._hear_again_s = 0.0

    def run(self) -> None:
        self._bus.start()
        self._inbox.start(self._lane.device_ids, self._hearing.filters)
        lane = threading.Thread(target=self._run_lane, name="fast-lane", daemon=True)
        lane.start()
        try:
            self._run_desk(lane)
        finally:
            self._stop.set()
            lane.join(timeout=5)
            self._inbox.stop()
            self._bus.stop()

    # The lane

    def _run_lane(self) -> None:
        next_tick_s = time.monotonic() + TICK_S
        while not self._stop.is_set():
            self._take(self._inbox.get(min(_LOOK_UP_S, max(0.0, next_tick_s - time.monotonic()))))
            if time.monotonic() >= next_tick_s:
                next_tick_s = time.monotonic() + TICK_S
                self._live.forget_news(_moment().wall_ms)
                self._persist(_unharmed(lambda: self._lane.tick(_moment()), "timers"))

    def _take(self, arrived: list[News]) -> None:
        """All that has arrived in one go: a burst of alarms waits for the disk once."""
        letters = [letter for letter in arrived if isinstance(letter, Letter)]
        said = [item for letter in letters for item in _unharmed(partial(self._judge, letter), letter)]
        if self._persist(said):
            for letter in letters:
                self._inbox.acknowledge(letter)
        for news in arrived:
            if isinstance(news, Hearing):
                self._hear(news)
            elif isinstance(news, Tuning):
                self._lane.set_tuning(news)
            elif isinstance(news, Past):
                self._lane.recall(news)

    def _hear(self, hearing: Hearing) -> None:
        self._lane.set_registry(hearing.registry, _moment())
        self._live.set_links(hearing.links)
        self._live.recall(hearing.memories)
        self._inbox.subscribe(self._lane.device_ids, hearing.filters)

    def _judge(self, letter: Letter) -> Iterator[Said]:
        message = letter.message
        for decoded in self._live.decode(message):
            yield from self._lane.take(decoded, letter.at, retained=message.retained)

    def _persist(self, said: list[Said]) -> bool:
        """Until it is stored: an alarm is never dropped because the database is busy or away.

        False where we are stopped before: what is not acknowledged the broker gives to us again.
        """
        failures = 0
        while said:
            try:
                self._desk.raise_alarms(said, _now())
                self._wake.set()
                break
            except (DependencyFailed, Conflict) as error:
                failures += 1
                if failures == _TELL_AFTER:
                    _LOG.error("alarm not stored yet, trying again: %s", error)
                if self._stop.wait(0 if failures < _TELL_AFTER else _RETRY_S):
                    return False
            except Exception:  # noqa: BLE001 - an alarm that meets a bug must not take the others with it
                if len(said) > 1:
                    return all(self._persist([item]) for item in said)
                _LOG.exception("alarm left out: %s", said[0].finding)
                break
        if failures >= _TELL_AFTER:
            _LOG.warning("alarm stored after %s failures", failures)
        return True

    # The desk

    def _run_desk(self, lane: threading.Thread) -> None:
        every = {
            self._tick: TICK_S,
            self._reload: REGISTRY_S,
            self._watch_self: SELF_S,
            self._reconcile: RECONCILE_S,
            self._recall: RECALL_S,
            self._database.checkpoint: CHECKPOINT_S,
        }
        due = dict.fromkeys(every, 0.0)
        while not self._stop.is_set():
            if not lane.is_alive():
                raise DependencyFailed("the fast lane has died; see the log above", transient=True)
            self._wake.wait(_LOOK_UP_S)
            self._stop.wait(_GATHER_S)  # orders can wait that long; an alarm that follows the first one must not
            self._wake.clear()
            for task, due_s in due.items():
                if time.monotonic() >= due_s and self._attempt(task):
                    due[task] = time.monotonic() + every[task]
            self._attempt(self._follow)

    def _attempt(self, task: Callable[[], None]) -> bool:
        try:
            task()
        except (DependencyFailed, Conflict) as error:
            _LOG.error("trying again: %s", error)
            self._stop.wait(_RETRY_S)
            return False
        return True

    def _follow(self) -> None:
        while self._desk.follow(_now(), own_kinds=_is_ours) and not self._stop.is_set():
            pass

    def _tick(self) -> None:
        self._desk.tick(_now())

    def _watch_self(self) -> None:
        self._self.look(_now())

    def _reconcile(self) -> None:
        self._desk.reconcile(_now())

    def _recall(self) -> None:
        past = self._past.news(self._desk.registry, _now()) if self._past is not None else None
        if past is not None:
            self._inbox.put(past)

    def _reload(self) -> None:
        changed = self._desk.registry_changed()
        tuning = self._desk.tuning_changed()
        if tuning is not None:
            self._inbox.put(tuning)
            self._persist([Said(replace(finding, active=False, seen=_now())) for finding in self._desk.silenced(tuning)])
        if not changed and time.monotonic() < self._hear_again_s:
            return
        self._hear_again_s = time.monotonic() + HEAR_S
        hearing = self._foreign.news(self._desk.registry)
        if hearing is not None:
            self._inbox.put(hearing)

    def _hint(self, kind: str, _entity_id: int) -> None:
        if kind != ChangeKind.ALERT:
            self._wake.set()


def _person_key(settings: Settings) -> bytes | None:
    """None where it cannot be kept, which ingest says too: alarms do not wait for it, only nobody is recognised again."""
    try:
        return person_key(settings.data_dir)
    except DependencyFailed as error:
        _LOG.error("residents cannot be recognised from stored grants: %s", error)
        return None


def _hider(key: bytes | None) -> Callable[[Event], Event]:
    """People are pseudonyms here too, the same ones as in the stored events."""
    return (lambda event: event) if key is None else (lambda event: pseudonymous(event, key))


def _unharmed(judge: Callable[[], Iterable[Said]], what: object) -> list[Said]:
    """What it says. A message that meets a bug costs itself, never the other detectors."""
    try:
        return list(judge())
    except Exception:  # noqa: BLE001 - the lane's border
        _LOG.exception("left out: %s", what)
        return []


def _is_ours(kind: str) -> bool:
    """Findings that the lane applies itself, before anybody could read of them."""
    return kind.startswith(("fire.", "door.", "cold."))


def _now() -> datetime:
    return datetime.now(UTC)


def _moment() -> Moment:
    return Moment(time.time_ns() // 1_000_000, time.monotonic())
