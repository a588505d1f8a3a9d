"""Findings into the database, and a word on the bus for each."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from analytics.catalog import STREAM
from analytics.finding import Finding, FindingKind
from storage.database import Database
from storage.finding_store import FindingStore

STREAM_KINDS = frozenset(detector.kind for detector in STREAM)
PAST_AT_MOST = 20_000
_Span = tuple[datetime, datetime]


class Recorder:
    """Knows what is active and what was, so that only news is written."""

    def __init__(self, database: Database, publish: Callable[[int], None]) -> None:
        self._database = database
        self._store = store = FindingStore(database)
        self._publish = publish
        self.active = store.active()
        self._past: dict[tuple[FindingKind, str], list[_Span]] = {}
        for finding in store.list(active=False, limit=PAST_AT_MOST):
            self._remember(finding)

    def record(self, finding: Finding, now: datetime) -> None:
        key = (finding.kind, finding.device_id)
        if not finding.active and key not in self.active:
            return
        stored = self._store.record(finding, now=now)
        if stored.active:
            self.active[key] = stored
        else:
            self.active.pop(key, None)
            self._remember(stored)
        self._publish(stored.id)

    def ended_since(self, finding: Finding) -> bool:
        """Whether the same was told and has ended since it began: a streaming detector saw the end before the hour was over."""
        known = self._past.get((finding.kind, finding.device_id), [])
        return finding.kind in STREAM_KINDS and any(seen >= finding.started for _, seen in known)

    def record_past(self, finding: Finding, raised: datetime) -> None:
        """An episode that began and ended unseen: stored as raised then and ended then, unless it is there already."""
        key = (finding.kind, finding.device_id)
        known = self._past.get(key, [])
        if key in self.active or any(started <= finding.seen and finding.started <= seen for started, seen in known):
            return
        with self._database.together() as transaction:  # nobody sees it active, so nobody is sent for what is over
            store = FindingStore(transaction)
            store.record(replace(finding, active=True), now=raised)
            stored = store.record(finding, now=finding.seen)
        self._remember(stored)
        self._publish(stored.id)

    def _remember(self, ended: Finding) -> None:
        self._past.setdefault((ended.kind, ended.device_id), []).append((ended.started, ended.seen))
