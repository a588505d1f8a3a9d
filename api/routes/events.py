"""Door and alarm events as the devices sent them."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api import filters, present, schemas
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for
from api.known import event_types
from api.paging import SCAN_LIMIT, page_of
from api.permissions import owned_spaces
from api.times import aware_range, to_ms
from devices.model import Event

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["devices"])


@router.get("/events", summary="Events, newest first")
def list_events(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[filters.Events, Query()]
) -> schemas.Page[schemas.EventOut]:
    """Of the last 24 h unless `start` says otherwise."""
    if query.device is not None:
        device_for(caller, registry, query.device)
    since, until = aware_range(query.start, query.end, zone=deps.site.zone, now=deps.now(), default=timedelta(hours=24))
    types = event_types(query.type)
    found = deps.events.list(device_id=query.device, types=types, start_ms=to_ms(since), end_ms=to_ms(until), limit=SCAN_LIMIT)
    owned = owned_spaces(caller, registry)
    visible = [event for event in found if owned is None or _space_of(registry, event) in owned]
    page, following = page_of(visible, _key, query.limit, query.cursor)
    items = [
        schemas.EventOut(
            device_id=event.device_id, type=event.type, ts=present.moment(event.ts_ms), attributes=dict(event.attributes)
        )
        for event in page
    ]
    return schemas.Page(items=items, next=following)


def _key(event: Event) -> str:
    return f"{event.ts_ms}/{event.device_id}/{event.type}"


def _space_of(registry: RegistryHere, event: Event) -> str | None:
    device = registry.devices.get(event.device_id)
    return device.space_id if device else None
