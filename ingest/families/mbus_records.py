"""Data records of M-Bus (EN 13757-3), wired and wireless: DIF and VIF chains in front of each value.

A record tells function, storage, tariff and subunit in its DIFs, quantity and scale in its VIFs; values are little endian.
"""

import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 8: 0, 9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_FLOAT, _VARIABLE, _SPECIAL = 5, 0xD, 0xF
_BCD = {9, 0xA, 0xB, 0xC, 0xE}
_IDLE, _MANUFACTURER, _MORE_FOLLOWS = 0x2F, 0x0F, 0x1F
_PLAIN_TEXT = 0x7C
_MORE = 0x80
_LONGEST_CHAIN = 11
_TRAILER = 2
"""Some makers leave check bytes behind the last record."""


class Damaged(Exception):
    """Why no more records can be read."""


class Record(NamedTuple):
    """`table`: 0 the primary VIFs, 0xFB and 0xFD the extensions, 0xFF a manufacturer's; `vif` without its continuation bit.

    `function`: 0 present, 1 maximum, 2 minimum, 3 during an error. `extensions`: the VIFEs behind the VIF.
    """

    function: int
    storage: int
    tariff: int
    subunit: int
    table: int
    vif: int
    extensions: tuple[int, ...]
    coding: int
    data: bytes

    @property
    def number(self) -> float | None:
        """None: no number, or one that the meter marks as invalid."""
        if self.coding == _VARIABLE or not self.data:
            return None
        if self.coding == _FLOAT:
            found = float(struct.unpack("<f", self.data)[0])
            return found if abs(found) < 1e30 else None
        if self.coding in _BCD:
            return _bcd(self.data)
        return float(int.from_bytes(self.data, "little", signed=True))

    @property
    def unsigned(self) -> int:
        return int.from_bytes(self.data, "little")

    @property
    def text(self) -> str:
        """Text of variable length is sent backwards."""
        return self.data[::-1].decode("latin-1").strip("\0 ") if self.coding == _VARIABLE else self.data[::-1].hex()


class Manufacturers(NamedTuple):
    """What follows DIF 0F or 1F: the maker's own."""

    data: bytes


def read(data: bytes) -> Iterator[Record | Manufacturers]:
    """Raises `Damaged` where a record is cut off, after all that could be read."""
    position = 0
    while position < len(data):
        dif = data[position]
        if dif == _IDLE:
            position += 1
        elif dif in (_MANUFACTURER, _MORE_FOLLOWS):
            yield Manufacturers(data[position + 1 :])
            return
        elif dif & 0x0F == _SPECIAL:
            raise Damaged(f"DIF {dif:02X} at byte {position} is reserved")
        else:
            try:
                record, position = _record(data, position)
            except Damaged:
                if 0 < position >= len(data) - _TRAILER:
                    return
                raise
            yield record


def headers(data: bytes) -> Iterator[bytes]:
    """DIF and VIF chains alone, as a compact frame's format lists them."""
    position = 0
    while position < len(data):
        _, _, end = _head(data, position)
        yield data[position:end]
        position = end


def _record(data: bytes, position: int) -> tuple[Record, int]:
    start, chain, end = _head(data, position)
    coding = start[0] & 0x0F
    if coding == _VARIABLE:
        size, end = _variable_size(data, end)
    else:
        size = _SIZES[coding]
    if end + size > len(data):
        raise Damaged(f"a record at byte {position} needs {size} bytes, {len(data) - end} are there")
    storage, tariff, subunit = start[0] >> 6 & 1, 0, 0
    for place, dife in enumerate(start[1:]):
        storage |= (dife & 0x0F) << (1 + 4 * place)
        tariff |= (dife >> 4 & 3) << (2 * place)
        subunit |= (dife >> 6 & 1) << place
    table, vif, extensions = _quantity(chain)
    return Record(start[0] >> 4 & 3, storage, tariff, subunit, table, vif, extensions, coding, data[end : end + size]), end + size


