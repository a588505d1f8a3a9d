"""M-Bus, wired and wireless: records, makers' formats, encryption, damage."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoded import Decoded, Rejected
from ingest.decoders import decode
from ingest.families.mbus_makers import crc16
from ingest.families.mbus_records import Damaged, Record, moment, read
from ingest.message import Message

_FINDER = (
    "68383868081972076200232E192302920000008C1004682817008C11046828170002FDC9FF01E60002FDDBFF01060002ACFF0109008240ACFF01FDFF5B16"
)
_ENCRYPTED = (
    "76442104710007612507727100076121042507B5006005E2E95A3C2A1279A541"
    "5E6732679B43369FD5FDDDD783EEEBB48236D34E7C94AF0A18A5FDA5F7D64111EB4"
    "2D4D891622139F2952F9D12A20088DFA4CF8123871123EE1F6C1DCEA414879DDB4E05E508F1826D7EFBA6964DF804C9261EA23BBF03"
)
_KEY = "A004EB23329A477F1DD2D7820B56EB3D"


def _decode(payload: str, family: str, **context: object) -> Decoded | Rejected:
    (outcome,) = decode(Message(0, "", bytes.fromhex(payload)), family, context)
    return outcome


def _values(outcome: Decoded | Rejected) -> dict[str, float]:
    assert isinstance(outcome, Decoded), outcome
    return dict(outcome.samples[0].values)


def test_a_wired_meter_gives_its_totals_under_its_own_number() -> None:
    outcome = _decode(_FINDER, "mbus.wired")
    assert isinstance(outcome, Decoded)
    assert outcome.device_id == "23006207"
    found = _values(outcome)
    assert found["elec.energy.import"] == pytest.approx(1728.68)
    assert (found["elec.voltage"], found["elec.current"], found["elec.power.active"]) == (230, 0.6, 90)


def test_echoes_and_glued_frames_are_told_apart() -> None:
    glued = bytes.fromhex("E5" + "105B195A16" + _FINDER + _FINDER)
    outcomes = decode(Message(0, "", glued), "mbus.wired")
    assert [outcome.device_id for outcome in outcomes] == ["23006207", "23006207"]


def test_a_frame_as_hexadecimal_text_is_read() -> None:
    (outcome,) = decode(Message(0, "", _FINDER.encode()), "mbus.wired")
    assert isinstance(outcome, Decoded)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (_FINDER[:-4] + "5C16", "check sum"),
        (_FINDER[:60], "cut off"),
        ("0102030405", "no M-Bus long frame"),
        ("", "no M-Bus long frame"),
    ],
)
def test_damaged_frames_are_refused_with_a_reason(payload: str, reason: str) -> None:
    outcome = _decode(payload, "mbus.wired")
    assert isinstance(outcome, Rejected)
    assert reason in outcome.reason


def test_an_encrypted_telegram_needs_its_key() -> None:
    assert _values(_decode(_ENCRYPTED, "wmbus.water", aes_key=_KEY))["water.volume"] == 466.472
    for key, reason in (
        ("", "give the meter's key"),
        ("00" * 16, "does not decrypt"),
        ("zz", "no hexadecimal"),
        ("0102", "16 are needed"),
    ):
        outcome = _decode(_ENCRYPTED, "wmbus.water", aes_key=key)
        assert isinstance(outcome, Rejected)
        assert reason in outcome.reason
        assert outcome.device_id == "61070071"


def test_backward_volume_is_kept_apart() -> None:
    found = _values(
        _decode("2E4401069897969501167A4B0320052F2F0413320C000003FD1700000044132109000004933C000000002F2F2F2F2F", "wmbus.water")
    )
    assert found == {"water.volume": 3.122, "water.volume.reverse": 0}


def test_a_compact_frame_of_a_known_format_is_expanded() -> None:
    full = _decode(
        "2D442D2C5768663230028D20E4E2C81C20878C7804041A03000004843C00000000042B0300000004AB3C00000000", "wmbus.electricity"
    )
    compact = _decode("27442D2C5768663230028D20E900C91C2011BA79138CCCFB1A030000000000000300000000000000", "wmbus.electricity")
    assert _values(full) == _values(compact)
    assert crc16(bytes.fromhex("040404843C042B04AB3C")) == 0x8C13


def test_a_compact_frame_of_an_unknown_format_is_refused() -> None:
    outcome = _decode("27442D2C5768663230028D20E900C91C2011BA791111CCFB1A030000000000000300000000000000", "wmbus.electricity")
    assert isinstance(outcome, Rejected)
    assert "format 1111" in outcome.reason


def test_a_smoke_alarm_is_an_event() -> None:
    outcome = _decode(
        "2E44333004020100031A7ADE0020052F2F02FD971D040004FD086502000004FD3A010000002F2F2F2F2F2F2F2F2F2F", "wmbus.smoke"
    )
    assert isinstance(outcome, Decoded)
    assert _values(outcome)["smoke"] == 1
    assert "alarm.smoke" in [happening.type for happening in outcome.happenings]


def test_a_clock_without_zone_is_used_only_where_the_zone_is_told() -> None:
    telegram = "3144945E3838383859078C20007A010020252F2F066D1C1F0EF021000413B91E000002FD17000002FD0F4C2B2F2F2F2F2F2F"
    unknown, told = _decode(telegram, "wmbus.water"), _decode(telegram, "wmbus.water", utc_offset_minutes=60)
    assert isinstance(unknown, Decoded)
    assert unknown.samples[0].ts_ms is None
    assert not unknown.refused
    assert isinstance(told, Decoded)
    assert told.samples[0].ts_ms == 1673875888000


@pytest.mark.parametrize(
    ("payload", "family", "metric", "value"),
    [
        ("1944304C72242421D401A2013D4013DD8B46A4999C1293E582CC", "wmbus.water", "water.volume", 3.488),
        ("1944A511780779194820A121170013355F8EDB2D03C6912B1E37", "wmbus.water", "water.volume", 4.366),
        (
            ("2e44333005020100071d7ab66800002f2f02fd1b550002fd971d01000efd3a2300000000008e40fd3a000000000000"),
            "wmbus.door",
            "door.open",
            1,
        ),
        (
            ("32442D2C1703007701188D280080E39322DB8F7822696600126967000269660005FF091954A33A05FF0A99BD823A02FD170800"),
            "wmbus.pressure",
            "water.pressure",
            102,
        ),
        (
            "27442D2C1703007701188D280194E393226EC679DE735657660067006600962B913A21B9423A0800",
            "wmbus.pressure",
            "water.pressure",
            102,
        ),
        (
            (
                "4E4401061010101002027A000040052F2F0E035040691500000B2B300300066D00790C7423400"
                "C78371204860BABC8FC100000000E833C8074000000000BAB3C0000000AFDC9FC0136022F2F2F2F2F"
            ),
            "wmbus.electricity",
            "elec.voltage.l1",
            236,
        ),
    ],
)
def test_meters_of_other_makers_are_read(payload: str, family: str, metric: str, value: float) -> None:
    assert _values(_decode(payload, family))[metric] == pytest.approx(value)


def test_a_fixed_structure_tells_two_counters() -> None:
    found = _values(_decode("6813136808057378563412" + "0a00e97e01000000350100003c16", "mbus.wired"))
    assert found == {"water.volume": 0.001, "x.volume.2": 0.135}


def test_bcd_with_letters_is_no_number_and_a_leading_f_a_minus() -> None:
    minus, broken = read(bytes.fromhex("0c13120000f0" + "0c131200a000"))
    assert isinstance(minus, Record)
    assert isinstance(broken, Record)
    assert minus.number == -12
    assert broken.number is None


def test_impossible_dates_tell_no_moment() -> None:
    (record,) = read(bytes.fromhex("046dffffffff"))
    assert isinstance(record, Record)
    assert moment(record) is None


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=120))
def test_no_bytes_break_the_records(data: bytes) -> None:
    with contextlib.suppress(Damaged):
        for record in read(data):
            if isinstance(record, Record):
                _ = record.number, record.text, moment(record)


@settings(max_examples=300, deadline=None)
@given(
    data=st.binary(max_size=120),
    family=st.sampled_from(["mbus.wired", "wmbus.water", "wmbus.electricity", "wmbus.smoke", "dlms.push"]),
)
def test_no_bytes_break_a_decoder(data: bytes, family: str) -> None:
    for frame in (
        data,
        bytes([0x68, len(data), len(data), 0x68]) + data + bytes([sum(data) & 0xFF, 0x16]),
        b"\xe6\xe7\x00\x0f\x40\0\0\0" + data,
    ):
        for outcome in decode(Message(0, "", frame), family, {"aes_key": "00" * 16}):
            assert not (isinstance(outcome, Rejected) and outcome.reason.startswith("the decoder")), outcome
