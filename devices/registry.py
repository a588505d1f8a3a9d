"""The campus as one immutable value: spaces, devices and how they hang together. Built once from the database, asked by all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from devices.model import Device, DeviceKind, Space, SpaceKind
from devices.profiles import PROFILES, Profile, profile_of


class Registry:
    """Look-ups over spaces and devices. Raises `ValueError` naming the place where a reference leads nowhere."""

    def __init__(self, spaces: Iterable[Space], devices: Iterable[Device]) -> None:
        self.spaces = {space.id: space for space in spaces}
        self.devices = {device.id: device for device in devices}
        _check(self.spaces, self.devices)

    @cached_property
    def _children(self) -> dict[str | None, tuple[Space, ...]]:
        found: dict[str | None, list[Space]] = defaultdict(list)
        for space in self.spaces.values():
            found[space.parent_id].append(space)
        return {parent: tuple(spaces) for parent, spaces in found.items()}

    @cached_property
    def _devices_by_space(self) -> dict[str, tuple[Device, ...]]:
        found: dict[str, list[Device]] = defaultdict(list)
        for device in self.devices.values():
            found[device.space_id].append(device)
        return {space: tuple(devices) for space, devices in found.items()}

    @cached_property
    def _sub_meters(self) -> dict[str, tuple[Device, ...]]:
        found: dict[str, list[Device]] = defaultdict(list)
        for device in self.devices.values():
            if device.upstream_id:
                found[device.upstream_id].append(device)
        return {main: tuple(devices) for main, devices in found.items()}

    def profile(self, device: Device) -> Profile:
        """With what the device's own attributes say instead."""
        return profile_of(device)

    def children(self, space_id: str | None) -> tuple[Space, ...]:
        return self._children.get(space_id, ())

    def devices_in(self, space_id: str) -> tuple[Device, ...]:
        """Devices of this very space, not of the spaces inside it."""
        return self._devices_by_space.get(space_id, ())

    def sub_meters(self, device_id: str) -> tuple[Device, ...]:
        return self._sub_meters.get(device_id, ())

    def within(self, space_id: str) -> Iterator[Space]:
        """The space and all inside it, outermost first."""
        if space_id in self.spaces:
            yield self.spaces[space_id]
            for child in self.children(space_id):
                yield from self.within(child.id)

    def path(self, space_id: str) -> tuple[Space, ...]:
        """From the site down to the space."""
        steps: list[Space] = []
        current: str | None = space_id
        while current is not None:
            steps.append(self.spaces[current])
            current = self.spaces[current].parent_id
        return tuple(reversed(steps))

    def ids_to(self, space_id: str) -> tuple[str, ...]:
        """As `path`, the ids only; just the id where the space has since been removed."""
        return tuple(space.id for space in self.path(space_id)) if space_id in self.spaces else (space_id,)

    def building(self, space_id: str) -> Space | None:
        return next((space for space in self.path(space_id) if space.kind is SpaceKind.BUILDING), None)

    def meters_of(self, space_id: str, kind: DeviceKind) -> tuple[Device, ...]:
        """The meters whose sum is the consumption of a space: its own where it has them, else those of its parts."""
        own = tuple(d for d in self.devices_in(space_id) if d.kind is kind and d.measures_space)
        if own:
            return own
        return tuple(meter for child in self.children(space_id) for meter in self.meters_of(child.id, kind))


def _check(spaces: dict[str, Space], devices: dict[str, Device]) -> None:
    for space in spaces.values():
        if space.parent_id is not None and space.parent_id not in spaces:
            raise ValueError(f"space {space.id!r}: its parent {space.parent_id!r} does not exist; add it or correct parent_id")
        _check_no_cycle(space, spaces)
    for device in devices.values():
        if device.space_id not in spaces:
            raise ValueError(f"device {device.id!r}: its space {device.space_id!r} does not exist; add it or correct space_id")
        if device.profile_id not in PROFILES:
            raise ValueError(f"device {device.id!r}: no profile {device.profile_id!r}; choose one of {', '.join(PROFILES)}")
        if device.upstream_id is not None and device.upstream_id not in devices:
            raise ValueError(f"device {device.id!r}: its upstream meter {device.upstream_id!r} does not exist")


def _check_no_cycle(space: Space, spaces: dict[str, Space]) -> None:
    seen = {space.id}
    current = space.parent_id
    while current is not None and current in spaces:
        if current in seen:
            raise ValueError(f"space {space.id!r} lies inside itself; correct parent_id of {current!r}")
        seen.add(current)
        current = spaces[current].parent_id
