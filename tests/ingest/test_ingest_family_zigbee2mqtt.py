"""Zigbee2MQTT: the pitfalls of its vocabulary, one row each."""

import json
from typing import Any

import pytest

from ingest.decoded import Decoded, Happening, Rejected
from ingest.families import zigbee2mqtt
from ingest.message import Message

IEEE = "0x00158d0001d64498"


def decoded(payload: Any, topic: str = f"zigbee2mqtt/{IEEE}") -> Decoded:
    data = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    outcome = zigbee2mqtt.decode(Message(0, topic, data), {})
    assert isinstance(outcome, Decoded), outcome
    return outcome


def values(payload: Any, topic: str = f"zigbee2mqtt/{IEEE}") -> dict[str, float]:
    return {name: value for sample in decoded(payload, topic).samples for name, value in sample.values.items()}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param({"battery": 90, "voltage": 2995}, {"battery.level": 90, "battery.voltage": 2.995}, id="millivolts on battery"),
        pytest.param({"voltage": 2995}, {"battery.voltage": 2.995}, id="no mains has 2995 V"),
        pytest.param({"battery": 90, "voltage": 2.9}, {"battery.level": 90, "battery.voltage": 2.9}, id="volts of a cell"),
        pytest.param({"voltage": 231, "power": 5}, {"elec.voltage": 231, "elec.power.active": 5}, id="volts on mains"),
        pytest.param({"battery": "100.00"}, {"battery.level": 100}, id="numbers as text"),
        pytest.param({"contact": False}, {"door.open": 1}, id="contact false is open"),
        pytest.param({"contact": True}, {"door.open": 0}, id="contact true is closed"),
        pytest.param({"water_leak": None, "smoke": None}, {}, id="null is not false"),
        pytest.param({"power_factor": 59}, {"elec.power_factor": 0.59}, id="power factor in percent"),
        pytest.param({"power_factor": 0.59}, {"elec.power_factor": 0.59}, id="power factor as a fraction"),
        pytest.param(
            {"power_factor_a": 59, "power_factor_b": 1},
            {"elec.power_factor.a": 0.59, "elec.power_factor.b": 0.01},
            id="all of them percents where one is",
        ),
        pytest.param(
            {"power_a": 1, "power_b": 2, "power_c": 3, "power": 9},
            {"elec.power.active.l1": 1, "elec.power.active.l2": 2, "elec.power.active.l3": 3, "elec.power.active": 9},
            id="a, b, c are phases; their total is told",
        ),
        pytest.param(
            {"energy_a": 1, "energy_b": 2},
            {"elec.energy.import.a": 1, "elec.energy.import.b": 2},
            id="a and b alone are two clamps",
        ),
        pytest.param(
            {"power": 89, "power_phase_b": 384, "power_phase_c": 0, "energy": 299.7},
            {"elec.power.active.l1": 89, "elec.power.active.l2": 384, "elec.power.active.l3": 0, "elec.energy.import": 299.7},
            id="beside phases b and c the plain name is phase a",
        ),
        pytest.param(
            {"power_a": 130.8, "power_b": 8.3, "energy_flow_a": "producing", "energy_flow_b": "consuming"},
            {"elec.power.active.a": -130.8, "elec.power.active.b": 8.3},
            id="the direction beside an unsigned power",
        ),
        pytest.param(
            {"voltage_X": 230, "voltage_Z": 231}, {"elec.voltage.l1": 230, "elec.voltage.l3": 231}, id="phases named X, Y, Z"
        ),
        pytest.param({"pressure": 1013}, {"env.pressure": 101.3}, id="hPa to kPa"),
        pytest.param({"carbon_monoxide": True, "co": 120}, {"co_alarm": 1, "co.concentration": 120}, id="CO alarm and ppm"),
        pytest.param(
            {"lock_state": "not_fully_locked", "state": "LOCK"}, {"lock.locked": 0}, id="the bolt counts, not the command"
        ),
        pytest.param({"state_left": "ON", "state_l2": "OFF"}, {"switch.on.left": 1, "switch.on.ch2": 0}, id="gangs"),
        pytest.param(
            {"illuminance": 15000, "illuminance_lux": 31}, {"x.illuminance.raw": 15000, "env.illuminance": 31}, id="lux where told"
        ),
        pytest.param({"gas_mode": 3, "child_lock": "UNLOCK"}, {"x.gas_mode": 3}, id="unknown numbers are kept, words are not"),
    ],
)
def test_a_field(payload: dict[str, Any], expected: dict[str, float]) -> None:
    assert values(payload) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("payload", "kind", "attributes"),
    [
        ({"smoke": True}, "alarm.smoke", {}),
        ({"gas": True}, "alarm.gas", {}),
        ({"water_leak": True}, "alarm.leak", {}),
        ({"tamper": True}, "alarm.tamper", {}),
        ({"action": "manual_unlock", "action_user": 65535}, "lock.unlocked", {"method": "manual"}),
        ({"action": "auto_lock", "action_user": 3}, "lock.locked", {"method": "auto", "user": "3"}),
        ({"action": "unlock", "action_source_name": "keypad"}, "lock.unlocked", {"method": "keypad"}),
        ({"action": "unlock_failure_invalid_pin_or_id"}, "lock.failed", {"method": "invalid_pin_or_id"}),
        ({"action": "single"}, "action", {"action": "single"}),
        ({"action": "emergency"}, "alarm.sos", {"action": "emergency"}),
    ],
)
def test_an_event(payload: dict[str, Any], kind: str, attributes: dict[str, Any]) -> None:
    assert decoded(payload).happenings == (Happening(kind, None, attributes),)