def _head(data: bytes, position: int) -> tuple[bytes, bytes, int]:
    """DIFs, VIFs (a plain-text unit passed over) and where the value starts."""
    difs_end = _chain_end(data, position)
    vifs_end = _chain_end(data, difs_end)
    vifs = data[difs_end:vifs_end]
    if vifs[0] & 0x7F == _PLAIN_TEXT:
        if vifs_end >= len(data):
            raise Damaged(f"a unit's text at byte {vifs_end} is cut off")
        vifs_end += 1 + data[vifs_end]
    return data[position:difs_end], vifs, vifs_end


def _chain_end(data: bytes, position: int) -> int:
    for place in range(position, position + _LONGEST_CHAIN):
        if place >= len(data):
            raise Damaged(f"a record's head at byte {position} is cut off")
        if not data[place] & _MORE:
            return place + 1
    raise Damaged(f"a chain of more than {_LONGEST_CHAIN} bytes at byte {position}")


def _variable_size(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise Damaged(f"a length at byte {position} is cut off")
    length = data[position]
    if length < 0xC0:
        return length, position + 1
    if length < 0xE0:
        return length & 0x0F, position + 1
    if length < 0xF0:
        return length - 0xE0, position + 1
    raise Damaged(f"a variable length of {length:02X} is not supported")


def _quantity(chain: bytes) -> tuple[int, int, tuple[int, ...]]:
    if chain[0] in (0xFB, 0xFD) and len(chain) > 1:
        return chain[0], chain[1] & 0x7F, tuple(byte & 0x7F for byte in chain[2:])
    if chain[0] == 0xFF:
        return 0xFF, chain[1] & 0x7F if len(chain) > 1 else 0, tuple(byte & 0x7F for byte in chain[2:])
    return 0, chain[0] & 0x7F, tuple(byte & 0x7F for byte in chain[1:])


def _bcd(data: bytes) -> float | None:
    """A first digit of F is a minus; other letters mean that the value is not valid."""
    digits = data[::-1].hex()
    sign = 1.0
    if digits[0] == "f":
        sign, digits = -1.0, digits[1:]
    return sign * int(digits) if digits.isdecimal() else None


def moment(record: Record) -> datetime | None:
    """The meter's clock, which has no zone: type F (4 bytes), I (6), G (2, a date)."""
    data, start = record.data, {2: 0, 4: 2, 6: 3}.get(len(record.data))
    if start is None:
        return None
    year, month, day = _date(data[start : start + 2])
    second, minute, hour = (bytes(3 - start) + bytes(byte & 0x3F for byte in data[:start])) if start else bytes(3)
    try:
        return datetime(year, month, day, hour & 0x1F, minute, second)  # noqa: DTZ001 - the meter's clock has no zone
    except ValueError:
        return None


def _date(data: bytes) -> tuple[int, int, int]:
    return 2000 + ((data[0] & 0xE0) >> 5 | (data[1] & 0xF0) >> 1), data[1] & 0x0F, data[0] & 0x1F


def profile(record: Record) -> tuple[timedelta | None, list[int | None]]:
    """An inverse compact profile (VIFE 13): spacing, and the differences going back; None where the meter has no value."""
    control, spacing, data = record.data[0], record.data[1], record.data[2:]
    size = _SIZES.get(control & 0x0F, 0)
    unit = {0: timedelta(seconds=1), 1: timedelta(minutes=1), 2: timedelta(hours=1), 3: timedelta(days=1)}[control >> 4 & 3]
    if not size or control >> 6 & 3 != 1 or not 0 < spacing < 0xFA:
        return None, []
    raws = [data[place : place + size] for place in range(0, len(data) - size + 1, size)]
    return unit * spacing, [None if raw == b"\xff" * size else int.from_bytes(raw, "little") for raw in raws]
