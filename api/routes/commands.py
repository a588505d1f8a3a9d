"""Commands to devices: asked for, confirmed by a second person where they are dangerous, answered by the device."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.commands import MAY_COMMAND, change, check_may, command_for, shown
from api.deps import Caller, DepsHere, RegistryHere
from api.filters import PageOf
from api.guard import GuardedRoute
from api.idempotency import IdempotencyKey, once, request_key
from api.inventory import device_for
from api.paging import SCAN_LIMIT, EntityId, page_of
from api.permissions import may_see_space
from api.schemas import Page
from api.schemas_incoming import CommandIn, CommandOut, CommandsOf
from devices import command as machine
from devices.errors import IllegalTransition

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["commands"])


@router.get("/commands", summary="Commands, newest first")
def list_commands(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[PageOf, Query()]) -> Page[CommandOut]:
    found = [
        command
        for command in deps.incoming.commands.list(limit=SCAN_LIMIT)
        if (device := registry.devices.get(command.device_id)) and may_see_space(caller, registry, device.space_id)
    ]
    page, following = page_of(found, lambda command: str(command.id), query.limit, query.cursor)
    return Page(items=[shown(registry, caller, command) for command in page], next=following)


@router.get("/devices/{device_id}/commands", summary="What the device obeys, and its commands so far")
def commands_of_device(device_id: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> CommandsOf:
    """`may`: those that the caller may give now."""
    device = device_for(caller, registry, device_id)
    obeys = machine.commands_of(device)
    found = deps.incoming.commands.list(device_ids=[device_id], limit=20)
    return CommandsOf(
        obeys=list(obeys),
        may=[name for name in obeys if caller.roles & MAY_COMMAND[name]],
        confirmed_by_two=[name for name in obeys if name in machine.DANGEROUS],
        items=[shown(registry, caller, command) for command in found],
    )


@router.post("/devices/{device_id}/commands", status_code=201, summary="Command a device")
def command_device(
    device_id: str,
    body: CommandIn,
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> CommandOut:
    """Dangerous ones wait for a second person; the others are sent at once. The answer is followed at /commands."""
    device = device_for(caller, registry, device_id)
    check_may(caller, body.name)

    def create() -> CommandOut:
        now = deps.now()
        asked = machine.request(device, body.name, by=caller.username, reason=body.reason, now=now)
        made = deps.incoming.commands.insert(asked)
        deps.audit.append(now, caller.username, "command.request", f"{made.id} {device_id}", f"{made.name.value}: {made.reason}")
        deps.incoming.wake()
        return shown(registry, caller, made)

    key = request_key(idempotency_key, who=caller.username, route=f"commands {device_id}"[:200], body=body)
    return once(deps, key, create, CommandOut)


@router.post("/commands/{command_id}/confirm", summary="Confirm, as a second person")
def confirm(command_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> CommandOut:
    command = command_for(deps, registry, caller, command_id)
    if command.device_id not in registry.devices:
        raise IllegalTransition("its device is no longer in the registry")
    moved = change(deps, caller, command, lambda known: machine.confirm(known, by=caller.username, now=deps.now()), "confirm")
    return shown(registry, caller, moved)


@router.post("/commands/{command_id}/cancel", summary="Cancel, before it is sent")
def cancel(command_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> CommandOut:
    command = command_for(deps, registry, caller, command_id)
    moved = change(deps, caller, command, lambda known: machine.cancel(known, by=caller.username, now=deps.now()), "cancel")
    return shown(registry, caller, moved)
