"""The analytics role: every five seconds, ledger of touched hours, streaming detectors; each hour, the hourly ones.

All that it has learned is rebuilt from the stores at start; there is no hidden state. Late readings are known by ingest's
counters: when a device's `late` grows, its raw readings are read back to the oldest hour that is only estimated, at least
LATE_LOOK_BACK_MS and at most LATE_AT_MOST_MS, and the hours that differ are written again.
"""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from analytics.arrays import HOUR_MS, Floats, Ints
from analytics.book import Posting, known_hours, post
from analytics.catalog import HEALTH, HOURLY
from analytics.detectors import dead
from analytics.episodes import Episode, moment
from analytics.finding import Finding
from analytics.hourly import MAX_DAYS, on_grid
from analytics.meter import Meter, meters_of
from analytics.site import Site
from analytics.watch import Watch
from devices.errors import DependencyFailed
from devices.metrics import HOURLY_SUFFIX
from devices.model import Quality, Reading
from devices.registry import Registry
from runtime.bus import Bus
from runtime.databases import open_database
from runtime.roles.analytics_recorder import Recorder
from runtime.settings import Settings
from runtime.site import site_of
from runtime.stores import open_reading_store
from storage.health_store import HealthStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore

PERIOD_S = 5.0
OVERLAP_MS = 60_000
"""Each query looks back so far beyond the last one: readings of one moment arrive within it, or are counted as late."""
AHEAD_MS = 600_000
SETTLE_MS = 90_000
"""An hour is judged so long after its end, when the readings that close it have arrived."""
PARTIAL_MS = 60_000
HEALTH_MS = 15_000
LATE_LOOK_BACK_MS = 48 * HOUR_MS
LATE_AT_MOST_MS = 40 * 24 * HOUR_MS
RESTART_LOOK_BACK_MS = 26 * HOUR_MS
WATER_LOOK_BACK_MS = 17 * 24 * HOUR_MS
"""Leaks are told by the quietest quarter of an hour, which stored hours do not keep."""
RECENT_DAYS = 14
HISTORY_MS = MAX_DAYS * 24 * HOUR_MS
COLD_METERS = 24
BULK_ROWS = 2_000

_HOURLY_KINDS = frozenset(detector.kind for detector in HOURLY)
_log = logging.getLogger(__name__)
Columns = tuple[Ints, Floats, Ints]


def run(settings: Settings, stop: threading.Event) -> None:
    """Until `stop`. A store that does not answer is tried again at the next turn."""
    database, readings = open_database(settings), open_reading_store(settings)
    bus = Bus(settings, "analytics")
    bus.start()
    role = Analytics(
        readings=readings,
        registry=RegistryStore(database),
        health=HealthStore(database),
        record=Recorder(database, lambda finding_id: bus.publish("finding", finding_id)),
        site=site_of(settings),
    )
    try:
        _turn(role, stop)
    finally:
        bus.stop()
        readings.close()
        database.close()


def _turn(role: "Analytics", stop: threading.Event) -> None:
    failing = False
    while not stop.is_set():
        begun = time.monotonic()
        try:
            role.tick(datetime.now(UTC))
            if failing:
                _log.info("stores answer again")
            failing = False
        except DependencyFailed as error:
            if not failing:
                _log.warning("waiting for a store: %s", error)
            failing = True
        stop.wait(max(PERIOD_S - (time.monotonic() - begun), 0.5))


