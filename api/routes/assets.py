"""The asset ledger: registered, listed, and moved on by the verbs of devices.asset.AssetEvent."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import filters, present, schemas
from api import schemas_assets as shapes
from api.assets import asset_for, check_place, create, do, edit, request_of, shown
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.idempotency import IdempotencyKey, once, request_key
from api.inventory import device_for
from api.known import check_device
from api.paging import decode_cursor, encode_cursor
from api.permissions import owned_spaces
from api.words import words
from devices.asset import Asset, AssetEvent, AssetState, Condition
from devices.asset_classes import CLASSES
from devices.errors import BadInput, Conflict, NotFound
from devices.registry import Registry
from storage.asset_store import AssetFilter
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["assets"])

BY_PERSONS = frozenset(AssetEvent) - {AssetEvent.REGISTER, AssetEvent.EDIT}


class Wanted(filters.PageOf):
    """Which assets; used by the list, the export and the label sheets alike."""

    q: str | None = Field(default=None, max_length=100, description="part of a number, name, model, serial number or custodian")
    class_code: str | None = Field(default=None, max_length=9, pattern=r"^A\d*$", description="a class, or the beginning of one")
    state: str | None = Field(default=None, description="comma-separated states; default: all")
    space: str | None = Field(default=None, description=filters.IN_SPACE)
    custodian: str | None = Field(default=None, max_length=200, description="me, or a name")
    condition: Condition | None = None
    warranty_before: date | None = None
    waiting: bool = Field(default=False, description="1: only those with a request that waits for a decision")
    device: str | None = Field(default=None, max_length=100, description="linked to this device")


@router.get("/assets", summary="Assets, by number")
def list_assets(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Wanted, Query()]
) -> schemas.Page[shapes.AssetOut]:
    after = "" if query.cursor is None else decode_cursor(query.cursor)[1]
    found = deps.assets.list(asset_filter(caller, registry, query, after=after, limit=query.limit + 1))
    if not found and not after:
        check_device(deps, registry, caller, query.device)
    page = found[: query.limit]
    following = encode_cursor(0, page[-1].tag) if len(found) > query.limit else None
    return schemas.Page(items=shown(deps, registry, caller, page), next=following)


@router.post("/assets", status_code=201, summary="Enter an asset")
def create_asset(
    body: shapes.AssetIn, deps: DepsHere, registry: RegistryHere, caller: Caller, idempotency_key: IdempotencyKey = None
) -> shapes.AssetOut:
    """With `accepted_on` it is on the books at once; without, it waits for acceptance."""
    key = request_key(idempotency_key, who=caller.username, route="assets", body=body)
    return once(deps, key, lambda: shown(deps, registry, caller, [create(deps, registry, caller, body)])[0], shapes.AssetOut)


@router.get("/assets/classes", summary="Classes of GB/T 14885 with their usual service life")
def classes(caller: Caller) -> schemas.Page[shapes.AssetClassOut]:  # noqa: ARG001 - only for who is signed in
    items = [
        shapes.AssetClassOut(code=found.code, name=found.name, name_zh=found.name_zh, life_months=found.life_months)
        for found in CLASSES
    ]
    return schemas.Page(items=items)


@router.get("/assets/{tag}", summary="One asset")
def get_asset(tag: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.AssetOut:
    return shown(deps, registry, caller, [asset_for(deps, registry, caller, tag)])[0]


@router.patch("/assets/{tag}", summary="Correct the facts of an asset")
def edit_asset(tag: str, body: shapes.AssetEdit, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.AssetOut:
    """The history keeps what they were."""
    asset = asset_for(deps, registry, caller, tag)
    return shown(deps, registry, caller, [edit(deps, caller, asset, body)])[0]


@router.get("/assets/{tag}/history", summary="What happened to an asset")
def history(tag: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.AssetHistory:
    """Oldest first; `chain_ok` is false where somebody altered it."""
    asset = asset_for(deps, registry, caller, tag)
    lines = [present.log_line(entry) for entry in deps.assets.log(asset.id)]
    return shapes.AssetHistory(items=lines, chain_ok=deps.assets.verify_chain(asset.id))


@router.get("/assets/{tag}/place", summary="What a label says to anybody who scans it")
def place(tag: str, deps: DepsHere, caller: Caller) -> shapes.AssetPlace:  # noqa: ARG001 - only for who is signed in
    asset = deps.assets.get(tag)
    return shapes.AssetPlace(tag=asset.tag, name=asset.name, name_zh=asset.name_zh, space_id=asset.space_id)


@router.post("/assets/{tag}/{event}", summary="Move an asset on")
def act(
    tag: str,
    event: AssetEvent,
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    body: shapes.AssetEventIn | None = None,
) -> shapes.AssetOut:
    """`allowed` of the asset lists what the caller may do now; anything else is refused and changes nothing."""
    asset = asset_for(deps, registry, caller, tag)
    if event not in BY_PERSONS:
        raise BadInput("this happens by POST /api/v1/assets (register) and PATCH /api/v1/assets/{tag} (edit)", place="event")
    given = body or shapes.AssetEventIn()
    check_place(caller, registry, given.space_id)
    _check_device(deps, registry, caller, asset, given.device_id)
    return shown(deps, registry, caller, [do(deps, caller, asset, request_of(caller, event, given))])[0]


def asset_filter(user: User, registry: Registry, query: Wanted, *, after: str = "", limit: int | None = None) -> AssetFilter:
    """What the query means to this user. Raises BadInput for an unknown word."""
    owned = owned_spaces(user, registry)
    inside = None if query.space is None else frozenset(found.id for found in registry.within(query.space))
    return AssetFilter(
        states=words(query.state, AssetState, place="state"),
        space_ids=inside if owned is None else owned if inside is None else owned & inside,
        class_prefix=query.class_code or "",
        q=query.q or "",
        custodian=user.username if query.custodian == "me" else query.custodian,
        warranty_before=query.warranty_before,
        condition=query.condition,
        waiting=query.waiting,
        device_id=query.device,
        after=after,
        limit=limit,
    )


def _check_device(deps: DepsHere, registry: Registry, user: User, asset: Asset, device_id: str | None) -> None:
    if device_id is None:
        return
    try:
        device_for(user, registry, device_id)
    except NotFound as error:
        raise BadInput(str(error), place="device_id") from None
    other = deps.assets.list(AssetFilter(device_id=device_id))
    if other and other[0].tag != asset.tag:
        raise Conflict(f"device {device_id!r} is linked to asset {other[0].tag}; unlink it there first")
