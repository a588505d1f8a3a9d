"""What foreign devices are known to do: each row of our list of pitfalls, as the running line meets it."""

import json
from typing import Any

import pytest

from devices.model import Quality, Reading
from devices.registry import Registry
from ingest.families import crc16
from ingest.live import LiveDecoder
from ingest.message import Message
from ingest.pipeline import Batch, Pipeline
from ingest.topic_map import TopicLink, TopicMap

NOW = 1_790_000_000_000
TOPICS = (
    TopicLink(filter="dtu/{gateway}/dlt645", family="dlt645"),
    TopicLink(filter="dtu/{gateway}/cjt188", family="cjt188"),
    TopicLink(filter="fire/{gateway}", family="gb26875.3"),
    TopicLink(filter="radio/{gateway}", family="wmbus"),
    TopicLink(filter="lora/{device}", family="lorawan.electricity", context={"fport": 85}),
    TopicLink(filter="own/{device}", family="json", context={"mapping": {"topic_level": 1}}),
)
HYDRANT = b"a55a00003b53484d4b313930363030313334c8003c000a0102006401f4021a5d1966b60219021a0216021802180213021e021c021d021d7e0355aa"
FIRE = (
    "404000000101180d11160a140000000000000605040302013000020201010300d90006000200"
    "a3c1c7f8a3b1b2e3dfc8b2b8d7dfc0c8000000000000000000000000000000301213010814682323"
)
ENCRYPTED = (
    "76442104710007612507727100076121042507B5006005E2E95A3C2A1279A541"
    "5E6732679B43369FD5FDDDD783EEEBB48236D34E7C94AF0A18A5FDA5F7D64111EB4"
    "2D4D891622139F2952F9D12A20088DFA4CF8123871123EE1F6C1DCEA414879DDB4E05E508F1826D7EFBA6964DF804C9261EA23BBF03"
)


def pipeline() -> Pipeline:
    return Pipeline(Registry([], []), live=LiveDecoder(TopicMap(TOPICS)))


def message(topic: str, payload: Any, *, at_ms: int = NOW, retained: bool = False) -> Message:
    told = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(at_ms, topic, told, retained)


def heard(topic: str, payload: Any) -> Batch:
    return pipeline().process([message(topic, payload)])


def values(topic: str, payload: Any) -> dict[str, float]:
    return {reading.metric: reading.value for reading in heard(topic, payload).readings}


@pytest.mark.parametrize(
    ("topic", "payload", "metric", "value"),
    [
        pytest.param("shellies/shellyem-1/emeter/0/total", b"12345", "elec.energy.import.ch1", 12.345, id="Shelly counts Wh"),
        pytest.param("zigbee2mqtt/a", {"voltage": 3195, "battery": 90}, "battery.voltage", 3.195, id="Z2M battery is in mV"),
        pytest.param("zigbee2mqtt/b", {"voltage": 231, "power": 5, "current": 0.1}, "elec.voltage", 231, id="Z2M plug is in V"),
    ],
)
def test_1_scaling(topic: str, payload: Any, metric: str, value: float) -> None:
    assert values(topic, payload)[metric] == pytest.approx(value)


def test_2_a_phase_without_voltage_is_no_fault_and_no_total() -> None:
    told = {"id": 0, "a_voltage": 230.0, "b_voltage": 0.0, "c_voltage": 231.0, "total_act_power": 100.0, "a_act_power": 60.0}
    readings = {reading.metric: reading for reading in heard("shellypro3em-1/status/em:0", told).readings}
    assert readings["elec.voltage.l2"].value == 0
    assert readings["elec.voltage.l2"].quality == Quality.GOOD
    assert (readings["elec.power.active"].value, readings["elec.power.active.l1"].value) == (100, 60)


def test_3_a_sign_that_wrapped_around_is_no_four_billion() -> None:
    assert values("zigbee2mqtt/a", {"power": -12.5, "voltage": 230, "current": 0.1})["elec.power.active"] == -12.5


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("zigbee2mqtt/a", {"water_leak": None, "battery": 90}),
        ("caretaker/v1/campus/a/telemetry", {"readings": {"leak": None, "battery.level": 90}}),
        ("shellyplus1-1/status/switch:0", {"id": 0, "source": "init"}),
    ],
)
def test_4_null_or_absent_is_neither_false_nor_zero(topic: str, payload: Any) -> None:
    assert not {"leak", "switch.on", "elec.power.active"} & values(topic, payload).keys()


