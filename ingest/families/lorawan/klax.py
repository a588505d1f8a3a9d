"""KLAX reader on FPort 3: registers of an electricity meter read by its optical port (SML, IEC 62056-21, Modbus).

Header (version, type, battery, mode), message number and count, then parts: 1 history (34 bytes, or 18 per filter from version 1),
2 present values (19), 3 the meter's server id (10), 8 device id (4). The newest value of a history comes first.
"""

import struct

from ingest.families.lorawan.uplink import Meaning, Uplink

_PORT = 3
_UNITS = ("", "Wh", "W", "V", "A", "Hz", "varh", "var", "VAh", "VA")
_METRICS = {
    "W": ("elec.power.active", 1.0), "V": ("elec.voltage", 1.0), "A": ("elec.current", 1.0), "Hz": ("elec.frequency", 1.0),
    "var": ("elec.power.reactive", 1.0), "VA": ("elec.power.apparent", 1.0),
}  # fmt: skip
_ENERGY = {
    "Wh": ("elec.energy.import", "elec.energy.export"),
    "varh": ("elec.energy.reactive.import", "elec.energy.reactive.export"),
}
_SERVER_ID, _SIZES = 3, {2: 19, 3: 10, 4: 10, 5: 18, 6: 34, 7: 1, 8: 4}


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    if uplink.port != _PORT or len(data) < 15 or data[0] & 3 > 1 or data[4] not in (1, *_SIZES):
        return None
    version = data[0] >> 2
    meaning = Meaning()
    meaning.put("battery.level", (data[1] & 7) * 20 if version else min((data[1] & 0x0F) * 10, 100))
    position = 4
    while position < len(data):
        kind = data[position]
        size = (18 if version else 34) if kind == 1 else _SIZES.get(kind, 0)
        part = data[position + 1 : position + 1 + size]
        if not size or len(part) < size:
            meaning.refused.append(f"part {kind} at byte {position} is unknown or cut off")
            break
        _part(meaning, kind, part, version)
        position += 1 + size
    return meaning


def _part(meaning: Meaning, kind: int, part: bytes, version: int) -> None:
    if kind == _SERVER_ID and any(part):
        meaning.device_id = part.hex()
    elif kind == 1 and not version:
        _history(meaning, part)
    elif kind == 1 and part[1] & 1:
        _register(meaning, part[0] >> 1 & 3, part[0] >> 4, struct.unpack(">f", part[2:6])[0])
    elif kind == 2:
        _present(meaning, part, version)


def _history(meaning: Meaning, part: bytes) -> None:
    for place, (shift, start) in enumerate(((0, 2), (4, 18))):
        mask = part[0] >> shift
        value = int.from_bytes(part[start : start + 4], "big", signed=True)
        if mask & 1 and (mask & 8 or any(part[start : start + 16])):
            _register(meaning, mask >> 1 & 3, part[1] >> (4 * place) & 0x0F, value)


def _present(meaning: Meaning, part: bytes, version: int) -> None:
    for place in range(4):
        raw = part[3 + 4 * place : 7 + 4 * place]
        unit = part[1 + place // 2] >> (4 * (place % 2)) & 0x0F
        if part[0] >> place & 1 and (part[0] >> (place + 4) & 1 or any(raw)):
            value = struct.unpack(">f", raw)[0] if version else int.from_bytes(raw, "big", signed=True)
            _register(meaning, place, unit, value)


def _register(meaning: Meaning, filter_id: int, unit_id: int, value: float) -> None:
    """The maker's default filters: 0 import (1.8.0), 1 export (2.8.0)."""
    unit = _UNITS[unit_id] if unit_id < len(_UNITS) else ""
    if unit in _ENERGY and filter_id < 2:
        meaning.put(_ENERGY[unit][filter_id], value / 1000)
    elif unit in _METRICS and filter_id < 3:
        metric, factor = _METRICS[unit]
        meaning.put(metric, value * factor)
    else:
        meaning.put(f"x.klax.filter{filter_id}", value)
