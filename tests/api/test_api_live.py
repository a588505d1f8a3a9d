"""The tail of changes by itself: fan-out, slow pages, a database that goes away."""

import asyncio
from collections.abc import Sequence

import pytest

from api.live import BACKLOG_LIMIT, QUEUE_LIMIT, ChangeFeed, LiveChange, newest_of_each
from devices.errors import DependencyFailed
from storage.change import Change, ChangeKind
from tests.fixtures_api import NOW


def _change(seq: int, entity_id: int | None = None) -> Change:
    return Change(seq=seq, kind=ChangeKind.ALERT, entity_id=seq if entity_id is None else entity_id, at=NOW)


class Table:
    """A change table in memory that can be out of order."""

    def __init__(self) -> None:
        self.rows: list[Change] = []
        self.broken = False

    def after(self, seq: int, limit: int = 500) -> list[Change]:
        if self.broken:
            raise DependencyFailed("away", transient=True)
        return [row for row in self.rows if row.seq > seq][:limit]

    def last_seq(self) -> int:
        return self.rows[-1].seq if self.rows else 0


def _describe(changes: Sequence[Change]) -> list[LiveChange]:
    return [LiveChange(seq=change.seq, kind="alert", data={"id": change.entity_id}, subject=None) for change in changes]


async def _ended(feed: ChangeFeed, task: "asyncio.Task[None]") -> None:
    feed.close()
    await asyncio.wait_for(task, 5)


def test_only_the_newest_change_of_each_thing_is_told() -> None:
    assert newest_of_each([_change(1, 7), _change(2, 8), _change(3, 7)]) == [_change(2, 8), _change(3, 7)]


def test_all_pages_get_a_change_and_only_from_now_on() -> None:
    async def story() -> None:
        table = Table()
        table.rows = [_change(1)]
        feed = ChangeFeed(table, _describe)
        await feed.start()
        task = asyncio.create_task(feed.run())
        with feed.listen() as first, feed.listen() as second:
            table.rows.append(_change(2))
            feed.wake()
            for listener in (first, second):
                change = await asyncio.wait_for(listener.queue.get(), 5)
                assert change is not None
                assert change.seq == 2
            await _ended(feed, task)
            assert await first.queue.get() is None

    asyncio.run(story())


def test_a_page_too_slow_is_disconnected_and_the_others_go_on() -> None:
    async def story() -> None:
        table = Table()
        feed = ChangeFeed(table, _describe)
        await feed.start()
        task = asyncio.create_task(feed.run())
        with feed.listen() as slow, feed.listen() as quick:
            received = 0
            for seq in range(1, QUEUE_LIMIT + 3):
                table.rows.append(_change(seq))
                feed.wake()
                assert await asyncio.wait_for(quick.queue.get(), 5) is not None
                received += 1
            assert received == QUEUE_LIMIT + 2
            assert feed.listening == 1
            waiting = [slow.queue.get_nowait() for _ in range(slow.queue.qsize())]
            assert len(waiting) == QUEUE_LIMIT + 1
            assert waiting[-1] is None
            await _ended(feed, task)

    asyncio.run(story())


def test_a_database_that_goes_away_and_comes_back_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        table = Table()
        feed = ChangeFeed(table, _describe)
        await feed.start()
        task = asyncio.create_task(feed.run())
        with feed.listen() as listener:
            table.broken = True
            table.rows.append(_change(1))
            feed.wake()
            while "waits for the database" not in caplog.text:  # noqa: ASYNC110 - a log line sets no event
                await asyncio.sleep(0.01)
            table.broken = False
            feed.wake()
            change = await asyncio.wait_for(listener.queue.get(), 5)
            assert change is not None
            assert change.seq == 1
            await _ended(feed, task)

    asyncio.run(story())


def test_who_was_away_too_long_loads_afresh() -> None:
    async def story() -> None:
        table = Table()
        table.rows = [_change(seq) for seq in range(1, BACKLOG_LIMIT + 2)]
        feed = ChangeFeed(table, _describe)
        assert await feed.backlog(0) is None
        missed = await feed.backlog(1)
        assert missed is not None
        assert len(missed) == BACKLOG_LIMIT

    asyncio.run(story())


def test_a_page_opened_while_closing_ends_at_once() -> None:
    async def story() -> None:
        feed = ChangeFeed(Table(), _describe)
        feed.close()
        with feed.listen() as listener:
            assert await listener.queue.get() is None

    asyncio.run(story())
