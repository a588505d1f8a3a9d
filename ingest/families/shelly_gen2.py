"""Shelly generation 2 and later: components (`switch:0`, `em:0`, `flood:0`) in status topics and RPC notifications.

Reference: shelly-api-docs.shelly.cloud/gen2, "Components and Services", "Notifications", "MQTT". A NotifyStatus is a partial
delta; null means unknown. Energy is in watt-hours. Power factors may be negative where the power is positive.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, at, epoch_ms, load_object, number, obj, objects, quantity, text, truth, word
from ingest.message import Message

_ONE_CHANNEL_UNLESS = re.compile(
    r"shelly(?:plus|pro)?(?:2pm|2|3|4pm|2cover|dual|i4|uni|rgbw|4|pro2|pro3|proem|pro3em)|shelly2pm|shelly2l"
)
_OWN_ID = re.compile(r"(?i).+-[0-9a-f]{6,12}")
_MAC = re.compile(r"(?i)[0-9a-f]{12}")
_STATUS, _EVENTS, _RPC = "status", "events", "rpc"

_CHANNEL_VALUES = {
    "apower": ("elec.power.active", 1.0),
    "act_power": ("elec.power.active", 1.0),
    "aprt_power": ("elec.power.apparent", 1.0),
    "voltage": ("elec.voltage", 1.0),
    "current": ("elec.current", 1.0),
    "pf": ("elec.power_factor", 1.0),
    "aenergy.total": ("elec.energy.import", 0.001),
    "ret_aenergy.total": ("elec.energy.export", 0.001),
    "total_act_energy": ("elec.energy.import", 0.001),
    "total_act_ret_energy": ("elec.energy.export", 0.001),
    "lag_react_energy": ("elec.energy.reactive.import", 0.001),
    "lead_react_energy": ("elec.energy.reactive.export", 0.001),
    "output": ("switch.on", 1.0),
}
_WHOLE_VALUES = {
    "freq": ("elec.frequency", 1.0),
    "temperature.tC": ("device.temperature", 1.0),
    "brightness": ("x.light.brightness", 1.0),
    "current_pos": ("x.cover.position", 1.0),
}
_PHASE_VALUES = {
    "act_power": ("elec.power.active", 1.0),
    "aprt_power": ("elec.power.apparent", 1.0),
    "voltage": ("elec.voltage", 1.0),
    "current": ("elec.current", 1.0),
    "pf": ("elec.power_factor", 1.0),
    "freq": ("elec.frequency", 1.0),
    "total_act_energy": ("elec.energy.import", 0.001),
    "total_act_ret_energy": ("elec.energy.export", 0.001),
    "lag_react_energy": ("elec.energy.reactive.import", 0.001),
    "lead_react_energy": ("elec.energy.reactive.export", 0.001),
}
_PHASES = {"a": "l1", "b": "l2", "c": "l3", "n": "n"}
_EM_TOTALS = {
    "total_act_power": ("elec.power.active", 1.0),
    "total_aprt_power": ("elec.power.apparent", 1.0),
    "total_current": ("elec.current", 1.0),
    "total_act": ("elec.energy.import", 0.001),
    "total_act_ret": ("elec.energy.export", 0.001),
}
_SENSORS: dict[str, dict[str, tuple[str, float]]] = {
    "temperature": {"tC": ("env.temperature", 1.0)},
    "humidity": {"rh": ("env.humidity", 1.0)},
    "illuminance": {"lux": ("env.illuminance", 1.0)},
    "devicepower": {
        "battery.V": ("battery.voltage", 1.0),
        "battery.percent": ("battery.level", 1.0),
        "external.present": ("x.power.external", 1.0),
    },
    "voltmeter": {"voltage": ("x.voltmeter.voltage", 1.0), "xvoltage": ("x.voltmeter.value", 1.0)},
    "input": {"state": ("contact.active", 1.0), "percent": ("x.input.percent", 1.0), "counts.total": ("counter.input", 1.0)},
    "wifi": {"rssi": ("link.rssi", 1.0)},
    "motion": {"motion": ("occupancy", 1.0)},
    "presence": {"state": ("occupancy", 1.0), "num_objects": ("x.presence.objects", 1.0)},
    "presencezone": {"state": ("occupancy", 1.0)},
    "thermostat": {"current_C": ("env.temperature", 1.0), "target_C": ("x.thermostat.target", 1.0)},
    "blutrv": {"current_C": ("env.temperature", 1.0), "battery": ("battery.level", 1.0), "rssi": ("link.rssi", 1.0)},
    "bthomedevice": {"battery": ("battery.level", 1.0), "rssi": ("link.rssi", 1.0)},
    "bthomesensor": {"value": ("x.bthome", 1.0)},
    "door": {"open": ("door.open", 1.0)},
    "window": {"open": ("door.open", 1.0)},
}
_ALARMS = {
    "smoke": ("smoke", "alarm.smoke"),
    "flood": ("leak", "alarm.leak"),
    "gas": ("gas_alarm", "alarm.gas"),
    "co": ("co_alarm", "alarm.co"),
    "carbonmonoxide": ("co_alarm", "alarm.co"),
    "heat": ("heat_alarm", "alarm.heat"),
}
_CIRCUITS = {"switch", "pm1", "light", "cover", "rgb", "rgbw", "cct"}
_ALARM_ERRORS = {"overcurrent": "alarm.overcurrent", "overpower": "alarm.overpower", "overvoltage": "alarm.overvoltage"}
_ALARM_ERRORS |= {"undervoltage": "alarm.undervoltage", "overtemp": "alarm.overtemperature"}
_BOOT_EVENTS = {"boot": "device.boot", "sleep": "device.sleep", "config_changed": "device.config_changed"}


class _Found:
    """What the components of one message add up to."""

    def __init__(self, device_id: str, ts_ms: int | None) -> None:
        self.device_id, self.ts_ms = device_id, ts_ms
        self.values: dict[str, float] = {}
        self.happenings: list[Happening] = []

    def put(self, metric: str, value: object, factor: float = 1.0) -> None:
        amount = quantity(value)
        if amount is not None:
            self.values[metric] = round(amount * factor, 9)

    def note(self, kind: str, attributes: Mapping[str, Attribute]) -> None:
        self.happenings.append(Happening(kind[:100], self.ts_ms, attributes))

    def decoded(self) -> Decoded:
        return Decoded(self.device_id, (Sample(self.ts_ms, self.values),) if self.values else (), self.happenings)


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    levels = message.topic.split("/")
    device_id = next((level for level in levels if _OWN_ID.fullmatch(level)), levels[0])
    try:
        if levels[-1] == "online" and len(levels) > 1:
            return _online(device_id, message.payload)
        if levels[-1] == "command" or (len(levels) > 1 and levels[-2] == "command"):
            return Decoded(device_id, happenings=(Happening("command.sent", None, {"command": text(message.payload)[:200]}),))
        return _json(device_id, levels, load_object(message.payload))
    except Unusable as error:
        return Rejected(str(error), device_id or None)


def _online(device_id: str, payload: bytes) -> Decoded:
    online = truth(text(payload))
    if online is None:
        raise Unusable(f"online is {text(payload)[:40]!r}; expected true or false")
    return Decoded(device_id, online=online)


def _json(device_id: str, levels: list[str], told: dict[str, Any]) -> Decoded:
    if "method" in told or "params" in told or "result" in told:
        return _rpc(word(told.get("src")) or device_id, told)
    if _STATUS in levels[:-1]:
        found = _Found(device_id, None)
        _component(found, levels[-1], told)
        return found.decoded()
    if "model" in told and ("mac" in told or "fw_id" in told):
        return _device_info(device_id, told)
    if any(isinstance(value, dict) and _is_component(key) for key, value in told.items()):
        return _components(device_id, told)
    found = _Found(device_id, None)
    _component(found, _guess(told), told)
    return found.decoded()


def _rpc(device_id: str, told: dict[str, Any]) -> Decoded:
    """NotifyStatus, NotifyFullStatus, NotifyEvent; the answer to Shelly.GetStatus."""
    method, params = word(told.get("method")), obj(told.get("params"))
    if method == "NotifyEvent":
        return _events(device_id, params)
    if method in ("NotifyStatus", "NotifyFullStatus"):
        return _components(device_id, params)
    result = obj(told.get("result"))
    if result:
        return _components(device_id, result)
    return Decoded(device_id, happenings=(Happening("command.sent", None, {"method": method or "answer"}),))


def _components(device_id: str, told: Mapping[str, Any]) -> Decoded:
    mac = word(obj(told.get("sys")).get("mac"))
    if not device_id and _MAC.fullmatch(mac):
        device_id = mac.lower()
    found = _Found(device_id, epoch_ms(told.get("ts")) or epoch_ms(obj(told.get("sys")).get("unixtime")))
    for name, data in told.items():
        if isinstance(data, dict):
            _component(found, name, data)
    return found.decoded()


def _is_component(name: str) -> bool:
    kind = name.partition(":")[0]
    return kind in _READERS or kind in ("sys", "cloud", "mqtt", "ble", "ws", "eth")


def _component(found: _Found, name: str, data: Mapping[str, Any]) -> None:
    kind, _, index = name.partition(":")
    number_of = int(index) if index.isascii() and index.isdecimal() and len(index) < 4 else int(number(data.get("id")) or 0)
    reader = _READERS.get(kind)
    if reader is not None:
        reader(found, kind, number_of, data)
    for error in data["errors"] if isinstance(data.get("errors"), list) else ():
        if kind in _CIRCUITS | {"em", "em1"}:
            found.note(_ALARM_ERRORS.get(word(error), "fault.meter"), {"component": name, "detail": word(error)})
        else:
            found.note("fault.sensor", {"component": name, "detail": word(error)})


def _circuit(found: _Found, kind: str, index: int, data: Mapping[str, Any]) -> None:  # noqa: ARG001 - every component reader is called alike
    """On a device of one channel that channel is also the device's whole."""
    is_whole = index == 0 and not _ONE_CHANNEL_UNLESS.match(found.device_id.lower())
    for path, (metric, factor) in _CHANNEL_VALUES.items():
        value = at(data, path)
        found.put(f"{metric}.ch{index + 1}", value, factor)
        if is_whole:
            found.put(metric, value, factor)
    _whole(found, data)


