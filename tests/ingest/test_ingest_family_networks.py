"""ChirpStack, The Things Stack, Sparkplug B and DLMS push: envelopes, identity, births and aliases."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoded import Decoded, Rejected
from ingest.decoders import decode
from ingest.families import sparkplug
from ingest.families.sparkplug_schema import Payload
from ingest.message import Message

_EUI = "0202020202020202"


def _chirpstack(event: str, **fields: Any) -> Decoded | Rejected:
    told = {"deviceInfo": {"devEui": _EUI}, "time": "2026-03-01T08:00:00.5Z", **fields}
    (outcome,) = decode(Message(0, f"application/a/device/{_EUI}/event/{event}", json.dumps(told).encode()), "chirpstack.v4")
    return outcome


def _decoded(outcome: Decoded | Rejected) -> Decoded:
    assert isinstance(outcome, Decoded), outcome
    return outcome


def test_a_raw_payload_is_read_by_the_profiles_codec() -> None:
    data = base64.b64encode(bytes.fromhex("01755c050001")).decode()
    info = {"devEui": _EUI, "deviceProfileName": "Milesight EM300-ZLD"}
    found = _decoded(_chirpstack("up", deviceInfo=info, fPort=85, data=data, rxInfo=[{"rssi": -80}, {"rssi": -60, "snr": 7}]))
    assert found.samples[0].values == {"battery.level": 92, "leak": 1, "link.rssi": -60, "link.snr": 7}
    assert found.samples[0].ts_ms == 1772352000500
    assert [event.type for event in found.happenings] == ["alarm.leak"]


def test_a_decoded_object_goes_before_the_payload() -> None:
    found = _decoded(_chirpstack("up", fPort=85, data="AQID", object={"temperature": 21.5, "battery": 3.6, "water_leak": None}))
    assert found.samples[0].values == {"env.temperature": 21.5, "battery.voltage": 3.6}


def test_a_known_makers_payload_goes_before_the_object() -> None:
    info = {"devEui": _EUI, "deviceProfileName": "Milesight CT101"}
    found = _decoded(_chirpstack("up", deviceInfo=info, fPort=85, data="BJi4CwAAAAA=", object={"current": 30000}))
    assert found.samples[0].values == {"elec.current": 30}
    damaged = _decoded(_chirpstack("up", deviceInfo=info, fPort=85, data="CRI=", object={"temperature": 3}))
    assert damaged.samples[0].values == {"env.temperature": 3}
    assert "not known" in damaged.refused[0]


def test_values_with_units_tariffs_and_history_are_read() -> None:
    past = {"timestamp": 1665561758, "temperature": 27.2}
    told = {"ActiveEnergyImportT1": {"unit": "Wh", "value": 1810}, "current_chn2": 25, "history": [past]}
    first, second = _decoded(_chirpstack("up", object=told)).samples
    assert first.values == {"elec.energy.import.t1": 1.81, "elec.current.l2": 25}
    assert (second.ts_ms, second.values) == (1665561758000, {"env.temperature": 27.2})


def test_a_payload_that_no_codec_reads_keeps_the_link_and_says_why() -> None:
    found = _decoded(_chirpstack("up", fPort=77, data="AQID", rxInfo=[{"rssi": -60}]))
    assert found.samples[0].values == {"link.rssi": -60, "link.snr": 0}
    assert "no codec" in found.refused[0]


def test_without_a_port_the_payload_is_none_of_the_application() -> None:
    assert not _decoded(_chirpstack("up", data="AQID")).refused


@pytest.mark.parametrize(
    ("event", "fields", "expected"),
    [
        ("ack", {"acknowledged": True, "fCntDown": 4}, "command.ack"),
        ("ack", {"fCntDown": 4}, "command.failed"),
        ("txack", {"fCntDown": 4}, "command.sent"),
        ("log", {"level": "ERROR", "code": "UPLINK_CODEC", "description": "exception"}, "protocol.error"),
        ("error", {"type": "OTAA", "error": "DevNonce"}, "protocol.error"),
        ("join", {"devAddr": "00189440"}, "device.joined"),
    ],
)
def test_events_are_results_and_no_telemetry(event: str, fields: dict[str, Any], expected: str) -> None:
    found = _decoded(_chirpstack(event, **fields))
    assert [happening.type for happening in found.happenings] == [expected]
    assert not found.samples


def test_no_battery_is_told_where_the_device_has_none() -> None:
    assert _decoded(_chirpstack("status", margin=3, externalPowerSource=True)).samples[0].values == {"link.margin": 3}


def test_version_3_writes_the_eui_in_base64() -> None:
    told = {"devEUI": "AgICAgICAgI=", "fPort": 5, "objectJSON": '{"humiditySensor": 32}'}
    (outcome,) = decode(Message(0, "", json.dumps(told).encode()), "chirpstack.v3")
    assert _decoded(outcome).device_id == _EUI
    assert _decoded(outcome).samples[0].values == {"env.humidity": 32}


def test_the_things_stack_tells_the_model() -> None:
    up = {
        "f_port": 85,
        "frm_payload": base64.b64encode(bytes.fromhex("017564030001")).decode(),
        "version_ids": {"brand_id": "milesight-iot", "model_id": "ws301"},
        "rx_metadata": [{"rssi": -35, "snr": 5}],
    }
    told = {"end_device_ids": {"device_id": "d1", "dev_eui": _EUI}, "received_at": "2026-03-01T08:00:00Z", "uplink_message": up}
    (outcome,) = decode(Message(0, "v3/a@t/devices/d1/up", json.dumps(told).encode()), "tts.v3")
    assert _decoded(outcome).samples[0].values == {"battery.level": 100, "door.open": 1, "link.rssi": -35, "link.snr": 5}


@pytest.mark.parametrize("field", ["ack", "nack", "sent", "failed", "queued"])
def test_downlinks_are_commands(field: str) -> None:
    told = {"end_device_ids": {"device_id": "d1"}, f"downlink_{field}": {"f_cnt": 1}}
    (outcome,) = decode(Message(0, "", json.dumps(told).encode()), "tts.v3")
    assert [happening.type for happening in _decoded(outcome).happenings] == [f"command.{field}"]


@pytest.mark.parametrize(
    ("family", "payload"), [("tts.v3", b"{}"), ("chirpstack.v4", b"{}"), ("tts.v3", b"[1"), ("chirpstack.v4", b"3")]
)
def test_what_tells_no_device_is_refused(family: str, payload: bytes) -> None:
    (outcome,) = decode(Message(0, "", payload), family)
    assert isinstance(outcome, Rejected)


def _sparkplug(kind: str, payload: Any, context: dict[str, Any] | None = None, tail: str = "n/d") -> Decoded:
    (outcome,) = decode(Message(0, f"spBv1.0/g/{kind}/{tail}", payload.SerializeToString()), "sparkplug.b", context or {})
    return _decoded(outcome)


def test_aliases_are_named_by_the_birth_in_the_context() -> None:
    birth = Payload(timestamp=1_700_000_000_000, seq=1)
    birth.metrics.add(name="Inputs/A", alias=7, datatype=3, int_value=2**32 - 5)
    data = Payload(timestamp=1_700_000_001_000, seq=3)
    data.metrics.add(alias=7, int_value=2**32 - 6)
    data.metrics.add(alias=8, int_value=1)
    known = sparkplug.remembered(Message(0, "spBv1.0/g/DBIRTH/n/d", birth.SerializeToString()), {})
    found = _sparkplug("DDATA", data, {"sparkplug": known})
    assert found.samples[0].values == {"x.sp.Inputs/A": -6}
    assert "alias 8" in found.refused[0]
    assert [event.type for event in found.happenings] == ["device.data", "protocol.error"]


def test_births_and_deaths_tell_the_connection() -> None:
    death = Payload(timestamp=1_700_000_000_000)
    death.metrics.add(name="bdSeq", datatype=8, long_value=3)
    found = _sparkplug("NDEATH", death, tail="n")
    assert found.online is False
    assert (found.device_id, found.happenings[0].attributes) == ("g/n", {"bdSeq": 3})
    assert _sparkplug("DBIRTH", Payload(seq=0)).online is True


def test_a_null_metric_is_no_zero() -> None:
    data = Payload(seq=0)
    data.metrics.add(name="a", datatype=10, is_null=True)
    assert not _sparkplug("DDATA", data).samples


def test_the_hosts_state_is_json() -> None:
    (outcome,) = decode(Message(0, "spBv1.0/STATE/scada", b'{"online": true, "timestamp": 1700000000000}'), "sparkplug.b")
    assert _decoded(outcome).online is True


def test_a_push_list_with_hdlc_around_it_is_read() -> None:
    content = "e6e7000f40000000000101020309060100010700ff060000011802020f00161b"
    (outcome,) = decode(Message(0, "", content.encode()), "dlms.push", {"device_id": "meter-1"})
    assert _decoded(outcome).samples[0].values == {"elec.power.active": 280}
    assert _decoded(outcome).device_id == "meter-1"


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=80), family=st.sampled_from(["sparkplug.b", "chirpstack.v4", "tts.v3", "dlms.push"]))
def test_no_bytes_break_a_decoder(data: bytes, family: str) -> None:
    for outcome in decode(Message(0, "spBv1.0/g/DBIRTH/n/d", data), family):
        assert not (isinstance(outcome, Rejected) and outcome.reason.startswith("the decoder")), outcome


@settings(max_examples=200, deadline=None)
@given(
    told=st.dictionaries(
        st.sampled_from(
            [
                "deviceInfo",
                "devEUI",
                "rxInfo",
                "object",
                "objectJSON",
                "data",
                "fPort",
                "time",
                "uplink_message",
                "end_device_ids",
                "location",
                "margin",
                "join_accept",
            ]
        ),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "devEui",
                            "dev_eui",
                            "device_id",
                            "rssi",
                            "snr",
                            "time",
                            "f_port",
                            "decoded_payload",
                            "temperature",
                            "battery",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
        max_size=6,
    ),
    event=st.sampled_from(["up", "status", "join", "ack", "location"]),
)
def test_no_json_breaks_an_envelope(told: dict[str, Any], event: str) -> None:
    for family in ("chirpstack.v4", "tts.v3"):
        for outcome in decode(Message(0, f"application/a/device/{_EUI}/event/{event}", json.dumps(told).encode()), family):
            assert not (isinstance(outcome, Rejected) and outcome.reason.startswith("the decoder")), outcome
