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
from api.auth import Session, user_of
from api.deps import Caller, Deps, DepsHere, Kept, KeptHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for
from api.live import LiveChange
from api.permissions import is_staff, may_see_order, may_see_space
from devices.errors import CaretakerError, NotFound
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
        missed = await _missed(page)
        for event in missed or ():
            yield event
        if missed is None:
            return
        async for event in _follow(page, listener.queue):
            yield event


async def _follow(page: Page, queue: asyncio.Queue[LiveChange | None]) -> AsyncIterator[ServerSentEvent]:
    now_s = asyncio.get_running_loop().time
    readings_due_s = now_s()
    check_due_s = now_s() + SESSION_CHECK_S
    while True:
        if page.device_id is not None and now_s() >= readings_due_s:
            for event in await _fresh_readings(page, page.device_id):
                yield event
            readings_due_s = now_s() + READINGS_EVERY_S
        if now_s() >= check_due_s:
            if not await _session_goes_on(page):
                return
            check_due_s = now_s() + SESSION_CHECK_S
        next_s = check_due_s if page.device_id is None else min(check_due_s, readings_due_s)
        try:
            change = await asyncio.wait_for(queue.get(), max(0.01, next_s - now_s()))
        except TimeoutError:
            continue
        if change is None:
            return
        for event in _as_events(page, [change]):
            yield event


async def _missed(page: Page) -> list[ServerSentEvent] | None:
    """What happened since `page.sent_seq`; None where the database does not answer: the browser comes back and asks again."""
    newest = page.kept.feed.seq
    if page.sent_seq == newest:
        return []
    try:
        # A number from the future is another database's.
        missed = None if page.sent_seq > newest else await page.kept.feed.backlog(page.sent_seq)
    except CaretakerError:
        return None
    if missed is None:
        page.sent_seq = newest
        return [ServerSentEvent(event="reset", id=str(newest), data={})]
    return _as_events(page, missed)


async def _session_goes_on(page: Page) -> bool:
    """Also takes over what has changed about the user. A database that does not answer ends nobody's session."""
    try:
        user = await asyncio.to_thread(user_of, page.deps, page.session)
    except CaretakerError:
        return True
    page.user = user or page.user
    return user is not None


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


async def _fresh_readings(page: Page, device_id: str) -> list[ServerSentEvent]:
    """Nothing while the store does not answer: the next second asks again."""
    try:
        found = await asyncio.to_thread(page.deps.readings.latest, [device_id])
    except CaretakerError:
        return []
    fresh = [reading for reading in found if page.shown.get(reading.metric) != (reading.ts_ms, reading.value)]
    page.shown.update({reading.metric: (reading.ts_ms, reading.value) for reading in fresh})
    return [_reading_event(reading) for reading in fresh]


def _reading_event(reading: Reading) -> ServerSentEvent:
    shown = present.latest_of(reading).model_dump(mode="json")
    return ServerSentEvent(event="reading", data={"device_id": reading.device_id, "metric": reading.metric, **shown})
