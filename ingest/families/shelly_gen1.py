"""Shelly generation 1: one value per topic under `shellies/<model>-<id>/`.

Reference: shelly-api-docs.shelly.cloud/gen1, "MQTT". Relays count energy in watt-minutes, energy meters in watt-hours.
Channels of an EM are independent circuits, those of a 3EM are phases. Battery devices go offline right after they reported.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.json_fields import Unusable, epoch_ms, load_object, number, obj, objects, quantity, text, truth, word
from ingest.message import Message

_ROOT = "shellies"
_SEVERAL_CHANNELS = ("shellyswitch", "shelly4pro", "shellyix3", "shellyrgbw2", "shellyuni")
_SLEEPERS = ("shellydw", "shellyht", "shellyflood", "shellysmoke", "shellybutton", "shellymotion", "shellytrv")
_KWH_PER_WATT_MINUTE = 1 / 60_000
_SMOKE, _LEAK = "alarm.smoke", "alarm.leak"


class _Reading(NamedTuple):
    """`alarm`: the event that a true value is."""

    metric: str
    factor: float = 1.0
    alarm: str = ""


_METER = {
    "power": _Reading("elec.power.active"),
    "energy": _Reading("elec.energy.import", _KWH_PER_WATT_MINUTE),
    "returned_energy": _Reading("elec.energy.export", _KWH_PER_WATT_MINUTE),
}
_EMETER = {
    "power": _Reading("elec.power.active"),
    "reactive_power": _Reading("elec.power.reactive"),
    "reactive": _Reading("elec.power.reactive"),
    "apparent_power": _Reading("elec.power.apparent"),
    "voltage": _Reading("elec.voltage"),
    "current": _Reading("elec.current"),
    "pf": _Reading("elec.power_factor"),
    "total": _Reading("elec.energy.import", 0.001),
    "total_returned": _Reading("elec.energy.export", 0.001),
    "energy": _Reading("x.elec.energy.session.import", _KWH_PER_WATT_MINUTE),  # starts anew at each restart
    "returned_energy": _Reading("x.elec.energy.session.export", _KWH_PER_WATT_MINUTE),
}
_SENSOR = {
    "temperature": _Reading("env.temperature"),
    "humidity": _Reading("env.humidity"),
    "battery": _Reading("battery.level"),
    "lux": _Reading("env.illuminance"),
    "state": _Reading("door.open"),
    "flood": _Reading("leak", alarm=_LEAK),
    "smoke": _Reading("smoke", alarm=_SMOKE),
    "motion": _Reading("occupancy"),
    "presence": _Reading("occupancy"),
    "vibration": _Reading("vibration"),
    "tilt": _Reading("x.tilt"),
    "concentration": _Reading("x.gas.concentration"),
    "charger": _Reading("x.battery.charging"),
    "ext_power": _Reading("x.power.external"),
    "error": _Reading("x.sensor.error", alarm="fault.sensor"),
}
_DEVICE = {
    "temperature": _Reading("device.temperature"),
    "overtemperature": _Reading("x.device.overtemperature", alarm="alarm.overtemperature"),
    "voltage": _Reading("elec.voltage"),
    "battery": _Reading("battery.level"),
}
_GAS_STATES = {"none": 0.0, "mild": 1.0, "heavy": 1.0, "test": 0.0, "unknown": None}
_SILENT = {"temperature_f", "temperature_status", "command", "act_reasons", "illumination", "self_test", "operation", "active"}


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:  # noqa: ARG001 - every decoder takes a context
    levels = message.topic.split("/")
    path = levels[levels.index(_ROOT) + 1 :] if _ROOT in levels else levels[1:]
    device_id = path[0] if len(path) > 1 else ""
    try:
        if device_id:
            return _topic(device_id, path[1:], message.payload)
        return _about_itself(load_object(message.payload))
    except Unusable as error:
        return Rejected(str(error), device_id or None)


def _topic(device_id: str, path: list[str], payload: bytes) -> Decoded:
    leaf = path[0]
    if path[-1] == "command":
        return Decoded(device_id, happenings=(Happening("command.sent", None, {"command": text(payload)[:200]}),))
    if leaf == "online":
        return _online(device_id, payload)
    if leaf in ("announce", "info", "status"):
        return _about_itself(load_object(payload), device_id)
    reader = _READERS.get(leaf)
    if reader is not None:
        return reader(device_id, path[1:], payload)
    if leaf in _DEVICE and len(path) == 1:
        return _reading(device_id, _DEVICE[leaf], payload, "")
    return _other(device_id, path, payload)


def _online(device_id: str, payload: bytes) -> Decoded:
    online = truth(text(payload))
    if online is None:
        raise Unusable(f"online is {text(payload)[:40]!r}; expected true or false")
    if not online and device_id.startswith(_SLEEPERS):
        return Decoded(device_id, (Sample(None, {"online": 0.0}),))  # asleep, which is no event
    return Decoded(device_id, online=online)


def _relay(device_id: str, path: list[str], payload: bytes) -> Decoded:
    """`relay/0`, `light/0`, `white/1`: on, off or overpower; beneath them power and energy."""
    channel = _channel(path)
    if len(path) > 1:
        return _beneath(device_id, path, payload)
    said = text(payload).lower()
    if said == "overpower":
        return Decoded(device_id, happenings=(Happening("alarm.overpower", None, {"channel": channel}),))
    return Decoded(device_id, (Sample(None, _by_channel(device_id, "switch.on", channel, _needed(said, said))),))


def _beneath(device_id: str, path: list[str], payload: bytes) -> Decoded:
    reading = _METER.get(path[1])
    if path[1] in ("status", "set"):
        load_object(payload)
        return Decoded(device_id)
    if reading is None:
        return _other(device_id, ["relay", *path], payload)
    value = _needed(number(text(payload)), text(payload)) * reading.factor
    return Decoded(device_id, (Sample(None, _by_channel(device_id, reading.metric, _channel(path), round(value, 9))),))


def _emeter(device_id: str, path: list[str], payload: bytes) -> Decoded:
    reading = _EMETER.get(path[1]) if len(path) > 1 else None
    if reading is None:
        return _other(device_id, ["emeter", *path], payload)
    suffix = f".{'l' if device_id.startswith('shellyem3') else 'ch'}{_channel(path)}"
    return _reading(device_id, reading, payload, suffix)


def _sensor(device_id: str, path: list[str], payload: bytes) -> Decoded:
    name = path[0] if path else ""
    if name == "alarm_state":
        return _gas(device_id, text(payload))
    reading = _SENSOR.get(name)
    if reading is None:
        return _other(device_id, ["sensor", *path], payload)
    return _reading(device_id, reading, payload, "")


def _gas(device_id: str, said: str) -> Decoded:
    """The alarm of a Shelly Gas is none, mild or heavy; unknown while it warms up."""
    active = _GAS_STATES.get(said)
    if active is None:
        return Decoded(device_id)
    happenings = (Happening("alarm.gas", None, {"level": said}),) if active else ()
    return Decoded(device_id, (Sample(None, {"gas_alarm": active}),), happenings)


def _external(metric: str) -> Callable[[str, list[str], bytes], Decoded]:
    """Probes of the sensor add-on: `ext_temperature/1`."""

    def read(device_id: str, path: list[str], payload: bytes) -> Decoded:
        return _reading(device_id, _Reading(metric), payload, f".ch{_channel(path)}")

    return read


def _input(device_id: str, path: list[str], payload: bytes) -> Decoded:
    channel = _channel(path)
    return _reading(device_id, _Reading("contact.active"), payload, "" if channel == 1 else f".ch{channel}")


def _input_event(device_id: str, path: list[str], payload: bytes) -> Decoded:
    """{"event": "S" short, "L" long, "SS" twice ..., "event_cnt"}; empty at start."""
    told = load_object(payload)
    kind = word(told.get("event"))
    happening = Happening("input.push", None, {"channel": _channel(path), "push": kind, "count": number(told.get("event_cnt"))})
    return Decoded(device_id, happenings=(happening,) if kind else ())


def _roller(device_id: str, path: list[str], payload: bytes) -> Decoded:
    if len(path) > 1 and path[1] == "pos":
        return _reading(device_id, _Reading("x.cover.position"), payload, "")
    if len(path) > 1:
        return _beneath(device_id, path, payload)
    return Decoded(device_id, happenings=(Happening("cover.state", None, {"state": text(payload)[:40]}),))


_READERS: dict[str, Callable[[str, list[str], bytes], Decoded]] = {
    **dict.fromkeys(("relay", "light", "color", "white"), _relay),
    "emeter": _emeter,
    "sensor": _sensor,
    "roller": _roller,
    "input": _input,
    "longpush": _input,
    "input_event": _input_event,
    "ext_temperature": _external("env.temperature"),
    "ext_humidity": _external("env.humidity"),
    "ext_switch": _external("contact.active"),
}


def _reading(device_id: str, reading: _Reading, payload: bytes, suffix: str) -> Decoded:
    value = round(_needed(text(payload), text(payload)) * reading.factor, 9)
    happenings = (Happening(reading.alarm, None, {}),) if reading.alarm and value else ()
    return Decoded(device_id, (Sample(None, {reading.metric + suffix: value}),), happenings)


def _needed(value: object, said: str) -> float:
    found = quantity(value)
    if found is None:
        raise Unusable(f"{said[:40]!r} is neither a number nor on, off, true, false, open or close")
    return found


def _other(device_id: str, path: list[str], payload: bytes) -> Decoded:
    """A topic without a place in the vocabulary: numbers are kept under its name, texts say nothing we store."""
    value = None if path[-1] in _SILENT else number(text(payload))
    return Decoded(device_id, (Sample(None, {"x." + ".".join(path): value}),) if value is not None else ())


def _channel(path: list[str]) -> int:
    """Counted from 1; the topics count from 0."""
    return int(path[0]) + 1 if path and path[0].isascii() and path[0].isdecimal() and len(path[0]) < 4 else 1


def _by_channel(device_id: str, metric: str, channel: int, value: float) -> dict[str, float]:
    """On a device of one channel that channel is also the device's whole."""
    values = {f"{metric}.ch{channel}": value}
    if channel == 1 and not device_id.startswith(_SEVERAL_CHANNELS):
        values[metric] = value
    return values


