"""Replays of dead letters on the live line: taken once, refused with the new reason, late for the ledger, in the old order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from devices.errors import DependencyFailed
from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Event, Quality, Reading
from devices.registry import Registry
from ingest.dead_letter import DeadLetter
from ingest.drain import Sinks
from ingest.pipeline import Pipeline
from ingest.replaying import Replayer

NOW_MS = 1_763_700_000_000
HOUR_MS = 3_600_000


@dataclass
class Stored:
    id: int
    letter: DeadLetter


@dataclass
class Stores:
    """All four sinks and the requests, in memory."""

    letters: dict[int, DeadLetter] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    health: list[DeviceHealth] = field(default_factory=list)
    broken: int = 0

    def wanted(self, limit: int) -> Sequence[Stored]:
        return [Stored(number, letter) for number, letter in sorted(self.letters.items())][:limit]

    def settle(self, taken: Sequence[int], refused: Mapping[int, str], at_ms: int) -> None:
        assert at_ms == NOW_MS
        if self.broken:
            self.broken -= 1
            raise DependencyFailed("away", transient=True)
        self.refused = dict(refused)
        for number in (*taken, *refused):
            del self.letters[number]

    def write(self, readings: Sequence[Reading]) -> None:
        self.readings += readings

    def append(self, things: Sequence[Any]) -> None:
        assert all(isinstance(thing, Event) for thing in things), "a replay makes no new letter"
        self.events += things

    def record(self, health: Sequence[DeviceHealth]) -> None:
        self.health += health

    def discover(self, found: Sequence[DiscoveredDevice]) -> None:
        raise AssertionError


def letter(payload: bytes, *, age_ms: int = 5 * HOUR_MS, device_id: str | None = "em-1") -> DeadLetter:
    topic = "caretaker/v1/campus/em-1/telemetry"
    return DeadLetter(received_ms=NOW_MS - age_ms, topic=topic, payload=payload, reason="as it was", device_id=device_id)


def replayer(stores: Stores) -> Replayer:
    sinks = Sinks(readings=stores, events=stores, dead_letters=stores, health=stores)
    return Replayer(stores, Pipeline(Registry((), ())), sinks)


def test_what_is_taken_is_stored_late_at_its_old_time_and_what_is_not_tells_why_anew() -> None:
    stores = Stores({7: letter(b'{"readings": {"elec.energy.import": 10}}'), 3: letter(b"{")})
    line = replayer(stores)
    assert line.step(NOW_MS) is True
    assert stores.readings == [Reading("em-1", "elec.energy.import", NOW_MS - 5 * HOUR_MS, 10.0, int(Quality.LATE))]
    assert list(stores.refused) == [3]
    assert "as it was" not in stores.refused[3]
    assert stores.letters == {}
    assert stores.health == [DeviceHealth(device_id="em-1", last_seen_ms=0, received=-2, late=1, rejected=-1)]
    assert line.step(NOW_MS) is False


def test_a_store_that_fails_halfway_is_tried_again_without_decoding_twice() -> None:
    stores = Stores({1: letter(b'{"readings": {"elec.energy.import": 10}}')}, broken=1)
    line = replayer(stores)
    with pytest.raises(DependencyFailed):
        line.step(NOW_MS)
    assert line.step(NOW_MS) is True
    assert {replace_quality(reading) for reading in stores.readings} == {("em-1", NOW_MS - 5 * HOUR_MS, 10.0)}
    assert stores.health[0].late == 1


def replace_quality(reading: Reading) -> tuple[str, int, float]:
    return reading.device_id, reading.ts_ms, reading.value


def test_the_oldest_letter_goes_first_and_a_fresh_one_is_not_called_late() -> None:
    stores = Stores(
        {
            2: letter(b'{"readings": {"water.flow": 2}}', age_ms=1000),
            1: letter(b'{"readings": {"water.flow": 1}}', age_ms=HOUR_MS),
        }
    )
    replayer(stores).step(NOW_MS)
    assert [(reading.value, reading.quality) for reading in stores.readings] == [(1.0, int(Quality.LATE)), (2.0, 0)]


def test_a_letter_half_of_which_is_refused_again_stays_and_is_counted_once() -> None:
    half = b'{"readings": {"water.flow": 1, "water.volume": "many"}}'
    stores = Stores({1: replace(letter(half), reason="x")})
    replayer(stores).step(NOW_MS)
    assert [reading.metric for reading in stores.readings] == ["water.flow"]
    assert list(stores.refused) == [1]
    assert (stores.health[0].rejected, stores.health[0].received) == (-1, -1)
