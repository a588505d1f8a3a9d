"""The reader of PUBLISH: nothing is lost or changed however the stream is cut; bytes that are not MQTT are a ValueError."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.message import Message
from ingest.packets import acknowledgements, split


def length_bytes(length: int) -> bytes:
    encoded = bytearray()
    while True:
        length, low = divmod(length, 128)
        encoded.append(low | (128 if length else 0))
        if not length:
            return bytes(encoded)


def publish(topic: str, payload: bytes, packet_id: int | None, retained: bool, properties: bytes | None = None) -> bytes:
    """`properties`: MQTT 5's, without their length; None: MQTT 3.1.1."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name
    if packet_id is not None:
        body += struct.pack(">H", packet_id)
    if properties is not None:
        body += length_bytes(len(properties)) + properties
    body += payload
    first = 0x30 | (0x02 if packet_id is not None else 0) | (0x01 if retained else 0)
    return bytes([first]) + length_bytes(len(body)) + body


packets = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.binary(max_size=300) | st.binary(min_size=16_380, max_size=16_400),
    st.none() | st.integers(1, 65_535),
    st.booleans(),
)
pingresp = b"\xd0\x00"
suback = b"\x90\x03\x00\x01\x01"


@given(st.lists(packets, max_size=8), st.data())
def test_any_cut_of_the_stream_gives_the_same_messages(
    sent: list[tuple[str, bytes, int | None, bool]], data: st.DataObject
) -> None:
    stream = pingresp + b"".join(publish(*packet) for packet in sent) + suback
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    messages: list[Message] = []
    ids: list[int] = []
    others: list[bytes] = []
    rest = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got = split(rest + stream[start:end], 7)
        messages += got.messages
        ids += got.packet_ids
        others += got.others
        rest = got.rest
    assert rest == b""
    assert others == [pingresp, suback]
    assert messages == [Message(7, topic, payload, retained, packet_id or 0) for topic, payload, packet_id, retained in sent]
    assert ids == [packet_id or 0 for _, _, packet_id, _ in sent]


def string(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


words = st.binary(max_size=200)
properties = st.lists(
    st.one_of(
        st.sampled_from([b"\x01\x00", b"\x01\x01", b"\x02\x00\x00\x0e\x10", b"\x0b\x01", b"\x0b\xff\x7f"]),
        st.tuples(st.sampled_from([b"\x03", b"\x08", b"\x09"]), words).map(lambda told: told[0] + string(told[1])),
        st.tuples(words, words).map(lambda pair: b"\x26" + string(pair[0]) + string(pair[1])),
    ),
    max_size=4,
).map(b"".join)
topics_5 = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(topics_5, words, properties, st.booleans()), max_size=6), st.data())
def test_mqtt_5_properties_are_no_part_of_the_payload(sent: list[tuple[str, bytes, bytes, bool]], data: st.DataObject) -> None:
    stream = b"".join(publish(topic, payload, 9, retained, told) for topic, payload, told, retained in sent)
    cut = data.draw(st.integers(0, len(stream)))
    aliases: dict[int, str] = {}
    first = split(stream[:cut], 7, aliases)
    second = split(first.rest + stream[cut:], 7, aliases)
    assert first.messages + second.messages == [Message(7, topic, payload, retained, 9) for topic, payload, _, retained in sent]
    assert second.rest == b""


def test_mqtt_5_topic_aliases_last_as_long_as_the_connection() -> None:
    alias_7, alias_8 = b"\x23\x00\x07", b"\x23\x00\x08"
    stream = (
        publish("a/b", b"1", 1, False, b"\x01\x01" + alias_7)
        + publish("", b"2", 2, False, alias_7)
        + publish("c", b"3", 3, False, alias_7)
        + publish("d", b"4", None, False, alias_8)
        + publish("", b"5", None, False, alias_7 + b"\x26\x00\x01k\x00\x01v")
    )
    aliases: dict[int, str] = {}
    assert [(one.topic, one.payload) for one in split(stream, 0, aliases).messages] == [
        ("a/b", b"1"),
        ("a/b", b"2"),
        ("c", b"3"),
        ("d", b"4"),
        ("c", b"5"),
    ]
    assert split(publish("", b"6", 4, False, alias_8), 0, aliases).messages[0].topic == "d"
    with pytest.raises(ValueError, match="never told"):
        split(publish("", b"6", 4, False, alias_8), 0, {})


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(b"\x23\x00", id="half an alias"),
        pytest.param(b"\x26\x00\x05k", id="a torn user property"),
        pytest.param(b"\x0b\xff", id="a torn subscription identifier"),
        pytest.param(b"\x11\x00\x00\x00\x01", id="a property of another packet"),
    ],
)
def test_mqtt_5_properties_that_cannot_be_are_refused(told: bytes) -> None:
    with pytest.raises(ValueError, match="MQTT 5"):
        split(publish("t", b"", 1, False, told), 0, {})
    with pytest.raises(ValueError, match="MQTT 5"):
        split(b"\x30\x05\x00\x01a\x05x", 0, {})


def test_what_the_broker_marks_as_sent_before_is_told() -> None:
    plain, again = publish("t", b"1", 1, False), bytearray(publish("t", b"2", 2, False))
    again[0] |= 8
    assert split(plain + bytes(again), 0).repeated == [1]


@pytest.mark.parametrize("aliases", [None, {}], ids=["3.1.1", "5"])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes, aliases: dict[int, str] | None) -> None:
    try:
        got = split(data, 0, aliases)
    except ValueError:
        return
    assert data.endswith(got.rest)
    assert len(got.messages) == len(got.packet_ids)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x32\xff\xff\xff\xff\x01", id="a length of five bytes"),
        pytest.param(b"\x32\x03\x00\x09a", id="a topic longer than its packet"),
        pytest.param(b"\x32\x01\x00", id="no room for the topic's length"),
        pytest.param(b"\x32\x03\x00\x01a", id="QoS 1 without a packet id"),
    ],
)
def test_what_cannot_be_mqtt_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="MQTT"):
        split(data, 0)


def test_acknowledgements_are_joined_and_skip_qos_0() -> None:
    assert acknowledgements([1, 0, 258]) == b"\x40\x02\x00\x01\x40\x02\x01\x02"
