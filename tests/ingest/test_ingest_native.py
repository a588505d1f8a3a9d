"""The native form: what it accepts, what it refuses and why; no bytes make it fail."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoded import Decoded, Happening, Rejected, Sample
from ingest.families.native import decode, device_of, level_of
from ingest.message import Message

TELEMETRY = "caretaker/v1/campus/m-1/telemetry"
EVENT = "caretaker/v1/campus/m-1/event"
STATUS = "caretaker/v1/campus/m-1/status"


def told(topic: str, payload: bytes) -> Any:
    return decode(Message(0, topic, payload), {})


@pytest.mark.parametrize(
    ("payload", "sample"),
    [
        pytest.param(b'{"ts":1700000000,"readings":{"a":1}}', Sample(1_700_000_000_000, {"a": 1.0}), id="epoch seconds"),
        pytest.param(
            b'{"ts":1700000000.1234,"readings":{"a":1}}', Sample(1_700_000_000_123, {"a": 1.0}), id="fractions round to ms"
        ),
        pytest.param(b'{"ts":1700000000123,"readings":{"a":1}}', Sample(1_700_000_000_123, {"a": 1.0}), id="epoch ms told by size"),
        pytest.param(b'{"ts":"2023-11-14T22:13:20Z","readings":{"a":1}}', Sample(1_700_000_000_000, {"a": 1.0}), id="ISO 8601 UTC"),
        pytest.param(
            b'{"ts":"2023-11-15T06:13:20.5+08:00","readings":{"a":1}}', Sample(1_700_000_000_500, {"a": 1.0}), id="ISO with offset"
        ),
        pytest.param(b'{"readings":{"a":1}}', Sample(None, {"a": 1.0}), id="no time: the server's will do"),
        pytest.param(b'{"ts":null,"readings":{"a":1}}', Sample(None, {"a": 1.0}), id="null time"),
        pytest.param(b'{"ts":1,"readings":{"a":true,"b":false}}', Sample(1000, {"a": 1.0, "b": 0.0}), id="booleans are 1 and 0"),
        pytest.param(b'{"ts":1,"readings":{"a":null,"b":2}}', Sample(1000, {"b": 2.0}), id="null is not measured, never 0"),
        pytest.param(b'{"ts":1e300,"readings":{"a":1}}', Sample(10**15, {"a": 1.0}), id="an absurd time stays a number"),
        pytest.param(b'{"ts":1,"readings":{},"seq":5}', Sample(1000, {}), id="a heartbeat; unknown keys are no fault"),
        pytest.param(b'{"ts":1,"readings":{"a":-1e-3}}', Sample(1000, {"a": -0.001}), id="exponents"),
    ],
)
def test_one_sample(payload: bytes, sample: Sample) -> None:
    assert told(TELEMETRY, payload) == Decoded("m-1", (sample,), refused=told(TELEMETRY, payload).refused)
    assert not told(TELEMETRY, payload).refused


def test_a_list_is_many_samples() -> None:
    got = told(TELEMETRY, b' [{"ts":1,"readings":{"a":1}},{"ts":2,"readings":{"a":2}}]')
    assert list(got.samples) == [Sample(1000, {"a": 1.0}), Sample(2000, {"a": 2.0})]


def test_the_good_part_counts_and_the_bad_part_is_named() -> None:
    got = told(TELEMETRY, b'{"ts":1,"readings":{"a":1,"b":"12.5","c":[1]}}')
    assert list(got.samples) == [Sample(1000, {"a": 1.0})]
    assert "'b' is '12.5'; send a number" in got.refused[0]
    assert "'c'" in got.refused[1]


def test_a_bad_item_of_a_list_is_named_by_number() -> None:
    got = told(TELEMETRY, b'[{"ts":1,"readings":{"a":1}},{"ts":"yesterday","readings":{"a":1}},5]')
    assert list(got.samples) == [Sample(1000, {"a": 1.0})]
    assert [reason.split(":")[0] for reason in got.refused] == ["item 2", "item 3"]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        pytest.param(TELEMETRY, b"", "not the JSON", id="empty"),
        pytest.param(TELEMETRY, b"12", "not the JSON", id="a bare number"),
        pytest.param(TELEMETRY, b'{"ts":1}', "readings", id="no readings"),
        pytest.param(TELEMETRY, b'{"ts":1,"readings":{"a":NaN}}', "JSON", id="NaN"),
        pytest.param(TELEMETRY, b'{"ts":1,"readings":{"a":Infinity}}', "JSON", id="infinity"),
        pytest.param(TELEMETRY, b'{"ts":1,"readings":{"a":1e999}}', "out of range", id="larger than a double"),
        pytest.param(TELEMETRY, b'{"ts":1,"readings":{"a":"1"}}', "send a number", id="text only"),
        pytest.param(TELEMETRY, b'{"ts":"2023-11-14T22:13:20","readings":{"a":1}}', "no offset", id="time without offset"),
        pytest.param(TELEMETRY, b'{"ts":"soon","readings":{"a":1}}', "neither epoch seconds nor ISO", id="no time at all"),
        pytest.param(TELEMETRY, b'{"ts":true,"readings":{"a":1}}', "ts", id="a boolean time"),
        pytest.param(TELEMETRY, b'{"ts":1,"readings":{"a":1}', "JSON", id="truncated"),
        pytest.param(TELEMETRY, b"\xff\xfe", "JSON", id="not UTF-8"),
        pytest.param(TELEMETRY, b"[" * 100_000, "JSON", id="nested without end"),
        pytest.param(EVENT, b'{"ts":1}', "event", id="an event without its name"),
        pytest.param(EVENT, b'{"event":""}', "1 to 100", id="an empty name"),
        pytest.param(EVENT, b'{"event":"a\\u0000"}', "printable", id="control characters"),
        pytest.param(EVENT, b'{"event":"a","attributes":{"x":{"y":1}}}', "attributes", id="nested attributes"),
        pytest.param(STATUS, b"maybe", "send online or offline", id="another word"),
        pytest.param("caretaker/v1/campus/m-1/other", b"{}", "the topic is not", id="another last level"),
        pytest.param("caretaker/v2/campus/m-1/telemetry", b"{}", "the topic is not", id="another version"),
        pytest.param("caretaker/v1/campus//telemetry", b"{}", "the topic is not", id="no device"),
    ],
)
def test_refused_with_the_reason(topic: str, payload: bytes, reason: str) -> None:
    got = told(topic, payload)
    assert isinstance(got, Rejected)
    assert reason in got.reason


def test_an_event() -> None:
    payload = b'{"ts":1,"event":"door.denied","attributes":{"card":12,"name":"\\u95e8","ok":false,"x":null,"t":1.5}}'
    attributes = {"card": 12, "name": "门", "ok": False, "x": None, "t": 1.5}
    assert told(EVENT, payload).happenings == (Happening("door.denied", 1000, attributes),)


@pytest.mark.parametrize(("payload", "online"), [(b"online", True), (b'"offline"', False), (b" ONLINE\n", True)])
def test_status(payload: bytes, online: bool) -> None:
    assert told(STATUS, payload) == Decoded("m-1", online=online)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["ts", "readings", "event", "attributes", "a"]), inner)
    ),
    max_leaves=12,
)


@given(
    st.sampled_from([TELEMETRY, EVENT, STATUS]), st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_decoded_or_rejected(topic: str, payload: bytes) -> None:
    got = told(topic, payload)
    assert isinstance(got, Decoded | Rejected)
    if isinstance(got, Decoded):
        for text in [name for sample in got.samples for name in sample.values] + [happening.type for happening in got.happenings]:
            text.encode()


@given(st.text(min_size=1, max_size=40))
def test_any_id_is_one_level_of_a_topic(device_id: str) -> None:
    level = level_of(device_id)
    assert not set(level) & set("/+#")
    assert device_of(level) == device_id
    outcome = decode(Message(0, f"caretaker/v1/campus/{level}/telemetry", b'{"readings": {"water.flow": 1}}'), {})
    assert isinstance(outcome, Decoded)
    assert outcome.device_id == device_id
