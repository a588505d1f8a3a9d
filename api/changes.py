"""Rows of the change table → what a live page is told about each entity."""

from collections.abc import Mapping, Sequence

from alerts.model import Alert
from analytics.finding import Finding
from api.deps import Deps
from api.live import Describe, LiveChange
from api.registry_cache import RegistryCache
from devices.errors import NotFound
from maintenance.model import WorkOrder
from storage.change import Change, ChangeKind


def describer(deps: Deps, registry: RegistryCache) -> Describe:
    """Also brings the registry up to date, by which the pages decide who may see what."""

    def describe(changes: Sequence[Change]) -> list[LiveChange]:
        registry.current()
        return [live for change in changes if (live := _describe(deps, change)) is not None]

    return describe


def _describe(deps: Deps, change: Change) -> LiveChange | None:
    """None for kinds that no page shows and for entities that are gone."""
    try:
        subject = _entity(deps, change)
    except NotFound:
        return None
    if subject is None:
        return None
    return LiveChange(seq=change.seq, kind=change.kind, data=_data(change, subject), subject=subject)


def _entity(deps: Deps, change: Change) -> Alert | Finding | WorkOrder | None:
    if change.kind is ChangeKind.ALERT:
        return deps.alerts.get(change.entity_id)
    if change.kind is ChangeKind.FINDING:
        return deps.findings.get(change.entity_id)
    return deps.orders.get(change.entity_id) if change.kind is ChangeKind.ORDER else None


def _data(change: Change, subject: Alert | Finding | WorkOrder) -> Mapping[str, object]:
    common = {"id": change.entity_id, "kind": change.kind.value, "device_id": subject.device_id, "space_id": subject.space_id}
    if isinstance(subject, Alert):
        return common | {
            "state": subject.state.value,
            "severity": subject.severity.value,
            "alert_kind": str(subject.kind),
            "drill": subject.drill,
        }
    if isinstance(subject, Finding):
        return common | {"state": "active" if subject.active else "ended", "finding_kind": subject.kind.value}
    return common | {
        "state": subject.state.value,
        "priority": subject.priority.value,
        "trade": subject.trade.value,
        "assignee": subject.assignee,
    }
