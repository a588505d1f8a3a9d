"""Alerts: seen, acknowledged, resolved by people. The rules are alerts.machine's; this translates."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from alerts import engine, grouping
from alerts.model import Alert, AlertState, Severity
from alerts.rules import rule_for
from analytics.finding import Finding
from api import filters, present, schemas
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.errors import Refused
from api.guard import GuardedRoute
from api.known import check_device
from api.paging import EntityId, decode_cursor, encode_cursor
from api.permissions import may_acknowledge, may_see_space, owned_spaces
from api.routes.spaces import space_filter
from api.words import words
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from maintenance.policy import waits
from storage.alert_store import AlertFilter, AlertMark
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["alerts"])


@router.get("/alerts", summary="Alerts, worst first")
def list_alerts(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Alerts, Query()]
) -> schemas.Page[schemas.AlertOut]:
    wanted = AlertFilter(
        states=words(query.state, AlertState, place="state"),
        severities=words(query.severity, Severity, place="severity"),
        space_ids=_spaces(caller, registry, query.space),
        device_id=query.device,
    )
    found = deps.alerts.page(wanted, after=_mark(query.cursor), limit=query.limit + 1)
    if not found and query.cursor is None:
        check_device(deps, registry, caller, query.device)
    page = found[: query.limit]
    following = _cursor(page[-1]) if len(found) > query.limit else None
    return schemas.Page(items=[_shown(deps, registry, alert) for alert in page], next=following)


@router.get("/alerts/headlines", summary="Fire devices that fell silent together: one line over many alerts")
def list_headlines(deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.Page[schemas.HeadlineOut]:
    owned = owned_spaces(caller, registry)
    alerts = deps.alerts.list(states=grouping.UNRESOLVED, space_ids=owned, limit=grouping.LOOKED_AT)
    found = [_headline(registry, one) for one in grouping.headlines(alerts, registry.ids_to)]
    return schemas.Page(items=found, next=None)


@router.get("/alerts/{alert_id}", summary="One alert with evidence and history")
def get_alert(alert_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.AlertDetail:
    alert = alert_for(deps, registry, caller, alert_id)
    finding = _finding(deps, alert)
    return schemas.AlertDetail(
        **dict(_shown(deps, registry, alert)),
        evidence=present.evidence(finding.evidence) if finding else None,
        waste=present.waste(finding.waste) if finding else None,
        log=[present.log_line(entry) for entry in deps.alerts.log(alert_id)],
        first_steps=[rule_for(alert.kind).advice],
    )


@router.post("/alerts/{alert_id}/acknowledge", summary="I have seen it and act on it")
def acknowledge(
    alert_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller, body: schemas.AcknowledgeIn | None = None
) -> schemas.AlertOut:
    if not may_acknowledge(caller, alert_for(deps, registry, caller, alert_id)):
        raise Refused(403, "a life-safety alert is acknowledged by the security desk")
    now = deps.now()
    outcome = engine.acknowledge(deps.alerts, alert_id, caller.username, now)
    deps.audit.append(now, caller.username, "alert.acknowledge", str(alert_id), body.note if body else "")
    deps.bus("alert", alert_id)
    return _shown(deps, registry, outcome.alert or deps.alerts.get(alert_id))


@router.post("/alerts/{alert_id}/resolve", summary="End it by hand, with the reason")
def resolve(
    alert_id: EntityId, body: schemas.ResolveIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> schemas.AlertOut:
    alert_for(deps, registry, caller, alert_id)
    now = deps.now()
    outcome = engine.resolve(deps.alerts, alert_id, caller.username, body.reason, now)
    deps.audit.append(now, caller.username, "alert.resolve", str(alert_id), body.reason)
    deps.bus("alert", alert_id)
    return _shown(deps, registry, outcome.alert or deps.alerts.get(alert_id))


def alert_for(deps: Deps, registry: Registry, user: User, alert_id: int) -> Alert:
    """Raises NotFound, also where the caller may not know that it exists."""
    alert = deps.alerts.get(alert_id)
    if not may_see_space(user, registry, alert.space_id):
        raise NotFound(f"there is no alert {alert_id}")
    return alert


def _cursor(last: Alert) -> str:
    return encode_cursor(last.severity.rank, f"{last.raised_at.isoformat()}|{last.id}")


def _mark(cursor: str | None) -> AlertMark | None:
    """Raises BadInput for what is no cursor of this list."""
    if cursor is None:
        return None
    rank, rest = decode_cursor(cursor)
    raised_at, _, alert_id = rest.partition("|")
    try:
        return rank, datetime.fromisoformat(raised_at).astimezone(UTC), min(int(alert_id), 2**62)
    except (ValueError, OverflowError):
        raise BadInput("not a cursor of this list; use `next` of the page before", place="cursor") from None


def _spaces(user: User, registry: Registry, space: str | None) -> frozenset[str] | None:
    owned = owned_spaces(user, registry)
    inside = space_filter(user, registry, space)
    if inside is None:
        return owned
    return inside if owned is None else inside & owned


def _shown(deps: Deps, registry: Registry, alert: Alert) -> schemas.AlertOut:
    order = deps.orders.for_alert(alert.id)
    provisional = waits(alert.kind, commissioning=True) and alert.device_id in deps.commissioning.open()
    return present.alert(registry, alert, order_id=order.id if order else None, provisional=provisional)


def _headline(registry: Registry, one: grouping.Headline) -> schemas.HeadlineOut:
    return schemas.HeadlineOut(
        space_id=one.space_id,
        space_path=present.place_path(registry, one.space_id),
        site_wide=one.site_wide,
        since=one.since,
        count=len(one.alert_ids),
        alert_ids=list(one.alert_ids),
    )


def _finding(deps: Deps, alert: Alert) -> Finding | None:
    if alert.finding_id is None:
        return None
    try:
        return deps.findings.get(alert.finding_id)
    except NotFound:
        return None  # expired by retention before its alert
