"""Findings: what the detectors say, with evidence and waste."""

# ruff: noqa: FBT001, FBT002, PLR0913, PLR0917 - FastAPI wants one argument for each part of the address

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from analytics.finding import Finding, FindingKind
from api import present, schemas
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.paging import SCAN_LIMIT, Cursor, EntityId, Limit, page_of
from api.permissions import may_see_space, owned_spaces
from api.times import aware
from devices.errors import NotFound

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["findings"])


@router.get("/findings", summary="Findings, newest first")
def list_findings(
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    active: bool | None = None,
    kind: FindingKind | None = None,
    space: Annotated[str | None, Query(description="in this space and inside it")] = None,
    device: str | None = None,
    since: Annotated[datetime | None, Query(description="seen at or after this time")] = None,
    evidence: Annotated[bool, Query(description="1: with the measured and expected values")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> schemas.Page[schemas.FindingOut]:
    owned = owned_spaces(caller, registry)
    inside = None if space is None else {found.id for found in registry.within(space)}
    after = None if since is None else aware(since, deps.site.zone)
    found = [
        finding
        for finding in deps.findings.list(active=active, kind=kind, device_id=device, limit=SCAN_LIMIT)
        if (owned is None or finding.space_id in owned)
        and (inside is None or finding.space_id in inside)
        and (after is None or finding.seen >= after)
    ]
    page, following = page_of(found, lambda finding: str(finding.id), limit, cursor)
    items = [present.finding(registry, finding, alert_id=_alert_id(deps, finding), with_evidence=evidence) for finding in page]
    return schemas.Page(items=items, next=following)


@router.get("/findings/{finding_id}", summary="One finding with evidence")
def get_finding(finding_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.FindingOut:
    finding = deps.findings.get(finding_id)
    if not may_see_space(caller, registry, finding.space_id):
        raise NotFound(f"there is no finding {finding_id}")
    return present.finding(registry, finding, alert_id=_alert_id(deps, finding), with_evidence=True)


def _alert_id(deps: Deps, finding: Finding) -> int | None:
    alert = deps.alerts.latest(finding.kind, finding.device_id)
    return alert.id if alert and (alert.finding_id == finding.id or (finding.active and alert.resolved_at is None)) else None
