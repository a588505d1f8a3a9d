"""Home Assistant MQTT discovery: what a device says it will publish, where and as what; and the states so announced.

Reference: home-assistant.io, "MQTT discovery": `<prefix>/<component>/[<node>/]<object>/config`, abbreviated keys, device
discovery with `components`. An empty retained payload deletes. States need the registrations, which the context carries:
`registrations`: state topic → list of the attributes of the `device.discovered` events with their `device_id`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devices.metrics import canonical_name, metric
from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.field_names import FIELDS, PHASES, split
from ingest.families.json_fields import Unusable, at, load_object, loads, number, obj, objects, text, truth, word
from ingest.message import Message

_ABBREVIATIONS = {
    "dev": "device",
    "dev_cla": "device_class",
    "unit_of_meas": "unit_of_measurement",
    "stat_t": "state_topic",
    "stat_cla": "state_class",
    "val_tpl": "value_template",
    "uniq_id": "unique_id",
    "obj_id": "object_id",
    "pl_on": "payload_on",
    "pl_off": "payload_off",
    "cmps": "components",
    "p": "platform",
    "cmd_t": "command_topic",
    "avty_t": "availability_topic",
}
_DEVICE_ABBREVIATIONS = {
    "ids": "identifiers",
    "mf": "manufacturer",
    "mdl": "model",
    "mdl_id": "model_id",
    "cns": "connections",
    "sn": "serial_number",
}
_BY_CLASS = {
    "energy": "elec.energy.import",
    "power": "elec.power.active",
    "apparent_power": "elec.power.apparent",
    "reactive_power": "elec.power.reactive",
    "reactive_energy": "elec.energy.reactive.import",
    "voltage": "elec.voltage",
    "current": "elec.current",
    "frequency": "elec.frequency",
    "power_factor": "elec.power_factor",
    "water": "water.volume",
    "volume": "water.volume",
    "volume_storage": "water.volume",
    "volume_flow_rate": "water.flow",
    "gas": "x.gas.volume",
    "temperature": "env.temperature",
    "humidity": "env.humidity",
    "moisture": "env.soil_moisture",
    "pressure": "env.pressure",
    "atmospheric_pressure": "env.pressure",
    "illuminance": "env.illuminance",
    "carbon_dioxide": "env.co2",
    "carbon_monoxide": "co.concentration",
    "battery": "battery.level",
    "signal_strength": "link.rssi",
    "distance": "x.distance",
}
_BINARY_BY_CLASS = {
    "smoke": "smoke",
    "gas": "gas_alarm",
    "carbon_monoxide": "co_alarm",
    "heat": "heat_alarm",
    "moisture": "leak",
    "door": "door.open",
    "window": "door.open",
    "opening": "door.open",
    "garage_door": "door.open",
    "motion": "occupancy",
    "occupancy": "occupancy",
    "presence": "occupancy",
    "tamper": "tamper",
    "battery": "battery.low",
    "connectivity": "online",
    "vibration": "vibration",
    "power": "switch.on",
    "plug": "switch.on",
    "problem": "x.problem",
    "safety": "x.safety",
}
_BY_UNIT = {
    "V": "elec.voltage",
    "mV": "elec.voltage",
    "A": "elec.current",
    "mA": "elec.current",
    "W": "elec.power.active",
    "kW": "elec.power.active",
    "VA": "elec.power.apparent",
    "var": "elec.power.reactive",
    "VAr": "elec.power.reactive",
    "kWh": "elec.energy.import",
    "Wh": "elec.energy.import",
    "kvarh": "elec.energy.reactive.import",
    "Hz": "elec.frequency",
    "°C": "env.temperature",
    "°F": "env.temperature",
    "%RH": "env.humidity",
    "lx": "env.illuminance",
    "hPa": "env.pressure",
    "kPa": "env.pressure",
    "m³": "water.volume",
    "m3": "water.volume",
    "L": "water.volume",
    "m³/h": "water.flow",
    "dBm": "link.rssi",
    "lqi": "link.lqi",
    "ppm": "env.co2",
}
_BY_COMPONENT = {
    "switch": "switch.on",
    "light": "switch.on",
    "lock": "lock.locked",
    "valve": "x.valve.open",
    "cover": "x.cover.open",
}
_FACTORS = {"Wh": 0.001, "MWh": 1000.0, "kW": 1000.0, "mV": 0.001, "mA": 0.001, "L": 0.001, "hPa": 0.1, "Pa": 0.001, "kvarh": 1.0}
_JSON_KEY = re.compile(r"value_json((?:\.[\w$-]+|\[\s*['\"]?[^\]'\"]+['\"]?\s*\])+)")
_KEY_PART = re.compile(r"\.([\w$-]+)|\[\s*['\"]?([^\]'\"]+?)['\"]?\s*\]")


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    levels = message.topic.split("/")
    is_config = levels[-1] == "config" or not message.topic
    device_id = _node(levels)
    try:
        if not is_config:
            return _states(message, obj(context.get("registrations")).get(message.topic))
        if not message.payload.strip():
            return _removed(device_id, levels)
        return _config(levels, load_object(message.payload))
    except Unusable as error:
        return Rejected(str(error), device_id or None)


def _removed(device_id: str, levels: list[str]) -> Decoded:
    """An empty payload takes back what this topic announced."""
    if not device_id:
        raise Unusable("an empty payload on no discovery topic")
    return Decoded(device_id, happenings=(Happening("device.removed", None, {"point": levels[-2]}),))


def _node(levels: list[str]) -> str:
    """The node id, or the object id where there is none."""
    return levels[-3] if len(levels) >= 5 else levels[-2] if len(levels) >= 4 else ""


def _config(levels: list[str], told: dict[str, Any]) -> Decoded:
    told = _spelled_out(told, _ABBREVIATIONS)
    device = _spelled_out(obj(told.get("device")), _DEVICE_ABBREVIATIONS)
    component = levels[-4] if len(levels) >= 5 else levels[-3] if len(levels) >= 4 else ""
    device_id = _identifier(device) or _node(levels) or word(told.get("unique_id"))
    about: dict[str, Attribute] = {
        "vendor": word(device.get("manufacturer")),
        "model": word(device.get("model_id") or device.get("model")),
    }
    parts = obj(told.get("components"))
    if parts:
        entities = [
            (word(part.get("p") or part.get("platform")), {**told, **_spelled_out(part, _ABBREVIATIONS)})
            for part in objects(list(parts.values()))
        ]
    else:
        entities = [(component, told)]
    happenings = tuple(Happening("device.discovered", None, _entity(kind, entity, levels, about)) for kind, entity in entities)
    return Decoded(device_id, happenings=happenings)


def _spelled_out(told: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    """Full keys; `~` stands for the base topic at the start or end of a topic."""
    base = word(told.get("~"))
    full = {table.get(key, key): value for key, value in told.items()}
    if base:
        for key, value in full.items():
            if key.endswith("_topic") and isinstance(value, str):
                full[key] = base + value[1:] if value.startswith("~") else value[:-1] + base if value.endswith("~") else value
    return full


def _identifier(device: Mapping[str, Any]) -> str:
    identifiers = device.get("identifiers")
    if isinstance(identifiers, list):
        identifiers = next((item for item in identifiers if word(item)), "")
    connections = device.get("connections")
    if not word(identifiers) and isinstance(connections, list):
        identifiers = next((pair[1] for pair in connections if isinstance(pair, list) and len(pair) == 2), "")
    return word(identifiers)


def _entity(component: str, told: Mapping[str, Any], levels: list[str], about: Mapping[str, Attribute]) -> dict[str, Attribute]:
    key = _json_key(word(told.get("value_template")))
    state_topic = word(told.get("state_topic"))
    point = key.rpartition(".")[2] or state_topic.rpartition("/")[2] or (levels[-2] if len(levels) > 2 else "")
    unit = word(told.get("unit_of_measurement"))
    attributes: dict[str, Attribute] = dict(about) | {
        "point": point,
        "metric": _metric(component, word(told.get("device_class")), unit, point),
        "unit": unit,
        "state_topic": state_topic,
        "json_key": key,
        "component": component,
        "name": word(told.get("name")),
    }
    for payload in ("payload_on", "payload_off"):
        if payload in told:
            attributes[payload] = told[payload] if isinstance(told[payload], bool) else word(told[payload])
    if told.get("state_class") in ("total_increasing", "total"):
        attributes["cumulative"] = True
    return {name: value for name, value in attributes.items() if value != ""}


def _json_key(template: str) -> str:
    found = _JSON_KEY.search(template)
    return ".".join(plain or quoted for plain, quoted in _KEY_PART.findall(found[1])) if found else ""


def _metric(component: str, device_class: str, unit: str, point: str) -> str:
    """The point's own name first, since it tells phases and direction; then class, unit, component."""
    stem, suffix = split(point.lower())
    field = FIELDS.get(stem)
    guess = _BINARY_BY_CLASS.get(device_class) if component == "binary_sensor" else _BY_CLASS.get(device_class)
    if field is not None and (not guess or guess.split(".")[0] == field.metric.split(".")[0] or not device_class):
        name = field.metric
        if stem == "voltage" and unit == "mV":
            name = "battery.voltage"
        return f"{name}.{PHASES.get(suffix, suffix)}" if suffix else name
    return guess or _BY_UNIT.get(unit) or _BY_COMPONENT.get(component) or canonical_name(point or "value")


