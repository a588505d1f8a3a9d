"""Shelly of both generations and Tasmota."""

from typing import Any

import pytest

from ingest.decoded import Decoded, Rejected
from ingest.decoders import DECODERS
from ingest.message import Message


def parts(family: str, topic: str, payload: str) -> list[Decoded]:
    outcome = DECODERS[family](Message(0, topic, payload.encode()), {})
    found = [outcome] if isinstance(outcome, Decoded | Rejected) else list(outcome)
    assert all(isinstance(part, Decoded) for part in found), found
    return [part for part in found if isinstance(part, Decoded)]


def values(family: str, topic: str, payload: str) -> dict[str, float]:
    return {
        name: value for part in parts(family, topic, payload) for sample in part.samples for name, value in sample.values.items()
    }


def kinds(family: str, topic: str, payload: str) -> list[str]:
    return [happening.type for part in parts(family, topic, payload) for happening in part.happenings]


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        pytest.param(
            "shellyplug-s-1/relay/0/energy", "60000", {"elec.energy.import": 1, "elec.energy.import.ch1": 1}, id="watt-minutes"
        ),
        pytest.param("shellyplug-s-1/relay/0", "on", {"switch.on": 1, "switch.on.ch1": 1}, id="one channel is also the whole"),
        pytest.param("shellyswitch25-1/relay/0/power", "7", {"elec.power.active.ch1": 7}, id="one of two channels is not"),
        pytest.param("shellyem-1/emeter/1/total", "1891.9", {"elec.energy.import.ch2": 1.8919}, id="an EM's channels are circuits"),
        pytest.param("shellyem-1/emeter/0/total_returned", "100", {"elec.energy.export.ch1": 0.1}, id="returned"),
        pytest.param("shellyem3-1/emeter/2/pf", "-0.9", {"elec.power_factor.l3": -0.9}, id="a 3EM's channels are phases"),
        pytest.param("shellydw-1/sensor/state", "close", {"door.open": 0}, id="door"),
        pytest.param("shellyflood-1/sensor/flood", "false", {"leak": 0}, id="dry"),
        pytest.param("shellyht-1/sensor/temperature", "21.4", {"env.temperature": 21.4}, id="the room's temperature"),
        pytest.param("shelly1pm-1/temperature", "51.2", {"device.temperature": 51.2}, id="the device's own temperature"),
        pytest.param("shelly1-1/ext_temperature/2", "4.5", {"env.temperature.ch3": 4.5}, id="probe"),
        pytest.param(
            "shelly1-1/info",
            '{"relays":[{"ison":true}],"bat":{"value":80},"flood":null}',
            {"switch.on": 1, "switch.on.ch1": 1, "battery.level": 80},
            id="info",
        ),
    ],
)
def test_shelly_gen1(topic: str, payload: str, expected: dict[str, float]) -> None:
    assert values("shelly.gen1", f"shellies/{topic}", payload) == pytest.approx(expected)


def test_shelly_gen1_alarms() -> None:
    assert kinds("shelly.gen1", "shellies/shellyflood-1/sensor/flood", "true") == ["alarm.leak"]
    assert kinds("shelly.gen1", "shellies/shellysmoke-1/sensor/smoke", "true") == ["alarm.smoke"]
    assert kinds("shelly.gen1", "shellies/shellygas-1/sensor/alarm_state", "heavy") == ["alarm.gas"]
    assert not values("shelly.gen1", "shellies/shellygas-1/sensor/alarm_state", "unknown")


