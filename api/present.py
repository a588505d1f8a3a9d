"""Values of the core → the JSON shapes of api.schemas. No rules, no queries."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from alerts.model import Alert, AlertLogEntry
from analytics.finding import Evidence, Finding, Waste
from api import schemas
from api.status import DeviceStatus
from api.text import fill
from devices.asset import AssetLogEntry
from devices.health import DeviceHealth
from devices.metrics import metric
from devices.model import Device, Quality, Reading, Space
from devices.profiles import is_retired
from devices.registry import Registry
from maintenance.model import FINAL_STATES, OrderEvent, OrderLogEntry, WorkOrder

Fields = dict[str, Any]
_AWAKE_S = 600
"""A sleeping device that spoke so long ago is asleep again."""


def moment(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC)


def flags(quality: int) -> list[str]:
    return [flag.name.lower() for flag in Quality(quality) if flag.name]


def space(found: Space) -> schemas.SpaceOut:
    return schemas.SpaceOut(
        id=found.id,
        kind=found.kind,
        name=found.name,
        name_zh=found.name_zh,
        parent_id=found.parent_id,
        use=found.use,
        area_m2=found.area_m2,
        people=found.people,
    )


def place_path(registry: Registry, space_id: str) -> list[schemas.PlaceStep]:
    """From the site down; empty where the space has since been removed."""
    if space_id not in registry.spaces:
        return []
    return [schemas.PlaceStep(id=step.id, name=step.name, name_zh=step.name_zh) for step in registry.path(space_id)]


def latest_of(reading: Reading) -> schemas.Latest:
    unit = metric(reading.metric).unit
    return schemas.Latest(value=reading.value, unit=unit, ts=moment(reading.ts_ms), quality=flags(reading.quality))


def status_of(registry: Registry, device: Device, health: DeviceHealth | None, now: datetime) -> DeviceStatus:
    if is_retired(device):
        return DeviceStatus.RETIRED
    if health is None or not health.last_seen_ms:
        return DeviceStatus.NEVER
    silent_s = now.timestamp() - health.last_seen_ms / 1000
    profile = registry.profile(device)
    if silent_s > profile.silent_after_s:
        return DeviceStatus.SILENT
    return DeviceStatus.SLEEPING if profile.sleeping and silent_s > _AWAKE_S else DeviceStatus.ONLINE


def device_fields(registry: Registry, device: Device, health: DeviceHealth | None, now: datetime) -> Fields:
    """Fields of DeviceOut but for `latest`."""
    seen_ms = health.last_seen_ms if health else None
    return {
        "id": device.id,
        "kind": device.kind,
        "profile_id": device.profile_id,
        "name": device.name,
        "name_zh": device.name_zh,
        "space_id": device.space_id,
        "space_path": place_path(registry, device.space_id),
        "upstream_id": device.upstream_id,
        "measures_space": device.measures_space,
        "interval_s": registry.profile(device).interval_s,
        "last_seen": moment(seen_ms) if seen_ms else None,
        "status": status_of(registry, device, health, now),
    }


def evidence(found: Evidence | None) -> schemas.EvidenceOut | None:
    if found is None:
        return None
    return schemas.EvidenceOut(
        metric=found.metric,
        unit=found.unit,
        observed=list(found.observed),
        expected=list(found.expected),
        basis=found.basis,
        peers=found.peers,
    )


def waste(found: Waste) -> schemas.WasteOut:
    return schemas.WasteOut(**asdict(found))


def finding(
    registry: Registry, found: Finding, *, alert_id: int | None, with_evidence: bool, provisional: bool = False
) -> schemas.FindingOut:
    return schemas.FindingOut(
        id=found.id,
        kind=found.kind,
        active=found.active,
        score=found.score,
        started=found.started,
        seen=found.seen,
        evidence=evidence(found.evidence) if with_evidence else None,
        waste=waste(found.waste),
        alert_id=alert_id,
        provisional=provisional,
        **_subject(registry, found.device_id, found.space_id),
        **_words(found.message, found.cause, found.facts),
    )


def alert(registry: Registry, found: Alert, *, order_id: int | None, provisional: bool = False) -> schemas.AlertOut:
    return schemas.AlertOut(**alert_fields(registry, found, order_id=order_id), provisional=provisional)


def alert_fields(registry: Registry, found: Alert, *, order_id: int | None) -> Fields:
    device = registry.devices.get(found.device_id)
    return {
        "id": found.id,
        "kind": found.kind,
        "device_kind": device.kind if device else None,
        "severity": found.severity,
        "state": found.state,
        "raised_at": found.raised_at,
        "updated_at": found.updated_at,
        "acknowledged_at": found.acknowledged_at,
        "acknowledged_by": found.acknowledged_by,
        "resolved_at": found.resolved_at,
        "resolution": found.resolution,
        "reopened": found.reopened,
        "drill": found.drill,
        "finding_id": found.finding_id,
        "order_id": order_id,
        **_subject(registry, found.device_id, found.space_id),
        **_words(found.message, found.cause, found.facts),
    }


def log_line(entry: AlertLogEntry | OrderLogEntry | AssetLogEntry) -> schemas.LogLine:
    return schemas.LogLine(
        at=entry.at, event=entry.event, actor=entry.actor, from_state=entry.from_state, to_state=entry.to_state, note=entry.note
    )


def is_overdue(order: WorkOrder, now: datetime) -> bool:
    """Nobody has accepted it in time, or it is not done in time; a deferral (on hold) moves the dates themselves."""
    if order.state in FINAL_STATES or order.done_at is not None:
        return False
    return now > order.resolve_due or (order.accepted_at is None and now > order.respond_due)


def order_fields(
    registry: Registry, found: WorkOrder, *, names: Mapping[str, str], allowed: list[OrderEvent], now: datetime
) -> Fields:
    """Fields of OrderOut; `names`: user name → display name."""
    device = registry.devices.get(found.device_id or "")
    fields = {name: getattr(found, name) for name in _ORDER_AS_IT_IS}
    return fields | {
        "number": f"WO-{found.id:06d}",
        "space_path": place_path(registry, found.space_id),
        "device_name": device.name if device else found.device_id,
        "device_name_zh": device.name_zh if device else found.device_id,
        "reporter_name": names.get(found.reporter or "", found.reporter),
        "assignee_name": names.get(found.assignee or "", found.assignee),
        "overdue": is_overdue(found, now),
        "allowed": allowed,
        **_words(found.message, found.cause, found.facts),
    }


_ORDER_AS_IT_IS = (
    *("id", "problem", "space_id", "device_id", "alert_id", "trade", "priority", "state", "reporter", "assignee", "hold_reason"),
    *("raised_at", "updated_at", "respond_due", "resolve_due", "accepted_at", "done_at", "closed_at"),
    *("verdict", "rating", "rework", "duplicate_of"),
)


def _subject(registry: Registry, device_id: str, space_id: str) -> Fields:
    device = registry.devices.get(device_id)
    return {
        "device_id": device_id,
        "device_name": device.name if device else device_id,
        "device_name_zh": device.name_zh if device else device_id,
        "space_id": space_id,
        "space_path": place_path(registry, space_id),
    }


def _words(message: str, cause: str, facts: Mapping[str, str | float]) -> Fields:
    return {"message": message, "cause": cause, "facts": dict(facts), "text": fill(message, facts)}
