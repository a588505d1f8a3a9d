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


def publish(topic: str, payload: bytes, packet_id: int | None, retained: bool) -> bytes:
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name
    if packet_id is not None:
        body += struct.pack(">H", packet_id)
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
    assert messages == [Message(7, topic, payload, retained) for topic, payload, _, retained in sent]
    assert ids == [packet_id or 0 for _, _, packet_id, _ in sent]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        got = split(data, 0)
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
