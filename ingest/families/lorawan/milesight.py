"""Milesight IoT sensors on FPort 85: channel, type, data of a length that the type tells; little endian.

One table for the whole line. The type fixes the length, channel and kind of device fix the meaning: a digital input (type 00) is
a door contact, a leak rope or a gas alarm. Channel 8x is channel x with an alarm behind its values, 2x CE history, FF the device
itself, Fx the answer to a setting.
"""

from collections.abc import Callable, Iterator, Mapping
from math import isfinite, nan
from typing import NamedTuple

from ingest.families.lorawan.uplink import (
    Meaning,
    Unusable,
    Uplink,
    float32_le,
    signed_le,
    unsigned_le,
)

_PORT = 85
_DEVICE = 0xFF
_SETTINGS = (0xFE, 0xF8, 0xF9, 0xFA)
_HISTORY = 0xCE
_INPUT, _TEMPERATURE, _MUTATION = 0x00, 0x67, 0xD7
_CURRENT, _PHASE_CURRENT, _CHARGE = 0x98, 0x99, 0x97
_CURRENT_FAULTS = {0xFFFF: "read failed", 0xFFFD: "over range"}


class _Field(NamedTuple):
    """`size` bytes, little endian; value = number x `scale` + `offset` in the metric's unit."""

    metric: str
    size: int
    scale: float = 1.0
    signed: bool = False


_ATTRIBUTES: dict[int, int] = {
    0x01: 1,
    0x03: 2,
    0x08: 6,
    0x09: 2,
    0x0A: 2,
    0x0B: 1,
    0x0F: 1,
    0x10: 2,
    0x11: 2,
    0x16: 8,
    0x18: 2,
    0x25: 2,
    0x26: 1,
    0x28: 1,
    0x29: 1,
    0x2E: 1,
    0x2F: 1,
    0x30: 2,
    0x3B: 1,
    0x3F: 1,
    0x68: 1,
    0x6A: 1,
    0xCC: 2,
    0xFE: 1,
    0xFF: 2,
    0x24: 2,
    0x27: 1,
    0x2C: 1,
}
"""Channel FF: type → length."""

_FIELDS: dict[int, _Field] = {
    0x02: _Field("x.analogue", 2, 0.01, signed=True),
    0x03: _Field("x.distance", 2, 0.001),
    0x65: _Field("env.illuminance", 2),
    0x66: _Field("occupancy", 1),
    0x68: _Field("env.humidity", 1, 0.5),
    0x6A: _Field("x.activity", 2),
    0x71: _Field("x.acceleration", 6),
    0x73: _Field("env.pressure", 2, 0.01),
    0x74: _Field("elec.voltage", 2, 0.1),
    0x75: _Field("battery.level", 1),
    0x77: _Field("level.height", 2, 0.01),
    0x7B: _Field("water.pressure", 2),
    0x7D: _Field("env.co2", 2),
    0x7F: _Field("x.soil.conductivity", 2),
    0x80: _Field("elec.power.active", 4, signed=True),
    0x81: _Field("elec.power_factor", 1, 0.01),
    0x82: _Field("x.distance", 2, 0.001),
    0x83: _Field("elec.energy.import", 4, 0.001),
    0x90: _Field("x.life_remaining", 4),
    0x92: _Field("x.soil.conductivity", 4),
    0x94: _Field("env.illuminance", 4),
    0x97: _Field("elec.charge", 4, 0.01),
    0x9F: _Field("x.infrared", 2),
    0xC8: _Field("counter.pulses", 4),
    0xC9: _Field("elec.current", 2, 0.001),
    0xCA: _Field("env.soil_moisture", 2, 0.01),
    0xD4: _Field("x.remaining", 1),
    0xD6: _Field("x.remaining", 1),
}
_INPUTS: dict[str, tuple[str, str]] = {
    "door": ("door.open", ""),
    "leak": ("leak", "alarm.leak"),
    "gas": ("gas_alarm", "alarm.gas"),
    "fire": ("smoke", "alarm.smoke"),
}
"""What a digital input means: by kind of device; a plain contact otherwise."""
_MODEL_KINDS = {
    "mcs": "door",
    "ws301": "door",
    "sld": "leak",
    "mld": "leak",
    "zld": "leak",
    "ws303": "leak",
    "gs101": "gas",
    "em300-di": "input",
    "uc": "input",
}
_HISTORY_SIZES: dict[str, tuple[int, ...]] = {"input": (13,), "door": (8,), "leak": (8,), "": (13, 8, 7)}
_ALARM_REPORTS = {
    1: ("device.boot", "power on"),
    2: ("fault.sensor", "sensor fault"),
    3: ("device.restored", "sensor fault recovered"),
    4: ("fault.sensor", "sensor will be invalid soon"),
    5: ("fault.device", "device invalid"),
}
"""GS101; the sockets tell a loss of power with 0 or FF."""
_EARLIEST, _LATEST = 1_420_070_400, 4_102_444_800


