"""Spaces, what is in them, and the code on their door that leads to a report."""

import io
from typing import Annotated

import segno
from fastapi import APIRouter, Query, Request, Response

from api import filters, present, schemas
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import with_latest
from api.paging import page_of
from api.permissions import is_staff, may_see_space, visible_spaces
from devices.errors import NotFound
from devices.model import Space
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["spaces"])


@router.get("/spaces", summary="Spaces, flat")
def list_spaces(
    registry: RegistryHere, caller: Caller, query: Annotated[filters.Spaces, Query()]
) -> schemas.Page[schemas.SpaceOut]:
    """All that the caller may see, parents before their children."""
    allowed = visible_spaces(caller, registry)
    roots = registry.children(None)
    ordered = [space for root in roots for space in registry.within(root.id) if allowed is None or space.id in allowed]
    page, following = page_of(ordered, lambda space: space.id, query.limit, query.cursor)
    return schemas.Page(items=[present.space(space) for space in page], next=following)


@router.get("/spaces/{space_id}", summary="One space")
def get_space(space_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.SpaceDetail:
    """Reporters see the place, not its devices."""
    found = space_for(caller, registry, space_id)
    allowed = visible_spaces(caller, registry)
    children = [child for child in registry.children(space_id) if allowed is None or child.id in allowed]
    show_devices = is_staff(caller) and may_see_space(caller, registry, space_id)
    devices = registry.devices_in(space_id) if show_devices else ()
    return schemas.SpaceDetail(
        **dict(present.space(found)),
        path=[present.space(step) for step in registry.path(space_id)],
        children=[present.space(child) for child in children],
        devices=with_latest(deps, registry, devices),
    )


@router.get("/spaces/{space_id}/qr.svg", response_class=Response, summary="QR code to report a fault here")
def qr_code(space_id: str, request: Request, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Response:
    space_for(caller, registry, space_id)
    base = deps.base_url or str(request.base_url).rstrip("/")
    picture = io.BytesIO()
    segno.make(f"{base}/report/{space_id}", error="m", micro=False).save(picture, kind="svg", scale=6, border=4, light="#fff")
    return Response(picture.getvalue(), media_type="image/svg+xml")


def space_for(user: User, registry: Registry, space_id: str) -> Space:
    """Raises NotFound, also where the caller may not know that it exists."""
    allowed = visible_spaces(user, registry)
    found = registry.spaces.get(space_id)
    if found is None or (allowed is not None and space_id not in allowed):
        raise NotFound(f"there is no space {space_id!r}")
    return found