def _about_itself(told: dict[str, Any], device_id: str = "") -> Decoded:
    """`announce` and `info`: make and firmware, or the whole status as one JSON object."""
    device_id = device_id or word(told.get("id")) or word(told.get("mac"))
    happenings: list[Happening] = []
    if "fw_ver" in told or "model" in told:
        about: dict[str, Attribute] = {key: word(told.get(key)) for key in ("mac", "ip", "fw_ver")}
        happenings.append(Happening("device.discovered", None, {"vendor": "Shelly", "model": word(told.get("model"))}))
        happenings.append(Happening("device.info", None, about))
    values = _status(device_id, told)
    happenings += [Happening(alarm, None, {}) for metric, alarm in (("leak", _LEAK), ("smoke", _SMOKE)) if values.get(metric)]
    if not values and not happenings:
        raise Unusable("neither an announcement nor a status")
    return Decoded(device_id, (Sample(epoch_ms(told.get("unixtime")), values),) if values else (), happenings)


_STATUS_PATHS = (
    ("bat", "value", "battery.level"),
    ("bat", "voltage", "battery.voltage"),
    ("tmp", "value", "env.temperature"),
    ("hum", "value", "env.humidity"),
    ("lux", "value", "env.illuminance"),
    ("sensor", "state", "door.open"),
    ("sensor", "motion", "occupancy"),
    ("sensor", "vibration", "vibration"),
    ("wifi_sta", "rssi", "link.rssi"),
)
_STATUS_KEYS = {
    "flood": "leak",
    "smoke": "smoke",
    "temperature": "device.temperature",
    "motion": "occupancy",
    "vibration": "vibration",
    "lux": "env.illuminance",
    "bat": "battery.level",
    "voltage": "elec.voltage",
}