class _Part(NamedTuple):
    channel: int
    type: int
    data: bytes


def decode(uplink: Uplink) -> Meaning | None:
    is_ours = uplink.is_model("milesight")
    if uplink.port != _PORT and not is_ours:
        return None
    kind = next((kind for word, kind in _MODEL_KINDS.items() if uplink.is_model(word)), uplink.kind)
    meaning, parts = Meaning(), list[_Part]()
    try:
        for part in _parts(uplink.payload, kind):
            parts.append(part)
    except Unusable as damage:
        if not parts:
            raise
        meaning.refused.append(str(damage))
    channels = {(part.channel & 0x7F, part.type) for part in parts}
    if uplink.is_model("ct303", "ct305", "ct310") or {(5, _CHARGE), (7, _CHARGE)} & channels:
        channels.add((0, _PHASE_CURRENT))  # three clamps: the charges are of phases too
    for part in parts:
        _read(meaning, part, kind, channels)
    _information(meaning, parts)
    return meaning


def _parts(data: bytes, kind: str) -> Iterator[_Part]:
    """Reads on as long as types are known; an unknown one hides all that follows."""
    position = 0
    while position < len(data):
        if position + 2 > len(data):
            raise Unusable(f"Milesight: a channel without type at byte {position}")
        channel, kind_of_data = data[position], data[position + 1]
        start = position + 2
        size = _size(channel, kind_of_data, data[start:], kind)
        if size is None:
            raise Unusable(f"Milesight: channel {channel:02X} type {kind_of_data:02X} at byte {position} is not known")
        if start + size > len(data):
            raise Unusable(
                f"Milesight: channel {channel:02X} type {kind_of_data:02X} needs {size} bytes, {len(data) - start} are there"
            )
        yield _Part(channel, kind_of_data, data[start : start + size])
        position = start + size


def _size(channel: int, kind_of_data: int, rest: bytes, kind: str) -> int | None:
    if channel == _DEVICE:
        return _ATTRIBUTES.get(kind_of_data)
    if channel in _SETTINGS:
        return len(rest)
    if kind_of_data == _HISTORY and channel in (0x20, 0x21):
        return _history_size(channel, rest, kind)
    base = {_INPUT: 1, _TEMPERATURE: 2, _CURRENT: 2, _PHASE_CURRENT: 2, 0x70: 1, 0x8E: 1, 0x01: 1, 0xCC: 4, 0xE1: 8}.get(
        kind_of_data
    )
    if kind_of_data in _FIELDS:
        base = _FIELDS[kind_of_data].size
    if channel < 0x80 or base is None:
        return 4 if (channel, kind_of_data) == (0x83, _MUTATION) else _steady_current(kind_of_data, rest) or base
    if kind_of_data in (_CURRENT, _PHASE_CURRENT):
        return 7
    return base + 1


def _steady_current(kind_of_data: int, rest: bytes) -> int | None:
    """Second-edition clamps send the current in two bytes or, with room for more, in six."""
    if kind_of_data in (_CURRENT, _PHASE_CURRENT) and len(rest) == 6 and not any(rest[2:]):
        return 6
    return None


def _history_size(channel: int, rest: bytes, kind: str) -> int | None:
    """The size that leaves either nothing or another history record; models differ."""
    if channel == 0x21:
        return 18
    for size in _HISTORY_SIZES.get(kind, _HISTORY_SIZES[""]) + _HISTORY_SIZES[""]:
        follows = rest[size : size + 2]
        if len(rest) >= size and (not follows or follows[1:] == b"\xce" or follows[0] in (0x01, 0x03, 0x04, 0x05, 0x06)):
            return size
    return None


