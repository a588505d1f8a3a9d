"""DL/T 645-2007 and -1997, the electricity meters of China, as transparent gateways deliver them.

Frame: 68 A0..A5 68 C L DATA CS 16; address BCD, low byte first; data bytes carry +0x33. Values are BCD, low byte first.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ingest.decoded import Decoded, Happening, Outcome, Rejected, Sample
from ingest.families.frames_68 import Frame, bcd, split
from ingest.message import Message

_OFFSET = 0x33
_READ, _REPLIES, _ERRORS = {0x11: 4, 0x12: 4, 0x01: 2}, {0x91: 4, 0xB1: 4, 0x92: 4, 0x81: 2, 0xA1: 2}, {0xD1, 0xD2, 0xC1}
_ADDRESS_REPLY = 0x93


class Field(NamedTuple):
    """`size` bytes of BCD; value = digits x `scale` in the metric's unit. `signed`: the top bit of the last byte is the sign."""

    metric: str
    size: int
    scale: float
    signed: bool = False


_PHASES = {1: ".l1", 2: ".l2", 3: ".l3"}


def _with_phases(di: int, metric: str, size: int, scale: float, *, signed: bool = False) -> dict[int, Field]:
    """Total at `di`, phases at the next three addresses of the third byte."""
    suffixes = {0: "", **_PHASES}
    return {di + (phase << 8): Field(metric + suffix, size, scale, signed) for phase, suffix in suffixes.items()}


def _with_tariffs(di: int, metric: str, step: int, *, signed: bool = False) -> dict[int, Field]:
    suffixes = {0: "", **{n: f".t{n}" for n in range(1, 9)}}
    return {di + n * step: Field(metric + suffix, 4, 0.01, signed) for n, suffix in suffixes.items()}


_COMBINED, _IMPORT = "elec.energy.combined", "elec.energy.import"
_FIELDS_2007: dict[int, Field] = {
    **_with_tariffs(0x00000000, _COMBINED, 0x100, signed=True),
    **_with_tariffs(0x00010000, "elec.energy.import", 0x100),
    **_with_tariffs(0x00020000, "elec.energy.export", 0x100),
    **_with_tariffs(0x00030000, "elec.energy.reactive.import", 0x100, signed=True),
    **_with_tariffs(0x00040000, "elec.energy.reactive.export", 0x100, signed=True),
    **_with_phases(0x02010000, "elec.voltage", 2, 0.1),
    **_with_phases(0x02020000, "elec.current", 3, 0.001, signed=True),
    **_with_phases(0x02030000, "elec.power.active", 3, 0.1, signed=True),
    **_with_phases(0x02040000, "elec.power.reactive", 3, 0.1, signed=True),
    **_with_phases(0x02050000, "elec.power.apparent", 3, 0.1),
    **_with_phases(0x02060000, "elec.power_factor", 2, 0.001, signed=True),
    0x02800002: Field("elec.frequency", 2, 0.01),
    0x02800008: Field("battery.voltage", 2, 0.01),
}
_FIELDS_1997: dict[int, Field] = {
    **_with_tariffs(0x9010, "elec.energy.import", 1),
    **_with_tariffs(0x9020, "elec.energy.export", 1),
    **_with_tariffs(0x9110, "elec.energy.reactive.import", 1),
    **_with_tariffs(0x9120, "elec.energy.reactive.export", 1),
    **{0xB610 + n: Field("elec.voltage" + suffix, 2, 1.0) for n, suffix in _PHASES.items()},
    **{0xB620 + n: Field("elec.current" + suffix, 2, 0.01) for n, suffix in _PHASES.items()},
    **{0xB630 + n: Field("elec.power.active" + suffix, 3, 0.1) for n, suffix in {0: "", **_PHASES}.items()},
    **{0xB640 + n: Field("elec.power.reactive" + suffix, 2, 10.0) for n, suffix in {0: "", **_PHASES}.items()},
    **{0xB650 + n: Field("elec.power_factor" + suffix, 2, 0.001) for n, suffix in {0: "", **_PHASES}.items()},
}


