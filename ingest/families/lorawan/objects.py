"""What a network server or a maker's codec decoded: names of fields, as makers use them, → our metrics.

Fields shared with other JSON families come from `field_names`; here are those that LoRaWAN codecs use besides.
"""

import re
from collections.abc import Mapping
from typing import Any

from ingest.families.field_names import FIELDS, PHASES, Field, snake, split
from ingest.families.json_fields import epoch_ms, leaves, number, objects, truth
from ingest.families.lorawan.uplink import Meaning, Unusable

_DIGITS = re.compile(r"(?<=[a-z])(?=\d)")
_SENSOR = re.compile(r"_(?:sensor|status|state|value)(?=_\d+$|$)")
_WORDS = {
    "open": True,
    "opened": True,
    "leak": True,
    "leakage": True,
    "alarm": True,
    "fire": True,
    "uninstalled": True,
    "leak detected": True,
    "close": False,
    "closed": False,
    "normal": False,
    "no leak": False,
    "noleak": False,
    "no alarm": False,
    "installed": False,
}
_VOLT_NAMES = {
    "bat_v",
    "bat",
    "volt",
    "batv",
    "battery_voltage",
    "battery_v",
    "supply_voltage",
    "vdd",
    "bat_voltage",
    "vbat",
    "device_voltage",
}
_LARGEST_BATTERY_V = 60.0
_UNITS = {"Wh": 0.001, "varh": 0.001, "MWh": 1000.0, "kW": 1000.0, "mA": 0.001, "mV": 0.001, "L": 0.001, "l": 0.001}
"""Factors to kWh, W, A, V, m3."""
_ALL_PHASES, _TARIFF, _CHANNEL = re.compile(r"_?l_?123"), re.compile(r"_?t_?([1-9])$"), re.compile(r"_?chn_?([1-9])(?=_|$)")
_OWN: dict[str, Field] = {
    "luminosity": Field("env.luminosity"),
    "light": Field("env.illuminance"),
    "light_intensity": Field("env.illuminance"),
    "lux": Field("env.illuminance"),
    "relative_humidity": Field("env.humidity"),
    "barometric_pressure": Field("env.pressure", 0.1),
    "external_temperature": Field("env.temperature.ch1"),
    "magnet": Field("door.open", is_state=True),
    "door_open_status": Field("door.open", is_state=True),
    "open": Field("door.open", is_state=True),
    "contact_state": Field("door.open", is_state=True),
    "door_open_times": Field("door.open_count"),
    "open_count": Field("door.open_count"),
    "water": Field("leak", is_state=True, alarm="alarm.leak"),
    "water_leak_status": Field("leak", is_state=True, alarm="alarm.leak"),
    "leak_detected": Field("leak", is_state=True, alarm="alarm.leak"),
    "flood_detected": Field("leak", is_state=True, alarm="alarm.leak"),
    "box_tamper": Field("tamper", is_state=True, alarm="alarm.tamper"),
    "fire_alarm": Field("smoke", is_state=True, alarm="alarm.smoke"),
    "high_temp_alarm": Field("heat_alarm", is_state=True, alarm="alarm.heat"),
    "low_battery": Field("battery.low", is_state=True, alarm="fault.battery_low"),
    "relay": Field("switch.on", is_state=True),
    "socket": Field("switch.on", is_state=True),
    "on_off": Field("switch.on", is_state=True),
    "active_energy_import": Field("elec.energy.import"),
    "active_energy_export": Field("elec.energy.export"),
    "reactive_energy_import": Field("elec.energy.reactive.import"),
    "reactive_energy_export": Field("elec.energy.reactive.export"),
    "internal_temperature": Field("env.temperature"),
    "relay_state": Field("switch.on", is_state=True),
    "output": Field("switch.on", is_state=True),
    "violation_detection": Field("tamper", is_state=True, alarm="alarm.tamper"),
    "input": Field("contact.active", is_state=True),
    "event_count": Field("counter.events"),
    "waterleak": Field("leak.raw"),
    "log_volume_m3": Field("water.volume.log"),
    "vrms": Field("elec.voltage"),
    "irms": Field("elec.current"),
    "energy_k_wh": Field("elec.energy.import"),
    "active_energy": Field("elec.energy.import", 0.001),
    "energy_wh": Field("elec.energy.import", 0.001),
    "power_consumption": Field("elec.energy.import", 0.001),
    "power_w": Field("elec.power.active"),
    "ac_voltage_v": Field("elec.voltage"),
    "ac_current_m_a": Field("elec.current", 0.001),
    "current_m_a": Field("elec.current", 0.001),
    "current_ma": Field("elec.current", 0.001),
    "total_current": Field("elec.charge"),
    "current_volume_m3": Field("water.volume"),
    "volume_m3": Field("water.volume"),
    "total_volume": Field("water.volume"),
    "water_flow_value": Field("water.volume", 0.001),
    "meter_reading": Field("counter.pulses"),
    "pulse": Field("counter.pulses"),
    "pulses": Field("counter.pulses"),
    "counter": Field("counter.pulses"),
    "total_pulse": Field("counter.pulses"),
    "water_pressure_m_pa": Field("water.pressure", 1000.0),
    "water_pressure_k_pa": Field("water.pressure"),
    "gas_status": Field("gas_alarm", is_state=True, alarm="alarm.gas"),
    "temp": Field("env.temperature"),
    "temp_c": Field("env.temperature"),
    "hum": Field("env.humidity"),
    "latitude": Field("geo.lat"),
    "longitude": Field("geo.lon"),
}


