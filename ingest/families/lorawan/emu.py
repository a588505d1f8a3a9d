"""EMU Professional II (electricity) on FPort 1: logger time, then signature byte and value in little endian, CRC-8 at the end.

The device chooses which signatures a port sends. The times in the values are its own clock's.
"""

from typing import NamedTuple

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink, signed_le, unsigned_le

_POLYNOMIAL = 0x07
_STATUS_ONLY, _SHORTEST = 2, 6
_TIMESTAMP, _PREVIOUS, _ERRORS, _SERIAL = 0x01, 0x02, 0xF0, 0xF1


class _Field(NamedTuple):
    metric: str
    size: int = 4
    scale: float = 1.0
    signed: bool = True


def _energies(first: int, size: int, scale: float) -> dict[int, _Field]:
    names = ("elec.energy.import", "elec.energy.export", "elec.energy.reactive.import", "elec.energy.reactive.export")
    return {
        first + 2 * n + t: _Field(f"{name}.t{t + 1}", size, scale, signed=False) for n, name in enumerate(names) for t in range(2)
    }


def _phases(first: int, metric: str, size: int = 4, scale: float = 1.0) -> dict[int, _Field]:
    return {first + n: _Field(f"{metric}.l{n + 1}", size, scale) for n in range(3)}


_FIELDS: dict[int, _Field] = {
    0x00: _Field("x.index", signed=False),
    **_energies(0x03, 4, 0.001),
    0x0B: _Field("elec.power.active"),
    **_phases(0x0C, "elec.power.active"),
    0x0F: _Field("elec.current", 4, 0.001),
    **_phases(0x10, "elec.current", 4, 0.001),
    0x13: _Field("elec.current.n", 4, 0.001),
    **_phases(0x14, "elec.voltage", 4, 0.1),
    **_phases(0x17, "elec.power_factor", 1, 0.01),
    0x1A: _Field("elec.frequency", 2, 0.1),
    0x1B: _Field("x.elec.power.active.avg"),
    **_energies(0x1C, 4, 1.0),
    **_energies(0x24, 8, 0.001),
    **{n: _Field("", 2) for n in range(0xF3, 0xF7)},
    0xF7: _Field("", 1),
    **{n: _Field("", 4) for n in (_TIMESTAMP, _PREVIOUS, _SERIAL, 0xF2, *range(0xF8, 0xFF))},
    _ERRORS: _Field("", 1),
}


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.is_model("emu "):
        return _read(data)
    if len(data) >= _SHORTEST + 4 and _crc8(data[:-1]) == data[-1] and unsigned_le(data[:4]) > 1_400_000_000:
        try:
            return _read(data)
        except Unusable:
            return None
    return None


def _read(data: bytes) -> Meaning:
    meaning = Meaning()
    if len(data) <= _STATUS_ONLY:
        meaning.event("device.heartbeat")
        return meaning
    if len(data) < _SHORTEST or _crc8(data[:-1]) != data[-1]:
        raise Unusable("EMU: the check byte does not fit")
    meaning.ts_ms = unsigned_le(data[:4]) * 1000
    position = 4
    while position < len(data) - 1:
        field = _FIELDS.get(data[position])
        raw = data[position + 1 : position + 1 + field.size] if field else b""
        if field is None or len(raw) < field.size or position + 1 + field.size > len(data) - 1:
            raise Unusable(f"EMU: signature {data[position]:02X} at byte {position} is unknown or cut off")
        if data[position] == _SERIAL:
            meaning.device_id = raw[::-1].hex()
        elif data[position] == _ERRORS and raw[0]:
            meaning.event("fault.device", code=raw[0])
        elif field.metric:
            meaning.put(field.metric, (signed_le(raw) if field.signed else unsigned_le(raw)) * field.scale)
        position += 1 + field.size
    return meaning


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL) & 0xFF if crc & 0x80 else crc << 1
    return crc