def test_a_sleeping_shelly_goes_offline_without_an_event() -> None:
    (asleep,) = parts("shelly.gen1", "shellies/shellydw-F3B2D8/online", "false")
    assert asleep.online is None
    assert asleep.samples[0].values == {"online": 0}
    (gone,) = parts("shelly.gen1", "shellies/shellyplug-s-1/online", "false")
    assert gone.online is False


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        pytest.param(
            "shellyplus1pm-a8032abe54dc/events/rpc",
            '{"src":"shellyplus1pm-a8032abe54dc","method":"NotifyStatus","params":{"ts":1631186545.04,"switch:0":{"id":0,"apower":8.9}}}',
            {"elec.power.active": 8.9, "elec.power.active.ch1": 8.9},
            id="a partial delta tells what changed and no more",
        ),
        pytest.param(
            "shellypro2pm-1/status/switch:1",
            '{"id":1,"output":false,"aenergy":{"total":1500}}',
            {"switch.on.ch2": 0, "elec.energy.import.ch2": 1.5},
            id="channel",
        ),
        pytest.param(
            "x/status/em:0",
            '{"id":0,"a_pf":-0.9,"n_current":null,"total_act_power":5}',
            {"elec.power_factor.l1": -0.9, "elec.power.active": 5},
            id="null",
        ),
        pytest.param(
            "x/status/emdata:0",
            '{"id":0,"b_total_act_energy":2500,"total_act":5000}',
            {"elec.energy.import.l2": 2.5, "elec.energy.import": 5},
            id="Wh",
        ),
        pytest.param(
            "x/status/em1data:1",
            '{"id":1,"total_act_energy":10,"total_act_ret_energy":20}',
            {"elec.energy.import.ch2": 0.01, "elec.energy.export.ch2": 0.02},
            id="em1",
        ),
        pytest.param(
            "x/status/temperature:100", '{"id":100,"tC":21.5,"tF":70.7}', {"env.temperature.ch100": 21.5}, id="add-on probe"
        ),
        pytest.param("x/status/smoke:0", '{"id":0,"alarm":false,"mute":false}', {"smoke": 0}, id="smoke"),
        pytest.param("x/status/flood:0", '{"id":0,"alarm":null}', {}, id="unknown is not dry"),
        pytest.param("", '{"id":0,"tC":21.5}', {"env.temperature": 21.5}, id="the component guessed from its keys"),
    ],
)
def test_shelly_gen2(topic: str, payload: str, expected: dict[str, float]) -> None:
    assert values("shelly.gen2", topic, payload) == pytest.approx(expected)


def test_shelly_gen2_events() -> None:
    assert kinds("shelly.gen2", "x/status/smoke:0", '{"alarm":true}') == ["alarm.smoke"]
    assert kinds("shelly.gen2", "x/status/flood:0", '{"alarm":null,"errors":["cable_unplugged"]}') == ["fault.sensor"]
    assert kinds("shelly.gen2", "x/status/switch:0", '{"output":false,"errors":["overcurrent"]}') == ["alarm.overcurrent"]
    pushed = (
        '{"method":"NotifyEvent","params":{"ts":1,"events":[{"component":"input:0","event":"single_push","ts":1631186545.04}]}}'
    )
    (part,) = parts("shelly.gen2", "x/events/rpc", pushed)
    assert (part.happenings[0].type, part.happenings[0].ts_ms) == ("input.single_push", 1631186545040)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(
            '{"Time":"2021-01-01T00:00:00","Switch1":"ON","Switch2":"OFF"}',
            {"contact.active": 1, "contact.active.ch2": 0},
            id="inputs",
        ),
        pytest.param(
            '{"POWER1":"ON","POWER2":"OFF","Wifi":{"RSSI":90,"Signal":-55}}',
            {"switch.on": 1, "switch.on.ch2": 0, "link.rssi": -55},
            id="state",
        ),
        pytest.param(
            '{"ENERGY":{"Total":1.5,"Power":[1,2,3],"Factor":0.9}}',
            {
                "elec.energy.import": 1.5,
                "elec.power.active.l1": 1,
                "elec.power.active.l2": 2,
                "elec.power.active.l3": 3,
                "elec.power_factor": 0.9,
            },
            id="phases",
        ),
        pytest.param('{"ENERGY":{"Power":[1,2]}}', {"elec.power.active.ch1": 1, "elec.power.active.ch2": 2}, id="two are channels"),
        pytest.param(
            '{"DS18B20-1":{"Id":"0","Temperature":1},"DS18B20-2":{"Id":"1","Temperature":2}}',
            {"env.temperature": 1, "env.temperature.ch2": 2},
            id="several of a kind",
        ),
        pytest.param(
            '{"AM2301":{"Temperature":68,"Humidity":40},"TempUnit":"F"}',
            {"env.temperature": 20, "env.humidity": 40},
            id="Fahrenheit",
        ),
        pytest.param('{"BME280":{"Pressure":1013},"PressureUnit":"hPa"}', {"env.pressure": 101.3}, id="hPa"),
        pytest.param('{"ESP32":{"Temperature":36}}', {"device.temperature": 36}, id="the chip is not the room"),
        pytest.param('{"COUNTER":{"C1":5}}', {"counter.c1": 5}, id="counter"),
        pytest.param(
            '{"SML":{"Total_in":1.5,"Power_curr":200,"Volt_p2":230}}',
            {"elec.energy.import": 1.5, "elec.power.active": 200, "elec.voltage.l2": 230},
            id="SML script",
        ),
        pytest.param(
            '{"TIC":{"EAST":1500,"EASF02":500,"URMS1":231}}',
            {"elec.energy.import": 1.5, "elec.energy.import.t2": 0.5, "elec.voltage.l1": 231},
            id="Teleinfo",
        ),
        pytest.param('{"StatusSNS":{"SHT3X":{"Temperature":20}}}', {"env.temperature": 20}, id="asked for"),
    ],
)
def test_tasmota(payload: str, expected: dict[str, float]) -> None:
    assert values("tasmota", "tele/device/SENSOR", payload) == pytest.approx(expected)


