"""Findings: what the detectors say, with evidence and waste."""

from typing import Annotated

from fastapi import APIRouter, Query

from analytics.finding import Finding
from api import filters, present, schemas
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.known import check_device
from api.paging import EntityId, decode_cursor, encode_cursor
from api.permissions import may_see_space, owned_spaces
from api.routes.spaces import space_filter
from api.times import aware
from devices.errors import NotFound
from maintenance.policy import waits
from storage.finding_store import FindingFilter

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["findings"])


@router.get("/findings", summary="Findings, newest first")
def list_findings(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Findings, Query()]
) -> schemas.Page[schemas.FindingOut]:
    owned, inside = owned_spaces(caller, registry), space_filter(caller, registry, query.space)
    wanted = FindingFilter(
        active=query.active,
        kind=query.kind,
        device_id=query.device,
        space_ids=inside if owned is None else owned if inside is None else owned & inside,
        seen_from=None if query.since is None else aware(query.since, deps.site.zone),
    )
    before_id = None if query.cursor is None else decode_cursor(query.cursor)[0]
    found = deps.findings.page(wanted, before_id=before_id, limit=query.limit + 1)
    if not found and query.cursor is None:
        check_device(deps, registry, caller, query.device)
    page = found[: query.limit]
    learning = deps.commissioning.open()
    items = [
        present.finding(
            registry,
            finding,
            alert_id=_alert_id(deps, finding),
            with_evidence=query.evidence,
            provisional=waits(finding.kind, commissioning=finding.device_id in learning),
        )
        for finding in page
    ]
    return schemas.Page(items=items, next=encode_cursor(page[-1].id, "") if len(found) > query.limit else None)


@router.get("/findings/{finding_id}", summary="One finding with evidence")
def get_finding(finding_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.FindingOut:
    finding = deps.findings.get(finding_id)
    if not may_see_space(caller, registry, finding.space_id):
        raise NotFound(f"there is no finding {finding_id}")
    provisional = waits(finding.kind, commissioning=finding.device_id in deps.commissioning.open())
    return present.finding(registry, finding, alert_id=_alert_id(deps, finding), with_evidence=True, provisional=provisional)


def _alert_id(deps: Deps, finding: Finding) -> int | None:
    alert = deps.alerts.latest(finding.kind, finding.device_id)
    return alert.id if alert and (alert.finding_id == finding.id or (finding.active and alert.resolved_at is None)) else None
