"""DL/T 645 and CJ/T 188: published frames and what they mean; anything else is refused, never a crash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoded import Decoded, Rejected
from ingest.families import cjt188, dlt645
from ingest.families.frames_68 import split
from ingest.message import Message

VOLTAGE = "fefefefe6843100011340068910633343435ca55ee16"
ENERGY = "6861010000000068910833333433593333338A16"
WATER = "fefefe6810120000000000008116901f00100010002c100010002c0000000000000000ff6716"


def message(hexadecimal: str) -> Message:
    return Message(received_ms=0, topic="dtu/1", payload=bytes.fromhex(hexadecimal), retained=False)


def metrics(outcome: object) -> dict[str, float]:
    assert isinstance(outcome, tuple)
    return {
        name: value
        for part in outcome
        if isinstance(part, Decoded)
        for sample in part.samples
        for name, value in sample.values.items()
    }


@pytest.mark.parametrize(
    ("payload", "device_id", "expected"),
    [
        (ENERGY, "000000000161", {"elec.energy.import": 0.26}),
        (VOLTAGE, "003411001043", {"elec.voltage.l1": 229.7}),
        ("6861010000000068910833333633593334338D16", "000000000161", {"elec.energy.reactive.import": 100.26}),
    ],
)
def test_a_published_dlt645_frame(payload: str, device_id: str, expected: dict[str, float]) -> None:
    (part,) = dlt645.decode(message(payload), {})
    assert part.device_id == device_id
    assert metrics((part,)) == expected


def test_glued_frames_are_all_read_and_an_echo_is_no_telemetry() -> None:
    echo = "68610100000000681104333334331416"
    outcome = dlt645.decode(message(echo + ENERGY + VOLTAGE), {})
    assert metrics(outcome) == {"elec.energy.import": 0.26, "elec.voltage.l1": 229.7}
    assert outcome[0].happenings[0].type == "command.read"


def test_a_damaged_frame_is_refused_and_the_next_one_read() -> None:
    damaged = VOLTAGE[:-4] + "0016"
    first, second = dlt645.decode(message(damaged + ENERGY), {})
    assert isinstance(first, Rejected)
    assert first.reason == "checksum is 00, computed EE"
    assert metrics((second,)) == {"elec.energy.import": 0.26}


def test_a_block_of_phases() -> None:
    body = bytes.fromhex("00FF0102") + bytes.fromhex("9722") + bytes.fromhex("0123") + b"\xff\xff"
    assert metrics(dlt645.decode(message(frame_2007(body).hex()), {})) == {"elec.voltage.l1": 229.7, "elec.voltage.l2": 230.1}


def frame_2007(body: bytes, control: int = 0x91) -> bytes:
    data = bytes((byte + 0x33) % 256 for byte in body)
    frame = bytes([0x68]) + bytes(6) + bytes([0x68, control, len(data)]) + data
    return frame + bytes([sum(frame) % 256, 0x16])


@pytest.mark.parametrize(("high", "watts"), [(0x01, 10_000.0), (0x81, -10_000.0)])
def test_the_sign_of_power_is_the_top_bit(high: int, watts: float) -> None:
    body = (0x02030000).to_bytes(4, "little") + bytes([0x00, 0x00, high & 0x80 | 0x10])
    assert metrics(dlt645.decode(message(frame_2007(body).hex()), {})) == {"elec.power.active": watts}


def test_an_unknown_identifier_is_kept_raw() -> None:
    (part,) = dlt645.decode(message(frame_2007(bytes.fromhex("0102030405")).hex()), {})
    assert part.happenings[0].type == "raw.frame"


def test_a_water_meter_with_a_zero_clock() -> None:
    (part,) = cjt188.decode(message(WATER), {})
    assert part.device_id == "00000012"
    assert part.samples[0].ts_ms is None
    assert metrics((part,)) == {"water.volume": 1000.1, "water.volume.period": 1000.1}


def test_the_widely_copied_example_has_a_wrong_checksum() -> None:
    (part,) = cjt188.decode(message("FEFEFEFE68104433221100337881161F9000007766552C007766552C3101221105152021840816"), {})
    assert part == Rejected("checksum is 08, computed 13", "0011223344")


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(payload: bytes) -> None:
    for family in (dlt645, cjt188):
        outcome = family.decode(Message(received_ms=0, topic="t", payload=payload, retained=False), {})
        assert isinstance(outcome, tuple | Rejected)


@given(st.lists(st.binary(min_size=4, max_size=20), min_size=1, max_size=5), st.binary(max_size=10).filter(lambda b: 0x68 not in b))
def test_every_whole_frame_between_noise_is_found(bodies: list[bytes], noise: bytes) -> None:
    payload = noise + noise.join(frame_2007(body) for body in bodies)
    assert len(split(payload, second_start=True, header_length=6)) == len(bodies)
