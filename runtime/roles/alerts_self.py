"""The platform's own troubles into findings, from which alerts follow as from any other."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from alerts import self_watch
from analytics.finding import FindingKind
from api.role_metrics import read_role_metrics
from devices.model import SpaceKind
from devices.registry import Registry
from storage.finding_store import FindingStore


class SelfWatch:
    """Reads what ingest leaves in data_dir/metrics; writes only where something began or ended."""

    def __init__(self, directory: Path, findings: FindingStore, registry: Callable[[], Registry], *, since: datetime) -> None:
        self._directory = directory
        self._findings = findings
        self._registry = registry
        self._since = since
        self._lasting = {kind for kind, device_id in findings.active() if device_id == self_watch.OWN_ID}

    def look(self, now: datetime) -> None:
        """Raises DependencyFailed where the database does not take it; the next call tries again."""
        numbers = read_role_metrics(self._directory).get("ingest", {})
        for kind, trouble in self_watch.judge(numbers, now, since=self._since).items():
            if (trouble is not None) != (kind in self._lasting):
                self._tell(kind, trouble, now)

    def _tell(self, kind: FindingKind, trouble: self_watch.Trouble | None, now: datetime) -> None:
        self._findings.record(self_watch.finding(kind, trouble, space_id=_site(self._registry()), now=now), now=now)
        self._lasting ^= {kind}


def _site(registry: Registry) -> str:
    """Where the platform itself is: the whole site."""
    return next((space.id for space in registry.spaces.values() if space.kind is SpaceKind.SITE), "")
