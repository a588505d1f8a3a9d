"""Elsys (ERS, EMS, ELT, ESM): type and data, big endian, lengths fixed by type; FPort 5 by default, any other possible."""

from typing import NamedTuple

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink, signed, unsigned


class _Field(NamedTuple):
    metric: str
    size: int
    scale: float = 1.0
    signed: bool = False
    is_state: bool = False


_FIELDS: dict[int, _Field] = {
    0x01: _Field("env.temperature", 2, 0.1, signed=True),
    0x02: _Field("env.humidity", 1),
    0x03: _Field("", 3),
    0x04: _Field("env.illuminance", 2),
    0x05: _Field("x.motion.count", 1),
    0x06: _Field("env.co2", 2),
    0x07: _Field("battery.voltage", 2, 0.001),
    0x08: _Field("x.analogue.ch1", 2, 0.001),
    0x09: _Field("", 6),
    0x0A: _Field("x.pulses.period.ch1", 2),
    0x0B: _Field("counter.pulses.ch1", 4),
    0x0C: _Field("env.temperature.ch1", 2, 0.1, signed=True),
    0x0D: _Field("contact.active", 1, is_state=True),
    0x0E: _Field("x.distance", 2, 0.001),
    0x0F: _Field("x.acceleration.motion", 1),
    0x10: _Field("", 4),
    0x11: _Field("occupancy", 1, is_state=True),
    0x12: _Field("leak.raw", 1),
    0x13: _Field("", 65),
    0x14: _Field("env.pressure", 4, 0.0001),
    0x15: _Field("env.noise", 2),
    0x16: _Field("x.pulses.period.ch2", 2),
    0x17: _Field("counter.pulses.ch2", 4),
    0x18: _Field("x.analogue.ch2", 2, 0.001),
    0x19: _Field("env.temperature.ch2", 2, 0.1, signed=True),
    0x1A: _Field("contact.active.ch2", 1, is_state=True),
    0x1B: _Field("x.analogue.fine", 4, 1e-6, signed=True),
    0x1C: _Field("env.voc", 2),
    0x3D: _Field("", 4),
}
_SETTINGS = 0x3E
_SHORTEST_GUESSED = 6


def decode(uplink: Uplink) -> Meaning | None:
    data, is_ours = uplink.payload, uplink.is_model("elsys")
    if not is_ours and len(data) < _SHORTEST_GUESSED:
        return None  # two or three bytes fit by chance
    meaning, position = Meaning(), 0
    while position < len(data):
        field = _FIELDS.get(data[position])
        if data[position] == _SETTINGS:
            meaning.event("device.info", settings=data[position + 1 :].hex())
            break
        if field is None or position + 1 + field.size > len(data):
            if is_ours:
                raise Unusable(f"Elsys: type {data[position]:02X} at byte {position} is unknown or cut off")
            return None
        _put(meaning, field, data[position + 1 : position + 1 + field.size])
        position += 1 + field.size
    return None if meaning.is_empty else meaning


def _put(meaning: Meaning, field: _Field, raw: bytes) -> None:
    if field.is_state:
        meaning.state(field.metric, any(raw))
    elif field.metric:
        meaning.put(field.metric, (signed(raw) if field.signed else unsigned(raw)) * field.scale)
