"""One tail of the change table for all live pages: polled twice a second, woken by the bus, fanned out to bounded queues."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devices.errors import CaretakerError
from storage.change import Change

_LOG = logging.getLogger(__name__)

POLL_S = 0.5
"""Without the bus a change is on screen within this time and the query's own."""
QUEUE_LIMIT = 256
"""Changes that wait for one slow page; a page further behind is disconnected and comes back with its Last-Event-ID."""

BACKLOG_LIMIT = 2000
"""Changes looked through for a page that comes back; one that was away longer is told to load afresh."""


class ChangeSource(Protocol):
    def after(self, seq: int, limit: int = 500) -> list[Change]: ...
    def last_seq(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChange:
    """A change with what its entity is now. `subject` decides who may see it (an Alert, Finding or WorkOrder)."""

    seq: int
    kind: str
    data: Mapping[str, object]
    subject: object


Describe = Callable[[Sequence[Change]], list[LiveChange]]
"""Looks up the entities of some changes; blocks, so it runs on a worker thread."""


@dataclass(slots=True, eq=False)
class Listener:
    """One open page. `queue` ends with None: the feed is closing, or the page was too slow."""

    queue: asyncio.Queue[LiveChange | None] = field(default_factory=lambda: asyncio.Queue(maxsize=QUEUE_LIMIT + 1))


class ChangeFeed:
    """`run` is the only reader of the change table; `wake` may be called from any thread."""

    def __init__(self, changes: ChangeSource, describe: Describe) -> None:
        self._changes = changes
        self._describe = describe
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._closing = False
        self._failing = False
        self.seq = 0

    def wake(self) -> None:
        """Something changed: look now rather than at the next poll."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop closed between the check and the call
                loop.call_soon_threadsafe(self._woken.set)

    def close(self) -> None:
        """Ends every open page, so that the server can stop. From any thread."""
        self._closing = True
        self.wake()

    @property
    def listening(self) -> int:
        return len(self._listeners)

    @contextlib.contextmanager
    def listen(self) -> Iterator[Listener]:
        listener = Listener()
        if self._closing:
            listener.queue.put_nowait(None)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.seq = await asyncio.to_thread(self._changes.last_seq)

    async def run(self) -> None:
        """Until `close`. A database that does not answer is asked again; the pages stay open."""
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_S)
            self._woken.clear()
            await self._look()
        for listener in tuple(self._listeners):
            _end(listener)

    async def backlog(self, after_seq: int) -> list[LiveChange] | None:
        """What a page missed, the newest change of each entity once; None where it was away too long."""
        changes = await asyncio.to_thread(self._changes.after, after_seq, BACKLOG_LIMIT + 1)
        if len(changes) > BACKLOG_LIMIT:
            return None
        return await asyncio.to_thread(self._describe, newest_of_each(changes))

    async def _look(self) -> None:
        try:
            found, newest = await asyncio.to_thread(self._read)
        except CaretakerError as error:
            if not self._failing:
                _LOG.warning("live feed waits for the database error=%s", error)
            self._failing = True
            return
        if self._failing:
            _LOG.info("live feed is back")
        self._failing = False
        if newest is not None:
            self.seq = newest  # here and not on the worker thread, so that it moves together with the queues
        for change in found:
            for listener in tuple(self._listeners):
                self._offer(listener, change)

    def _read(self) -> tuple[list[LiveChange], int | None]:
        """Everything since the last look, entities read once each."""
        changes: list[Change] = []
        while more := self._changes.after(changes[-1].seq if changes else self.seq, 500):
            changes += more
            if len(more) < 500:
                break
        if not changes:
            return [], None
        return self._describe(newest_of_each(changes)), changes[-1].seq

    def _offer(self, listener: Listener, change: LiveChange) -> None:
        if listener.queue.qsize() < QUEUE_LIMIT:
            listener.queue.put_nowait(change)
            return
        self._listeners.discard(listener)
        _end(listener)


def newest_of_each(changes: Sequence[Change]) -> list[Change]:
    newest = {(change.kind, change.entity_id): change for change in changes}
    return sorted(newest.values(), key=lambda change: change.seq)


def _end(listener: Listener) -> None:
    with contextlib.suppress(asyncio.QueueFull):  # it has its end already
        listener.queue.put_nowait(None)
