"""Device profiles: what each model is expected to send, and how often."""

from collections import Counter
from math import isfinite

from fastapi import APIRouter

from api import schemas
from api import schemas_registry as shapes
from api.deps import Caller, RegistryHere
from api.guard import GuardedRoute
from api.permissions import owned_spaces
from devices.metrics import metric as metric_of
from devices.profiles import PROFILES, Limits, Profile

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["devices"])


@router.get("/profiles", summary="Device profiles")
def list_profiles(registry: RegistryHere, caller: Caller) -> schemas.Page[shapes.ProfileOut]:
    """A single device may differ: see its attributes interval_s, silent_after_s, modulus.*, max_per_hour.*, low.* and high.*."""
    owned = owned_spaces(caller, registry)
    used = Counter(device.profile_id for device in registry.devices.values() if owned is None or device.space_id in owned)
    return schemas.Page(items=[shown(profile, used[profile.id]) for profile in PROFILES.values()])


def shown(profile: Profile, devices: int = 0) -> shapes.ProfileOut:
    return shapes.ProfileOut(
        id=profile.id,
        name=profile.name,
        name_zh=profile.name_zh,
        kind=profile.kind,
        metrics=list(profile.metrics),
        interval_s=profile.interval_s,
        silent_after_s=profile.silent_after_s,
        sleeping=profile.sleeping,
        registers=[
            shapes.RegisterOut(
                metric=name,
                unit=metric_of(name).unit,
                modulus=register.modulus,
                digits=register.digits,
                max_per_hour=register.max_per_hour,
                signed=register.signed,
            )
            for name, register in profile.registers.items()
        ],
        limits=[_limits(profile, name) for name in dict.fromkeys([*profile.metrics, *profile.limits])],
        devices=devices,
    )


def _limits(profile: Profile, name: str) -> shapes.LimitsOut:
    known = metric_of(name)
    found = profile.limits.get(name, Limits(low=known.low, high=known.high))
    low, high = (bound if isfinite(bound) else None for bound in (found.low, found.high))
    return shapes.LimitsOut(metric=name, unit=known.unit, low=low, high=high)
