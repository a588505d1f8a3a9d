"""Whatever arrives, every family decodes or refuses it, and what it decodes can be stored."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decoded import Decoded, Rejected
from ingest.decoders import DECODERS
from ingest.message import Message

JSON_FAMILIES = (
    "zigbee2mqtt",
    "ha.discovery",
    "tasmota",
    "shelly.gen1",
    "shelly.gen2",
    "senml.json",
    "thingsboard",
    "access.esprfid",
    "access.dahua",
    "access.hikvision",
    "access.aqara",
    "cloud.cn",
)
BINARY_FAMILIES = ("senml.cbor", "gb26875.3", "fire.gst9000", "meokon.fire", "modbus.rtu", "dlt645", "cjt188")

SEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "zigbee2mqtt": (
        (
            "zigbee2mqtt/0x00158d0001d64498",
            '{"battery":100,"voltage":3075,"smoke":true,"action":"auto_lock","last_seen":1573393389829}',
        ),
        ("zigbee2mqtt/m", '{"power":1,"power_phase_b":2,"power_factor":90,"energy_flow":"producing","state":"ON","voltage":230}'),
        (
            "zigbee2mqtt/bridge/event",
            '{"type":"device_interview","data":{"ieee_address":"0x1","status":"successful","definition":{}}}',
        ),
        ("zigbee2mqtt/bridge/devices", '[{"ieee_address":"0x1","definition":{"vendor":"a","model":"b"}}]'),
        ("zigbee2mqtt/door/availability", '{"state":"online"}'),
    ),
    "ha.discovery": (
        (
            "homeassistant/sensor/n/o/config",
            '{"dev":{"ids":["a"],"mf":"m"},"~":"t","stat_t":"~/s","val_tpl":"{{ value_json.a[\'b\'] }}"}',
        ),
        ("homeassistant/device/n/config", '{"dev":{"ids":"a"},"cmps":{"x":{"p":"switch","unit_of_meas":"W"}}}'),
    ),
    "tasmota": (
        (
            "tele/d/SENSOR",
            '{"Time":"2021-10-26T17:28:45","ENERGY":{"Total":[1,2,3],"Power":1},"TIC":{"ADCO":"1","HCHC":1},"BME280":{"Pressure":1}}',
        ),
        ("stat/d/RESULT", '{"POWER1":"ON","Switch1":{"Action":"ON"},"ZbReceived":{"0x1":{"Contact":1,"Water":1}}}'),
        ("tele/d/SENSOR", '{"LwReceived":{"0x1":{"Battery":3,"DoorOpen":1}},"PN532":{"UID":"1","Auth":"Ok"}}'),
    ),
    "shelly.gen1": (
        ("shellies/shellyem-1/emeter/0/total", "1.5"),
        ("shellies/shellydw-1/sensor/state", "open"),
        ("shellies/shelly1-1/info", '{"relays":[{"ison":true}],"meters":[{"power":1,"total":2}],"bat":{"value":3},"unixtime":1}'),
        ("shellies/shellyix3-1/input_event/0", '{"event":"S","event_cnt":2}'),
    ),
    "shelly.gen2": (
        (
            "shellypro3em/status/em:0",
            '{"id":0,"a_act_power":1,"n_current":null,"total_act_power":3,"errors":["power_meter_failure"]}',
        ),
        (
            "x/events/rpc",
            '{"src":"shellyplus1-a8032abe54dc","method":"NotifyStatus","params":{"ts":1631186545.04,"switch:0":{"apower":8.9}}}',
        ),
        (
            "x/events/rpc",
            '{"method":"NotifyEvent","params":{"ts":1,"events":[{"component":"input:0","event":"single_push","ts":1}]}}',
        ),
        ("x/status/flood:0", '{"id":0,"alarm":true,"mute":false,"errors":["cable_unplugged"]}'),
    ),
    "senml.json": (
        ("", '[{"bn":"urn:dev:mac:0:","bt":1.5e9,"bu":"V","bv":1,"n":"a","v":1},{"n":"b","vb":true},{"n":"c","vs":"x","t":-5}]'),
    ),
    "thingsboard": (
        ("v1/devices/me/telemetry", '{"ts":1451649600512,"values":{"temperature":1,"door":true,"a":{"b":"c"}}}'),
        ("v1/gateway/telemetry", '{"Device A":[{"ts":1483228800000,"values":{"temperature":42}}]}'),
        ("v1/gateway/connect", '{"device":"a"}'),
    ),
    "access.esprfid": (
        ("/rfid/send", '{"type":"access","time":1,"isKnown":"true","access":["Always","Denied"],"doorName":["a"],"uid":"1"}'),
    ),
    "access.dahua": (
        (
            "",
            '{"params":{"eventList":[{"Action":"Pulse","Code":"DoorStatus","Data":{"Status":"Open","UTC":1585587525,"Method":1}}]}}',
        ),
    ),
    "access.hikvision": (
        (
            "",
            '{"dateTime":"2020-01-01T00:00:00+08:00","AccessControllerEvent":{"majorEventType":5,"subEventType":75,"serialNo":1}}',
        ),
        ("", "<EventNotificationAlert><eventType>x</eventType><majorEventType>5</majorEventType></EventNotificationAlert>"),
    ),
    "access.aqara": (
        ("", '{"did":"lumi.1","time":1636027552806,"params":[{"res_name":"13.1.85","value":1},{"res_name":"13.15.85","value":2}]}'),
        ("", '{"sid":"1","data":"{\\"fing_verified\\":\\"1\\"}"}'),
    ),
    "cloud.cn": (
        (
            "$oc/devices/d/sys/properties/report",
            '{"services":[{"service_id":"T","properties":{"v":1},"event_time":"20151212T121212Z"}]}',
        ),
        (
            "/sys/p/d/thing/event/property/post",
            '{"id":"1","params":{"Power":{"value":"on","time":1524448722000},"A":1},"method":"thing.event.property.post"}',
        ),
        (
            "",
            '{"location_code":"a","ts":1688606685,"properties":[{"type":"AI","key":"A相电流","value":0.25,"unit":"A","timestamp":1688354258}]}',
        ),
        ("", '{"id":123,"dp":{"t":[{"v":30,"t":1552289676}]}}'),
        ("", '{"nodeEui":"1","command":1,"timestamp":1606986254823,"payload":"ff"}'),
        ("", '{"msg":{"dev_id":1,"ds_id":"t","at":1466133706841,"value":42}}'),
    ),
    "senml.cbor": (("", "81a32162643a00617602fb405e066666666666"), ("", "9fbf0061610202ffff")),
    "gb26875.3": (
        ("", "404001000001050009020715050403020100" + "0b0a09080706" + "030004590100d12323"),
        ("", "010101020402040009020715"),
    ),
    "fire.gst9000": (("", "1b3630382f31322f30322020" + "31373a32310a20203030362d3030370a1b39bbf0beaf0a0a"),),
    "meokon.fire": (
        (
            "GIOT-GW/UL/SHMK19060013",
            (
                "a55a00003b53484d4b313930363030313334c8003c000a0102006401f4021a5d1966b6"
                "0219021a0216021802180213021e021c021d021d7e0355aa"
            ),
        ),
    ),
    "modbus.rtu": (("", "010404436633341b38"), ("", "0103000c00020408"), ("", "000100000006010300000002")),
    "dlt645": (("", "fefefefe6843100011340068910633343435ca55ee16"),),
    "cjt188": (("", "fefefe6810120000000000008116901f00100010002c100010002c0000000000000000ff6716"),),
}

CONTEXTS: tuple[dict[str, Any], ...] = (
    {},
    {"request": "read input registers, start 0x0000, count 2", "layer": "application data unit only", "device_id": "d"},
    {
        "request": "01 03 00 0C 00 02 04 08",
        "registers": {"0": {"metric": "a", "type": "s32_lo"}, "x": 1},
        "metrics": {"Power": ["a", 2]},
    },
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [
            "",
            "ON",
            "open",
            "1e999",
            "100.00",
            "nan",
            "{",
            "[1",
            "20151212T121212Z",
            "9" * 400,
            "0x" + "f" * 16,
            "\0",
            "火警",
            "\ud7ff",
        ]
    ),
    st.text(max_size=8),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6
)
TOPICS = st.sampled_from(
    ["", "/", "a/b/c", "v2/g/t", "$oc/devices", "/sys/", "shellies/", "tele//SENSOR", "zigbee2mqtt/bridge/state"]
)


def check(family: str, topic: str, payload: bytes, context: dict[str, Any]) -> None:
    """Straight at the decoder: `decode` of the module around it would hide a crash."""
    outcome = DECODERS[family](Message(0, topic, payload, retained=False), context)
    for part in (outcome,) if isinstance(outcome, Decoded | Rejected) else outcome:
        if isinstance(part, Rejected):
            assert part.reason
            continue
        for sample in part.samples:
            assert all(isinstance(value, float) and math.isfinite(value) for value in sample.values.values()), sample
            assert sample.ts_ms is None or abs(sample.ts_ms) < 10**16
        for happening in part.happenings:
            assert 0 < len(happening.type) <= 100
            assert all(isinstance(value, str | int | float | bool | None) for value in happening.attributes.values())


def mutated(value: Any, draw: st.DrawFn) -> Any:
    """The same JSON with some of its values replaced, dropped or doubled."""
    if draw(st.integers(0, 7)) == 0:
        return draw(JSON)
    if isinstance(value, dict):
        return {key: mutated(inner, draw) for key, inner in value.items() if draw(st.integers(0, 9)) > 0}
    if isinstance(value, list):
        return [mutated(inner, draw) for inner in value] * draw(st.integers(1, 2))
    return value


@st.composite
def json_messages(draw: st.DrawFn, family: str) -> tuple[str, bytes]:
    topic, payload = draw(st.sampled_from(SEEDS[family]))
    topic = draw(st.one_of(st.just(topic), TOPICS))
    try:
        return topic, json.dumps(mutated(json.loads(payload), draw)).encode()
    except json.JSONDecodeError:
        return topic, payload.encode()


@st.composite
def byte_messages(draw: st.DrawFn, family: str) -> tuple[str, bytes]:
    """A frame with bytes changed, cut or added; checksums mostly wrong, so also the bare random bytes of another test."""
    topic, payload = draw(st.sampled_from(SEEDS[family]))
    data = bytearray.fromhex(payload)
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return topic, bytes(data[draw(st.integers(0, 4)) if draw(st.booleans()) else 0 :]) + draw(st.binary(max_size=8))


FUZZED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("family", JSON_FAMILIES)
@FUZZED
@given(data=st.data())
def test_mutated_json(family: str, data: st.DataObject) -> None:
    topic, payload = data.draw(json_messages(family))
    check(family, topic, payload, data.draw(st.sampled_from(CONTEXTS)))


@pytest.mark.parametrize("family", BINARY_FAMILIES)
@FUZZED
@given(data=st.data())
def test_mutated_frames(family: str, data: st.DataObject) -> None:
    topic, payload = data.draw(byte_messages(family))
    check(family, topic, payload, data.draw(st.sampled_from(CONTEXTS)))


@pytest.mark.parametrize("family", [*JSON_FAMILIES, *BINARY_FAMILIES])
@FUZZED
@given(
    payload=st.binary(max_size=120) | JSON.map(lambda value: json.dumps(value).encode()),
    context=st.sampled_from(CONTEXTS),
    topic=TOPICS,
)
def test_any_bytes_at_all(family: str, payload: bytes, context: dict[str, Any], topic: str) -> None:
    check(family, topic, payload, context)


@pytest.mark.parametrize("family", [*JSON_FAMILIES, *BINARY_FAMILIES])
def test_the_seeds_themselves_say_something(family: str) -> None:
    for topic, payload in SEEDS[family]:
        data = bytes.fromhex(payload) if family in BINARY_FAMILIES else payload.encode()
        check(family, topic, data, CONTEXTS[1])


@pytest.mark.parametrize(
    "payload", [b"[" * 5000, b'{"a":' * 5000, b"9" * 5000, b'{"a":1e400}', b"\xff\xfe", b"", b"null", b"[]", b"{}"]
)
@pytest.mark.parametrize("family", JSON_FAMILIES)
def test_hostile_json(family: str, payload: bytes) -> None:
    for topic, _ in SEEDS[family]:
        check(family, topic, payload, {})
