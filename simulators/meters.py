"""The tree of meters of one quantity: who feeds whom, and how own loads add up to what each meter counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.model import Device, DeviceKind, Space
from devices.profiles import PROFILES, Profile
from simulators.campus import Campus
from simulators.timetable import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTree:
    """Meters in the order of `ids`; `parents[i]` is the index of the feeding meter or -1; `deepest_first` for sums."""

    kind: DeviceKind
    devices: tuple[Device, ...]
    ids: tuple[str, ...]
    spaces: tuple[Space, ...]
    parents: tuple[int, ...]
    deepest_first: tuple[int, ...]

    def index(self, device_id: str) -> int:
        return self.ids.index(device_id)

    def chain(self, device_id: str) -> tuple[int, ...]:
        """The meter itself and all that feed it, up to the main."""
        steps = [self.index(device_id)]
        while self.parents[steps[-1]] >= 0:
            steps.append(self.parents[steps[-1]])
        return tuple(steps)

    def total(self, own: Floats) -> Floats:
        """What each meter counts, (meters, n), from what each carries on its own, (meters, n)."""
        total = own.copy()
        for index in self.deepest_first:
            if self.parents[index] >= 0:
                total[self.parents[index]] += total[index]
        return total

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return tuple(PROFILES[device.profile_id] for device in self.devices)


def meter_tree(campus: Campus, kind: DeviceKind) -> MeterTree:
    meters = tuple(device for device in campus.devices if device.kind is kind)
    ids = tuple(device.id for device in meters)
    parents = tuple(ids.index(device.upstream_id) if device.upstream_id else -1 for device in meters)
    depth = [_depth(index, parents) for index in range(len(ids))]
    return MeterTree(
        kind=kind,
        devices=meters,
        ids=ids,
        spaces=tuple(campus.registry.spaces[device.space_id] for device in meters),
        parents=parents,
        deepest_first=tuple(int(i) for i in np.argsort([-d for d in depth], kind="stable")),
    )


def _depth(index: int, parents: tuple[int, ...]) -> int:
    depth = 0
    while parents[index] >= 0:
        index, depth = parents[index], depth + 1
    return depth


_COARSE_WATER = 0.01


def register_of(kind: DeviceKind) -> str:
    return "elec.energy.import" if kind is DeviceKind.ELECTRICITY_METER else "water.volume"


def gauge_of(kind: DeviceKind) -> str:
    return "elec.power.active" if kind is DeviceKind.ELECTRICITY_METER else "water.flow"


def resolution(profile: Profile) -> float:
    """The last digit of a meter's register: 0.01 kWh; 0.001 m3 on floors, 0.01 m3 on buildings and the site."""
    if profile.kind is DeviceKind.ELECTRICITY_METER:
        return 0.01
    return 0.001 if profile.id == "wm-floor" else _COARSE_WATER


def shown(register: npt.NDArray[np.float64] | float, profile: Profile) -> Floats:
    """What the display says: the register modulo its roll-over, cut to its last digit."""
    modulus, steps = profile.registers[register_of(profile.kind)].modulus, round(1 / resolution(profile))
    result: Floats = np.floor(np.mod(register, modulus) * steps + 1e-6) / steps
    return result


def gauge_shown(values: npt.NDArray[np.float64] | float, kind: DeviceKind) -> Floats:
    """Power to 0.1 W, flow to 1 L/h."""
    result: Floats = np.round(values, 1 if kind is DeviceKind.ELECTRICITY_METER else 3)
    return result
