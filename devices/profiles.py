"""Device profiles: what a model sends, how often, and where its registers roll over. A new device family starts here.

A single device may differ from its profile: its attributes `interval_s`, `silent_after_s`, `modulus.<register>`,
`max_per_hour.<register>`, `low.<metric>` and `high.<metric>` stand in for the profile's numbers (`profile_of`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, log10

from devices.errors import BadInput
from devices.metrics import MetricKind, metric
from devices.model import Device, DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A counting register. It rolls over to zero at `modulus`; it cannot count faster than `max_per_hour` (both in its unit).

    `signed`: it may rightly run backwards (energy fed back through a meter with one register).
    """

    modulus: float
    max_per_hour: float
    signed: bool = False

    @property
    def digits(self) -> int:
        """Places before the point that the register shows."""
        return max(round(log10(self.modulus)), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What this model can measure, in the metric's unit; a reading outside is flagged as implausible."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is expected of a model. `interval_s`: seconds between messages of a healthy device; `silent_after_s`: when to worry.

    `sleeping`: it wakes, speaks and sleeps again (batteries), so that its silence in between is no sign of anything.
    """

    id: str
    kind: DeviceKind
    metrics: tuple[str, ...]
    interval_s: float
    silent_after_s: float
    registers: Mapping[str, Register] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    sleeping: bool = False
    name: str = ""
    name_zh: str = ""


RETIRED_AT = "retired_at"
"""The attribute (ISO date) of a device that no longer stands there; `replaced_by` names the one that took its place."""

NEVER_S = 3e9
"""A century: a retired device is never silent for too long."""

INTERVAL, SILENT_AFTER = "interval_s", "silent_after_s"
_MODULUS, _FASTEST, _LOW, _HIGH = "modulus.", "max_per_hour.", "low.", "high."
_OVERRIDES = (INTERVAL, SILENT_AFTER, _MODULUS, _FASTEST, _LOW, _HIGH, RETIRED_AT)


def is_retired(device: Device) -> bool:
    return RETIRED_AT in device.attributes


def profile_of(device: Device) -> Profile:
    """The profile with what the device's own attributes say; a number that cannot be read counts as not given."""
    base = PROFILES[device.profile_id]
    if not any(name.startswith(_OVERRIDES) for name in device.attributes):
        return base
    interval_s = _positive(device, INTERVAL) or base.interval_s
    stretched = max(3 * interval_s, base.silent_after_s) if interval_s > base.interval_s else base.silent_after_s
    silent_after_s = NEVER_S if is_retired(device) else _positive(device, SILENT_AFTER) or stretched
    return replace(
        base, interval_s=interval_s, silent_after_s=silent_after_s, registers=_registers(device, base), limits=_limits(device, base)
    )


def check_overrides(attributes: Mapping[str, str]) -> None:
    """Raises BadInput naming the attribute that should stand for a number of the profile and does not."""
    for name, value in attributes.items():
        if not name.startswith(_OVERRIDES) or name == RETIRED_AT:
            continue
        number = _number(value)
        if number is None or (number <= 0 and not name.startswith((_LOW, _HIGH))):
            raise BadInput(f"{value!r} is no {'number' if number is None else 'number above 0'}", place=f"attributes.{name}")
        about = name.partition(".")[2]
        if about and name.startswith((_MODULUS, _FASTEST)) and metric(about).kind is not MetricKind.REGISTER:
            raise BadInput(f"{about!r} is no register; registers end with the metrics that count up", place=f"attributes.{name}")


def _registers(device: Device, base: Profile) -> Mapping[str, Register]:
    return {
        name: replace(
            register,
            modulus=_positive(device, _MODULUS + name) or register.modulus,
            max_per_hour=_positive(device, _FASTEST + name) or register.max_per_hour,
        )
        for name, register in base.registers.items()
    }


def _limits(device: Device, base: Profile) -> Mapping[str, Limits]:
    found = dict(base.limits)
    for attribute in device.attributes:
        if attribute.startswith((_LOW, _HIGH)):
            name = attribute.partition(".")[2]
            known = found.get(name) or Limits(low=metric(name).low, high=metric(name).high)
            low, high = _number(device.attributes.get(_LOW + name)), _number(device.attributes.get(_HIGH + name))
            found[name] = Limits(low=known.low if low is None else low, high=known.high if high is None else high)
    return found


def _positive(device: Device, attribute: str) -> float | None:
    number = _number(device.attributes.get(attribute))
    return number if number is not None and number > 0 else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if isfinite(number) else None


_DAY_S = 86_400.0
_POWER, _ENERGY = "elec.power.active", "elec.energy.import"
_Names = tuple[str, str]


def _electricity(profile_id: str, names: _Names, interval_s: float, modulus_kwh: float, max_kwh_per_hour: float) -> Profile:
    return Profile(
        id=profile_id,
        kind=DeviceKind.ELECTRICITY_METER,
        metrics=(_ENERGY, _POWER),
        interval_s=interval_s,
        silent_after_s=max(3 * interval_s, 900),
        registers={_ENERGY: Register(modulus=modulus_kwh, max_per_hour=max_kwh_per_hour)},
        name=names[0],
        name_zh=names[1],
    )


def _water(profile_id: str, names: _Names, interval_s: float, modulus_m3: float, max_m3_per_hour: float) -> Profile:
    """A meter that speaks once an hour or less runs on a battery and sleeps in between."""
    sleeping = interval_s >= 3600
    return Profile(
        id=profile_id,
        kind=DeviceKind.WATER_METER,
        metrics=("water.volume", "battery.level") if sleeping else ("water.volume", "water.flow"),
        interval_s=interval_s,
        silent_after_s=max(2.5 * interval_s if sleeping else 3 * interval_s, 900),
        registers={"water.volume": Register(modulus=modulus_m3, max_per_hour=max_m3_per_hour)},
        sleeping=sleeping,
        name=names[0],
        name_zh=names[1],
    )


def _fire(profile_id: str, names: _Names, kind: DeviceKind, metrics: tuple[str, ...]) -> Profile:
    return Profile(
        id=profile_id,
        kind=kind,
        metrics=(*metrics, "battery.level"),
        interval_s=30,
        silent_after_s=90,
        name=names[0],
        name_zh=names[1],
    )


def _battery(profile_id: str, names: _Names, kind: DeviceKind, metrics: tuple[str, ...], interval_s: float) -> Profile:
    """A sensor that sleeps and speaks when something happens, and every `interval_s` to say that it lives."""
    return Profile(
        id=profile_id,
        kind=kind,
        metrics=(*metrics, "battery.level"),
        interval_s=interval_s,
        silent_after_s=max(3 * interval_s, 3600),
        sleeping=True,
        name=names[0],
        name_zh=names[1],
    )


_TABLE = (
    _electricity("em-site", ("Site electricity meter", "校园总电表"), 10, 1e6, 5_000),
    _electricity("em-building", ("Building electricity meter", "楼栋电表"), 10, 1e6, 1_500),
    _electricity("em-floor", ("Floor electricity meter", "楼层电表"), 30, 1e5, 400),
    _electricity("em-room", ("Room electricity meter", "房间电表"), 10, 1e5, 25),
    _electricity("em-polled", ("Electricity meter, read every 15 minutes", "十五分钟抄表电表"), 900, 1e6, 1_500),
    _electricity("em-daily", ("Electricity meter, read once a day", "每日抄表电表"), _DAY_S, 1e6, 1_500),
    replace(
        _electricity("em-two-way", ("Two-way electricity meter (solar)", "双向电表（光伏）"), 60, 1e6, 1_500),
        metrics=(_ENERGY, "elec.energy.export", _POWER),
        registers={
            _ENERGY: Register(modulus=1e6, max_per_hour=1_500, signed=True),
            "elec.energy.export": Register(modulus=1e6, max_per_hour=1_500),
        },
    ),
    replace(
        _electricity("smart-plug", ("Smart plug with meter", "计量智能插座"), 300, 1e5, 4),
        metrics=(_ENERGY, _POWER, "switch.on"),
        limits={_POWER: Limits(low=-10, high=4_000)},
    ),
    _water("wm-site", ("Site water meter", "校园总水表"), 10, 1e6, 200),
    _water("wm-building", ("Building water meter", "楼栋水表"), 10, 1e5, 60),
    _water("wm-floor", ("Floor water meter", "楼层水表"), 30, 1e4, 20),
    _water("wm-room", ("Room water meter, read every 15 minutes", "房间水表（十五分钟抄表）"), 900, 1e4, 5),
    _water("wm-battery-hourly", ("Battery water meter, speaks once an hour", "电池水表（每小时上报）"), 3600, 1e5, 60),
    _water("wm-battery", ("Battery water meter, speaks once a day", "电池水表（每日上报）"), _DAY_S, 1e5, 60),
    Profile(
        id="gas-meter",
        kind=DeviceKind.GAS_METER,
        metrics=("gas.volume", "battery.level"),
        interval_s=_DAY_S,
        silent_after_s=2.5 * _DAY_S,
        registers={"gas.volume": Register(modulus=1e5, max_per_hour=100)},
        sleeping=True,
        name="Gas meter, speaks once a day",
        name_zh="燃气表（每日上报）",
    ),
    Profile(
        id="heat-meter",
        kind=DeviceKind.HEAT_METER,
        metrics=("heat.energy", "heat.power"),
        interval_s=3600,
        silent_after_s=3 * 3600,
        registers={"heat.energy": Register(modulus=1e7, max_per_hour=5_000)},
        name="Heat meter",
        name_zh="热量表",
    ),
    Profile(
        id="door",
        kind=DeviceKind.DOOR_CONTROLLER,
        metrics=("door.open", "battery.level"),
        interval_s=60,
        silent_after_s=300,
        name="Door controller",
        name_zh="门禁控制器",
    ),
    _battery("door-contact", ("Door contact on battery", "电池门磁"), DeviceKind.DOOR_CONTROLLER, ("door.open",), 6 * 3600),
    _fire("smoke", ("Smoke detector", "感烟探测器"), DeviceKind.SMOKE_DETECTOR, ("smoke", "smoke.density")),
    _fire("heat", ("Heat detector", "感温探测器"), DeviceKind.HEAT_DETECTOR, ("heat_alarm", "env.temperature")),
    _fire("co", ("CO detector", "一氧化碳探测器"), DeviceKind.CO_DETECTOR, ("co_alarm", "co.concentration")),
    _fire("gas", ("Combustible gas detector", "可燃气体探测器"), DeviceKind.GAS_DETECTOR, ("gas_alarm", "gas.lel")),
    _fire("call-point", ("Manual call point", "手动火灾报警按钮"), DeviceKind.CALL_POINT, ("call_point.active",)),
    _fire("hydrant", ("Hydrant pressure sensor", "消火栓压力传感器"), DeviceKind.HYDRANT_PRESSURE, ("water.pressure",)),
    _fire("fire-tank", ("Level of the fire water tank", "消防水池水位"), DeviceKind.FIRE_TANK, ("level.height",)),
    _fire("fire-panel", ("Fire alarm panel", "火灾报警控制器"), DeviceKind.FIRE_PANEL, ("online",)),
    _battery(
        "climate",
        ("Temperature and humidity sensor", "温湿度传感器"),
        DeviceKind.ENVIRONMENT_SENSOR,
        ("env.temperature", "env.humidity"),
        3600,
    ),
    Profile(
        id="cold-store",
        kind=DeviceKind.COLD_STORE,
        metrics=("env.temperature", "env.humidity", "battery.level"),
        interval_s=300,
        silent_after_s=1800,
        name="Cold store or refrigerator",
        name_zh="冷库或冰箱温湿度",
    ),
    _battery("leak", ("Water leak sensor", "漏水传感器"), DeviceKind.LEAK_SENSOR, ("leak",), _DAY_S),
    _battery("occupancy", ("Occupancy sensor", "人体存在传感器"), DeviceKind.OCCUPANCY_SENSOR, ("occupancy",), 3600),
    Profile(
        id="sensor",
        kind=DeviceKind.SENSOR,
        metrics=(),
        interval_s=3600,
        silent_after_s=_DAY_S,
        name="Any other device",
        name_zh="其他设备",
    ),
    Profile(
        id="gateway",
        kind=DeviceKind.GATEWAY,
        metrics=("online",),
        interval_s=300,
        silent_after_s=900,
        name="Gateway",
        name_zh="网关",
    ),
)

PROFILES: dict[str, Profile] = {profile.id: profile for profile in _TABLE}
