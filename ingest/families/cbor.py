"""CBOR (RFC 8949), as much of it as telemetry uses: numbers, texts, bytes, arrays, maps, truths, null; tags are passed over."""

import struct
from typing import Any

from ingest.families.json_fields import Unusable

_DEEPEST = 16
_MOST_ITEMS = 100_000
_INDEFINITE, _BREAK = 31, 0xFF
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE: dict[int, Any] = {20: False, 21: True, 22: None, 23: None}


def loads(payload: bytes) -> Any:  # noqa: ANN401 - CBOR is anything
    """The one item that the payload is; what is left over is refused."""
    reader = _Reader(payload)
    found = reader.item(0)
    if reader.position != len(payload):
        raise Unusable(f"not CBOR: {len(payload) - reader.position} bytes are left over")
    return found


class _Reader:
    def __init__(self, payload: bytes) -> None:
        self.payload, self.position, self.items = payload, 0, 0

    def take(self, size: int) -> bytes:
        part = self.payload[self.position : self.position + size]
        if len(part) < size:
            raise Unusable("not CBOR: it breaks off")
        self.position += size
        return part

    def item(self, depth: int) -> Any:  # noqa: ANN401
        self.items += 1
        if depth > _DEEPEST or self.items > _MOST_ITEMS:
            raise Unusable(f"CBOR deeper than {_DEEPEST} levels or of more than {_MOST_ITEMS} items")
        first = self.take(1)[0]
        kind, info = first >> 5, first & 0x1F
        if kind == 7:
            return self._simple(info)
        if info == _INDEFINITE:
            return self._indefinite(kind, depth)
        return self._definite(kind, self._argument(info), depth)

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise Unusable(f"not CBOR: length code {info}")
        return int.from_bytes(self.take(1 << info - 24), "big")

    def _definite(self, kind: int, argument: int, depth: int) -> Any:  # noqa: ANN401
        if kind in (0, 1):
            return argument if kind == 0 else -1 - argument
        if kind in (2, 3):
            return self._string(kind, self.take(argument))
        if kind == 6:
            return self.item(depth + 1)
        if argument > len(self.payload):
            raise Unusable("not CBOR: it announces more items than it has bytes")
        if kind == 4:
            return [self.item(depth + 1) for _ in range(argument)]
        return {self._key(depth): self.item(depth + 1) for _ in range(argument)}

    def _indefinite(self, kind: int, depth: int) -> Any:  # noqa: ANN401
        if kind not in (2, 3, 4, 5):
            raise Unusable("not CBOR: a number or tag without an end")
        items: list[Any] = []
        while self.payload[self.position : self.position + 1] != bytes([_BREAK]):
            items.append((self._key(depth), self.item(depth + 1)) if kind == 5 else self.item(depth + 1))
        self.position += 1
        if kind == 5:
            return dict(items)
        return items if kind == 4 else self._joined(kind, items)

    def _joined(self, kind: int, chunks: list[Any]) -> Any:  # noqa: ANN401
        wanted = bytes if kind == 2 else str
        if not all(isinstance(chunk, wanted) for chunk in chunks):
            raise Unusable("not CBOR: a string of other things")
        return wanted().join(chunks)

    def _key(self, depth: int) -> Any:  # noqa: ANN401
        key = self.item(depth + 1)
        if not isinstance(key, int | str | float | bytes):
            raise Unusable("a CBOR map whose key is a list or a map")
        return key

    def _string(self, kind: int, data: bytes) -> bytes | str:
        try:
            return data if kind == 2 else data.decode()
        except UnicodeDecodeError:
            raise Unusable("not CBOR: a text that is no UTF-8") from None

    def _simple(self, info: int) -> Any:  # noqa: ANN401
        if info in _FLOATS:
            form = _FLOATS[info]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if info == 24:
            self.take(1)
            return None
        if info not in _SIMPLE and info >= 20:
            raise Unusable(f"not CBOR: simple value {info}")
        return _SIMPLE.get(info)