@pytest.mark.parametrize("action", [None, "", "none"])
def test_a_reset_action_is_no_event(action: str | None) -> None:
    assert not decoded({"action": action, "action_user": 2, "battery": 5}).happenings


@pytest.mark.parametrize(
    ("topic", "payload", "device_id"),
    [
        (f"zigbee2mqtt/{IEEE}", {"smoke": False}, IEEE),
        ("zigbee2mqtt/Kitchen", {"device": {"ieeeAddr": IEEE}, "smoke": False}, IEEE),
        ("zigbee2mqtt/Küche/Fenster links", {"contact": True}, "Küche/Fenster links"),
    ],
)
def test_identity_is_the_address_where_it_is_told(topic: str, payload: dict[str, Any], device_id: str) -> None:
    assert decoded(payload, topic).device_id == device_id


@pytest.mark.parametrize("seen", [1573393389829, "2019-11-10T13:43:09.829Z", "2019-11-10T14:43:09.829+01:00"])
def test_last_seen_is_the_time(seen: object) -> None:
    assert decoded({"smoke": False, "last_seen": seen}).samples[0].ts_ms == 1573393389829


def test_an_attribute_on_a_topic_of_its_own() -> None:
    assert values("21.5", f"zigbee2mqtt/{IEEE}/temperature") == {"env.temperature": 21.5}
    assert values("ON", f"zigbee2mqtt/{IEEE}/state") == {"switch.on": 1}


@pytest.mark.parametrize(("payload", "online"), [("online", True), ('{"state":"offline"}', False)])
def test_availability_and_the_bridge_itself(payload: str, online: bool) -> None:
    assert decoded(payload, f"zigbee2mqtt/{IEEE}/availability") == Decoded(IEEE, online=online, gateway_id="zigbee2mqtt/bridge")
    bridge = decoded(payload, "zigbee2mqtt/bridge/state")
    assert bridge.online is online
    assert bridge.happenings[0].type == ("gateway.online" if online else "gateway.offline")


def test_the_bridge_tells_of_devices() -> None:
    told = [
        {"ieee_address": IEEE, "type": "EndDevice", "definition": {"vendor": "LUMI", "model": "JTYJ"}},
        {"ieee_address": "0x1", "type": "Coordinator"},
    ]
    (part,) = zigbee2mqtt.decode(Message(0, "zigbee2mqtt/bridge/devices", json.dumps(told).encode()), {})  # type: ignore[misc]
    assert part.device_id == IEEE
    assert part.happenings[0] == Happening("device.discovered", None, {"vendor": "LUMI", "model": "JTYJ"})


def test_a_command_is_no_state() -> None:
    outcome = decoded('{"state":"ON"}', f"zigbee2mqtt/{IEEE}/set")
    assert not outcome.samples
    assert outcome.happenings[0].type == "command.set"


@pytest.mark.parametrize("payload", ["{'gas': True}", "", "[1]", "{"])
def test_what_is_no_json_is_refused_with_its_device(payload: str) -> None:
    outcome = zigbee2mqtt.decode(Message(0, f"zigbee2mqtt/{IEEE}", payload.encode()), {})
    assert isinstance(outcome, Rejected)
    assert outcome.device_id == IEEE