def _em1(found: _Found, kind: str, index: int, data: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Independent circuits of a Pro EM."""
    for path, (metric, factor) in _CHANNEL_VALUES.items():
        found.put(f"{metric}.ch{index + 1}", at(data, path), factor)
    _whole(found, data)


def _whole(found: _Found, data: Mapping[str, Any]) -> None:
    for path, (metric, factor) in _WHOLE_VALUES.items():
        found.put(metric, at(data, path), factor)


def _em(found: _Found, kind: str, index: int, data: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Three phases and their totals; the totals are the meter's own, not a sum of ours."""
    for key, (metric, factor) in _EM_TOTALS.items():
        found.put(metric, data.get(key), factor)
    for letter, phase in _PHASES.items():
        for key, (metric, factor) in _PHASE_VALUES.items():
            found.put(f"{metric}.{phase}", data.get(f"{letter}_{key}"), factor)


def _sensor(found: _Found, kind: str, index: int, data: Mapping[str, Any]) -> None:
    for path, (metric, factor) in _SENSORS[kind].items():
        name = metric if index == 0 or kind in ("wifi", "bthomedevice") else f"{metric}.ch{index if index >= 100 else index + 1}"
        found.put(name, at(data, path), factor)


def _alarm(found: _Found, kind: str, index: int, data: Mapping[str, Any]) -> None:
    """`alarm: null` is unknown, not dry."""
    active = truth(data.get("alarm"))
    if active is None:
        return
    metric, event = _ALARMS[kind]
    found.put(metric if index == 0 else f"{metric}.ch{index + 1}", active)
    if active:
        found.note(event, {"muted": bool(data.get("mute"))})


_READERS: dict[str, Callable[[_Found, str, int, Mapping[str, Any]], None]] = {
    **dict.fromkeys(_CIRCUITS, _circuit),
    **dict.fromkeys(("em1", "em1data"), _em1),
    **dict.fromkeys(("em", "emdata"), _em),
    **dict.fromkeys(_SENSORS, _sensor),
    **dict.fromkeys(_ALARMS, _alarm),
}
_TELLING_KEYS = (
    ("a_act_power", "em"),
    ("total_act", "emdata"),
    ("total_act_energy", "em1data"),
    ("act_power", "em1"),
    ("output", "switch"),
    ("apower", "pm1"),
    ("tC", "temperature"),
    ("rh", "humidity"),
    ("lux", "illuminance"),
    ("battery", "devicepower"),
    ("current_pos", "cover"),
    ("rssi", "wifi"),
)


def _guess(told: Mapping[str, Any]) -> str:
    """The component where no topic names it."""
    kind = next((kind for key, kind in _TELLING_KEYS if key in told), "")
    if not kind:
        raise Unusable("neither topic nor payload tell which component of a Shelly this is")
    return kind


def _events(device_id: str, params: Mapping[str, Any]) -> Decoded:
    happenings = []
    for event in objects(params.get("events")):
        name, kind = word(event.get("component")), word(event.get("event")) or "event"
        part = name.partition(":")[0] or "device"
        ts_ms = epoch_ms(event.get("ts")) or epoch_ms(params.get("ts"))
        attributes: dict[str, Attribute] = {"component": name}
        if word(event.get("reason")):
            attributes["reason"] = word(event["reason"])
        happenings.append(Happening(_event_kind(part, kind)[:100], ts_ms, attributes))
    return Decoded(device_id, happenings=happenings)


def _event_kind(part: str, kind: str) -> str:
    """An alarm's event on the alarm's name, else `<component>.<event>`."""
    if part in _ALARMS and kind in ("alarm", "alarm_on"):
        return _ALARMS[part][1]
    return _BOOT_EVENTS.get(kind, f"{part}.{kind}")


def _device_info(device_id: str, told: Mapping[str, Any]) -> Decoded:
    about: dict[str, Attribute] = {key: word(told.get(key)) for key in ("mac", "fw_id", "ver", "app")}
    found = Happening("device.discovered", None, {"vendor": "Shelly", "model": word(told.get("model"))})
    return Decoded(word(told.get("id")) or device_id, happenings=(found, Happening("device.info", None, about)))
