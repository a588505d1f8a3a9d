"""A person's change of the registry: scope, transaction, audit line and the registry as it is afterwards."""

from collections.abc import Callable, Mapping
from typing import Any

from api.deps import Deps
from api.errors import Refused
from api.permissions import may_see_space
from devices.editing import Changes
from devices.errors import NotFound
from devices.model import Device, Space
from devices.registry import Registry
from storage.user import User


def change(deps: Deps, caller: User, action: str, subject: str, edit: Callable[[Registry], Changes], *, note: str = "") -> Changes:
    """Writes it and says so in the audit log; what changes nothing is not logged. Raises what `edit` raises."""
    changes = deps.registry.change(lambda registry: _in_scope(caller, registry, edit(registry)))
    if changes.spaces or changes.devices or changes.removed_spaces:
        told = ": ".join(part for part in (_told(changes), note) if part)
        deps.audit.append(deps.now(), caller.username, action, subject, told[:2000])
    return changes


def must_own(caller: User, registry: Registry, space_id: str) -> None:
    """Raises NotFound where the space is not among those the caller looks after."""
    if not may_see_space(caller, registry, space_id):
        raise NotFound(f"there is no space {space_id!r}")


def _in_scope(caller: User, registry: Registry, changes: Changes) -> Changes:
    """Who looks after some buildings changes nothing outside of them, neither what was there nor what comes there."""
    if caller.buildings is None:
        return changes
    for space in changes.spaces:
        _own(caller, registry, (space.id if space.id in registry.spaces else space.parent_id, space.parent_id))
    _own(caller, registry, changes.removed_spaces)
    for device in changes.devices:
        before = registry.devices.get(device.id)
        _own(caller, registry, (device.space_id, before.space_id if before else device.space_id))
    return changes


def _own(caller: User, registry: Registry, space_ids: tuple[str | None, ...]) -> None:
    if any(space_id is None or not may_see_space(caller, registry, space_id) for space_id in space_ids):
        raise Refused(403, "this reaches beyond the buildings that you look after")


def _told(changes: Changes) -> str:
    written: list[Space | Device] = [*changes.spaces, *changes.devices]
    if changes.was:
        return "; ".join(f"{name}: {_word(was)} → {_word(getattr(written[0], name))}" for name, was in changes.was.items())
    return ", ".join(f"{one.name} ({one.id})" for one in written)


def _word(value: Any) -> str:  # noqa: ANN401 - any field of a space or device
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}={one}" for name, one in sorted(value.items())) + "}"
    return "nothing" if value is None else str(value)