def _read(meaning: Meaning, part: _Part, kind: str, channels: set[tuple[int, int]]) -> None:
    if part.channel == _DEVICE:
        _device_event(meaning, part)
    elif part.channel in _SETTINGS:
        meaning.event("command.response", data=bytes([part.type]).hex() + part.data.hex())
    elif part.type == _HISTORY:
        _history(meaning, part, kind)
    elif part.type in (_CURRENT, _PHASE_CURRENT):
        _current(meaning, part)
    elif part.type in _READERS:
        _READERS[part.type](meaning, part, kind)
    elif part.type in _FIELDS:
        _field(meaning, part, channels)


def _field(meaning: Meaning, part: _Part, channels: set[tuple[int, int]]) -> None:
    field = _FIELDS[part.type]
    raw = part.data[: field.size]
    value = signed_le(raw) if field.signed else unsigned_le(raw)
    metric = field.metric
    if part.type == _CHARGE and any(kind_of_data == _PHASE_CURRENT for _, kind_of_data in channels):
        metric = f"elec.charge.l{(part.channel - 1) // 2}"
    meaning.put(metric, value * field.scale)
    if len(part.data) > field.size and part.data[field.size]:
        meaning.event("alarm.pressure_high" if part.type == 0x7B else f"alarm.threshold.{metric}", code=part.data[field.size])


def _current(meaning: Meaning, part: _Part) -> None:
    """Clamps: CT10x type 98 in 0.01 A; CT3xx type 99 in 0.1 A, one channel each (3, 5, 7 charge, 4, 6, 8 current)."""
    metric, scale = ("elec.current", 0.01)
    if part.type == _PHASE_CURRENT:
        metric, scale = f"elec.current.l{max(1, ((part.channel & 0x7F) - 2) // 2)}", 0.1
    position = 4 if part.channel >= 0x80 else 0
    raw = unsigned_le(part.data[position : position + 2])
    if raw in _CURRENT_FAULTS:
        meaning.event("fault.sensor", detail=_CURRENT_FAULTS[raw], metric=metric)
    else:
        meaning.put(metric, raw * scale)
    if part.channel >= 0x80 and part.data[6] & 0x05:
        meaning.event("alarm.overcurrent", metric=metric, maximum=unsigned_le(part.data[0:2]) * scale)


def _temperature(meaning: Meaning, part: _Part, _kind: str) -> None:
    raw = unsigned_le(part.data[:2])
    if raw in _CURRENT_FAULTS:
        meaning.event("fault.sensor", detail=_CURRENT_FAULTS[raw], metric="env.temperature")
        return
    meaning.put("env.temperature", signed_le(part.data[:2]) / 10)
    if len(part.data) == 3 and part.data[2] == 1:
        meaning.event("alarm.temperature", value=signed_le(part.data[:2]) / 10)


def _mutation(meaning: Meaning, part: _Part, _kind: str) -> None:
    meaning.put("env.temperature", signed_le(part.data[:2]) / 10)
    meaning.event("alarm.temperature", detail="mutation", change=abs(signed_le(part.data[2:4])) / 10)


def _input(meaning: Meaning, part: _Part, kind: str) -> None:
    """WS301 tells its mounting in channel 4; the other inputs are what the device watches."""
    active = part.data[0] != 0
    if kind == "door" and part.channel == 0x04:
        meaning.state("tamper", active, "alarm.tamper")
    elif kind in ("", "pressure", "water", "electricity", "input"):
        leaks = part.channel & 0x7F == 0x05 and kind == ""
        doors = part.channel & 0x7F == 0x06 and kind == ""
        metric, alarm = _INPUTS["leak"] if leaks else _INPUTS["door"] if doors else ("contact.active", "")
        meaning.state(metric, active, alarm)
    else:
        metric, alarm = _INPUTS.get(kind, ("contact.active", ""))
        meaning.state(metric, active, alarm)


