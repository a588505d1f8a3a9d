"""Dead letters that a person wants tried again, through the live line: same decoders, same memory, same order, nothing twice.

A request is a row in the database, so it survives a restart of either side. Readings and events have keys of their own,
so a crash between storing and settling only stores the same again. They never go by the broker: an old smoke message
must not raise a new alarm.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devices.health import DeviceHealth
from devices.model import Quality, Reading
from ingest.dead_letter import DeadLetter
from ingest.drain import Sinks
from ingest.message import Message
from ingest.pipeline import Batch, Pipeline

AT_ONCE = 200
"""Letters of one turn, so that what comes live never waits long."""

_FRESH_MS = 60_000
_LATE = int(Quality.LATE)


class Wanted(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def letter(self) -> DeadLetter: ...


class ReplayRequests(Protocol):
    def wanted(self, limit: int) -> Sequence[Wanted]:
        """The oldest letters that wait to be replayed, as they once came."""

    def settle(self, taken: Sequence[int], refused: Mapping[int, str], at_ms: int) -> None:
        """Those taken are gone; those refused stay, with the new reason and without their request."""


@dataclass(slots=True)
class _Turn:
    batch: Batch = field(default_factory=Batch)
    health: list[DeviceHealth] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


class Replayer:
    """`step` may raise DependencyFailed; calling again goes on where it stopped. Runs on the pipeline's own thread."""

    def __init__(self, requests: ReplayRequests, pipeline: Pipeline, sinks: Sinks) -> None:
        self._requests = requests
        self._pipeline = pipeline
        self._sinks = sinks
        self._turn: _Turn | None = None

    def step(self, now_ms: int) -> bool:
        """Settles the next letters that somebody wants replayed; False where there is none."""
        if self._turn is None:
            wanted = self._requests.wanted(AT_ONCE)
            if not wanted:
                return False
            self._turn = self._try(wanted, now_ms)
        turn = self._turn
        if turn.batch.readings:
            self._sinks.readings.write(turn.batch.readings)
        if turn.batch.events:
            self._sinks.events.append(turn.batch.events)
        self._requests.settle(turn.taken, turn.refused, now_ms)
        self._turn = None
        self._sinks.health.record(turn.health)  # after the letters: counters may miss a crash, letters may not
        return True

    def _try(self, wanted: Iterable[Wanted], now_ms: int) -> _Turn:
        """One letter at a time, oldest first. Each keeps the time it once came, which stands in where it told none."""
        turn, corrections = _Turn(), Counter[tuple[str, str]]()
        for one in wanted:
            letter = one.letter
            made = self._pipeline.process([Message(letter.received_ms, letter.topic, letter.payload)])
            turn.batch.events.extend(made.events)
            for reading in made.readings:
                turn.batch.readings.append(_as_late(reading, now_ms, corrections))
            if letter.device_id is not None:
                corrections[letter.device_id, "received"] -= 1  # it was counted when it came
            if made.dead_letters:
                turn.refused[one.id] = "; ".join(dict.fromkeys(again.reason for again in made.dead_letters))
                for again in made.dead_letters:
                    if again.device_id is not None:
                        corrections[again.device_id, "rejected"] -= 1
            else:
                turn.taken.append(one.id)
        turn.health = _health(corrections)
        return turn


def _as_late(reading: Reading, now_ms: int, corrections: Counter[tuple[str, str]]) -> Reading:
    """Late by our own doing: so that the ledger looks at its hour once more, as with any reading that comes late."""
    if reading.quality & _LATE or reading.ts_ms > now_ms - _FRESH_MS:
        return reading
    corrections[reading.device_id, "late"] += 1
    return reading._replace(quality=reading.quality | _LATE)


def _health(corrections: Mapping[tuple[str, str], int]) -> list[DeviceHealth]:
    devices = sorted({device_id for device_id, _ in corrections})
    return [
        DeviceHealth(
            device_id=device_id,
            last_seen_ms=0,
            received=corrections.get((device_id, "received"), 0),
            late=corrections.get((device_id, "late"), 0),
            rejected=corrections.get((device_id, "rejected"), 0),
        )
        for device_id in devices
    ]
