"""The pipeline: messages to batches, exactly, and the same batches again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.health import DeviceHealth
from devices.model import Device, DeviceKind, Event, Quality, Reading, Space, SpaceKind
from devices.registry import Registry
from ingest.message import Message
from ingest.pipeline import Pipeline

NOW = 1_790_000_000_000
SITE = Space(id="site", kind=SpaceKind.SITE, name="Site", name_zh="校园")
METER = Device(id="m1", kind=DeviceKind.ELECTRICITY_METER, profile_id="em-room", space_id="site", name="m1", name_zh="m1")
REGISTRY = Registry([SITE], [METER])


def telemetry(
    device: str = "m1", at_s: float | None = 0, *, received_s: float = 0, retained: bool = False, **values: float
) -> Message:
    told: dict[str, object] = {"readings": {name.replace("_", "."): value for name, value in values.items()}}
    if at_s is not None:
        told["ts"] = (NOW + at_s * 1000) / 1000
    return Message(NOW + int(received_s * 1000), f"caretaker/v1/campus/{device}/telemetry", json.dumps(told).encode(), retained)


def sent(leaf: str, payload: bytes, device: str = "m1", *, retained: bool = False) -> Message:
    return Message(NOW, f"caretaker/v1/campus/{device}/{leaf}", payload, retained)


def test_readings_carry_canonical_names_and_the_devices_time() -> None:
    batch = Pipeline(REGISTRY).process([telemetry(at_s=-5, elec_voltage=230, Strange=1)])
    assert batch.readings == [Reading("m1", "elec.voltage", NOW - 5000, 230.0), Reading("m1", "x.strange", NOW - 5000, 1.0)]
    assert not batch.events
    assert not batch.dead_letters


def test_without_a_time_the_servers_stands() -> None:
    assert Pipeline(REGISTRY).process([telemetry(at_s=None, leak=1)]).readings == [Reading("m1", "leak", NOW, 1.0)]


def test_a_retained_value_of_unknown_age_is_doubted() -> None:
    (reading,) = Pipeline(REGISTRY).process([telemetry(at_s=None, retained=True, leak=1)]).readings
    assert reading.quality == Quality.CLOCK_SUSPECT


def test_a_wrong_clock_is_replaced_flagged_and_told_once_per_spell() -> None:
    pipeline = Pipeline(REGISTRY)
    first = pipeline.process([telemetry(at_s=3600, leak=1), telemetry(at_s=3700, received_s=1, leak=0)])
    assert [(r.ts_ms, r.quality) for r in first.readings] == [(NOW, Quality.CLOCK_SUSPECT), (NOW + 1000, Quality.CLOCK_SUSPECT)]
    assert [(event.type, event.attributes["ahead_s"]) for event in first.events] == [("fault.clock", 3600.0)]
    again = pipeline.process([telemetry(at_s=2, received_s=2, leak=0), telemetry(at_s=9999, received_s=3, leak=0)])
    assert [r.quality for r in again.readings] == [0, Quality.CLOCK_SUSPECT]
    assert len(again.events) == 1


def test_rejected_messages_are_kept_whole_with_reason_and_device() -> None:
    (letter,) = Pipeline(REGISTRY).process([sent("telemetry", b"\xff{")]).dead_letters
    assert (letter.device_id, letter.payload, letter.topic, letter.received_ms) == (
        "m1",
        b"\xff{",
        "caretaker/v1/campus/m1/telemetry",
        NOW,
    )
    assert "JSON" in letter.reason


def test_half_a_message_is_stored_and_the_other_half_is_a_dead_letter() -> None:
    batch = Pipeline(REGISTRY).process([sent("telemetry", b'{"readings":{"leak":1,"smoke":"yes"}}')])
    assert [reading.metric for reading in batch.readings] == ["leak"]
    assert "'smoke' is 'yes'" in batch.dead_letters[0].reason


def test_a_topic_of_no_family_is_a_dead_letter() -> None:
    assert "no family" in Pipeline(REGISTRY).process([Message(NOW, "foo/bar", b"1")]).dead_letters[0].reason


@pytest.mark.parametrize("device", ["x" * 129, "a\tb"])
def test_an_id_nobody_can_write_down_is_refused(device: str) -> None:
    batch = Pipeline(REGISTRY).process([telemetry(device=device, leak=1)])
    assert "printable" in batch.dead_letters[0].reason
    assert not batch.readings


def test_events_keep_what_the_device_said_beside_the_servers_time() -> None:
    pipeline = Pipeline(REGISTRY)
    batch = pipeline.process(
        [sent("event", b'{"event":"door.denied","attributes":{"card":"7"}}'), sent("event", b'{"event":"x","ts":5}')]
    )
    assert batch.events == [
        Event(device_id="m1", type="door.denied", ts_ms=NOW, attributes={"card": "7"}),
        Event(device_id="m1", type="x", ts_ms=NOW, attributes={"device_ts_ms": 5000.0}),
    ]


def test_text_that_no_store_keeps_is_made_storable() -> None:
    told = sent("event", b'{"event":"knock","attributes":{"a\\u0000b":"c\\u0000","n":1.5,"z":"\xe9\x97\xa8"}}')
    (event,) = Pipeline(REGISTRY).process([told]).events
    assert event.attributes == {"a\ufffdb": "c\ufffd", "n": 1.5, "z": "门"}


def test_status_is_a_reading_always_and_an_event_when_it_changes() -> None:
    pipeline = Pipeline(REGISTRY)
    first = pipeline.process([sent("status", b"online", retained=True)])
    assert first.readings == [Reading("m1", "online", NOW, 1.0)]
    assert first.events == []
    then = pipeline.process([sent("status", b"online"), sent("status", b"offline"), sent("status", b"online")])
    assert [event.type for event in then.events] == ["device.offline", "device.online"]


def test_health_counts_since_the_last_report() -> None:
    pipeline = Pipeline(REGISTRY)
    pipeline.process(
        [
            telemetry(leak=1),
            telemetry(leak=1),
            telemetry(at_s=-9, leak=0),
            sent("telemetry", b"?"),
            telemetry(at_s=1, received_s=1, leak=0),
        ]
    )
    health, strangers = pipeline.take_health()
    way = {"topic": "caretaker/v1/campus/m1/telemetry", "family": "native"}
    assert health == [
        DeviceHealth(device_id="m1", last_seen_ms=NOW + 1000, received=5, stored=3, late=1, rejected=1, duplicate=1, **way)
    ]
    assert strangers == []
    assert pipeline.take_health() == ([], [])


def test_strangers_are_stored_and_reported_when_there_is_news() -> None:
    pipeline = Pipeline(REGISTRY)
    assert pipeline.process([telemetry(device="new", leak=1)]).readings
    (stranger,) = pipeline.take_health()[1]
    assert (stranger.device_id, stranger.family, stranger.metrics) == ("new", "native", ("leak",))
    pipeline.process([telemetry(device="new", at_s=1, leak=1)])
    assert pipeline.take_health()[1] == []
    pipeline.process([telemetry(device="new", at_s=2, smoke=1)])
    assert pipeline.take_health()[1][0].metrics == ("leak", "smoke")
    pipeline.adopt(Registry([SITE], [METER]))  # something else was changed: what is known of strangers stays
    pipeline.process([telemetry(device="new", at_s=2.5, smoke=1)])
    assert pipeline.take_health()[1] == []
    pipeline.adopt(
        Registry(
            [SITE],
            [METER, Device(id="new", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="site", name="n", name_zh="n")],
        )
    )
    pipeline.process([telemetry(device="new", at_s=3, gas_lel=1)])
    assert pipeline.take_health()[1] == []


def test_the_registry_gives_registers_their_rate() -> None:
    too_fast = [telemetry(elec_energy_import=1), telemetry(at_s=10, received_s=10, elec_energy_import=90)]
    assert Pipeline(REGISTRY).process(too_fast).readings[1].quality == Quality.IMPLAUSIBLE
    pipeline = Pipeline(Registry([SITE], []))
    assert pipeline.process(too_fast).readings[1].quality == 0


@given(st.lists(st.tuples(st.integers(-20, 20), st.floats(0, 400)), max_size=30))
def test_a_fresh_pipeline_makes_the_same_batch_of_the_same_messages(seen: list[tuple[int, float]]) -> None:
    messages = [telemetry(at_s=at_s, elec_voltage=value) for at_s, value in seen]
    assert Pipeline(REGISTRY).process(messages) == Pipeline(REGISTRY).process(messages)
