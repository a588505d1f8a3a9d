"""M-Bus fixed data structure (control information 73): two counters of four bytes, medium and units packed in two bytes."""

from ingest.families.mbus_meaning import ELECTRICITY, GAS, HEAT, OTHER, WATER, named

_BINARY, _HISTORIC = 0x01, 0x3E
_MEDIA = {2: ELECTRICITY, 3: GAS, 4: HEAT, 5: HEAT, 6: WATER, 7: WATER}
_RANGES = (
    (0x02, 0x0A, "energy", 1e-3),
    (0x0B, 0x13, "energy", 1 / 3600),
    (0x14, 0x1C, "power", 1.0),
    (0x1D, 0x25, "power", 1 / 3.6),
    (0x26, 0x2E, "volume", 1e-6),
    (0x2F, 0x37, "flow", 1e-6),
)
"""First and last unit code, quantity, factor of the first to kWh, W, m3, m3/h; each further one is ten times the last."""


def values(status: int, body: bytes) -> dict[str, float]:
    """`body`: medium and units, then the counters. A counter in no known unit is left out."""
    if len(body) < 10:
        return {}
    medium = _MEDIA.get((body[1] >> 6) << 2 | body[0] >> 6, OTHER)
    found: dict[str, float] = {}
    first = body[0] & 0x3F
    for place, unit in ((1, first), (2, first if body[1] & 0x3F == _HISTORIC else body[1] & 0x3F)):
        count = _counter(body[4 * place - 2 : 4 * place + 2], is_binary=bool(status & _BINARY))
        known = next(((name, factor * 10.0 ** (unit - low)) for low, high, name, factor in _RANGES if low <= unit <= high), None)
        if known is not None and count is not None:
            metric = named(known[0], medium)
            found[f"x.{known[0]}.2" if metric in found or place == 2 else metric] = round(count * known[1], 9)
    return found


def _counter(raw: bytes, *, is_binary: bool) -> int | None:
    if is_binary:
        return int.from_bytes(raw, "little")
    digits = raw[::-1].hex()
    return int(digits) if digits.isdecimal() else None
