"""The numbers at the head of every page."""

from collections import Counter
from datetime import datetime, time

from fastapi import APIRouter

from alerts import self_watch
from alerts.model import AlertState, Severity
from alerts.rules import rule_for
from analytics.finding import Finding
from api import present
from api import schemas_summary as shapes
from api.deps import Caller, Deps, DepsHere, KeptHere, RegistryHere
from api.guard import GuardedRoute
from api.paging import SCAN_LIMIT
from api.permissions import may_see_order, owned_spaces
from api.role_metrics import read_role_metrics
from api.status import PRESENT, DeviceStatus
from devices.registry import Registry
from maintenance.model import FINAL_STATES, OrderState

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["summary"])

Spaces = frozenset[str] | None


@router.get("/summary", summary="What is going on now")
def summary(deps: DepsHere, registry: RegistryHere, caller: Caller, kept: KeptHere) -> shapes.Summary:
    """`seq` is where the live stream stood: `GET /api/v1/stream?after=<seq>` misses nothing that happened since."""
    seq, now, owned = kept.feed.seq, deps.now(), owned_spaces(caller, registry)
    alerts = deps.alerts.list(states={AlertState.OPEN, AlertState.ACKNOWLEDGED}, space_ids=owned, limit=SCAN_LIMIT)
    unfinished = deps.orders.list(states=frozenset(OrderState) - FINAL_STATES, limit=SCAN_LIMIT)
    orders = [order for order in unfinished if may_see_order(caller, registry, order)]
    severities = Counter(alert.severity for alert in alerts)
    states = Counter(order.state for order in orders)
    return shapes.Summary(
        alerts={severity.value: severities[severity] for severity in Severity},
        unacknowledged=sum(alert.state is AlertState.OPEN for alert in alerts),
        orders={state.value: states[state] for state in OrderState if state not in FINAL_STATES},
        overdue=sum(present.is_overdue(order, now) for order in orders),
        devices=_device_counts(deps, registry, owned, now),
        waste_today=_waste_today(deps, owned, now),
        platform=_platform(deps, now),
        at=now,
        seq=seq,
    )


def _device_counts(deps: Deps, registry: Registry, owned: Spaces, now: datetime) -> shapes.DeviceCounts:
    health = deps.health.all()
    devices = [device for device in registry.devices.values() if owned is None or device.space_id in owned]
    states = Counter(present.status_of(registry, device, health.get(device.id), now) for device in devices)
    total = sum(states.values()) - states[DeviceStatus.RETIRED]
    return shapes.DeviceCounts(total=total, online=sum(states[state] for state in PRESENT), silent=states[DeviceStatus.SILENT])


def _platform(deps: Deps, now: datetime) -> list[shapes.PlatformTrouble]:
    judged = self_watch.judge(read_role_metrics(deps.metrics_dir).get("ingest", {}), now)
    return [
        shapes.PlatformTrouble(
            kind=kind,
            severity=rule_for(kind).severity,
            message=trouble.message,
            cause=trouble.cause,
            facts=dict(trouble.facts),
            first_steps=[rule_for(kind).advice],
        )
        for kind, trouble in judged.items()
        if trouble is not None
    ]


def _waste_today(deps: Deps, owned: Spaces, now: datetime) -> shapes.WasteToday:
    """What the findings of today have wasted since midnight, site time."""
    local = now.astimezone(deps.site.zone)
    midnight = datetime.combine(local.date(), time(), deps.site.zone)
    ended = [finding for finding in deps.findings.list(active=False, limit=500) if finding.seen > midnight]
    total = shapes.WasteToday(kwh=0, m3=0, cost=0, kgco2e=0)
    for finding in [*deps.findings.active().values(), *ended]:
        if owned is None or finding.space_id in owned:
            days = _days_today(finding, midnight, now)
            total.kwh += finding.waste.kwh_per_day * days
            total.m3 += finding.waste.m3_per_day * days
            total.cost += finding.waste.cost_per_day * days
            total.kgco2e += finding.waste.kgco2e_per_day * days
            total.electricity_cost += finding.waste.cost_per_day * days if finding.waste.kwh_per_day else 0
            total.water_cost += finding.waste.cost_per_day * days if not finding.waste.kwh_per_day else 0
    return total


def _days_today(finding: Finding, midnight: datetime, now: datetime) -> float:
    """How much of today it has lasted, in days."""
    until = now if finding.active else finding.seen
    return max(0.0, (until - max(finding.started, midnight)).total_seconds()) / 86_400
