"""Frames that a transparent gateway cut in two: where an unfinished one begins, so that the next message can end it.

Each function takes all bytes and returns the place of a frame that has begun well and breaks off, or None.
"""

from collections.abc import Callable

from ingest.families import crc16

Unfinished = Callable[[bytes], int | None]

_LONGEST_MODBUS = 256


def dlt645(data: bytes) -> int | None:
    """68 address(6) 68 C L data CS 16."""
    return _frames_68(data, control_at=8, second_start=7)


def cjt188(data: bytes) -> int | None:
    """68 T address(7) C L data CS 16."""
    return _frames_68(data, control_at=9, second_start=None)


def _frames_68(data: bytes, *, control_at: int, second_start: int | None) -> int | None:
    position = data.find(0x68)
    while position >= 0:
        rest = len(data) - position
        if second_start is not None and rest > second_start and data[position + second_start] != 0x68:
            position = data.find(0x68, position + 1)
            continue
        if rest < control_at + 2:
            return position
        end = position + control_at + 2 + data[position + control_at + 1] + 2
        if end > len(data):
            return position
        is_whole = data[end - 1] == 0x16 and data[end - 2] == sum(data[position : end - 2]) % 256
        position = data.find(0x68, end if is_whole else position + 1)
    return None


def mbus(data: bytes) -> int | None:
    """68 L L 68 body(L) CS 16."""
    position = data.find(0x68)
    while position >= 0:
        rest = data[position : position + 4]
        size = rest[1] if len(rest) > 1 else 0
        if rest == bytes([0x68, size, size, 0x68])[: len(rest)]:
            end = position + 6 + size
            if len(rest) < 4 or end > len(data):
                return position
            position = data.find(0x68, end)
        else:
            position = data.find(0x68, position + 1)
    return None


def gb26875(data: bytes) -> int | None:
    """40 40 head(25) data(length) CS 23 23."""
    position = data.find(b"\x40\x40")
    while position >= 0:
        rest = len(data) - position
        if rest < 27:
            return position
        length = int.from_bytes(data[position + 24 : position + 26], "little")
        end = position + 27 + length + 3
        if length > 1024:
            position = data.find(b"\x40\x40", position + 1)
        elif end > len(data):
            return position
        else:
            position = data.find(b"\x40\x40", end)
    return len(data) - 1 if data[-1:] == b"\x40" else None


def modbus(data: bytes) -> int | None:
    """No mark stands at the start, so only a message that is wholly one begun answer counts."""
    if not 1 <= len(data) < _LONGEST_MODBUS or data[0] > 247:
        return None
    if len(data) < 3:
        return 0 if len(data) == 1 or data[1] in (1, 2, 3, 4) else None
    is_request = len(data) == 8 and crc16.modbus(data[:6]) == int.from_bytes(data[6:], "little")
    return 0 if data[1] in (1, 2, 3, 4) and data[2] and len(data) < 5 + data[2] and not is_request else None


def hdlc(data: bytes) -> int | None:
    """7E A. length(11 bits) ... 7E."""
    position = data.find(b"\x7e")
    while position >= 0:
        head = data[position : position + 3]
        if len(head) > 1 and head[1] & 0xF0 != 0xA0:
            position = data.find(b"\x7e", position + 1)
            continue
        if len(head) < 3:
            return position or None  # a closing flag alone begins nothing
        end = position + 2 + ((head[1] & 0x07) << 8 | head[2])
        if end > len(data):
            return position
        position = data.find(b"\x7e", end)
    return None


def meokon(data: bytes) -> int | None:
    """A5 5A command length(2) ...; on MQTT as hexadecimal text, which comes whole."""
    position = data.find(b"\xa5\x5a")
    while position >= 0:
        if len(data) - position < 5:
            return position
        length = int.from_bytes(data[position + 3 : position + 5], "big")
        if position + length > len(data):
            return position
        position = data.find(b"\xa5\x5a", position + max(length, 2))
    return None


FRAMED: dict[str, Unfinished] = {
    "dlt645": dlt645,
    "cjt188": cjt188,
    "mbus.wired": mbus,
    "gb26875.3": gb26875,
    "modbus.rtu": modbus,
    "dlms.push": hdlc,
    "meokon.fire": meokon,
}
"""By family; a whole frame with a wrong checksum is none of our business here."""
