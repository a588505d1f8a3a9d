"""Devices as the caller may see them, with their health and last values: one query each for a whole page of devices."""

from collections.abc import Sequence

from api import present, schemas
from api.deps import Deps
from api.permissions import may_see_space
from devices.errors import NotFound
from devices.model import Device
from devices.registry import Registry
from storage.user import User


def device_for(user: User, registry: Registry, device_id: str) -> Device:
    """Raises NotFound, also where the caller may not know that it exists."""
    device = registry.devices.get(device_id)
    if device is None or not may_see_space(user, registry, device.space_id):
        raise NotFound(f"there is no device {device_id!r}")
    return device


def with_latest(deps: Deps, registry: Registry, devices: Sequence[Device]) -> list[schemas.DeviceOut]:
    latest = latest_by_device(deps, devices)
    health = deps.health.all() if len(devices) > 1 else {device.id: deps.health.get(device.id) for device in devices}
    now = deps.now()
    return [
        schemas.DeviceOut(**present.device_fields(registry, device, health.get(device.id), now), latest=latest[device.id])
        for device in devices
    ]


def latest_by_device(deps: Deps, devices: Sequence[Device]) -> dict[str, dict[str, schemas.Latest]]:
    """The last value of each metric; the ledger's hourly sums are left out, they belong to consumption."""
    found: dict[str, dict[str, schemas.Latest]] = {device.id: {} for device in devices}
    if not devices:
        return found
    for reading in deps.readings.latest([device.id for device in devices]):
        if not reading.metric.endswith(".hourly"):
            found[reading.device_id][reading.metric] = present.latest_of(reading)
    return found
