"""DL/T 645 meters that are only asked for their combined active energy."""

from collections.abc import Mapping
from typing import Any

import pytest

from devices.metrics import MetricKind, canonical_name, metric
from ingest.decoded import Decoded
from ingest.families import dlt645
from ingest.message import Message

_ADDRESS = bytes.fromhex("610100000000")


def _reply(data: str) -> bytes:
    body = bytes((byte + 0x33) % 256 for byte in bytes.fromhex(data))
    frame = b"\x68" + _ADDRESS + b"\x68\x91" + bytes([len(body)]) + body
    return frame + bytes([sum(frame) % 256, 0x16])


@pytest.mark.parametrize(
    ("data", "context", "values"),
    [
        ("00000000" + "78563412", {}, {"elec.energy.combined": 123456.78}),
        ("00000000" + "78563412", {"combined_is_import": True}, {"elec.energy.import": 123456.78}),
        ("00000000" + "78563412", {"combined_is_import": "no"}, {"elec.energy.combined": 123456.78}),
        ("00000000" + "01000080", {}, {"elec.energy.combined": -0.01}),
        ("00020000" + "26000000", {"combined_is_import": True}, {"elec.energy.import.t2": 0.26}),
        ("00000200" + "26000000", {"combined_is_import": True}, {"elec.energy.export": 0.26}),
    ],
)
def test_it_counts_as_drawn_only_where_somebody_said_so(data: str, context: Mapping[str, Any], values: dict[str, float]) -> None:
    (told,) = dlt645.decode(Message(topic="dtu/g1/dlt645", payload=_reply(data), received_ms=1), context)
    assert isinstance(told, Decoded)
    assert [dict(sample.values) for sample in told.samples] == [values]


def test_it_is_a_register_in_kilowatt_hours() -> None:
    known = metric("elec.energy.combined.t2")
    assert (known.unit, known.kind, canonical_name(known.name)) == ("kWh", MetricKind.REGISTER, "elec.energy.combined.t2")
