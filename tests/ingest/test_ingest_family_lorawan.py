"""LoRaWAN payloads by maker: layouts of whole product lines, damaged payloads, choice of the codec."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoded import Decoded, Rejected
from ingest.decoders import decode
from ingest.message import Message


def _decode(kind: str, payload: str, port: int | None, device: str = "") -> Decoded | Rejected:
    context = {"fport": port, "device": device}
    (outcome,) = decode(Message(0, "", bytes.fromhex(payload)), f"lorawan.{kind}", context)
    return outcome


def _values(outcome: Decoded | Rejected) -> dict[str, float]:
    assert isinstance(outcome, Decoded), outcome
    return dict(outcome.samples[0].values) if outcome.samples else {}


def _events(outcome: Decoded | Rejected) -> Sequence[str]:
    assert isinstance(outcome, Decoded), outcome
    return [happening.type for happening in outcome.happenings]


@pytest.mark.parametrize(
    ("kind", "payload", "port", "device", "metric", "value"),
    [
        ("electricity", "087001 05812c 07c94a00 03743009 068309660000 048007000000", 85, "", "elec.current", 0.074),
        ("electricity", "048007000000", 85, "", "elec.power.active", 7),
        ("electricity", "039710270000", 85, "Milesight CT305", "elec.charge.l1", 100),
        ("electricity", "0699b80b", 85, "", "elec.current.l2", 300),
        ("door", "017564030001040001", 85, "", "door.open", 1),
        ("door", "017564030001040001", 85, "", "tamper", 1),
        ("leak", "017564050001", 85, "Milesight EM300-ZLD", "leak", 1),
        ("gas", "058e01", 85, "", "gas_alarm", 1),
        ("pressure", "037b0a00", 85, "", "water.pressure", 10),
        ("water", "05c80a000000", 85, "", "counter.pulses", 10),
        ("electricity", "014a012400320064009601", 6, "", "elec.current.l3", 0.15),
        ("electricity", "010e0200e603e800640000", 6, "", "elec.voltage", 230),
        ("electricity", "010e0101000003e8000000", 6, "", "elec.energy.import", 1),
        ("fire", "0111011e01000000000000", 6, "", "co_alarm", 1),
        ("fire", "010164050001", 8, "", "smoke", 1),
        ("door", "8b880100000500000200", 10, "", "door.open", 1),
        ("leak", "4b880200000500000200", 10, "Dragino LWL02", "leak", 1),
        ("leak", "0100000500000a61d5c0b2", 2, "Dragino LWL03A", "leak", 1),
        ("water", "0000000064000061d5c0b2", 2, "Dragino SW3L", "counter.pulses", 100),
        ("pressure", "0cde01051388000000", 2, "Dragino PS-LB", "water.pressure", 625),
        ("door", "010b271e00050000", 100, "Browan TBDW100", "door.open_count", 5),
        ("leak", "42c915", 2, "MClimate Flood Sensor", "leak", 1),
        ("door", "0100e202290704e00d01", 5, "Elsys EMS Door", "contact.active", 1),
        ("water", "0b68c45f009a2c0000", 100, "Axioma Qalcosonic W1", "water.volume", 11.418),
        ("electricity", "110a800a0000411000000bb8000000000000000000000000", 125, "Watteco Intens'O", "elec.energy.import", 3),
    ],
)
def test_a_layout_gives_its_value(kind: str, payload: str, port: int, device: str, metric: str, value: float) -> None:
    found = _values(_decode(kind, payload, port, device))
    assert {name: amount for name, amount in found.items() if name.startswith(metric)} != {}
    assert any(amount == pytest.approx(value) for name, amount in found.items() if name.startswith(metric))


def test_a_read_failure_is_a_fault_and_no_current() -> None:
    outcome = _decode("electricity", "0498ffff", 85)
    assert _events(outcome) == ["fault.sensor"]
    assert _values(outcome) == {}


def test_a_low_battery_is_told_by_the_top_bit() -> None:
    assert _values(_decode("door", "0102019701000000000000", 6)) == {"battery.voltage": 2.3, "battery.low": 1, "contact.active": 1}


def test_reactive_power_keeps_its_sign() -> None:
    payload = "110a80100001412000001843fffffc20000024cafffff50f00001f35fffff42a00005c42ffffe559"
    assert _values(_decode("electricity", payload, 125))["elec.power.reactive.l1"] == -992


def test_a_profile_without_its_base_invents_no_volume() -> None:
    outcome = _decode("water", "78446d003318374d93132261010000000300000000000000000000000000000000000000000000000000000000", 1)
    assert isinstance(outcome, Decoded)
    assert not outcome.samples


def test_what_stands_before_an_unknown_channel_counts() -> None:
    outcome = _decode("leak", "01755c 0912ff", 85)
    assert _values(outcome) == {"battery.level": 92}
    assert isinstance(outcome, Decoded)
    assert "not known" in outcome.refused[0]


def test_history_carries_its_own_time() -> None:
    outcome = _decode("door", "20ce9e74466310015d01", 85)
    assert isinstance(outcome, Decoded)
    assert outcome.samples[0].ts_ms == 1665561758000


@pytest.mark.parametrize(
    ("payload", "port", "device", "reason"),
    [
        ("", 85, "", "no payload"),
        ("0175", 85, "", "needs 1 bytes"),
        ("0977", 85, "", "needs 2 bytes"),
        ("0912", 85, "", "not known"),
        ("110a800b0000410609", 125, "", "needs 6 bytes"),
        ("0102030405060708", 77, "", "no codec reads this uplink"),
        ("b4d77b6101b4d77b6103120700003a", 1, "EMU Professional II", "check byte"),
        ("0102", 6, "Netvox R311A", "no report"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(payload: str, port: int, device: str, reason: str) -> None:
    outcome = _decode("electricity", payload, port, device)
    assert isinstance(outcome, Rejected)
    assert reason in outcome.reason


def test_hexadecimal_text_and_the_topics_eui_are_understood() -> None:
    (outcome,) = decode(Message(0, "up/24E124136B502217/85", b"0175 5c"), "lorawan", {"fport": 85})
    assert isinstance(outcome, Decoded)
    assert outcome.device_id == "24E124136B502217"
    assert _values(outcome) == {"battery.level": 92}


_DEVICES = [
    "",
    "milesight em300",
    "netvox r718n3",
    "watteco",
    "yobiiq",
    "emu x",
    "kamstrup",
    "keller",
    "elsys",
    "dragino sw3l",
    "mclimate",
    "axioma",
]


@settings(max_examples=400, deadline=None)
@given(
    payload=st.binary(max_size=80),
    port=st.sampled_from([None, 0, 1, 2, 3, 5, 6, 7, 8, 10, 50, 85, 100, 103, 106, 125]),
    device=st.sampled_from(_DEVICES),
    kind=st.sampled_from(["electricity", "door", "leak", "water", "fire", "pressure", "gas"]),
)
def test_no_bytes_break_a_codec(payload: bytes, port: int | None, device: str, kind: str) -> None:
    for outcome in decode(Message(0, "", payload), f"lorawan.{kind}", {"fport": port, "device": device}):
        assert not (isinstance(outcome, Rejected) and outcome.reason.startswith("the decoder")), outcome
