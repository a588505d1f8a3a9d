"""From the spool to the stores: one batch at a time, the cursor only after every store took it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Event, Reading
from ingest.dead_letter import DeadLetter
from ingest.live import Memory
from ingest.message import Message
from ingest.pipeline import Batch, Pipeline


class Source(Protocol):
    """The spool or the mailbox: what is read comes again after a crash, until `advance` was called with what `read` told."""

    def read(self, max_messages: int) -> tuple[list[Message], Any]: ...
    def advance(self, position: Any) -> None: ...  # noqa: ANN401 - each source's own


class ReadingSink(Protocol):
    def write(self, readings: Sequence[Reading]) -> None: ...


class EventSink(Protocol):
    def append(self, events: Sequence[Event]) -> Any: ...  # noqa: ANN401 - whatever it tells, nobody here listens


class DeadLetterSink(Protocol):
    def append(self, letters: Sequence[DeadLetter]) -> None: ...


class HealthSink(Protocol):
    def record(self, health: Sequence[DeviceHealth]) -> None: ...
    def discover(self, found: Sequence[DiscoveredDevice]) -> None: ...


class MemorySink(Protocol):
    def remember(self, memories: Mapping[Memory, Any]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    readings: ReadingSink
    events: EventSink
    dead_letters: DeadLetterSink
    health: HealthSink
    memory: MemorySink | None = None


class Drainer:
    """Each call may raise DependencyFailed; calling again goes on where it stopped, and nothing is lost or done twice."""

    def __init__(self, spool: Source, pipeline: Pipeline, sinks: Sinks, *, max_messages: int = 10_000) -> None:
        self._spool = spool
        self._pipeline = pipeline
        self._sinks = sinks
        self._max_messages = max_messages
        self._batch: Batch | None = None
        self._position: Any = None
        self._health: list[DeviceHealth] = []
        self._discovered: list[DiscoveredDevice] = []
        self._memories: dict[Memory, Any] = {}

    def step(self) -> bool:
        """Moves the next batch; False where the spool holds none."""
        if self._batch is None:
            messages, position = self._spool.read(self._max_messages)
            if not messages and position == self._position:
                return False
            self._batch, self._position = self._pipeline.process(messages), position
        self._write(self._batch)
        if self._position is not None:
            self._spool.advance(self._position)
        self._batch = None
        return True

    def flush_health(self) -> None:
        """Reports the devices heard since the last time."""
        health, discovered = self._pipeline.take_health()
        self._health += health
        self._discovered += discovered
        if self._health:
            self._sinks.health.record(self._health)
            self._health = []
        if self._discovered:
            self._sinks.health.discover(self._discovered)
            self._discovered = []

    def _write(self, batch: Batch) -> None:
        """What is written is taken out of the batch, so that a second try does not repeat it."""
        if batch.readings:
            self._sinks.readings.write(batch.readings)
            batch.readings.clear()
        if batch.events:
            self._sinks.events.append(batch.events)
            batch.events.clear()
        if batch.dead_letters:
            self._sinks.dead_letters.append(batch.dead_letters)
            batch.dead_letters.clear()
        self._memories |= self._pipeline.live.take_memories()
        if self._memories and self._sinks.memory is not None:
            self._sinks.memory.remember(self._memories)
        self._memories = {}
