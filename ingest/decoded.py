"""What a decoder makes of one message: the device's own words in our vocabulary, before quality and registry have a say.

Structs of msgspec, since the hot path makes one or two per message and a dataclass costs ten times as much.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

Attribute = str | int | float | bool | None


class Told(NamedTuple):
    """The device's own name and unit of a value that we store under ours; `value` where its own was no number."""

    name: str
    unit: str | None = None
    value: Attribute = None


class Sample(msgspec.Struct, frozen=True, gc=False):
    """Values measured at one moment. `ts_ms` is the device's own time, epoch milliseconds UTC; None: it did not tell.

    Keys are metric names (devices.metrics; others are stored under `x.`), values finite numbers in the metric's unit.
    `told`: what the device called them, where its format has names of its own that a reader will look for (SenML, clouds).
    """

    ts_ms: int | None
    values: Mapping[str, float]
    told: Mapping[str, Told] | None = None


class Happening(msgspec.Struct, frozen=True, gc=False):
    """An event as the device told it, `ts_ms` as in `Sample`."""

    type: str
    ts_ms: int | None
    attributes: Mapping[str, Attribute]


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """`online`: the device's word on its own connection. `refused`: parts that could not be used, with the reason of each;
    the rest of the message counts all the same. `gateway_id`: through whom it was heard, where that is told."""

    device_id: str
    samples: Sequence[Sample] = ()
    happenings: Sequence[Happening] = ()
    online: bool | None = None
    refused: Sequence[str] = ()
    gateway_id: str | None = None


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Nothing of the message could be used. `device_id` where the message at least told whose it is."""

    reason: str
    device_id: str | None = None


Outcome = Decoded | Rejected | Sequence[Decoded | Rejected]
"""A gateway's message speaks of several devices."""
