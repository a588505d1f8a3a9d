"""Around the records of M-Bus: wired long frames (68 L L 68 ... CS 16) and wireless telegrams (L C M A ... without CRCs).

Transport headers: 72 with address, 7A short, 78 none, 79 compact; before them 8C and 8D (extended link) and 90 (authentication).
An encrypted payload is decrypted by pymbusparser with the meter's key.
"""

from typing import NamedTuple

import pymbusparser

_LONG, _LONG_MSB, _SHORT, _NONE, _COMPACT, _FIXED = 0x72, 0x76, 0x7A, 0x78, 0x79, 0x73
_EXTENDED_LINK = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}
_AUTHENTICATION = 0x90
_PROPRIETARY = range(0xA0, 0xB8)
_SWAPPED_ADDRESS = ("DME", "HYD")
"""Makers whose own telegrams put version and type before the number."""
_FILLER = b"\x2f\x2f"
_PLAIN_MODES = (0,)
_MODE_7 = 7
_KEY_BYTES = (8, 16)


class Unusable(Exception):
    """Why a frame cannot be used; `meter` where it at least told whose it is."""

    def __init__(self, reason: str, meter: str = "") -> None:
        super().__init__(reason)
        self.meter = meter


class Frame(NamedTuple):
    """`medium`: EN 13757 device type; `status`: the transport header's byte; `ci`: what `payload` is; `telegram`: all of it."""

    meter: str
    manufacturer: str
    version: int
    medium: int
    status: int
    ci: int
    payload: bytes
    telegram: bytes = b""


def wired(data: bytes) -> list[Frame]:
    """The long frames in what a gateway sent; echoes, acknowledgements (E5) and short frames between them are passed over."""
    frames: list[Frame] = []
    position = 0
    while (start := data.find(b"\x68", position)) >= 0:
        size = data[start + 1] if start + 1 < len(data) else 0
        is_frame = data[start + 1 : start + 4] == bytes([size, size, 0x68]) and size >= 3
        if not is_frame:
            position = start + 1
            continue
        body = data[start + 4 : start + 4 + size]
        tail = data[start + 4 + size : start + 6 + size]
        if len(body) < size or len(tail) < 2:
            raise Unusable(f"M-Bus: a frame of {size} bytes is cut off after {len(body)}")
        if sum(body) & 0xFF != tail[0] or tail[1] != 0x16:
            raise Unusable(f"M-Bus: check sum {tail[0]:02X}, computed {sum(body) & 0xFF:02X}")
        frames.append(_transport(body[2:], Frame("", "", 0, 0, 0, 0, b"")))
        position = start + 6 + size
    if not frames:
        raise Unusable("no M-Bus long frame: nothing reads 68 length length 68")
    return frames


def wireless(data: bytes, key: str) -> Frame:
    """One telegram whose CRCs the receiver took off, its length byte first."""
    if len(data) < 12:
        raise Unusable(f"wM-Bus: {len(data)} bytes are too short")
    if data[0] != len(data) - 1 and data[0] + 1 > len(data):
        raise Unusable(f"wM-Bus: the length byte says {data[0]}, {len(data) - 1} bytes follow")
    telegram = data[: data[0] + 1]
    maker = manufacturer(data[2:4])
    link = Frame(data[4:8][::-1].hex(), maker, data[8], data[9], 0, 0, b"", telegram)
    if maker in _SWAPPED_ADDRESS and data[10] in _PROPRIETARY:
        link = link._replace(meter=data[6:10][::-1].hex(), version=data[4], medium=data[5])
    return _transport(data[10 : data[0] + 1], link, telegram=telegram, key=key)


def manufacturer(code: bytes) -> str:
    number = int.from_bytes(code, "little")
    return "".join(chr(64 + (number >> shift & 0x1F)) for shift in (10, 5, 0))


def _transport(body: bytes, link: Frame, telegram: bytes = b"", key: str = "") -> Frame:
    position = 0
    while position < len(body) and (body[position] in _EXTENDED_LINK or body[position] == _AUTHENTICATION):
        ci = body[position]
        position += 1 + (
            _EXTENDED_LINK[ci] if ci in _EXTENDED_LINK else 1 + (body[position + 1] if position + 1 < len(body) else 0)
        )
    if position >= len(body):
        raise Unusable("M-Bus: the frame ends before its application data", link.meter)
    ci, rest = body[position], body[position + 1 :]
    frame = link._replace(ci=ci, payload=rest)
    if ci in (_LONG, _LONG_MSB):
        return _long(rest, frame, telegram, key)
    if ci == _SHORT:
        if len(rest) < 4:
            raise Unusable("M-Bus: a short header is cut off", link.meter)
        return _decrypted(frame._replace(status=rest[1], payload=rest[4:]), rest[2:4], telegram, key)
    if ci == _FIXED and len(rest) >= 16:
        return frame._replace(meter=rest[0:4][::-1].hex(), status=rest[5], payload=rest[6:])
    if ci in (_NONE, _COMPACT) or ci in _PROPRIETARY or telegram:
        return frame
    raise Unusable(f"M-Bus: control information {ci:02X} is not supported", link.meter)


def _long(rest: bytes, frame: Frame, telegram: bytes, key: str) -> Frame:
    if len(rest) < 12:
        raise Unusable("M-Bus: a header with address is cut off", frame.meter)
    number = rest[0:4] if frame.ci == _LONG_MSB else rest[0:4][::-1]
    told = frame._replace(
        meter=number.hex(), manufacturer=manufacturer(rest[4:6]), version=rest[6], medium=rest[7], status=rest[9], payload=rest[12:]
    )
    return _decrypted(told, rest[10:12], telegram, key)


def _decrypted(frame: Frame, configuration: bytes, telegram: bytes, key: str) -> Frame:
    mode = configuration[1] & 0x1F
    payload = frame.payload[1:] if mode == _MODE_7 and not frame.payload.startswith(_FILLER) else frame.payload
    if mode in _PLAIN_MODES or payload.startswith(_FILLER) or not telegram or not configuration[0] & 0xF0:
        return frame._replace(payload=payload)
    if not key:
        raise Unusable(f"the telegram is encrypted (mode {mode}); give the meter's key as aes_key", frame.meter)
    return frame._replace(payload=_decrypt(telegram, key, frame.meter))


def _decrypt(telegram: bytes, key: str, meter: str) -> bytes:
    try:
        raw_key = bytes.fromhex(key)
    except ValueError:
        raise Unusable("aes_key is no hexadecimal text", meter) from None
    if len(raw_key) not in _KEY_BYTES:
        raise Unusable(f"aes_key has {len(raw_key)} bytes; 16 are needed", meter)
    try:
        parsed = pymbusparser.parse(telegram.hex(), key=raw_key.hex(), include_enrichment=False)
    except ValueError as error:
        raise Unusable(f"the telegram cannot be decrypted: {error}", meter) from None
    security = parsed.get("security") or {}
    payload = bytes.fromhex(str(security.get("decrypted_payload_hex") or ""))
    if not payload.startswith(_FILLER):
        raise Unusable("the telegram does not decrypt with this aes_key", meter)
    return payload
