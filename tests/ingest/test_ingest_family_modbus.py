"""Modbus: frames with their CRC, echoes, exceptions, register maps."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.decoded import Decoded, Rejected
from ingest.families import crc16, modbus_rtu
from ingest.message import Message

VOLTS = struct.pack(">f", 230.2)


def rtu(hexadecimal: str) -> bytes:
    body = bytes.fromhex(hexadecimal)
    return body + crc16.modbus(body).to_bytes(2, "little")


ASK, ANSWER = rtu("010400000002"), rtu("010404" + VOLTS.hex())


def parts(payload: bytes, topic: str = "", **context: Any) -> Sequence[Decoded | Rejected]:
    outcome = modbus_rtu.decode(Message(0, topic, payload), context)
    return [outcome] if isinstance(outcome, Decoded | Rejected) else outcome


def values(payload: bytes, **context: Any) -> dict[str, float]:
    (part,) = parts(payload, **context)
    assert isinstance(part, Decoded), part
    return dict(part.samples[0].values) if part.samples else {}


def test_crc_of_the_specification() -> None:
    assert crc16.modbus(b"123456789") == 0x4B37


@pytest.mark.parametrize(
    "request_told", ["read input registers, start 0x0000, count 2", "01 04 00 00 00 02 71 CB", "input, start 0"]
)
def test_an_answer_by_its_request(request_told: str) -> None:
    assert values(ANSWER, request=request_told) == pytest.approx({"elec.voltage.l1": 230.2})


def test_an_echo_in_the_same_message_is_the_request() -> None:
    asked, answered = parts(b"\xff" + ASK + ANSWER)
    assert isinstance(asked, Decoded)
    assert isinstance(answered, Decoded)
    assert asked.happenings[0].type == "command.read"
    assert asked.happenings[0].attributes == {"register": 0, "function": 4, "count": 2}
    assert answered.samples[0].values == pytest.approx({"elec.voltage.l1": 230.2})


def test_without_a_request_the_registers_are_kept_raw() -> None:
    (part,) = parts(ANSWER)
    assert isinstance(part, Decoded)
    assert part.happenings[0].type == "raw.frame"


@pytest.mark.parametrize(
    ("context", "payload", "expected"),
    [
        (
            {"request": "010300000008", "model": "peacefair.pzem016"},
            "010410" + "08fc" + "03e80000" + "08980000" + "00640000" + "01f4" + "0064",
            {},
        ),
        (
            {"request": "010400000009", "model": "peacefair.pzem016"},
            "010412" + "08fc" + "03e80000" + "08980000" + "00640000" + "01f4" + "0064",
            {
                "elec.voltage": 230,
                "elec.current": 1,
                "elec.power.active": 220,
                "elec.energy.import": 0.1,
                "elec.frequency": 50,
                "elec.power_factor": 1,
            },
        ),
        ({"request": "010320000002", "model": "chint.ddsu666"}, "010304" + VOLTS.hex(), {"elec.voltage": 230.2}),
        (
            {"request": "0103000a0001", "registers": {"10": {"metric": "env.temperature", "type": "s16", "factor": 0.1}}},
            "010302ffce",
            {"env.temperature": -5},
        ),
        ({"request": "010200000003"}, "01020105", {"x.modbus.bit0": 1, "x.modbus.bit1": 0, "x.modbus.bit2": 1}),
        ({"request": "010400480002"}, "010404" + struct.pack(">f", float("nan")).hex(), {}),
    ],
)
def test_register_maps(context: dict[str, Any], payload: str, expected: dict[str, float]) -> None:
    data = bytearray.fromhex(payload)
    data[2] = len(data) - 3
    assert values(rtu(data.hex()), **context) == pytest.approx(expected, rel=1e-5)


def test_a_meter_is_its_address_behind_its_gateway() -> None:
    assert [part.device_id for part in parts(ANSWER)] == ["1"]
    assert [part.device_id for part in parts(ANSWER, "dtu7/up")] == ["dtu7/1"]
    assert [part.device_id for part in parts(ASK + rtu("020400000002"), "dtu7/up")] == ["dtu7/1", "dtu7/2"]


def test_tcp_frames_and_text() -> None:
    tcp = bytes.fromhex("000100000007" + "01040443" + "663333")
    assert values(tcp, request="010400000002") == pytest.approx({"elec.voltage.l1": 230.2})
    assert values(ANSWER.hex().upper().encode(), request="010400000002") == pytest.approx({"elec.voltage.l1": 230.2})


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ("018402", "meter.error_reply"),
        ("0106000a0001", "command.write"),
        ("0110000c00020442700000", "command.write"),
        ("0110000c0002", "command.ack"),
    ],
)
def test_what_is_no_reading(payload: str, kind: str) -> None:
    (part,) = parts(rtu(payload))
    assert isinstance(part, Decoded)
    assert part.happenings[0].type == kind


@pytest.mark.parametrize("payload", [ANSWER[:-1] + b"\0", ANSWER[:-2], b"", b"\1", bytes(12)])
def test_refused_with_a_reason(payload: bytes) -> None:
    (part,) = parts(payload)
    assert isinstance(part, Rejected)
    assert part.reason