class Analytics:
    """One site's analytics; `tick` does all that is due at `now`. Raises DependencyFailed where a store does not answer."""

    def __init__(
        self, *, readings: ReadingStore, registry: RegistryStore, health: HealthStore, record: Recorder, site: Site
    ) -> None:
        self._readings = readings
        self._registry_store = registry
        self._health_store = health
        self._findings = record
        self._site = site
        self._revision = 0
        self._registry = Registry((), ())
        self._watch = Watch({}, site)
        self._last_ms: dict[tuple[str, str], int] = {}
        self._heard_ms: dict[str, int] = {}
        self._late: dict[str, int] = {}
        self._pending: dict[str, dict[int, tuple[float, int]]] = {}
        self._fetched_ms = 0
        self._hour_ms = 0
        self._partial_ms = 0
        self._health_ms = 0
        self._since_ms = 0
        self._before_ms: int | None = None
        self._dead_told_ms: dict[str, int] = {}

    def tick(self, now: datetime) -> None:
        now_ms = int(now.timestamp() * 1000)
        if self._registry_store.revision() != self._revision:
            self._reload(now_ms)
        self._fetch(now_ms)
        self._tell(self._watch.release(now_ms), now)
        self._look_at_health(now_ms)
        self._close_hour(now_ms)
        self._look_for_dead(now)
        self._write_hours(now_ms)  # last: a whole history takes seconds, and people wait for findings

    # ---- start and change of the registry

    def _reload(self, now_ms: int) -> None:
        revision, registry = self._registry_store.revision(), self._registry_store.load()
        meters = meters_of(registry)
        watch = Watch(meters, self._site)
        watch.resume(self._findings.active.values())
        self._registry, self._watch, self._hour_ms = registry, watch, 0
        begun = time.monotonic()
        self._open_books(now_ms)
        for reading in self._readings.latest(list(registry.devices)):
            if not reading.metric.endswith(HOURLY_SUFFIX):
                self._heard_ms[reading.device_id] = max(self._heard_ms.get(reading.device_id, 0), reading.ts_ms)
        self._before_ms = max(self._heard_ms.values(), default=None)
        self._since_ms, self._fetched_ms = now_ms, now_ms - OVERLAP_MS
        self._late = {device_id: health.late for device_id, health in self._health_store.all().items()}
        self._revision = revision
        _log.info("meters=%d books opened in seconds=%.1f", len(meters), time.monotonic() - begun)

    def _open_books(self, now_ms: int) -> None:
        """Stored hours first; raw readings only from shortly before the last of them, or all where there are none."""
        books = self._watch.books
        for quantity in ("electricity", "water"):
            meters = [meter for meter in self._watch.meters.values() if meter.quantity == quantity]
            for chunk in _chunks(meters):
                metric = chunk[0].register_metric + HOURLY_SUFFIX
                frame = self._readings.frame([m.device_id for m in chunk], [metric], now_ms - HISTORY_MS, now_ms + AHEAD_MS)
                for (device_id, _), (ts_ms, value, quality) in _series(frame):
                    books[device_id] = known_hours(books[device_id], on_grid(ts_ms, value, quality.astype(np.uint8)))
            fresh = [meter for meter in meters if books[meter.device_id].hourly.size == 0]
            kept = [meter for meter in meters if books[meter.device_id].hourly.size]
            for chunk in _chunks(fresh):
                self._read_back(chunk, now_ms - HISTORY_MS, now_ms)
            for chunk in _chunks(kept):
                self._read_back(chunk, self._back_to(chunk, now_ms), now_ms)

    def _back_to(self, meters: list[Meter], now_ms: int) -> int:
        """The start of what must be read again: before the last stored hour, within bounds."""
        ends = [self._watch.books[meter.device_id].hourly.end_ms for meter in meters]
        back_ms = WATER_LOOK_BACK_MS if meters[0].quantity == "water" else RESTART_LOOK_BACK_MS
        return max(min([now_ms, *ends]) - back_ms, now_ms - LATE_AT_MOST_MS)

    def _read_back(self, meters: list[Meter], start_ms: int, now_ms: int) -> None:
        """Posts the registers' readings from `start_ms` on as the whole truth of their span."""
        if not meters:
            return
        start_ms = start_ms // HOUR_MS * HOUR_MS
        frame = self._readings.frame([m.device_id for m in meters], [meters[0].register_metric], start_ms, now_ms + AHEAD_MS)
        for (device_id, metric), columns in _series(frame):
            meter = self._watch.meters[device_id]
            self._keep(meter, post(self._watch.books[device_id], columns, meter.register, whole=True))
            self._last_ms[device_id, metric] = int(columns[0][-1])

    # ---- each turn

    def _fetch(self, now_ms: int) -> None:
        start_ms = self._fetched_ms - OVERLAP_MS
        for quantity in ("electricity", "water"):
            meters = [meter for meter in self._watch.meters.values() if meter.quantity == quantity]
            if meters:
                metrics = [meters[0].register_metric, meters[0].rate_metric]
                frame = self._readings.frame([m.device_id for m in meters], metrics, start_ms, now_ms + AHEAD_MS)
                self._take(frame, now_ms)
        self._fetched_ms = now_ms

    def _take(self, frame: pd.DataFrame, now_ms: int) -> None:
        now = moment(now_ms)
        for (device_id, metric), columns in _series(frame):
            fresh = columns[0] > self._last_ms.get((device_id, metric), 0)
            if not fresh.any():
                continue
            ts_ms, value, quality = columns[0][fresh], columns[1][fresh], columns[2][fresh]
            self._last_ms[device_id, metric] = int(ts_ms[-1])
            self._heard_ms[device_id] = max(self._heard_ms.get(device_id, 0), min(int(ts_ms[-1]), now_ms))
            meter = self._watch.meters[device_id]
            if metric == meter.register_metric:
                self._enter(meter, (ts_ms, value, quality), now_ms)
            else:
                good = (quality & int(Quality.IMPLAUSIBLE)) == 0
                self._tell(self._watch.sample(device_id, zip(ts_ms[good].tolist(), value[good].tolist(), strict=True)), now)

    def _enter(self, meter: Meter, columns: Columns, now_ms: int) -> None:
        book = self._watch.books[meter.device_id]
        if book.hourly.size == 0 and book.ts_ms.size == 0:
            self._read_back([meter], now_ms - HISTORY_MS, now_ms)  # perhaps a history was imported before it spoke
            return
        posting = post(book, columns, meter.register)
        self._keep(meter, posting)
        if posting.read_back:
            self._read_back([meter], now_ms - LATE_AT_MOST_MS, now_ms)

    def _keep(self, meter: Meter, posting: Posting) -> None:
        self._watch.books[meter.device_id] = posting.book
        hours = self._pending.setdefault(meter.device_id, {})
        rows = zip(posting.hours.tolist(), posting.consumption.tolist(), posting.quality.tolist(), strict=True)
        hours.update({hour: (value, quality) for hour, value, quality in rows})

    def _write_hours(self, now_ms: int) -> None:
        """Finished hours at once, the running hour each minute."""
        partial = now_ms - self._partial_ms >= PARTIAL_MS
        running = now_ms // HOUR_MS * HOUR_MS
        rows = [
            Reading(device_id, self._watch.meters[device_id].register_metric + HOURLY_SUFFIX, hour, *hours[hour])
            for device_id, hours in self._pending.items()
            if device_id in self._watch.meters
            for hour in hours
            if partial or hour < running
        ]
        if not rows:
            return
        _store(self._readings, rows)
        self._partial_ms = now_ms if partial else self._partial_ms
        left = {} if partial else {d: {h: v for h, v in hours.items() if h >= running} for d, hours in self._pending.items()}
        self._pending = {device_id: hours for device_id, hours in left.items() if hours}

    def _look_at_health(self, now_ms: int) -> None:
        if now_ms - self._health_ms < HEALTH_MS:
            return
        self._health_ms = now_ms
        for device_id, health in self._health_store.all().items():
            self._heard_ms[device_id] = max(self._heard_ms.get(device_id, 0), health.last_seen_ms)
            if health.late > self._late.get(device_id, 0) and device_id in self._watch.meters:
                self._read_late(self._watch.meters[device_id], now_ms)
            self._late[device_id] = health.late

    def _read_late(self, meter: Meter, now_ms: int) -> None:
        hourly = self._watch.books[meter.device_id].hourly
        oldest = max(now_ms - LATE_AT_MOST_MS, hourly.start_ms)
        guessed = hourly.hours[(hourly.quality & int(Quality.ESTIMATED)) > 0]
        guessed = guessed[guessed >= oldest]
        start_ms = min([now_ms - LATE_LOOK_BACK_MS, *(guessed[:1] - HOUR_MS).tolist()])
        self._read_back([meter], start_ms, now_ms)

    # ---- findings

    def _tell(self, findings: Iterable[Finding], now: datetime) -> None:
        for finding in findings:
            _log.info("finding kind=%s device=%s active=%s", finding.kind, finding.device_id, finding.active)
            self._findings.record(finding, now)

    def _close_hour(self, now_ms: int) -> None:
        """Runs the hourly detectors when an hour is complete; the first time over all known hours, then over the last days."""
        end_ms = (now_ms - SETTLE_MS) // HOUR_MS * HOUR_MS
        if end_ms <= self._hour_ms or not self._watch.meters:
            return
        begun = time.monotonic()
        self._watch.learn(end_ms)
        days = RECENT_DAYS if self._hour_ms else None
        self._reconcile(self._watch.episodes(end_ms, days=days), now_ms)
        self._hour_ms = end_ms
        _log.info("hour closed end_ms=%d seconds=%.1f", end_ms, time.monotonic() - begun)

    def _reconcile(self, episodes: list[Episode], now_ms: int) -> None:
        now = moment(now_ms)
        ended = sorted((e for e in episodes if not e.finding.active), key=lambda e: e.raised_ms)
        lasting = {(e.finding.kind, e.finding.device_id): e.finding for e in episodes if e.finding.active}
        ends = {(e.finding.kind, e.finding.device_id): e.finding for e in ended}
        for key, finding in list(self._findings.active.items()):
            gone = finding.kind in _HOURLY_KINDS and key not in lasting and not self._watch.told(key)
            if gone and not self._watch.persists(finding):
                seen = ends[key].seen if key in ends else finding.seen
                self._tell([replace(finding, active=False, seen=max(seen, finding.seen))], now)
        for episode in ended:
            self._findings.record_past(episode.finding, moment(episode.raised_ms))
        for key, finding in lasting.items():
            if not self._watch.told(key) and not self._findings.ended_since(finding):
                self._tell([finding], now)

    def _look_for_dead(self, now: datetime) -> None:
        site_ms = max(self._heard_ms.values(), default=0)
        now_ms = int(now.timestamp() * 1000)
        for device in self._registry.devices.values():
            silence = dead.Silence(
                last_ms=self._heard_ms.get(device.id),
                site_ms=min(site_ms, now_ms),
                listening_since_ms=self._since_ms,
                before_ms=self._before_ms,
            )
            found = dead.check(device, self._registry.profile(device), silence)
            active = self._findings.active.get((HEALTH[0], device.id))
            if found is not None and now_ms - self._dead_told_ms.get(device.id, 0) >= HOUR_MS:
                self._dead_told_ms[device.id] = now_ms
                self._tell([found], now)
            elif found is None and active is not None:
                self._dead_told_ms.pop(device.id, None)
                self._tell([replace(active, active=False, seen=now)], now)


