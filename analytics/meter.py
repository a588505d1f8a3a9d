"""What a detector must know about a meter: what it counts, for which place, and which meters hang beneath it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analytics.finding import FindingKind
from devices.model import Device, DeviceKind, SpaceKind, UseType
from devices.profiles import Register
from devices.registry import Registry

QUANTITY_OF = {DeviceKind.ELECTRICITY_METER: "electricity", DeviceKind.WATER_METER: "water"}
REGISTER_OF = {"electricity": "elec.energy.import", "water": "water.volume"}
RATE_OF = {"electricity": "elec.power.active", "water": "water.flow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """`quantity`: electricity (kWh, W) or water (m3, m3/h). `below`: ids of all meters downstream, at any depth.

    `allowed`: appliances that the house allows in this room (the device's attribute `allowed`, separated by commas).
    `area_m2`, `people`: of its place, None where nobody has said.
    `tuning`: parameters that people changed for this meter, by kind and name; `off`: kinds switched off here (analytics.tuning).
    """

    device_id: str
    space_id: str
    quantity: str
    level: SpaceKind
    use: UseType
    register: Register
    interval_s: float
    below: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    area_m2: float | None = None
    people: int | None = None
    tuning: Mapping[FindingKind, Mapping[str, float]] = field(default_factory=dict, hash=False)
    off: frozenset[FindingKind] = frozenset()

    @property
    def register_metric(self) -> str:
        return REGISTER_OF[self.quantity]

    @property
    def rate_metric(self) -> str:
        return RATE_OF[self.quantity]

    @property
    def unit(self) -> str:
        return "kWh" if self.quantity == "electricity" else "m3"


def meters_of(registry: Registry) -> dict[str, Meter]:
    """Every electricity and water meter of the campus by device id."""
    return {device.id: _meter(registry, device) for device in registry.devices.values() if device.kind in QUANTITY_OF}


def _meter(registry: Registry, device: Device) -> Meter:
    space = registry.spaces[device.space_id]
    profile = registry.profile(device)
    quantity = QUANTITY_OF[device.kind]
    return Meter(
        device_id=device.id,
        space_id=device.space_id,
        quantity=quantity,
        level=space.kind,
        use=space.use,
        register=profile.registers[REGISTER_OF[quantity]],
        interval_s=profile.interval_s,
        area_m2=space.area_m2,
        people=space.people,
        allowed=frozenset(word.strip() for word in device.attributes.get("allowed", "").split(",") if word.strip()),
        below=frozenset(_below(registry, device.id, {device.id})),
    )


def _below(registry: Registry, device_id: str, seen: set[str]) -> set[str]:
    found: set[str] = set()
    for meter in registry.sub_meters(device_id):
        if meter.id not in seen:
            seen.add(meter.id)
            found |= {meter.id} | _below(registry, meter.id, seen)
    return found
