"""Changes of the registry by people: pure functions from the registry as it is to what must be written, or a refusal that says why.

They run inside the store's transaction (`RegistryStore.change`), so that what they looked at is what they change.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from devices.errors import BadInput, Conflict, NotFound
from devices.model import Device, Space, SpaceKind
from devices.profiles import PROFILES, RETIRED_AT, check_overrides, is_retired
from devices.registry import Registry

REPLACED_BY, REPLACES = "replaced_by", "replaces"
_RANK = {kind: rank for rank, kind in enumerate(SpaceKind)}
_ID = re.compile(r"[\w][\w.-]{0,99}")
_NAMED = 12
"""How many of what stands in the way a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Spaces and devices to write by id, spaces to remove; `was` tells for each changed field what it was before."""

    spaces: tuple[Space, ...] = ()
    devices: tuple[Device, ...] = ()
    removed_spaces: tuple[str, ...] = ()
    was: Mapping[str, Any] = field(default_factory=dict)


def add_space(registry: Registry, space: Space) -> Changes:
    """Raises BadInput for a place where it cannot stand, Conflict where the id is taken."""
    _check_id(space.id, "id")
    if space.id in registry.spaces:
        raise Conflict(f"there is a space {space.id!r} already; choose another id")
    _check_place(registry, space)
    return Changes(spaces=(space,))


def edit_space(registry: Registry, space_id: str, changes: Mapping[str, Any]) -> Changes:
    """`changes`: fields of Space but for `id`. A new `parent_id` moves it with all inside. Raises NotFound or BadInput."""
    old = space_of(registry, space_id)
    new = replace(old, **changes)
    _check_place(registry, new)
    for child in registry.children(space_id):
        if _RANK[child.kind] <= _RANK[new.kind]:
            raise BadInput(f"a {new.kind} cannot hold the {child.kind} {child.name!r}", place="kind")
    return Changes(spaces=(new,) if new != old else (), was=_differing(old, new))


def remove_space(registry: Registry, space_id: str) -> Changes:
    """Raises Conflict naming what is still in it."""
    space_of(registry, space_id)
    inside = [f"{child.kind} {child.name!r}" for child in registry.children(space_id)]
    inside += [
        f"{'retired ' if is_retired(device) else ''}device {device.name!r} ({device.id})"
        for device in registry.devices_in(space_id)
    ]
    if inside:
        more = f" and {len(inside) - _NAMED} more" if len(inside) > _NAMED else ""
        raise Conflict(f"it is not empty; move or remove first: {', '.join(inside[:_NAMED])}{more}")
    return Changes(removed_spaces=(space_id,))


def add_device(registry: Registry, device: Device) -> Changes:
    """Raises BadInput where it does not fit in, Conflict where the id is taken."""
    if device.id in registry.devices:
        raise Conflict(f"there is a device {device.id!r} already")
    _check_device(registry, device)
    return Changes(devices=(device,))


def edit_device(registry: Registry, device_id: str, changes: Mapping[str, Any]) -> Changes:
    """`changes`: fields of Device but for `id` and `kind`, which follows the profile. `attributes` are merged, None removes one.

    Raises NotFound or BadInput.
    """
    old = device_of(registry, device_id)
    new = replace(old, **{**changes, "attributes": _merged(old.attributes, changes.get("attributes", {}))})
    if new.profile_id in PROFILES:
        new = replace(new, kind=PROFILES[new.profile_id].kind)
    _check_device(registry, new)
    return Changes(devices=(new,) if new != old else (), was=_differing(old, new))


def retire(registry: Registry, device_id: str, on: date) -> Changes:
    """Its readings and its place in the tree stay; it is expected to be silent from now on. Raises Conflict where it is retired."""
    device = device_of(registry, device_id)
    if is_retired(device):
        raise Conflict(f"device {device_id!r} is retired since {device.attributes[RETIRED_AT]}")
    return Changes(devices=(_with(device, {RETIRED_AT: on.isoformat()}),))


def put_back(registry: Registry, device_id: str) -> Changes:
    """Undoes `retire`."""
    device = device_of(registry, device_id)
    if not is_retired(device):
        raise Conflict(f"device {device_id!r} is not retired")
    kept = {name: value for name, value in device.attributes.items() if name not in (RETIRED_AT, REPLACED_BY)}
    return Changes(devices=(replace(device, attributes=kept),))


def replace_device(registry: Registry, old_id: str, new: Device, on: date) -> Changes:
    """`new` (known already or not) takes the place of the old one: its space, what feeds it, what it feeds. The old one retires."""
    old = device_of(registry, old_id)
    if new.id == old_id:
        raise BadInput("a device cannot take its own place", place="by")
    if new.kind is not old.kind:
        raise BadInput(f"a {new.kind} cannot take the place of a {old.kind}", place="by")
    if is_retired(old):
        raise Conflict(f"device {old_id!r} is retired already")
    stays = {"space_id": old.space_id, "upstream_id": old.upstream_id, "measures_space": old.measures_space}
    heir = _with(replace(new, **stays), {REPLACES: old_id})  # type: ignore[arg-type]
    heir = replace(heir, attributes={name: value for name, value in heir.attributes.items() if name != RETIRED_AT})
    gone = _with(old, {RETIRED_AT: on.isoformat(), REPLACED_BY: new.id})
    below = tuple(replace(meter, upstream_id=new.id) for meter in registry.sub_meters(old_id) if meter.id != new.id)
    return Changes(devices=(gone, heir, *below))


def space_of(registry: Registry, space_id: str) -> Space:
    if space_id not in registry.spaces:
        raise NotFound(f"there is no space {space_id!r}")
    return registry.spaces[space_id]


def device_of(registry: Registry, device_id: str) -> Device:
    if device_id not in registry.devices:
        raise NotFound(f"there is no device {device_id!r}")
    return registry.devices[device_id]


def fresh_id(registry: Registry, parent_id: str, name: str, kind: SpaceKind) -> str:
    """An id nobody has, from the place above and the name, as far as it has Latin letters or digits."""
    word = re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix(parent_id.lower())).strip("-") or kind.value
    start = f"{parent_id}-{word}"[:90]
    taken = (f"{start}-{number}" if number > 1 else start for number in range(1, len(registry.spaces) + 2))
    return next(one for one in taken if one not in registry.spaces)


def _check_id(found: str, place: str) -> None:
    if not _ID.fullmatch(found):
        raise BadInput(f"{found[:40]!r} is no id; use letters, digits, '-', '_' and '.', at most 100 of them", place=place)


def _check_place(registry: Registry, space: Space) -> None:
    if space.kind is SpaceKind.SITE:
        if space.parent_id is not None:
            raise BadInput("a site lies in nothing; leave parent_id empty or choose another kind", place="parent_id")
        return
    if space.parent_id is None or space.parent_id not in registry.spaces:
        raise BadInput(f"a {space.kind} needs the place that it lies in; there is no space {space.parent_id!r}", place="parent_id")
    if space.id in {step.id for step in registry.path(space.parent_id)}:
        raise BadInput(f"{space.name!r} cannot lie inside itself; choose a place outside of it", place="parent_id")
    parent = registry.spaces[space.parent_id]
    if _RANK[space.kind] <= _RANK[parent.kind]:
        raise BadInput(f"a {space.kind} cannot lie in a {parent.kind}", place="parent_id")


def _check_device(registry: Registry, device: Device) -> None:
    if not 0 < len(device.id) <= 128 or not device.id.isprintable():
        raise BadInput("the id must be 1 to 128 printable characters", place="id")
    if device.space_id not in registry.spaces:
        raise BadInput(f"there is no space {device.space_id!r}", place="space_id")
    if device.profile_id not in PROFILES:
        raise BadInput(f"no profile {device.profile_id!r}; known: {', '.join(PROFILES)}", place="profile_id")
    check_overrides(device.attributes)
    if device.upstream_id is not None:
        _check_upstream(registry, device, device.upstream_id)


def _check_upstream(registry: Registry, device: Device, upstream_id: str) -> None:
    upstream = registry.devices.get(upstream_id)
    if upstream is None:
        raise BadInput(f"there is no device {upstream_id!r}", place="upstream_id")
    if upstream.kind is not device.kind:
        raise BadInput(f"a {upstream.kind} does not feed a {device.kind}", place="upstream_id")
    seen = {device.id}
    current: str | None = upstream_id
    while current is not None:
        if current in seen:
            raise BadInput(f"{upstream.name!r} is itself fed by this meter", place="upstream_id")
        seen.add(current)
        current = registry.devices[current].upstream_id if current in registry.devices else None


def _merged(old: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**old, **changes}.items() if value is not None}


def _with(device: Device, attributes: Mapping[str, str]) -> Device:
    return replace(device, attributes={**device.attributes, **attributes})


def _differing(old: Space | Device, new: Space | Device) -> dict[str, Any]:
    names = type(old).__dataclass_fields__
    return {name: getattr(old, name) for name in names if getattr(old, name) != getattr(new, name)}
