"""What a LoRaWAN codec gets and what it gives back: the payload with what is known around it, and its meaning."""

import math
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.decoded import Attribute, Happening, Sample


class Unusable(Exception):
    """Why a payload cannot be used; the families turn it into a rejection."""


class Uplink(NamedTuple):
    """`port`: FPort, None where the network did not tell; `model`: the device's make and model in lower case, empty where
    unknown; `kind`: what the device measures (door, leak, water, electricity, fire, gas, pressure), empty where unknown."""

    payload: bytes
    port: int | None = None
    model: str = ""
    kind: str = ""

    def is_model(self, *words: str) -> bool:
        """Whether the model is known and has one of these words."""
        return any(word in self.model for word in words)


@dataclass(slots=True, kw_only=True)
class Meaning:
    """Values of one moment, events, and samples of other moments; filled by the codec as it walks the payload."""

    ts_ms: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    older: list[Sample] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    device_id: str = ""

    def put(self, metric: str, value: float) -> None:
        """A value that is no finite number is refused by name."""
        if math.isfinite(value):
            self.values[metric] = round(float(value), 7)
        else:
            self.refused.append(f"{metric} is not a number")

    def state(self, metric: str, active: bool, alarm: str = "", **attributes: Attribute) -> None:  # noqa: FBT001 - a state is a truth
        """A state, and the event `alarm` while it is true."""
        self.values[metric] = float(active)
        if active and alarm:
            self.event(alarm, **attributes)

    def event(self, event_type: str, **attributes: Attribute) -> None:
        self.happenings.append(Happening(event_type, None, attributes))

    def at(self, ts_s: int, values: dict[str, float]) -> None:
        """Values of an earlier moment, epoch seconds."""
        finite = {name: round(float(value), 7) for name, value in values.items() if math.isfinite(value)}
        if finite:
            self.older.append(Sample(ts_s * 1000, finite))

    @property
    def is_empty(self) -> bool:
        return not (self.values or self.happenings or self.older)

    def samples(self) -> tuple[Sample, ...]:
        now = (Sample(self.ts_ms, self.values),) if self.values else ()
        return (*now, *self.older)


def unsigned(data: bytes) -> int:
    """Big endian."""
    return int.from_bytes(data, "big")


def signed(data: bytes) -> int:
    """Big endian, two's complement."""
    return int.from_bytes(data, "big", signed=True)


def unsigned_le(data: bytes) -> int:
    return int.from_bytes(data, "little")


def signed_le(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def float32(data: bytes) -> float:
    """Big endian IEEE 754; four bytes."""
    return float(struct.unpack(">f", data)[0])


def float32_le(data: bytes) -> float:
    return float(struct.unpack("<f", data)[0])


def need(data: bytes, size: int, what: str) -> None:
    if len(data) < size:
        raise Unusable(f"{what}: {len(data)} bytes where at least {size} are needed")
