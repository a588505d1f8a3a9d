"""SenML, ThingsBoard, Home Assistant discovery, Chinese clouds, and JSON of one's own by a mapping."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.decoded import Decoded, Happening, Rejected
from ingest.decoders import DECODERS
from ingest.message import Message


def outcomes(family: str, payload: Any, topic: str = "", context: dict[str, Any] | None = None) -> Sequence[Decoded | Rejected]:
    data = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    found = DECODERS[family](Message(0, topic, data), context or {})
    return [found] if isinstance(found, Decoded | Rejected) else found


def values(family: str, payload: Any, topic: str = "", context: dict[str, Any] | None = None) -> dict[str, dict[str, float]]:
    told: dict[str, dict[str, float]] = {}
    for part in outcomes(family, payload, topic, context):
        assert isinstance(part, Decoded), part
        for sample in part.samples:
            told.setdefault(part.device_id, {}).update(sample.values)
    return told


def test_senml_base_fields_apply_to_what_follows() -> None:
    pack = [{"bn": "urn:dev:mac:01:", "bt": 1.6e9, "bu": "A", "bv": 10, "n": "i", "v": 1}, {"n": "u", "u": "V", "v": 2, "t": -60}]
    (part,) = outcomes("senml.json", pack)
    assert isinstance(part, Decoded)
    assert part.device_id == "urn:dev:mac:01"
    assert [(sample.ts_ms, sample.values) for sample in part.samples] == [
        (1_600_000_000_000, {"elec.current": 11}),
        (1_599_999_940_000, {"elec.voltage": 12}),
    ]
    told = part.samples[0].told or {}
    assert (told["elec.current"].name, told["elec.current"].unit) == ("senml:urn:dev:mac:01:i", "A")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"n": "dev:t", "u": "Cel", "v": 21}, {"env.temperature": 21}),
        ({"n": "dev:e", "u": "J", "v": 3.6e6}, {"elec.energy.import": 1}),
        ({"n": "dev:f", "u": "l/s", "v": 1}, {"water.flow": 3.6}),
        ({"n": "dev:r", "u": "dBW", "v": -100}, {"link.rssi": -70}),
        ({"n": "dev:open", "vb": True}, {"x.senml.open": 1}),
        ({"n": "dev:sum", "u": "kWh", "s": 7}, {"elec.energy.import": 7}),
        ({"n": "dev:b", "u": "%EL", "v": 98}, {"battery.level": 98}),
    ],
)
def test_senml_units(record: dict[str, Any], expected: dict[str, float]) -> None:
    assert values("senml.json", [record])["dev"] == pytest.approx(expected)


def test_senml_keeps_two_values_of_one_moment_and_its_texts() -> None:
    pack = [{"n": "d:a", "u": "V", "v": 1}, {"n": "d:b", "u": "V", "v": 2}, {"n": "d:label", "vs": "Machine Room"}]
    (part,) = outcomes("senml.json", pack)
    assert isinstance(part, Decoded)
    assert [sample.values for sample in part.samples] == [{"elec.voltage": 1}, {"elec.voltage": 2}]
    assert part.happenings[0].attributes == {"name": "senml:d:label", "text": "Machine Room"}


@pytest.mark.parametrize(
    "pack",
    [
        [{"v": 1}],
        [{"n": "a"}],
        [{"n": "a", "v": 1, "must_": 2}],
        [{"bver": 11, "n": "a", "v": 1}],
        ["a"],
        [],
        [{"n": "a", "v": "x"}],
    ],
)
def test_senml_refuses(pack: list[Any]) -> None:
    (part,) = outcomes("senml.json", pack)
    assert isinstance(part, Rejected)


@pytest.mark.parametrize(
    ("pack", "expected"),
    [
        pytest.param("81a300" + "63643a75" + "016156" + "02f95640", {"elec.voltage": 100}, id="half float"),
        pytest.param("81a300" + "63643a75" + "016156" + "021864", {"elec.voltage": 100}, id="integer"),
        pytest.param("9fbf00" + "63643a75" + "016156" + "02fa42c80000" + "ffff", {"elec.voltage": 100}, id="indefinite lengths"),
        pytest.param("81a300" + "63643a75" + "016156" + "02d8ff1864", {"elec.voltage": 100}, id="tagged"),
    ],
)
def test_senml_in_cbor(pack: str, expected: dict[str, float]) -> None:
    outcome = DECODERS["senml.cbor"](Message(0, "", bytes.fromhex(pack)), {})
    assert not isinstance(outcome, Decoded | Rejected), outcome
    (part,) = outcome
    assert isinstance(part, Decoded)
    assert part.samples[0].values == expected


@pytest.mark.parametrize(
    "pack", ["", "ff", "9b0fffffffffffffff", "81", "a1", "1c", "61ff", "8100", "81" * 40 + "00", "8181", "0000"]
)
def test_damaged_cbor_is_refused(pack: str) -> None:
    assert isinstance(DECODERS["senml.cbor"](Message(0, "", bytes.fromhex(pack)), {}), Rejected)


def test_thingsboard_device_is_known_by_its_credentials() -> None:
    payload = {"ts": 1451649600512, "values": {"temperature": 22.5, "batteryLevel": 80, "oddThing": True, "state": "?"}}
    (part,) = outcomes("thingsboard", payload, "v1/devices/me/telemetry", {"device_id": "tb-1"})
    assert isinstance(part, Decoded)
    assert part.device_id == "tb-1"
    assert part.samples[0].ts_ms == 1451649600512
    assert part.samples[0].values == {"env.temperature": 22.5, "battery.level": 80, "x.oddThing": 1}


def test_thingsboard_gateway() -> None:
    payload = {"A": [{"ts": 1483228800000, "values": {"temperature": 1}}], "B": [{"ts": 1483228800000, "values": {"humidity": 2}}]}
    assert values("thingsboard", payload, "v1/gateway/telemetry") == {"A": {"env.temperature": 1}, "B": {"env.humidity": 2}}
    assert outcomes("thingsboard", {"device": "A"}, "v1/gateway/disconnect") == [Decoded("A", online=False)]
    (refused,) = outcomes("thingsboard", {}, "v1/devices/me/telemetry")
    assert isinstance(refused, Rejected)


CONFIG = "homeassistant/{}/node/object/config"


@pytest.mark.parametrize(
    ("component", "config", "expected"),
    [
        pytest.param(
            "sensor", {"dev_cla": "energy", "unit_of_meas": "kWh", "stat_cla": "total_increasing"}, "elec.energy.import", id="class"
        ),
        pytest.param(
            "sensor", {"unit_of_measurement": "V", "value_template": "{{ value_json.voltage_b }}"}, "elec.voltage.l2", id="phase"
        ),
        pytest.param(
            "sensor",
            {"unit_of_measurement": "W", "value_template": "{{ value_json['x']['P'] | float }}"},
            "elec.power.active",
            id="unit",
        ),
        pytest.param("binary_sensor", {"device_class": "moisture"}, "leak", id="binary moisture is a leak"),
        pytest.param("sensor", {"device_class": "moisture"}, "env.soil_moisture", id="moisture is soil"),
        pytest.param("binary_sensor", {"dev_cla": "battery"}, "battery.low", id="binary battery is low"),
        pytest.param("sensor", {"dev_cla": "battery"}, "battery.level", id="battery"),
        pytest.param("switch", {"cmd_t": "a/b"}, "switch.on", id="switch"),
    ],
)
def test_discovery_tells_the_metric(component: str, config: dict[str, Any], expected: str) -> None:
    (part,) = outcomes(
        "ha.discovery", {"dev": {"ids": ["id1"], "mf": "Maker"}, "stat_t": "t/s", **config}, CONFIG.format(component)
    )
    assert isinstance(part, Decoded)
    assert part.device_id == "id1"
    told = part.happenings[0]
    assert told.type == "device.discovered"
    assert (told.attributes["metric"], told.attributes["vendor"]) == (expected, "Maker")


def test_discovery_of_a_whole_device_and_its_base_topic() -> None:
    config = {"dev": {"ids": "d"}, "~": "base/x", "cmps": {"a": {"p": "sensor", "stat_t": "~/t", "dev_cla": "temperature"}}}
    (part,) = outcomes("ha.discovery", config, "homeassistant/device/d/config")
    assert isinstance(part, Decoded)
    assert part.happenings[0].attributes["metric"] == "env.temperature"


def test_an_empty_discovery_takes_back() -> None:
    (part,) = outcomes("ha.discovery", "", CONFIG.format("sensor"))
    assert part == Decoded("node", happenings=(Happening("device.removed", None, {"point": "object"}),))


def test_states_follow_their_registration() -> None:
    registered = [
        {"device_id": "d1", "metric": "door.open", "json_key": "contact", "payload_on": False, "payload_off": True},
        {"device_id": "d1", "metric": "elec.energy.import", "json_key": "e.total", "unit": "Wh"},
    ]
    context = {"registrations": {"z/d1": registered}}
    assert values("ha.discovery", {"contact": False, "e": {"total": 1500}}, "z/d1", context) == {
        "d1": {"door.open": 1, "elec.energy.import": 1.5}
    }
    (refused,) = outcomes("ha.discovery", {"contact": False}, "z/other", context)
    assert isinstance(refused, Rejected)


@pytest.mark.parametrize(
    ("topic", "payload", "device_id", "expected"),
    [
        pytest.param(
            "$oc/devices/d9/sys/properties/report",
            {"services": [{"service_id": "Meter", "properties": {"PhV": "231.5", "on": True}, "event_time": "20151212T121212Z"}]},
            "d9",
            {"x.Meter.PhV": 231.5, "x.Meter.on": 1},
            id="Huawei: numbers as text",
        ),
        pytest.param(
            "$oc/devices/gw/sys/gateway/sub_devices/properties/report",
            {"devices": [{"device_id": "sub", "services": [{"service_id": "A", "properties": {"b": 1}}]}]},
            "sub",
            {"x.A.b": 1},
            id="Huawei gateway",
        ),
        pytest.param(
            "/sys/product/lamp/thing/event/property/post",
            {
                "id": "1",
                "params": {"Power": {"value": 3, "time": 1524448722000}, "CurrentTemperature": 21},
                "method": "thing.event.property.post",
            },
            "lamp",
            {"x.Power": 3, "env.temperature": 21},
            id="Aliyun",
        ),
        pytest.param(
            "",
            {"deviceName": "lamp", "items": {"Power": {"value": 3, "time": 1524448722000}}},
            "lamp",
            {"x.Power": 3},
            id="Aliyun rule",
        ),
        pytest.param(
            "$sys/1/dev/dp/post/json", {"id": 1, "dp": {"t": [{"v": 30, "t": 1552289676}]}}, "dev", {"x.t": 30}, id="OneNET points"
        ),
        pytest.param(
            "", {"msg": {"dev_id": 20, "ds_id": "t", "at": 1466133706841, "value": 42}}, "20", {"x.t": 42}, id="OneNET push"
        ),
        pytest.param(
            "CET/NX/upload",
            {"location_code": "p1", "ts": 1688606685, "properties": [{"type": "AI", "key": "B相电流", "value": 250, "unit": "mA"}]},
            "p1",
            {"elec.current.l2": 0.25},
            id="CET: phase and unit",
        ),
    ],
)
def test_a_cloud(topic: str, payload: dict[str, Any], device_id: str, expected: dict[str, float]) -> None:
    assert values("cloud.cn", payload, topic) == {device_id: expected}


def test_a_product_model_maps_names() -> None:
    payload = {"id": "1", "params": {"Power": 3}}
    assert values("cloud.cn", payload, "/sys/p/d/thing/x", {"metrics": {"Power": ["elec.power.active", 1000]}}) == {
        "d": {"elec.power.active": 3000}
    }


def test_names_of_another_script_stay_apart() -> None:
    payload = {"location_code": "p", "properties": [{"type": "AI", "key": key, "value": 1} for key in ("甲", "乙")]}
    assert len(values("cloud.cn", payload)["p"]) == 2


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ("ONLINE", "device.online"),
        ("OFFLINE", "device.offline"),
        ("HEARTBEAT", "device.heartbeat"),
        ("DEVICE_ADD", "device.added"),
        ("0aff", "raw.frame"),
    ],
)
def test_senthink(payload: str, kind: str) -> None:
    (part,) = outcomes("cloud.cn", {"nodeEui": "356", "command": 2, "timestamp": 1606986254823, "payload": payload})
    assert isinstance(part, Decoded)
    assert (part.device_id, part.happenings[0].type, part.happenings[0].ts_ms) == ("356", kind, 1606986254823)


def test_an_unknown_shape_asks_for_a_mapping() -> None:
    (part,) = outcomes("cloud.cn", {"a": 1}, "some/topic")
    assert isinstance(part, Rejected)
    assert "declare a mapping" in part.reason


def test_json_of_ones_own_by_a_mapping() -> None:
    mapping = {
        "each": ["meters"],
        "device": ["sn"],
        "time": ["at"],
        "properties": "data",
        "metrics": {"kwh": "elec.energy.import", "p": ["elec.power.active", 1000]},
    }
    payload = {
        "at": "2026-01-02 03:04:05",
        "meters": [{"sn": "1", "data": {"kwh": "5.5", "p": 2, "more": 1}}, {"sn": "2", "data": {"kwh": 6}}],
    }
    told = values("json", payload, "a/b", {"mapping": mapping})
    assert told == {"1": {"elec.energy.import": 5.5, "elec.power.active": 2000, "x.more": 1}, "2": {"elec.energy.import": 6}}


@pytest.mark.parametrize("context", [{}, {"mapping": {"devices": 1}}, {"mapping": {"properties": "nowhere"}}])
def test_a_mapping_that_cannot_be_used(context: dict[str, Any]) -> None:
    (part,) = outcomes("json", {"a": 1}, "t", context)
    assert isinstance(part, Rejected)
