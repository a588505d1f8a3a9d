"""Commands as the caller may give and see them: who may command what, and what may be done with one now."""

from collections.abc import Callable

from api.deps import Deps
from api.errors import Refused
from api.inventory import device_for
from api.schemas_incoming import CommandOut
from devices.command import Command, CommandName, CommandState
from devices.errors import NotFound
from devices.registry import Registry
from storage.user import Role, User

_WATER_AND_POWER = frozenset({Role.ADMIN, Role.ENERGY_MANAGER, Role.DISPATCHER})
_DOORS = frozenset({Role.ADMIN, Role.SECURITY})
MAY_COMMAND = {name: _DOORS if name.value.startswith("door.") else _WATER_AND_POWER for name in CommandName}


def check_may(user: User, name: CommandName) -> None:
    """Raises Refused 403."""
    if not user.roles & MAY_COMMAND[name]:
        raise Refused(403, f"your role may not give the command {name.value}")


def command_for(deps: Deps, registry: Registry, user: User, command_id: int) -> Command:
    """Raises NotFound, also where the caller may not know that it exists."""
    command = deps.incoming.commands.get(command_id)
    try:
        device_for(user, registry, command.device_id)
    except NotFound:
        raise NotFound(f"there is no command {command_id}") from None
    return command


def change(deps: Deps, user: User, command: Command, move: Callable[[Command], Command], action: str) -> Command:
    """Moves it on, for the record, and wakes the sender."""
    check_may(user, command.name)
    moved = deps.incoming.commands.update(move(command))
    deps.audit.append(deps.now(), user.username, f"command.{action}", f"{moved.id} {moved.device_id}", moved.name.value)
    deps.incoming.wake()
    return moved


def shown(registry: Registry, user: User, command: Command) -> CommandOut:
    device = registry.devices.get(command.device_id)
    fields = {name: getattr(command, name) for name in CommandOut.model_fields if hasattr(command, name)}
    return CommandOut(
        **fields,
        device_name=device.name if device else command.device_id,
        device_name_zh=device.name_zh if device else command.device_id,
        allowed=_allowed(user, command),
    )


def _allowed(user: User, command: Command) -> list[str]:
    if not user.roles & MAY_COMMAND[command.name]:
        return []
    confirm = command.state is CommandState.REQUESTED and user.username != command.requested_by
    cancel = command.state in (CommandState.REQUESTED, CommandState.CONFIRMED)
    return [word for word, may in (("confirm", confirm), ("cancel", cancel)) if may]
