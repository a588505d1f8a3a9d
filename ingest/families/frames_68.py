"""Frames that start with 68 and end with 16 (DL/T 645, CJ/T 188): cut out of what a transparent gateway delivers.

Such a gateway passes on wake-up bytes (FE), echoes of the master's requests, several frames glued together or one in two
parts. The checksum is the sum of all bytes from the first 68, modulo 256.
"""

from typing import NamedTuple

START, END = 0x68, 0x16


class Frame(NamedTuple):
    """`header` is what lies between the first 68 and the control code; `damage` says what is wrong with it, empty if nothing."""

    header: bytes
    control: int
    data: bytes
    damage: str = ""


def split(payload: bytes, *, second_start: bool, header_length: int) -> list[Frame]:
    """All frames of the payload in order. `second_start`: another 68 stands between header and control code (DL/T 645).

    Noise between frames is passed over; a frame that breaks off or has a wrong checksum comes back with its `damage`.
    """
    frames: list[Frame] = []
    position = payload.find(START)
    while position >= 0:
        frame, end = _frame_at(payload, position, second_start=second_start, header_length=header_length)
        if frame is not None:
            frames.append(frame)
        position = payload.find(START, end)
    return frames


def _frame_at(payload: bytes, start: int, *, second_start: bool, header_length: int) -> tuple[Frame | None, int]:
    """The frame that starts there and where to look on; None where the 68 was no start."""
    control_at = start + 1 + header_length + (1 if second_start else 0)
    if second_start and payload[control_at - 1 : control_at] not in (b"\x68", b""):
        return None, start + 1
    header = payload[start + 1 : start + 1 + header_length]
    if control_at + 2 > len(payload):
        return Frame(header, 0, b"", "the frame breaks off"), len(payload)
    length = payload[control_at + 1]
    end = control_at + 2 + length
    data = payload[control_at + 2 : end]
    if end + 2 > len(payload):
        return Frame(header, payload[control_at], data, "the frame breaks off"), len(payload)
    frame = Frame(header, payload[control_at], data)
    checksum = sum(payload[start:end]) % 256
    if payload[end] != checksum:
        return frame._replace(damage=f"checksum is {payload[end]:02X}, computed {checksum:02X}"), _after(payload, end)
    if payload[end + 1] != END:
        return frame._replace(damage=f"the frame ends with {payload[end + 1]:02X} instead of 16"), _after(payload, end)
    return frame, end + 2


def _after(payload: bytes, end: int) -> int:
    """Behind a damaged frame: past its end byte where that stands in place, else right behind its data."""
    return end + 2 if payload[end + 1 : end + 2] == bytes([END]) else end


def bcd(data: bytes) -> int | None:
    """Little-endian packed BCD; None where a half byte is no digit."""
    text = data[::-1].hex()
    return int(text) if text.isdecimal() else None
