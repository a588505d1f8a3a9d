"""Gateways and what speaks through them: when one falls silent, so do all of these."""

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Query

from api import present, schemas
from api import schemas_registry as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.filters import PageOf
from api.guard import GuardedRoute
from api.inventory import with_latest
from api.paging import page_of
from api.permissions import may_see_space
from api.routes.discovered import strangers
from api.status import PRESENT
from devices.adoption import GATEWAY
from devices.errors import NotFound
from devices.health import DeviceHealth
from devices.model import Device, DeviceKind
from devices.profiles import is_retired
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["devices"])


@router.get("/gateways", summary="Gateways and how many devices speak through each")
def list_gateways(
    deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[PageOf, Query()]
) -> schemas.Page[shapes.GatewayOut]:
    health = deps.health.all()
    behind = _behind(caller, registry, health)
    unknown = {one.gateway_id for one in strangers(deps, registry) if one.gateway_id} if caller.buildings is None else set()
    ids = sorted(set(behind) | unknown | _own_gateways(caller, registry))
    page, following = page_of(ids, lambda gateway_id: gateway_id, query.limit, query.cursor)
    return schemas.Page(
        items=[_shown(deps, registry, gateway_id, behind[gateway_id], health) for gateway_id in page], next=following
    )


@router.get("/gateways/{gateway_id}", summary="One gateway with its devices")
def get_gateway(gateway_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.GatewayDetail:
    health = deps.health.all()
    devices = _behind(caller, registry, health)[gateway_id]
    unknown = [one.device_id for one in strangers(deps, registry) if one.gateway_id == gateway_id]
    unknown = unknown if caller.buildings is None else []
    if not devices and not unknown and gateway_id not in _own_gateways(caller, registry):
        raise NotFound(f"there is no gateway {gateway_id!r}")
    return shapes.GatewayDetail(
        **dict(_shown(deps, registry, gateway_id, devices, health)), items=with_latest(deps, registry, devices), discovered=unknown
    )


def gateway_of(device: Device, health: DeviceHealth | None) -> str | None:
    """The one it was last heard through, else the one it was adopted with."""
    return (health.gateway_id if health else None) or device.attributes.get(GATEWAY)


def _behind(caller: User, registry: Registry, health: dict[str, DeviceHealth]) -> defaultdict[str, list[Device]]:
    found: defaultdict[str, list[Device]] = defaultdict(list)
    for device in registry.devices.values():
        gateway_id = gateway_of(device, health.get(device.id))
        if gateway_id and gateway_id != device.id and not is_retired(device) and may_see_space(caller, registry, device.space_id):
            found[gateway_id].append(device)
    return found


def _own_gateways(caller: User, registry: Registry) -> set[str]:
    return {
        device.id
        for device in registry.devices.values()
        if device.kind is DeviceKind.GATEWAY and may_see_space(caller, registry, device.space_id)
    }


def _shown(
    deps: Deps, registry: Registry, gateway_id: str, devices: list[Device], health: dict[str, DeviceHealth]
) -> shapes.GatewayOut:
    now = deps.now()
    states = [present.status_of(registry, device, health.get(device.id), now) for device in devices]
    own = registry.devices.get(gateway_id)
    heard = [health[one].last_seen_ms for one in (gateway_id, *(device.id for device in devices)) if one in health]
    newest_ms = max(heard, default=0)
    return shapes.GatewayOut(
        id=gateway_id,
        name=own.name if own else None,
        name_zh=own.name_zh if own else None,
        known=own is not None,
        devices=len(devices),
        present=sum(state in PRESENT for state in states),
        last_seen=present.moment(newest_ms) if newest_ms else None,
    )
