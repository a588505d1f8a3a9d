"""Wireless telegrams in the makers' own formats: total volume at a place that the maker and version fix.

Compact frames (CI 79) leave out the heads of their records; the formats known here are named by the CRC of those heads.
"""

from collections.abc import Callable
from typing import NamedTuple

from ingest.families.mbus_frames import Frame
from ingest.families.mbus_records import Damaged, Manufacturers, Record, headers, read

_COMPACT = 0x79
_POLYNOMIAL = 0x3D65
_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_FORMATS = (
    "02FF2004134413615B6167",
    "02FF2004134413615B5167",
    "02FF20041344135B67",
    "040404843C042B04AB3C",
    "22691269026905FF0905FF0A02FD17",
)
_APATOR_HEAD = 7
_APATOR_SIZES = {
    0x00: 4,
    0x01: 3,
    0x10: 4,
    0x11: 2,
    0x40: 6,
    0x41: 2,
    0x42: 4,
    0x43: 2,
    0x44: 3,
    0x71: 9,
    0x72: 13,
    0x73: 17,
    0x75: 25,
    0x7B: 49,
    **dict.fromkeys(range(0x80, 0x88), 10),
    0xA0: 4,
    0xB0: 5,
    0xB1: 8,
    0xB2: 16,
}
_APATOR_TOTAL = 0x10
_QUNDIS_VIF, _QUNDIS_HEAD = 0x5F, 16


def crc16(data: bytes) -> int:
    """EN 13757: polynomial 3D65, complemented."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL) & 0xFFFF if crc & 0x8000 else crc << 1 & 0xFFFF
    return crc ^ 0xFFFF


_BY_SIGNATURE = {crc16(bytes.fromhex(heads)): bytes.fromhex(heads) for heads in _FORMATS}


def expand(frame: Frame, known: tuple[bytes, ...] = ()) -> bytes:
    """A compact frame's records with their heads; raises `Damaged` where the format is not known."""
    signature = int.from_bytes(frame.payload[:2], "little")
    formats = _BY_SIGNATURE | {crc16(heads): heads for heads in known}
    heads = formats.get(signature)
    if heads is None:
        raise Damaged(f"a compact frame of format {signature:04X}, whose full frame has not been seen")
    values, position, told = frame.payload[4:], 0, b""
    for head in headers(heads):
        size = _SIZES.get(head[0] & 0x0F, 0)
        told += head + values[position : position + size]
        position += size
    if position > len(values):
        raise Damaged(f"a compact frame of {len(values)} bytes; its format needs {position}")
    return told


class _Own(NamedTuple):
    manufacturer: str
    applies: Callable[[Frame], bool]
    total_m3: Callable[[bytes], float | None]


def own_total(frame: Frame) -> float | None:
    """Cubic metres of a proprietary telegram; None where the format is not known."""
    for own in _OWN:
        if own.manufacturer == frame.manufacturer and own.applies(frame):
            return own.total_m3(_own_part(frame))
    return None


def _own_part(frame: Frame) -> bytes:
    """What is behind DIF 0F, or all of a proprietary frame."""
    if frame.ci >= 0xA0:
        return frame.payload
    try:
        for record in read(frame.payload):
            if isinstance(record, Manufacturers):
                return record.data
            if isinstance(record, Record) and record.table == 0xFF and record.vif == _QUNDIS_VIF:
                return record.data
    except Damaged:
        return b""
    return b""


def _little(start: int, size: int, divisor: float) -> Callable[[bytes], float | None]:
    def total(data: bytes) -> float | None:
        return int.from_bytes(data[start : start + size], "little") / divisor if len(data) >= start + size else None

    return total


def _techem(data: bytes) -> float | None:
    """Radio 3 and 4: the last period's and the present one's consumption in 0.1 m3 make the total."""
    if len(data) < 9:
        return None
    return (int.from_bytes(data[3:5], "little") + int.from_bytes(data[7:9], "little")) / 10


def _apator(data: bytes) -> float | None:
    position = _APATOR_HEAD
    while position < len(data):
        size = _APATOR_SIZES.get(data[position])
        if size is None:
            return None
        if data[position] == _APATOR_TOTAL and position + 5 <= len(data):
            return int.from_bytes(data[position + 1 : position + 5], "little") / 1000
        position += 1 + size
    return None


def _qundis(data: bytes) -> float | None:
    if len(data) < _QUNDIS_HEAD:
        return None
    digits = data[12:16][::-1].hex()
    return int(digits) * 10.0 ** (data[9] - 0x16) if digits.isdecimal() and 0x10 <= data[9] <= 0x17 else None


_OWN = (
    _Own("TCH", lambda frame: frame.ci == 0xA2 and frame.version == 0x50, _little(4, 4, 10.0)),
    _Own("TCH", lambda frame: frame.ci in (0xA0, 0xA1, 0xA2) and frame.medium in (0x62, 0x72), _techem),
    _Own("APA", lambda frame: frame.ci == 0x7A and frame.version in (0x05, 0x0F), _apator),
    _Own("APT", lambda frame: frame.ci == 0xA0, _little(0, 4, 3.0)),
    _Own("ZRI", lambda frame: frame.version == 0x0B, _little(8, 4, 256_000.0)),
    _Own("QDS", lambda frame: frame.ci == 0x78, _qundis),
)
