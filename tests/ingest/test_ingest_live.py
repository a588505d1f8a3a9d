"""Live decoding without a broker: half frames, links of people, what is remembered, what is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.link import DeviceLink, LinkScope
from ingest.decoded import Decoded
from ingest.families.crc16 import modbus
from ingest.framing import FRAMED
from ingest.live import TAIL_WITHIN_MS, LiveDecoder
from ingest.message import Message
from ingest.topic_map import TopicLink, TopicMap

NOW = 1_790_000_000_000
DLT645 = bytes.fromhex("6861010000000068910833333433593333338A16")
CJT188 = bytes.fromhex("6810120000000000008116901f00100010002c100010002c0000000000000000ff6716")
MBUS = bytes.fromhex(
    "68383868081972076200232E192302920000008C1004682817008C11046828170002FDC9FF01E60002FDDBFF01060002ACFF0109008240ACFF01FDFF5B16"
)
FIRE = bytes.fromhex(
    "404000000101180d11160a140000000000000605040302013000020201010300d90006000200"
    "a3c1c7f8a3b1b2e3dfc8b2b8d7dfc0c8000000000000000000000000000000301213010814682323"
)
MODBUS = bytes.fromhex("010404436633341B38")
HYDRANT = bytes.fromhex(
    "a55a00003b53484d4b313930363030313334c8003c000a0102006401f4021a5d1966b60219021a0216021802180213021e021c021d021d7e0355aa"
)
FRAMES = {
    "dlt645": DLT645,
    "cjt188": CJT188,
    "mbus.wired": MBUS,
    "gb26875.3": FIRE,
    "modbus.rtu": MODBUS,
    "meokon.fire": HYDRANT,
}


def live(family: str, links: tuple[DeviceLink, ...] = (), **context: object) -> LiveDecoder:
    return LiveDecoder(TopicMap([TopicLink(filter="{gateway}/up", family=family, context=context)], families=()), links=links)


def said(decoder: LiveDecoder, *payloads: bytes, at_ms: int = NOW) -> list[Decoded]:
    found = [
        outcome for number, payload in enumerate(payloads) for outcome in decoder.decode(Message(at_ms + number, "g/up", payload))
    ]
    return [outcome for outcome in found if isinstance(outcome, Decoded)]


@pytest.mark.parametrize("family", FRAMES)
def test_every_frame_may_be_cut_anywhere(family: str) -> None:
    frame = FRAMES[family]
    whole = said(live(family), frame)
    assert whole
    for place in range(2, len(frame)):
        decoder = live(family)
        assert said(decoder, frame[:place], frame[place:]) == whole, (family, place)
        assert decoder.half_frames_lost == 0


@pytest.mark.parametrize("family", ["dlt645", "cjt188", "mbus.wired", "gb26875.3"])
def test_glued_and_cut_frames_with_noise(family: str) -> None:
    frame = FRAMES[family]
    stream = b"\xfe\xfe" + frame + frame + b"\xfe" + frame
    assert len(said(live(family), stream[:15], stream[15:40], stream[40:])) == 3


@pytest.mark.parametrize("family", FRAMES)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_held_or_read_and_never_break_it(family: str, data: bytes) -> None:
    decoder = live(family)
    decoder.decode(Message(NOW, "g/up", data))
    start = FRAMED[family](data)
    assert start is None or 0 <= start < len(data)


def test_a_frame_whose_rest_never_comes_does_not_spoil_the_next() -> None:
    decoder = live("dlt645")
    assert said(decoder, DLT645[:12]) == []
    (found,) = said(decoder, DLT645)
    assert found.device_id == "000000000161"
    ((message, lost),) = decoder.take_lost(NOW)
    assert (message.payload, decoder.half_frames_lost) == (DLT645[:12], 1)
    assert "breaks off" in lost.reason


def test_a_wrong_length_does_not_swallow_what_follows() -> None:
    decoder = live("dlt645")
    said(decoder, DLT645[:9] + b"\xff" + DLT645[10:])
    assert [found.device_id for found in said(decoder, DLT645, DLT645)] == ["000000000161"] * 2


def test_a_rest_that_comes_too_late_is_told() -> None:
    decoder = live("dlt645")
    said(decoder, DLT645[:12])
    assert decoder.take_lost(NOW + TAIL_WITHIN_MS) == []
    assert len(decoder.take_lost(NOW + TAIL_WITHIN_MS + 1)) == 1


def test_a_half_frame_outlives_a_restart() -> None:
    first = live("dlt645")
    said(first, DLT645[:12])
    second = LiveDecoder(TopicMap([TopicLink(filter="{gateway}/up", family="dlt645")], families=()), memories=first.take_memories())
    assert [found.device_id for found in said(second, DLT645[12:])] == ["000000000161"]
    assert second.take_memories() == {("tail", "g/up"): None}


def test_a_modbus_request_in_a_message_of_its_own_explains_the_answer() -> None:
    request = bytes.fromhex("010400000002")
    decoder = live("modbus.rtu")
    asked, answered = said(decoder, request + modbus(request).to_bytes(2, "little"), MODBUS)
    assert asked.happenings[0].type == "command.read"
    assert (answered.device_id, answered.gateway_id) == ("g/1", "g")
    assert answered.samples[0].values["elec.voltage.l1"] == pytest.approx(230.2)


def test_a_gateway_that_polls_by_itself_needs_its_list_of_requests() -> None:
    (answered,) = said(live("modbus.rtu", requests=["010300000002", "010400000002"]), MODBUS)
    assert answered.samples[0].values["elec.voltage.l1"] == pytest.approx(230.2)


def test_the_gateways_and_the_devices_links_are_applied() -> None:
    registers = {"0": {"metric": "water.volume", "type": "f32"}}
    gateway = DeviceLink(scope=LinkScope.GATEWAY, key="g", context={"request": "010400000002"})
    device = DeviceLink(scope=LinkScope.DEVICE, key="g/1", context={"registers": registers})
    (found,) = said(live("modbus.rtu", (gateway, device)), MODBUS)
    assert found.samples[0].values == {"water.volume": pytest.approx(230.2, rel=1e-4)}


def test_a_link_of_a_topic_stands_before_the_settings() -> None:
    decoder = live("cjt188", (DeviceLink(scope=LinkScope.TOPIC, key="{gateway}/up", family="dlt645"),))
    assert [found.device_id for found in said(decoder, DLT645)] == ["000000000161"]
    decoder.set_links(())
    assert [found.device_id for found in said(decoder, CJT188)] == ["00000012"]


def test_a_codec_in_javascript_belongs_to_a_device() -> None:
    codec = "function decodeUplink(input) { return {data: {water_leak: input.bytes[0] === 1}}; }"
    device = DeviceLink(scope=LinkScope.DEVICE, key="24E124000000000A", context={"codec": codec})
    topics = TopicMap([TopicLink(filter="lora/{device}", family="lorawan.leak", context={"fport": 1})], families=())
    decoder = LiveDecoder(topics, links=(device,))
    (found,) = decoder.decode(Message(NOW, "lora/24E124000000000A", b"\x01"))
    assert isinstance(found, Decoded)
    assert found.samples[0].values["leak"] == 1
