"""The analytics role: every five seconds, ledger of touched hours, streaming detectors; each hour, the hourly ones.

All that it has learned is rebuilt from the stores at start; there is no hidden state. Late readings are known by ingest's
counters: when a device's `late` grows, its raw readings are read back to the oldest hour that is only estimated or not known,
within the bounds of analytics_books, and the hours that differ are written again. What people correct and
what is imported asks by a row of `meter_recount` for its hours to be counted again; the row goes when they are stored.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import pandas as pd

from analytics.arrays import HOUR_MS
from analytics.catalog import HEALTH, HOURLY
from analytics.detectors import dead, power_quality
from analytics.episodes import Episode, moment
from analytics.finding import Finding, FindingKind
from analytics.meter import meters_of
from analytics.site import Site
from analytics.tuning import switched_off, tuned
from analytics.watch import Watch
from devices.errors import DependencyFailed
from devices.metrics import HOURLY_SUFFIX
from devices.model import Quality
from devices.registry import Registry
from runtime.bus import Bus
from runtime.databases import open_database
from runtime.roles import analytics_commissioning as commissioning
from runtime.roles.analytics_books import AHEAD_MS, Books, series
from runtime.roles.analytics_plans import Plans
from runtime.roles.analytics_quotas import Quotas
from runtime.roles.analytics_recorder import Recorder
from runtime.roles.analytics_weather import OutdoorTemperature
from runtime.settings import Settings
from runtime.site import live_site, site_of
from runtime.stores import open_reading_store
from storage.commissioning_store import CommissioningStore
from storage.health_store import HealthStore
from storage.meter_store import MeterStore
from storage.price_store import PriceStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore

PERIOD_S = 5.0
WAKE_S = 0.2
WAKING = frozenset({"meter", "tariff", "budget", "quota"})
"""Words on the bus at which the next turn begins at once."""
OVERLAP_MS = 60_000
"""Each query looks back so far beyond the last one: readings of one moment arrive within it, or are counted as late."""
SETTLE_MS = 90_000
"""An hour is judged so long after its end, when the readings that close it have arrived."""
HEALTH_MS = 15_000
RECENT_DAYS = 14

_HOURLY_KINDS = frozenset(detector.kind for detector in HOURLY)
_log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Until `stop`. A store that does not answer is tried again at the next turn."""
    database, readings = open_database(settings), open_reading_store(settings)
    woken = threading.Event()
    bus = Bus(settings, "analytics", lambda kind, _: woken.set() if kind in WAKING else None)
    bus.start()
    site = live_site(settings, PriceStore(database, site_of(settings).rates))
    record = Recorder(database, lambda finding_id: bus.publish("finding", finding_id))
    role = Analytics(
        readings=readings,
        registry=RegistryStore(database),
        health=HealthStore(database),
        record=record,
        site=site,
        entered=Entered(MeterStore(database), RuleStore(database), CommissioningStore(database)),
    )
    plans = Plans(database=database, readings=readings, record=record, site=site, currency=settings.site.currency)
    quotas = Quotas(database=database, readings=readings, record=record, site=site)
    try:
        _turn((role.tick, plans.look, quotas.look), stop, woken)
    finally:
        bus.stop()
        readings.close()
        database.close()


def _turn(parts: Sequence[Callable[[datetime], None]], stop: threading.Event, woken: threading.Event) -> None:
    failing = False
    while not stop.is_set():
        begun = time.monotonic()
        try:
            for part in parts:
                part(datetime.now(UTC))
            if failing:
                _log.info("stores answer again")
            failing = False
        except DependencyFailed as error:
            if not failing:
                _log.warning("waiting for a store: %s", error)
            failing = True
        until = begun + max(PERIOD_S, time.monotonic() - begun + 0.5)
        while time.monotonic() < until and not woken.is_set() and not stop.wait(WAKE_S):
            pass
        woken.clear()


class Entered(NamedTuple):
    """What people enter about meters, about detectors, and which meters they have released."""

    meters: MeterStore
    rules: RuleStore
    commissioning: CommissioningStore