def test_tasmota_time_without_a_zone_tells_no_moment() -> None:
    (local,) = parts("tasmota", "tele/d/SENSOR", '{"Time":"2021-01-01T00:00:00","AM2301":{"Temperature":1}}')
    assert local.samples[0].ts_ms is None
    (told,) = parts("tasmota", "tele/d/SENSOR", '{"Time":"2021-01-01T08:00:00+08:00","AM2301":{"Temperature":1}}')
    assert told.samples[0].ts_ms == 1609459200000


@pytest.mark.parametrize(
    ("topic", "payload", "device_id", "online"),
    [("tele/plug/LWT", "Online", "plug", True), ("site/floor/plug/tele/LWT", "Offline", "plug", False)],
)
def test_tasmota_last_will(topic: str, payload: str, device_id: str, online: bool) -> None:
    assert parts("tasmota", topic, payload) == [Decoded(device_id, online=online)]


def test_a_node_behind_a_tasmota_bridge_is_the_device() -> None:
    payload = '{"ZbReceived":{"0x4F2E":{"Device":"0x4F2E","Contact":1,"LinkQuality":70,"Water":1}}}'
    (part,) = parts("tasmota", "tele/bridge/SENSOR", payload)
    assert part.device_id == "0x4F2E"
    assert part.samples[0].values == {"door.open": 1, "contact.active": 1, "link.lqi": 70, "leak": 1}
    assert [happening.type for happening in part.happenings] == ["alarm.leak"]


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("stat/d/RESULT", '{"Button1":{"Action":"DOUBLE"}}', {"input": "Button1", "push": "double"}),
        ("stat/d/SWITCH1T", '{"TRIG":"SINGLE"}', {"input": "TRIG", "push": "single"}),
    ],
)
def test_tasmota_buttons(topic: str, payload: str, expected: dict[str, str]) -> None:
    (part,) = parts("tasmota", topic, payload)
    assert part.happenings[0].attributes == expected


def test_tasmota_cards() -> None:
    (part,) = parts("tasmota", "tele/d/SENSOR", '{"RC522":{"UID":"BA839D07","Type":"MIFARE 1KB"}}')
    assert part.happenings[0].attributes == {"card": "BA839D07"}


REFUSED: list[tuple[str, str, str]] = [
    ("shelly.gen1", "shellies/shelly1-1/relay/0/power", "many"),
    ("shelly.gen1", "shellies/shelly1-1/online", "perhaps"),
    ("shelly.gen2", "x/status/switch:0", "{"),
    ("shelly.gen2", "", '{"id":0}'),
    ("tasmota", "tele/d/LWT", "gone"),
    ("tasmota", "tele/d/SENSOR", '{"LwReceived":{"0x1":{"Door'),
]


@pytest.mark.parametrize(("family", "topic", "payload"), REFUSED)
def test_refused_with_a_reason(family: str, topic: str, payload: str) -> None:
    outcome: Any = DECODERS[family](Message(0, topic, payload.encode()), {})
    assert isinstance(outcome, Rejected)
    assert outcome.reason
