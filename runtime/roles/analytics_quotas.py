"""Once an hour, and soon after somebody changes a quota: the rooms that have used more than theirs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.finding import FindingKind
from analytics.quota import Quota
from analytics.quota_standing import over_quota
from analytics.site import Site
from api.quotas import standings_of
from runtime.roles.analytics_recorder import Recorder
from storage.database import Database
from storage.plan_store import quota_store
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore

LOOK_EVERY = timedelta(minutes=1)
JUDGE_EVERY = timedelta(hours=1)


class Quotas:
    """Owned by the analytics loop; `look` does what is due. Raises DependencyFailed where a store does not answer."""

    def __init__(self, *, database: Database, readings: ReadingStore, record: Recorder, site: Callable[[], Site]) -> None:
        self._registry, self._quotas = RegistryStore(database), quota_store(database)
        self._readings, self._findings, self._site = readings, record, site
        self._looked: datetime | None = None
        self._judged: tuple[datetime, list[Quota]] | None = None

    def look(self, now: datetime) -> None:
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return
        self._looked, quotas = now, self._quotas.list()
        if self._judged is not None and self._judged[1] == quotas and now - self._judged[0] < JUDGE_EVERY:
            return
        self._judge(quotas, now)
        self._judged = now, quotas

    def _judge(self, quotas: list[Quota], now: datetime) -> None:
        zone = ZoneInfo(self._site().calendar.timezone)
        registry = self._registry.load() if quotas else None
        standing = standings_of(self._readings, registry, quotas, now, zone) if registry else []
        over = {one.device_id: found for one in standing if (found := over_quota(one, now, zone)) is not None}
        for finding in over.values():
            self._findings.record(finding, now)
        for (kind, device_id), active in list(self._findings.active.items()):
            if kind is FindingKind.ENERGY_OVER_QUOTA and device_id not in over:
                self._findings.record(replace(active, active=False, seen=now), now)
