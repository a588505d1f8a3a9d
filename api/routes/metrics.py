"""/metrics: Prometheus text of what the platform counts."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from alerts.model import AlertState
from api.deps import Deps, DepsHere, Kept, KeptHere
from api.guard import GuardedRoute
from api.paging import SCAN_LIMIT
from api.role_metrics import read_role_metrics

router = APIRouter(route_class=GuardedRoute, tags=["operation"])

_COUNTED = ("received", "stored", "late", "rejected", "duplicate")
_UNFIT = re.compile(r"[^a-zA-Z0-9_]")


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(deps: DepsHere, kept: KeptHere) -> Response:
    """Numbers only: no names of people, places or devices."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot([*_of_database(deps), *_of_feed(kept), *_of_roles(deps)]))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Snapshot:
    """prometheus_client wants an object with `collect`."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _of_database(deps: Deps) -> Iterator[Metric]:
    health = deps.health.all().values()
    yield _gauge("caretaker_devices_heard", "Devices that ever sent", len(health))
    for name in _COUNTED:
        yield _gauge(f"caretaker_readings_{name}", f"Sum over all devices: {name}", sum(getattr(one, name) for one in health))
    active = {AlertState.PENDING, AlertState.OPEN, AlertState.ACKNOWLEDGED}
    counts = Counter((alert.state.value, alert.severity.value) for alert in deps.alerts.list(states=active, limit=SCAN_LIMIT))
    family = GaugeMetricFamily("caretaker_alerts", "Alerts that are not resolved", labels=["state", "severity"])
    for (state, severity), count in sorted(counts.items()):
        family.add_metric([state, severity], count)
    yield family
    yield _gauge("caretaker_findings_active", "Findings that last", len(deps.findings.active()))


def _of_feed(kept: Kept) -> Iterator[Metric]:
    yield _gauge("caretaker_live_pages", "Open live streams", kept.feed.listening)


def _of_roles(deps: Deps) -> Iterator[Metric]:
    """As the roles name them; a name ending in `_total` is a counter."""
    by_name: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for role, values in read_role_metrics(deps.metrics_dir).items():
        for name, value in values.items():
            full = _UNFIT.sub("_", name if name.startswith("caretaker_") else f"caretaker_{name}")
            kind = CounterMetricFamily if full.endswith("_total") else GaugeMetricFamily
            family = by_name.setdefault(full, kind(full, "As the role counts it", labels=["role"]))
            family.add_metric([role], value)
    yield from by_name.values()


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