def _valve_or_relay(meaning: Meaning, part: _Part, _kind: str) -> None:
    """GS101: channel 6 valve, 7 relay; elsewhere a switch."""
    meaning.state("x.valve.open" if part.channel == 0x06 else "switch.on", part.data[0] != 0)


def _socket(meaning: Meaning, part: _Part, _kind: str) -> None:
    meaning.state("switch.on", bool(part.data[0] & 1))


def _gas(meaning: Meaning, part: _Part, _kind: str) -> None:
    meaning.state("gas_alarm", part.data[0] == 1, "alarm.gas")


def _water(meaning: Meaning, part: _Part, _kind: str) -> None:
    """EM300-DI hardware 3: an amount, in the unit its installer chose, that the device computed from its pulses."""
    meaning.put("x.water.total", float32_le(part.data[4:8]))
    meaning.put("counter.pulses", _pulses(part.data))
    if len(part.data) > 8 and part.data[8] & 1:
        meaning.event("alarm.water_outage" if part.data[8] == 1 else "alarm.flow")


def _pulses(data: bytes) -> float:
    """From water ratio, pulse ratio and amount; not a number where a ratio is 0."""
    water_ratio, pulse_ratio = unsigned_le(data[0:2]), unsigned_le(data[2:4])
    amount = float32_le(data[4:8])
    return float(round(amount * pulse_ratio / water_ratio)) if water_ratio and pulse_ratio and isfinite(amount) else nan


_READERS: Mapping[int, Callable[[Meaning, _Part, str], None]] = {
    _INPUT: _input,
    0x01: _valve_or_relay,
    _TEMPERATURE: _temperature,
    _MUTATION: _mutation,
    0x70: _socket,
    0x8E: _gas,
    0xE1: _water,
}


def _history(meaning: Meaning, part: _Part, kind: str) -> None:
    """Time, temperature, humidity; then the input (8 bytes) or mode, input and pulses (13, with water 18)."""
    data, moment = part.data, unsigned_le(part.data[:4])
    if not _EARLIEST <= moment < _LATEST:
        meaning.refused.append(f"a history record's time {moment} is outside 2015 to 2100")
        return
    if len(data) == 18:
        values = {"counter.pulses": _pulses(data[10:18])} if data[8] == 2 else {"contact.active": float(data[9] != 0)}
        meaning.at(moment, values)
        return
    values = {"env.temperature": signed_le(data[4:6]) / 10, "env.humidity": data[6] / 2}
    if len(data) == 8:
        values[_INPUTS.get(kind, ("contact.active", ""))[0]] = float(data[7] != 0)
    elif len(data) == 13 and data[7] == 1:
        values["contact.active"] = float(data[8] != 0)
    elif len(data) >= 13 and data[7] == 2:
        values["counter.pulses"] = float(unsigned_le(data[9:13]))
    meaning.at(moment, values)


def _device_event(meaning: Meaning, part: _Part) -> None:
    if part.type == 0xFE:
        meaning.event("device.boot")
    elif part.type == 0x3F:
        event, detail = _ALARM_REPORTS.get(part.data[0], ("fault.power", "power lost"))
        meaning.event(event, detail=detail)
    elif part.type == 0x2E:
        meaning.event("button.pressed", mode=part.data[0])
    elif part.type == 0x29:
        for channel in range(3):
            meaning.state(f"switch.on.ch{channel + 1}", bool(part.data[0] >> channel & 1))


def _information(meaning: Meaning, parts: list[_Part]) -> None:
    """What a device tells of itself when it joins, as one event."""
    told = {part.type: part.data for part in parts if part.channel == _DEVICE}
    attributes: dict[str, str] = {}
    for kind_of_data, name in ((0x16, "serial"), (0x08, "serial")):
        if kind_of_data in told:
            attributes.setdefault(name, told[kind_of_data].hex())
    if 0x0A in told:
        attributes["firmware"] = f"v{told[0x0A][0]}.{told[0x0A][1]:x}"
    if 0x09 in told:
        attributes["hardware"] = f"v{told[0x09][0]}.{told[0x09][1] >> 4}"
    if attributes:
        meaning.event("device.info", **attributes)
    elif 0x0B in told:
        meaning.event("device.boot")