def understand(told: Mapping[str, Any], kind: str = "") -> Meaning:
    """Fields that no vocabulary knows are kept as x. where they are numbers. Raises `Unusable` for an empty object."""
    if not told:
        raise Unusable("the decoded object is empty")
    meaning = Meaning()
    for path, value in leaves(_flat(told)):
        if value is not None:
            _take(meaning, path, value, kind)
    for record in objects(told.get("history")):
        moment = epoch_ms(record.get("timestamp"))
        if moment is not None:
            past = understand({name: value for name, value in record.items() if name != "timestamp"} or {"": None}, kind)
            meaning.at(moment // 1000, past.values)
    return meaning


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    """`{value, unit}` in place of a number is brought to our unit."""
    flat: dict[str, Any] = {}
    for name, value in told.items():
        amount = number(value.get("value", value.get("data"))) if isinstance(value, dict) else None
        if isinstance(value, dict) and amount is not None and isinstance(value.get("unit"), str):
            flat[name] = amount * _UNITS.get(value["unit"], 1.0)
        else:
            flat[name] = value
    return flat


def _take(meaning: Meaning, path: str, value: object, kind: str) -> None:
    name, field, suffix = _field(path)
    if name in _VOLT_NAMES or name.endswith("_battery_voltage") or (name == "battery" and _is_volts(value)):
        _battery_volts(meaning, value)
    elif field is None:
        _unknown(meaning, path, value)
    elif field.is_state:
        said = _truth(value)
        if said is None:
            _unknown(meaning, path, value)
        else:
            metric = "leak" if kind == "leak" and field.metric == "contact.active" else field.metric
            meaning.state(metric + suffix, said != field.inverted, field.alarm)
    else:
        found = number(value)
        if found is not None:
            meaning.put(field.metric + suffix, found * field.factor)


def _field(path: str) -> tuple[str, Field | None, str]:
    """The most telling name: the last level, without words such as sensor or status, with its number as channel."""
    level = path.rpartition(".")[2]
    tariff, channel = _TARIFF.search(snake(level)), _CHANNEL.search(snake(level))
    if level in ("value", "data") and "." in path:
        level = path.rpartition(".")[0].rpartition(".")[2]
    name = _DIGITS.sub("_", snake(level)) if not snake(level).endswith(("m3", "co2", "pm25", "pm10")) else snake(level)
    name = _ALL_PHASES.sub("", name)
    if tariff or channel:
        name = _CHANNEL.sub("", _TARIFF.sub("", name))
    own_suffix = f".t{tariff[1]}" if tariff else f".l{channel[1]}" if channel else ""
    short = _SENSOR.sub("", name)
    for candidate in (name, short):
        if candidate in _OWN:
            return candidate, _OWN[candidate], own_suffix
        stem, suffix = split(candidate)
        if stem in FIELDS:
            return stem, FIELDS[stem], f".{PHASES.get(suffix, suffix)}" if suffix else own_suffix
    return short, None, ""


def _is_volts(value: object) -> bool:
    """Makers name volts and percent alike; below 4.3 with a fraction it is volts."""
    found = number(value)
    return found is not None and 0 < found < 4.3 and found != int(found)


def _battery_volts(meaning: Meaning, value: object) -> None:
    """Netvox writes `2.3(low battery)`; millivolts by their size."""
    text = str(value)
    found = number(text.partition("(")[0])
    if found is None:
        return
    meaning.put("battery.voltage", found / 1000 if found > _LARGEST_BATTERY_V else found)
    if "low" in text:
        meaning.state("battery.low", active=True, alarm="fault.battery_low")


def _truth(value: object) -> bool | None:
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    return truth(value)


def _unknown(meaning: Meaning, path: str, value: object) -> None:
    found = float(value) if isinstance(value, bool) else number(value)
    if found is not None:
        cleaned = re.sub(r"[^a-z0-9_.]+", "_", snake(path)).strip("._")[:80]
        if cleaned:
            meaning.put(f"x.{cleaned}", found)