def _states(message: Message, registrations: object) -> Decoded | list[Decoded]:
    """A state by the registrations of its topic; each has device_id, metric, unit, json_key, payload_on and payload_off."""
    found = list(_values(message.payload, objects(registrations)))
    if not found:
        raise Unusable("no discovery message has announced this topic, or none of its values is there")
    by_device: dict[str, dict[str, float]] = {}
    for device_id, name, value in found:
        by_device.setdefault(device_id, {})[name] = value
    return [Decoded(device_id, (Sample(None, values),)) for device_id, values in by_device.items()]


def _values(payload: bytes, registrations: list[dict[str, Any]]) -> Iterator[tuple[str, str, float]]:
    for registration in registrations:
        key, name = word(registration.get("json_key")), word(registration.get("metric"))
        raw = at(loads(payload), key) if key else text(payload)
        value = _value(raw, registration, is_state=metric(name).kind.value == "state")
        if value is not None and name:
            yield word(registration.get("device_id")), name, value


def _value(raw: object, registration: Mapping[str, Any], *, is_state: bool) -> float | None:
    if "payload_on" in registration and word(raw) == word(registration["payload_on"]) and raw == registration["payload_on"]:
        return 1.0
    if "payload_off" in registration and raw == registration["payload_off"]:
        return 0.0
    said = truth(raw) if is_state else None
    if said is not None:
        return float(said)
    amount = number(raw)
    unit = word(registration.get("unit"))
    if amount is None:
        return None
    if unit == "%" and word(registration.get("metric")).startswith("elec.power_factor"):
        return round(amount / 100, 6)
    return round((amount - 32) / 1.8, 6) if unit == "°F" else round(amount * _FACTORS.get(unit, 1.0), 9)


def registrations(outcomes: Sequence[Decoded | Rejected]) -> list[dict[str, Any]]:
    """What a discovery message announces, each with its `state_topic` and `device_id`, as the context takes them."""
    return [
        {"device_id": outcome.device_id, **happening.attributes}
        for outcome in outcomes
        if isinstance(outcome, Decoded)
        for happening in outcome.happenings
        if happening.type == "device.discovered" and happening.attributes.get("state_topic")
    ]
