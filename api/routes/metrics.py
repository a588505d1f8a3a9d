"""/metrics: Prometheus text of what the platform counts."""

import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from alerts.model import AlertState
from api.auth import session_of
from api.deps import Deps, DepsHere, Kept, KeptHere, RegistryHere
from api.guard import GuardedRoute
from api.paging import SCAN_LIMIT
from api.permissions import is_staff, owned_spaces
from api.role_metrics import read_role_metrics
from devices.registry import Registry

router = APIRouter(route_class=GuardedRoute, tags=["operation"])

_COUNTED = ("received", "stored", "late", "rejected", "duplicate")
_UNFIT = re.compile(r"[^a-zA-Z0-9_]")


METRICS_TOKEN = "metrics.token"  # noqa: S105 - a file's name
"""In data_dir/secrets: who presents what stands in it sees the devices, too."""


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(request: Request, deps: DepsHere, kept: KeptHere, known: RegistryHere) -> Response:
    """For everybody numbers only, no names of people, places or devices.

    Per device for who is signed in (the devices of their buildings) or presents the token in data_dir/secrets/metrics.token.
    """
    registry = CollectorRegistry(auto_describe=False)
    shown = _shown(request, deps, known)
    registry.register(_Snapshot([*_of_database(deps), *_of_devices(deps, shown), *_of_feed(kept), *_of_roles(deps)]))
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


def _shown(request: Request, deps: Deps, registry: Registry) -> Callable[[str], bool]:
    """Whether the caller may see a device, by its id."""
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _is_token(deps.metrics_dir.parent / "secrets" / METRICS_TOKEN, presented.strip()):
        return lambda _: True
    session = session_of(request, deps)
    if session is None or not is_staff(session.user):
        return lambda _: False
    owned = owned_spaces(session.user, registry)
    if owned is None:
        return lambda _: True
    return lambda device_id: device_id in registry.devices and registry.devices[device_id].space_id in owned


def _is_token(path: Path, presented: str) -> bool:
    try:
        expected = path.read_text(encoding="utf-8").strip()
    except OSError:
        return False
    return bool(expected) and hmac.compare_digest(expected.encode(), presented.encode())


def _of_devices(deps: Deps, shown: Callable[[str], bool]) -> Iterator[Metric]:
    """One series per device and counter: as many as there are devices heard, times five."""
    heard = [health for device_id, health in deps.health.all().items() if shown(device_id)]
    for name in _COUNTED:
        family = CounterMetricFamily(f"caretaker_device_{name}", f"Per device: {name}", labels=["device"])
        for health in heard:
            family.add_metric([health.device_id], getattr(health, name))
        yield family


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