def _block(di: int) -> tuple[int, ...]:
    """The single addresses that a block address (FF in the place of phase or tariff) stands for, in the order of its data."""
    if di & 0xFF00 == 0xFF00 and di >> 16 in {1, 2, 3, 4, 0}:
        return tuple((di & ~0xFF00) + (n << 8) for n in range(5))
    if di & 0xFF00 == 0xFF00 and di >> 16 in {0x0201, 0x0202}:
        return tuple((di & ~0xFF00) + (n << 8) for n in (1, 2, 3))
    if di & 0xFF00 == 0xFF00 and 0x0203 <= di >> 16 <= 0x0206:
        return tuple((di & ~0xFF00) + (n << 8) for n in range(4))
    if di in {0x901F, 0x902F, 0x911F, 0x912F}:
        return tuple((di & ~0xF) + n for n in range(5))
    return (di,)


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    """With the context's `combined_is_import` the combined active energy (00000000) counts as drawn."""
    frames = split(message.payload, second_start=True, header_length=6)
    if not frames:
        return Rejected("no DL/T 645 frame: nothing starts with 68, address, 68")
    as_import = context.get("combined_is_import") is True
    return tuple(_decode_frame(frame, as_import=as_import) for frame in frames)


def _decode_frame(frame: Frame, *, as_import: bool) -> Decoded | Rejected:
    device_id = frame.header[::-1].hex()
    if frame.damage:
        return Rejected(frame.damage, device_id)
    data = bytes((byte - _OFFSET) % 256 for byte in frame.data)
    if frame.control in _READ:
        return Decoded(device_id, happenings=(Happening("command.read", None, {"di": _di_text(data, _READ[frame.control])}),))
    if frame.control in _ERRORS:
        return Decoded(device_id, happenings=(Happening("meter.error_reply", None, {"code": f"{frame.data[:1].hex()}"}),))
    if frame.control == _ADDRESS_REPLY:
        return Decoded(device_id, happenings=(Happening("device.discovered", None, {"address": data[5::-1].hex()}),))
    if frame.control in _REPLIES:
        return _reply(device_id, data, _REPLIES[frame.control], as_import=as_import)
    return _raw(device_id, f"{frame.control:02X}", data)


def _di_text(data: bytes, size: int) -> str:
    return data[:size][::-1].hex().upper()


def _reply(device_id: str, data: bytes, size: int, *, as_import: bool) -> Decoded | Rejected:
    if len(data) < size:
        return Rejected(f"a reply of {len(data)} bytes is too short for a data identifier of {size}", device_id)
    di = int.from_bytes(data[:size], "little")
    fields = _FIELDS_2007 if size == 4 else _FIELDS_1997
    wanted = [fields[single] for single in _block(di) if single in fields]
    if not wanted:
        return _raw(device_id, _di_text(data, size), data[size:])
    values, refused = _values(wanted, data[size:])
    if not values:
        return Rejected("; ".join(refused) or f"no data behind the identifier {_di_text(data, size)}", device_id)
    if as_import:
        values = {name.replace(_COMBINED, _IMPORT): value for name, value in values.items()}
    return Decoded(device_id, (Sample(None, values),), refused=refused)


def _values(wanted: list[Field], data: bytes) -> tuple[dict[str, float], list[str]]:
    values: dict[str, float] = {}
    refused: list[str] = []
    for field in wanted:
        part, data = data[: field.size], data[field.size :]
        if len(part) < field.size:
            break
        if part == b"\xff" * field.size:
            continue  # the meter does not have this value
        value = _signed(part) if field.signed else bcd(part)
        if value is None:
            refused.append(f"{field.metric}: {part.hex()} is not BCD")
        else:
            values[field.metric] = round(value * field.scale, 6)
    return values, refused


def _signed(part: bytes) -> int | None:
    digits = bcd(part[:-1] + bytes([part[-1] & 0x7F]))
    return -digits if digits is not None and part[-1] & 0x80 else digits


def _raw(device_id: str, what: str, data: bytes) -> Decoded:
    """Valid, but not in our tables: kept as it is, so that nothing a meter says is lost."""
    return Decoded(device_id, happenings=(Happening("raw.frame", None, {"di": what, "data": data.hex()}),))
