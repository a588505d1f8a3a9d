"""Device profiles: what a model sends, how often, and where its registers roll over. A new device family starts here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.model import DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A counting register. It rolls over to zero at `modulus`; it cannot count faster than `max_per_hour` (both in its unit)."""

    modulus: float
    max_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is expected of a model. `interval_s`: seconds between messages of a healthy device; `silent_after_s`: when to worry."""

    id: str
    kind: DeviceKind
    metrics: tuple[str, ...]
    interval_s: float
    silent_after_s: float
    registers: Mapping[str, Register] = field(default_factory=dict)


def _electricity(profile_id: str, interval_s: float, modulus_kwh: float, max_kwh_per_hour: float) -> Profile:
    return Profile(
        id=profile_id,
        kind=DeviceKind.ELECTRICITY_METER,
        metrics=("elec.energy.import", "elec.power.active"),
        interval_s=interval_s,
        silent_after_s=max(3 * interval_s, 900),
        registers={"elec.energy.import": Register(modulus=modulus_kwh, max_per_hour=max_kwh_per_hour)},
    )


def _water(profile_id: str, interval_s: float, modulus_m3: float, max_m3_per_hour: float) -> Profile:
    return Profile(
        id=profile_id,
        kind=DeviceKind.WATER_METER,
        metrics=("water.volume", "water.flow"),
        interval_s=interval_s,
        silent_after_s=max(3 * interval_s, 900),
        registers={"water.volume": Register(modulus=modulus_m3, max_per_hour=max_m3_per_hour)},
    )


def _fire(profile_id: str, kind: DeviceKind, metrics: tuple[str, ...]) -> Profile:
    return Profile(id=profile_id, kind=kind, metrics=(*metrics, "battery.level"), interval_s=30, silent_after_s=90)


_TABLE = (
    _electricity("em-site", 10, 1e6, 5_000),
    _electricity("em-building", 10, 1e6, 1_500),
    _electricity("em-floor", 30, 1e5, 400),
    _electricity("em-room", 10, 1e5, 25),
    _water("wm-site", 10, 1e6, 200),
    _water("wm-building", 10, 1e5, 60),
    _water("wm-floor", 30, 1e4, 20),
    Profile(
        id="door",
        kind=DeviceKind.DOOR_CONTROLLER,
        metrics=("door.open", "battery.level"),
        interval_s=60,
        silent_after_s=300,
    ),
    _fire("smoke", DeviceKind.SMOKE_DETECTOR, ("smoke", "smoke.density")),
    _fire("heat", DeviceKind.HEAT_DETECTOR, ("heat_alarm", "env.temperature")),
    _fire("co", DeviceKind.CO_DETECTOR, ("co_alarm", "co.concentration")),
    _fire("gas", DeviceKind.GAS_DETECTOR, ("gas_alarm", "gas.lel")),
    _fire("call-point", DeviceKind.CALL_POINT, ("call_point.active",)),
    _fire("hydrant", DeviceKind.HYDRANT_PRESSURE, ("water.pressure",)),
)

PROFILES: dict[str, Profile] = {profile.id: profile for profile in _TABLE}