def _status(device_id: str, told: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float] = {}
    pairs = [(metric, told.get(key)) for key, metric in _STATUS_KEYS.items()]
    pairs += [(metric, obj(told.get(part)).get(key)) for part, key, metric in _STATUS_PATHS]
    for metric, value in pairs:
        found = quantity(value)
        if found is not None:
            values[metric] = found
    for channel, relay in enumerate(objects(told.get("relays")), start=1):
        on = truth(relay.get("ison"))
        if on is not None:
            values |= _by_channel(device_id, "switch.on", channel, float(on))
    for channel, meter in enumerate(objects(told.get("meters")), start=1):
        for key, metric, factor in (("power", "elec.power.active", 1.0), ("total", "elec.energy.import", _KWH_PER_WATT_MINUTE)):
            amount = number(meter.get(key))
            if amount is not None:
                values |= _by_channel(device_id, metric, channel, round(amount * factor, 9))
    return values | _emeters(device_id, told)


def _emeters(device_id: str, told: Mapping[str, Any]) -> dict[str, float]:
    letter = "l" if device_id.startswith("shellyem3") else "ch"
    return {
        f"{reading.metric}.{letter}{channel}": round(amount * reading.factor, 9)
        for channel, meter in enumerate(objects(told.get("emeters")), start=1)
        for key, reading in _EMETER.items()
        if (amount := number(meter.get(key))) is not None
    }
