"""Diehl, Sappel and Hydrometer radio (IZAR, PRIOS): a water total behind a linear-feedback shift register seeded by the header.

The makers' two default keys open most meters; others need their own, as aes_key of eight bytes.
"""

_MAKERS = ("SAP", "DME", "HYD")
_CONTROL = range(0xA0, 0xA8)
_DEFAULT_KEYS = (0x39BC8A10E66D83F8, 0x51728910E66D83F8)
_PAYLOAD, _CHECK = 15, 0x4B
_TAPS = (1, 2, 11, 31)
_WORD = 0xFFFFFFFF


def total_m3(telegram: bytes, maker: str, key: str = "") -> float | None:
    """Cubic metres; None where it is no such telegram or no key fits."""
    if maker not in _MAKERS or len(telegram) < _PAYLOAD + 5 or telegram[10] not in _CONTROL:
        return None
    keys = (int(key, 16), *_DEFAULT_KEYS) if len(key) == 16 and _is_hex(key) else _DEFAULT_KEYS
    for candidate in keys:
        told = _opened(telegram, candidate)
        if told[0] == _CHECK:
            return int.from_bytes(told[1:5], "little") / 1000
    return None


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF" for letter in text)


def _opened(telegram: bytes, key: int) -> bytes:
    state = (key >> 32) ^ (key & _WORD)
    for start in (2, 6, 10):
        state ^= int.from_bytes(telegram[start : start + 4], "big")
    told = bytearray()
    for byte in telegram[_PAYLOAD:]:
        for _ in range(8):
            bit = 0
            for tap in _TAPS:
                bit ^= state >> tap & 1
            state = (state << 1 | bit) & _WORD
        told.append(byte ^ (state & 0xFF))
    return bytes(told)