def test_5_contact_false_is_open() -> None:
    assert values("zigbee2mqtt/door", {"contact": False})["door.open"] == 1


def test_6_a_register_that_starts_anew_keeps_its_raw_index() -> None:
    line = pipeline()
    told = [
        message("tele/p/SENSOR", {"ENERGY": {"Total": total}}, at_ms=NOW + n * 60_000) for n, total in enumerate((99999.9, 0.1))
    ]
    assert [(reading.value, reading.quality) for reading in line.process(told).readings] == [(99999.9, 0), (0.1, 0)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param("tele/p/SENSOR", {"Time": "2021-10-26T17:28:45", "ENERGY": {"Total": 1}}, id="Tasmota's clock has no zone"),
        pytest.param(
            "dtu/g/cjt188",
            bytes.fromhex("6810120000000000008116901f00100010002c100010002c0000000000000000ff6716"),
            id="CJ/T 188 with a clock of zero",
        ),
    ],
)
def test_7_a_clock_that_tells_no_moment_leaves_it_to_ours(topic: str, payload: Any) -> None:
    assert {reading.ts_ms for reading in heard(topic, payload).readings} == {NOW}


def test_7_buffered_records_have_their_own_times_and_count_once() -> None:
    line = pipeline()
    body = bytes.fromhex(HYDRANT.decode().replace("5d1966b6", (NOW // 1000 - 30).to_bytes(4, "big").hex()))[:-4]
    hydrant = (body + crc16.modbus(body).to_bytes(2, "big") + b"\x55\xaa").hex().encode()
    first = line.process([message("GIOT-GW/UL/SHMK19060013", hydrant)])
    times = sorted({reading.ts_ms for reading in first.readings if reading.metric == "water.pressure"})
    assert len(times) >= 10
    again = line.process([message("GIOT-GW/UL/SHMK19060013", hydrant)])
    kept = {(reading.device_id, reading.metric, reading.ts_ms, reading.value) for reading in first.readings}
    assert {(reading.device_id, reading.metric, reading.ts_ms, reading.value) for reading in again.readings} <= kept


def test_8_one_press_told_on_topic_and_sub_topic_is_one_event() -> None:
    told = [message("zigbee2mqtt/button", {"action": "single"}), message("zigbee2mqtt/button/action", b"single", at_ms=NOW + 20)]
    events = pipeline().process(told).events
    assert len(events) == 1, events
    assert len(pipeline().process([told[0], told[0]._replace(received_ms=NOW + 300)]).events) == 2, "pressed twice"


def test_8_a_redelivery_is_counted_and_not_stored() -> None:
    line = pipeline()
    told = message("caretaker/v1/campus/a/telemetry", {"ts": NOW / 1000, "readings": {"leak": 1}})
    assert len(line.process([told, told._replace(received_ms=NOW + 5_000)]).readings) == 1
    assert line.totals["duplicate"] == 1


def test_8_retained_repeats_make_no_new_readings_even_after_a_restart() -> None:
    told = message("zigbee2mqtt/a", {"smoke": True, "battery": 90}, retained=True)
    first = pipeline().process([told])
    assert all(reading.quality & Quality.CLOCK_SUSPECT for reading in first.readings)
    stored = {reading.metric: reading.value for reading in first.readings}
    later = Pipeline(Registry([], []), live=LiveDecoder(), latest=lambda _: stored)
    assert later.process([told._replace(received_ms=NOW + 60_000)]) == Batch()
    changed = message("zigbee2mqtt/a", {"smoke": False, "battery": 90}, retained=True, at_ms=NOW + 70_000)
    assert [(reading.metric, reading.value) for reading in later.process([changed]).readings] == [("smoke", 0)]


def test_9_a_retained_last_will_is_a_state_and_no_event() -> None:
    line = pipeline()
    batch = line.process([message("tele/p/LWT", b"Offline", retained=True)])
    assert batch.events == []
    assert batch.readings == [Reading("p", "online", NOW, 0.0)]
    assert line.process([message("tele/p/LWT", b"Offline", retained=True, at_ms=NOW + 1)]) == Batch()
    (event,) = line.process([message("tele/p/LWT", b"Online", at_ms=NOW + 2)]).events
    assert event.type == "device.online"


def test_9_an_empty_discovery_takes_the_states_back() -> None:
    line = pipeline()
    config = {"state_topic": "esp/state", "unit_of_measurement": "°C", "device": {"identifiers": ["esp"]}}
    topic = "homeassistant/sensor/esp/t/config"
    state = message("esp/state", b"21")
    assert len(line.process([message(topic, config), state]).readings) == 1
    assert len(line.process([message(topic, b""), state._replace(received_ms=NOW + 9)]).dead_letters) == 1


def test_10_a_confirmed_uplink_means_the_same_and_its_ack_is_no_telemetry() -> None:
    info = {
        "deviceInfo": {"devEui": "0101010101010101", "deviceProfileName": "Milesight EM300"},
        "fPort": 85,
        "data": "AXVcA2c0AQ==",
    }
    topic = "application/a/device/0101010101010101/event/"
    assert values(topic + "up", info) == values(topic + "up", {**info, "confirmed": True}) != {}
    batch = heard(topic + "ack", {**info, "acknowledged": True})
    assert batch.readings == []
    assert [event.type for event in batch.events] == ["command.ack"]


def test_11_echo_preamble_glued_and_split_frames_of_many_meters() -> None:
    echo, frame = bytes.fromhex("68610100000000681104333334331416"), bytes.fromhex("6861010000000068910833333433593333338A16")
    other = bytearray(frame)
    other[1] = 0x62
    other[-2] = (other[-2] + 1) % 256
    stream = b"\xfe\xfe\xfe\xfe" + echo + frame + b"\xfe" + bytes(other)
    line = pipeline()
    batch = line.process([message("dtu/g1/dlt645", stream[:30]), message("dtu/g1/dlt645", stream[30:], at_ms=NOW + 40)])
    assert {(reading.device_id, reading.value) for reading in batch.readings} == {("000000000161", 0.26), ("000000000162", 0.26)}
    health, _ = line.take_health()
    assert {one.gateway_id for one in health} == {"g1"}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param(
            "dtu/g/cjt188",
            bytes.fromhex("FEFEFE6810443322110033788116 1F90000012345 62C".replace(" ", "") + "0016"),
            id="check sum",
        ),
        pytest.param("v3/a/devices/d/up", b'{"end_device_ids": {"device_id": "d"} "uplink_message": {}}', id="a comma is missing"),
        pytest.param("zigbee2mqtt/a", b'{"contact": fal', id="cut off"),
    ],
)
def test_12_what_is_broken_is_kept_as_it_came_with_the_reason(topic: str, payload: bytes) -> None:
    line = pipeline()
    letters = line.process([message(topic, payload)]).dead_letters
    letters += line.process([message("dtu/other/dlt645", b"\xfe", at_ms=NOW + 60_000)]).dead_letters
    assert any(letter.payload and payload.endswith(letter.payload) and letter.reason for letter in letters)


def test_13_chinese_text_of_panels_and_topics_and_numbers_as_text() -> None:
    (event,) = [event for event in heard("fire/g", bytes.fromhex(FIRE)).events if event.type == "alarm.fire"]
    assert event.attributes["location"] == "Ａ区１层呷哺走廊"
    found = heard("own/一号楼 总表", {"elec.energy.import": "100.00", "door.open": "true"}).readings
    assert {(reading.device_id, reading.metric, reading.value) for reading in found} == {
        ("一号楼 总表", "elec.energy.import", 100.0),
        ("一号楼 总表", "door.open", 1.0),
    }


def test_14_an_encrypted_meter_asks_for_its_key() -> None:
    batch = heard("radio/g", bytes.fromhex(ENCRYPTED))
    assert batch.readings == []
    assert batch.dead_letters[0].device_id == "61070071"
    assert "key" in batch.dead_letters[0].reason