def _chunks(meters: list[Meter]) -> Iterable[list[Meter]]:
    return (meters[at : at + COLD_METERS] for at in range(0, len(meters), COLD_METERS))


def _series(frame: pd.DataFrame) -> Iterable[tuple[tuple[str, str], Columns]]:
    """Each (device, metric) of a sorted frame with its times, values and flags."""
    if frame.empty:
        return
    device, metric = frame["device_id"].to_numpy(), frame["metric"].to_numpy()
    columns = tuple(frame[name].to_numpy() for name in ("ts_ms", "value", "quality"))
    starts = np.flatnonzero((device[1:] != device[:-1]) | (metric[1:] != metric[:-1])) + 1
    for first, last in zip([0, *starts.tolist()], [*starts.tolist(), len(frame)], strict=True):
        ts_ms, value, quality = (column[first:last] for column in columns)
        yield (str(device[first]), str(metric[first])), (ts_ms, value, quality)


def _store(store: ReadingStore, rows: list[Reading]) -> None:
    """Few rows the ordinary way; a whole history at once as a table."""
    if len(rows) < BULK_ROWS:
        store.write(rows)
        return
    columns = zip(*rows, strict=True)
    store.import_table(pa.table(dict(zip(("device_id", "metric", "ts_ms", "value", "quality"), columns, strict=True))))
