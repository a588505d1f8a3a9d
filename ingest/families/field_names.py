"""Names of JSON fields that many makers share (Zigbee2MQTT's vocabulary first) → our metrics."""

import re
from typing import NamedTuple


class Field(NamedTuple):
    """`is_state`: a truth; `inverted`: told as its opposite; `alarm`: the event that a true value is."""

    metric: str
    factor: float = 1.0
    is_state: bool = False
    inverted: bool = False
    alarm: str = ""


def _state(metric: str, alarm: str = "", *, inverted: bool = False) -> Field:
    return Field(metric, is_state=True, inverted=inverted, alarm=alarm)


FIELDS: dict[str, Field] = {
    # electricity
    "energy": Field("elec.energy.import"),
    "energy_kwh": Field("elec.energy.import"),
    "consumption": Field("elec.energy.import"),
    "total_energy": Field("elec.energy.import"),
    "energy_total": Field("elec.energy.import"),
    "forward_energy": Field("elec.energy.import"),
    "energy_consumed": Field("elec.energy.import"),
    "consumed_energy": Field("elec.energy.import"),
    "total_forward_energy": Field("elec.energy.import"),
    "energy_produced": Field("elec.energy.export"),
    "produced_energy": Field("elec.energy.export"),
    "reverse_energy": Field("elec.energy.export"),
    "energy_reverse": Field("elec.energy.export"),
    "total_reverse_energy": Field("elec.energy.export"),
    "reactive_energy": Field("elec.energy.reactive.import"),
    "power": Field("elec.power.active"),
    "active_power": Field("elec.power.active"),
    "power_active": Field("elec.power.active"),
    "total_power": Field("elec.power.active"),
    "power_total": Field("elec.power.active"),
    "power_ab": Field("elec.power.active"),
    "power_reactive": Field("elec.power.reactive"),
    "reactive_power": Field("elec.power.reactive"),
    "power_apparent": Field("elec.power.apparent"),
    "apparent_power": Field("elec.power.apparent"),
    "current": Field("elec.current"),
    "current_total": Field("elec.current"),
    "current_neutral": Field("elec.current.n"),
    "voltage": Field("elec.voltage"),
    "power_factor": Field("elec.power_factor"),
    "frequency": Field("elec.frequency"),
    "ac_frequency": Field("elec.frequency"),
    "leakage_current": Field("x.elec.current.leakage"),
    # air and surroundings
    "temperature": Field("env.temperature"),
    "local_temperature": Field("env.temperature"),
    "device_temperature": Field("device.temperature"),
    "cpu_temperature": Field("device.temperature"),
    "humidity": Field("env.humidity"),
    "pressure": Field("env.pressure", 0.1),
    "illuminance": Field("env.illuminance"),
    "illuminance_lux": Field("env.illuminance"),
    "soil_moisture": Field("env.soil_moisture"),
    "soil_temperature": Field("env.soil_temperature"),
    "co2": Field("env.co2"),
    "voc": Field("env.voc"),
    "pm25": Field("env.pm25"),
    "pm10": Field("env.pm10"),
    "noise": Field("env.noise"),
    # alarms
    "smoke": _state("smoke", "alarm.smoke"),
    "smoke_alarm": _state("smoke", "alarm.smoke"),
    "smoke_density": Field("smoke.density"),
    "smoke_concentration": Field("x.smoke.concentration"),
    "fire": _state("smoke", "alarm.fire"),
    "heat": _state("heat_alarm", "alarm.heat"),
    "heat_alarm": _state("heat_alarm", "alarm.heat"),
    "gas": _state("gas_alarm", "alarm.gas"),
    "gas_alarm": _state("gas_alarm", "alarm.gas"),
    "gas_value": Field("gas.lel"),
    "gas_density": Field("gas.lel"),
    "carbon_monoxide": _state("co_alarm", "alarm.co"),
    "co_alarm": _state("co_alarm", "alarm.co"),
    "carbon_monoxide_alarm": _state("co_alarm", "alarm.co"),
    "co": Field("co.concentration"),
    "tamper": _state("tamper", "alarm.tamper"),
    "tamper_alarm": _state("tamper", "alarm.tamper"),
    "sos": _state("call_point.active", "alarm.sos"),
    "emergency": _state("call_point.active", "alarm.sos"),
    "water_leak": _state("leak", "alarm.leak"),
    "leak": _state("leak", "alarm.leak"),
    "leakage": _state("leak", "alarm.leak"),
    "water_leakage": _state("leak", "alarm.leak"),
    "flood": _state("leak", "alarm.leak"),
    "vibration": _state("vibration"),
    "trouble": _state("x.trouble", "fault.sensor"),
    "fault": _state("x.fault", "fault.device"),
    "fault_alarm": _state("x.fault", "fault.device"),
    # doors, people, switches
    "contact": _state("door.open", inverted=True),
    "door": _state("door.open"),
    "door_open": _state("door.open"),
    "door_state": _state("door.open"),
    "window_open": _state("x.window.open"),
    "occupancy": _state("occupancy"),
    "presence": _state("occupancy"),
    "motion": _state("occupancy"),
    "movement": _state("occupancy"),
    "lock_state": _state("lock.locked"),
    "state": _state("switch.on"),
    "switch": _state("switch.on"),
    # water
    "flow": Field("water.flow"),
    "water_flow": Field("water.flow"),
    "flow_rate": Field("water.flow"),
    "water_consumed": Field("x.water.consumed"),  # litres since the last irrigation on some models, so no register
    "water_volume": Field("water.volume"),
    "total_water": Field("water.volume"),
    "water_temperature": Field("water.temperature"),
    "water_pressure": Field("water.pressure"),
    # the device itself
    "battery": Field("battery.level"),
    "battery_level": Field("battery.level"),
    "battery_percentage": Field("battery.level"),
    "battery_low": _state("battery.low", "fault.battery_low"),
    "battery_voltage": Field("battery.voltage"),
    "linkquality": Field("link.lqi"),
    "lqi": Field("link.lqi"),
    "rssi": Field("link.rssi"),
    "snr": Field("link.snr"),
    "online": _state("online"),
}

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SUFFIX = re.compile(
    r"(.+?)_(?:phase_)?(a|b|c|x|y|z|n|l[1-9]\d?|ch[1-9]\d?|[1-9]\d?|left|right|center|top|bottom|t[1-9]|tier_?[1-9])"
)
PHASES = {"a": "l1", "b": "l2", "c": "l3", "x": "l1", "y": "l2", "z": "l3"}


def snake(name: str) -> str:
    """`batteryLevel`, `Battery Level` → `battery_level`."""
    return _CAMEL.sub("_", name.strip()).lower().replace(" ", "_").replace("-", "_")


def split(name: str) -> tuple[str, str]:
    """A known field's stem and its suffix (a, b, l1, ch2, t1, left, ...); the name alone where it has none."""
    if name in FIELDS:
        return name, ""
    found = _SUFFIX.fullmatch(name)
    if found is None or found[1] not in FIELDS:
        return name, ""
    suffix = found[2]
    if suffix.startswith("tier"):
        suffix = "t" + suffix[-1]
    return found[1], f"ch{suffix}" if suffix.isdecimal() else suffix
