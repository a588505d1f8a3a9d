"""GET /api/v1/stream: alerts, orders and findings as they change; with `device`, its readings too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from alerts.model import Alert
from analytics.finding import Finding
from api import present
from api.auth import Session, still_valid
from api.deps import Caller, Deps, DepsHere, Kept, KeptHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for
from api.live import LiveChange
from api.permissions import is_staff, may_see_order, may_see_space
from devices.errors import NotFound
from devices.model import Reading
from devices.registry import Registry
from maintenance.model import WorkOrder
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["live"])

READINGS_EVERY_S = 1.0
SESSION_CHECK_S = 10.0
RECONNECT_MS = 2000


@dataclass(slots=True)
class Page:
    """One open stream and what it has been sent."""

    deps: Deps
    kept: Kept
    user: User
    session: Session
    device_id: str | None
    sent_seq: int
    shown: dict[str, tuple[int, float]] = field(default_factory=dict)


def watched_device(
    registry: RegistryHere,
    caller: Caller,
    device: Annotated[str | None, Query(max_length=100, description="with its readings")] = None,
) -> str | None:
    """Checked before the stream begins, since afterwards it is too late for a 404."""
    if device is not None and not is_staff(caller):
        raise NotFound(f"there is no device {device!r}")
    return None if device is None else device_for(caller, registry, device).id


def start_seq(
    after: Annotated[int | None, Query(ge=0, le=2**62, description="`seq` of /api/v1/summary: start there")] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**62)] = None,
) -> int | None:
    """What a browser says by itself when it comes back goes before the address, which still names the first start."""
    return after if last_event_id is None else last_event_id


Start = Annotated[int | None, Depends(start_seq)]
WatchedDevice = Annotated[str | None, Depends(watched_device)]


@router.get("/stream", response_class=EventSourceResponse, summary="Live changes (server-sent events)")
async def stream(
    request: Request, deps: DepsHere, kept: KeptHere, caller: Caller, device: WatchedDevice, start: Start
) -> AsyncIterator[ServerSentEvent]:
    """Events `alert`, `order`, `finding`, and `reading` for `device`; resumes after Last-Event-ID; `reset`: load afresh."""
    session: Session = request.state.session
    page = Page(deps, kept, caller, session, device, kept.feed.seq if start is None else start)
    with kept.feed.listen() as listener:
        yield ServerSentEvent(comment="caretaker", retry=RECONNECT_MS)
        for event in await _missed(page):
            yield event
        async for event in _follow(page, listener.queue):
            yield event


async def _follow(page: Page, queue: asyncio.Queue[LiveChange | None]) -> AsyncIterator[ServerSentEvent]:
    loop = asyncio.get_running_loop()
    next_readings_s = loop.time()
    next_check_s = loop.time() + SESSION_CHECK_S
    while True:
        for event in await _readings_if_due(page, loop.time() >= next_readings_s):
            yield event
        if loop.time() >= next_readings_s:
            next_readings_s = loop.time() + READINGS_EVERY_S
        if loop.time() >= next_check_s:
            if not await asyncio.to_thread(still_valid, page.deps, page.session):
                return
            next_check_s = loop.time() + SESSION_CHECK_S
        wait_until_s = min(next_check_s, next_readings_s) if page.device_id else next_check_s
        try:
            change = await asyncio.wait_for(queue.get(), max(0.01, wait_until_s - loop.time()))
        except TimeoutError:
            continue
        if change is None:
            return
        for event in _as_events(page, [change]):
            yield event


async def _missed(page: Page) -> list[ServerSentEvent]:
    if page.sent_seq >= page.kept.feed.seq:
        return []
    missed = await page.kept.feed.backlog(page.sent_seq)
    if missed is None:
        page.sent_seq = page.kept.feed.seq
        return [ServerSentEvent(event="reset", id=str(page.sent_seq), data={})]
    return _as_events(page, missed)


def _as_events(page: Page, changes: list[LiveChange]) -> list[ServerSentEvent]:
    fresh = [change for change in changes if change.seq > page.sent_seq]
    if not fresh:
        return []
    page.sent_seq = fresh[-1].seq
    registry = page.kept.registry.known()
    seen = [change for change in fresh if may_see_change(page.user, registry, change)]
    return [ServerSentEvent(event=change.kind, id=str(change.seq), data=change.data) for change in seen]


def may_see_change(user: User, registry: Registry, change: LiveChange) -> bool:
    subject = change.subject
    if isinstance(subject, WorkOrder):
        return may_see_order(user, registry, subject)
    assert isinstance(subject, Alert | Finding)
    return is_staff(user) and may_see_space(user, registry, subject.space_id)


async def _readings_if_due(page: Page, due: bool) -> list[ServerSentEvent]:  # noqa: FBT001 - reads as the sentence it is
    if page.device_id is None or not due:
        return []
    found = await asyncio.to_thread(page.deps.readings.latest, [page.device_id])
    fresh = [reading for reading in found if page.shown.get(reading.metric) != (reading.ts_ms, reading.value)]
    page.shown.update({reading.metric: (reading.ts_ms, reading.value) for reading in fresh})
    return [_reading_event(reading) for reading in fresh]


def _reading_event(reading: Reading) -> ServerSentEvent:
    shown = present.latest_of(reading).model_dump(mode="json")
    return ServerSentEvent(event="reading", data={"device_id": reading.device_id, "metric": reading.metric, **shown})