class Analytics:
    """One site's analytics; `tick` does all that is due at `now`. Raises DependencyFailed where a store does not answer."""

    def __init__(
        self,
        *,
        readings: ReadingStore,
        registry: RegistryStore,
        health: HealthStore,
        record: Recorder,
        entered: Entered,
        site: Callable[[], Site],
    ) -> None:
        self._readings = readings
        self._registry_store = registry
        self._health_store = health
        self._findings = record
        self._books = Books(readings, entered.meters)
        self._outdoor = OutdoorTemperature(readings)
        self._site = site
        self._rules = entered.rules
        self._commissioning = entered.commissioning
        self._rules_revision = 0
        self._off: frozenset[tuple[FindingKind, str]] = frozenset()
        self._revision = 0
        self._registry = Registry((), ())
        self._watch = Watch({}, site())
        self._heard_ms: dict[str, int] = {}
        self._late: dict[str, int] = {}
        self._fetched_ms = 0
        self._hour_ms = 0
        self._health_ms = 0
        self._since_ms = 0
        self._before_ms: int | None = None
        self._site_ms: int | None = None
        self._dead_told_ms: dict[str, int] = {}

    def tick(self, now: datetime) -> None:
        now_ms = int(now.timestamp() * 1000)
        if self._registry_store.revision() != self._revision:
            self._reload(now_ms)
        if self._rules.revision() != self._rules_revision:
            self._tune()
            self._look_again(now_ms, now_ms)
        self._look_again(self._books.recount(now_ms), now_ms)
        self._fetch(now_ms)
        self._tell(self._watch.release(now_ms), now)
        self._look_at_health(now_ms)
        self._close_hour(now_ms)
        self._look_for_dead(now)
        self._books.write(now_ms)  # last: a whole history takes seconds, and people wait for findings

    def _look_again(self, since_ms: int | None, now_ms: int) -> None:
        """Has the hourly detectors look at hours that were counted again."""
        if since_ms is None:
            return
        if since_ms > now_ms - RECENT_DAYS * 24 * HOUR_MS:
            self._hour_ms -= HOUR_MS
        else:
            self._hour_ms = 0
            self._outdoor.forget()
            self._watch.relearn()

    # ---- start and change of the registry

    def _reload(self, now_ms: int) -> None:
        revision, registry = self._registry_store.revision(), self._registry_store.load()
        meters = meters_of(registry)
        watch = Watch(meters, self._site())
        watch.resume(self._findings.active.values())
        self._registry, self._watch, self._hour_ms = registry, watch, 0
        self._outdoor.sensor_of(registry)
        self._tune()
        begun = time.monotonic()
        self._books.open(watch, now_ms)
        commissioning.look(self._commissioning, watch, moment(now_ms))  # before anything is told
        for reading in self._readings.latest(list(registry.devices)):
            if not reading.metric.endswith(HOURLY_SUFFIX):
                self._heard_ms[reading.device_id] = max(self._heard_ms.get(reading.device_id, 0), reading.ts_ms)
        self._before_ms = max(self._heard_ms.values(), default=None)
        self._since_ms, self._fetched_ms = now_ms, now_ms - OVERLAP_MS
        self._late = {device_id: health.late for device_id, health in self._health_store.all().items()}
        self._revision = revision
        _log.info("meters=%d books opened in seconds=%.1f", len(meters), time.monotonic() - begun)

    def _tune(self) -> None:
        """Applies the rules that people made for single meters and places."""
        revision, rules = self._rules.revision(), self._rules.list(standing=True)
        self._watch.meters = tuned(self._registry, rules)
        self._off = switched_off(self._registry, rules)
        self._rules_revision = revision

    # ---- each turn

    def _fetch(self, now_ms: int) -> None:
        start_ms = self._fetched_ms - OVERLAP_MS
        for quantity in ("electricity", "water"):
            meters = [meter for meter in self._watch.meters.values() if meter.quantity == quantity]
            if meters:
                metrics = [meters[0].register_metric, meters[0].rate_metric]
                metrics += sorted(power_quality.METRICS) if quantity == "electricity" else []
                frame = self._readings.frame([m.device_id for m in meters], metrics, start_ms, now_ms + AHEAD_MS)
                self._take(frame, now_ms)
        self._fetched_ms = now_ms

    def _take(self, frame: pd.DataFrame, now_ms: int) -> None:
        now = moment(now_ms)
        for (device_id, metric), columns in series(frame):
            fresh = columns[0] > self._books.last_ms.get((device_id, metric), 0)
            if not fresh.any():
                continue
            ts_ms, value, quality = columns[0][fresh], columns[1][fresh], columns[2][fresh]
            self._books.last_ms[device_id, metric] = int(ts_ms[-1])
            self._heard_ms[device_id] = max(self._heard_ms.get(device_id, 0), min(int(ts_ms[-1]), now_ms))
            meter = self._watch.meters[device_id]
            if metric == meter.register_metric:
                self._books.enter(meter, (ts_ms, value, quality), now_ms)
            else:
                good = (quality & int(Quality.IMPLAUSIBLE)) == 0
                samples = zip(ts_ms[good].tolist(), value[good].tolist(), strict=True)
                rate = metric == meter.rate_metric
                self._tell(self._watch.sample(device_id, samples) if rate else self._watch.gauge(device_id, metric, samples), now)

    def _look_at_health(self, now_ms: int) -> None:
        if now_ms - self._health_ms < HEALTH_MS:
            return
        self._health_ms = now_ms
        for device_id, health in self._health_store.all().items():
            self._heard_ms[device_id] = max(self._heard_ms.get(device_id, 0), health.last_seen_ms)
            if health.late > self._late.get(device_id, 0) and device_id in self._watch.meters:
                self._books.read_late(self._watch.meters[device_id], now_ms)
            self._late[device_id] = health.late

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
        self._watch.site = replace(self._site(), weather=self._outdoor.until(end_ms))
        self._watch.learn(end_ms)
        commissioning.look(self._commissioning, self._watch, moment(now_ms))
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

    def _listen_again(self, site_ms: int) -> None:
        """After a silence of the whole site (its network was away) each device has its time again to be heard."""
        if self._site_ms is not None and site_ms - self._site_ms > dead.SITE_GAP_MS:
            self._since_ms, self._before_ms = site_ms, self._site_ms
        self._site_ms = site_ms

    def _look_for_dead(self, now: datetime) -> None:
        site_ms = max(self._heard_ms.values(), default=0)
        self._listen_again(site_ms)
        now_ms = int(now.timestamp() * 1000)
        for device in self._registry.devices.values():
            silence = dead.Silence(
                last_ms=self._heard_ms.get(device.id),
                site_ms=min(site_ms, now_ms),
                listening_since_ms=self._since_ms,
                before_ms=self._before_ms,
            )
            is_off = (HEALTH[0], device.id) in self._off
            found = None if is_off else dead.check(device, self._registry.profile(device), silence)
            active = self._findings.active.get((HEALTH[0], device.id))
            if found is not None and now_ms - self._dead_told_ms.get(device.id, 0) >= HOUR_MS:
                self._dead_told_ms[device.id] = now_ms
                self._tell([found], now)
            elif found is None and active is not None:
                self._dead_told_ms.pop(device.id, None)
                self._tell([replace(active, active=False, seen=now)], now)
