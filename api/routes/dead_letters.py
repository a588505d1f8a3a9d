"""Messages that could not be used: why, what they held, and once more after a fix."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import present, schemas
from api import schemas_registry as shapes
from api.deps import Caller, Deps, DepsHere
from api.filters import PageOf
from api.guard import GuardedRoute
from api.paging import EntityId, decode_cursor, encode_cursor
from api.times import aware, to_ms
from devices.errors import BadInput, NotFound
from ingest.dead_letter import DeadLetter
from storage.dead_letter_store import LetterFilter, StoredDeadLetter

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["dead letters"])

MOST_AT_ONCE = 10_000
SHOWN_BYTES = 65_536
_START_CHARACTERS = 120


class Wanted(PageOf):
    limit: int = Field(default=100, ge=1, le=500)
    device: str | None = Field(default=None, max_length=200)
    topic: str | None = Field(default=None, max_length=500, description="part of the topic")
    reason: str | None = Field(default=None, max_length=500, description="part of the reason")
    start: datetime | None = Field(default=None, description="received at or after this time")
    end: datetime | None = Field(default=None, description="received before this time")


@router.get("/dead-letters", summary="Messages that could not be used, newest first")
def list_letters(deps: DepsHere, query: Annotated[Wanted, Query()]) -> schemas.Page[shapes.DeadLetterOut]:
    before_id = None if query.cursor is None else decode_cursor(query.cursor)[0]
    found = deps.dead_letters.find(_filter(deps, query), limit=query.limit + 1, before_id=before_id)
    page = found[: query.limit]
    replays = deps.dead_letters.replays([one.id for one in page])
    following = encode_cursor(page[-1].id, "") if len(found) > query.limit else None
    return schemas.Page(items=[_shown(one, replays) for one in page], next=following)


@router.get("/dead-letters/counts", summary="How many, and why")
def counts(deps: DepsHere) -> shapes.DeadLetterCounts:
    return shapes.DeadLetterCounts(
        total=deps.dead_letters.count(),
        waiting=deps.dead_letters.waiting(),
        reasons=[shapes.ReasonCount(reason=reason, count=count) for reason, count in deps.dead_letters.reasons()],
    )


@router.get("/dead-letters/{letter_id}", summary="One message as it came")
def get_letter(letter_id: EntityId, deps: DepsHere) -> shapes.DeadLetterDetail:
    found = _letter(deps, letter_id)
    payload = found.letter.payload[:SHOWN_BYTES]
    shown = _shown(found, deps.dead_letters.replays([letter_id]))
    return shapes.DeadLetterDetail(
        **dict(shown), text=_text(found.letter), hex=payload.hex(" "), truncated=len(found.letter.payload) > SHOWN_BYTES
    )


@router.post("/dead-letters/replay", status_code=202, summary="Try these again")
def replay(body: shapes.LettersIn, deps: DepsHere, caller: Caller) -> shapes.LettersDone:
    """Ingest takes them within seconds, oldest first: those it can use now go, the others stay with the new reason.

    Readings keep the time of their message and are flagged late; events go to the records and raise no alarm.
    """
    now = deps.now()
    asked = deps.dead_letters.request_replay(_ids(deps, body), by=caller.username, at_ms=to_ms(now))
    _check_any(body, asked)
    deps.audit.append(now, caller.username, "dead_letter.replay", _subject(body), f"{asked} letters")
    return shapes.LettersDone(count=asked)


@router.post("/dead-letters/delete", summary="Remove these for good")
def delete(body: shapes.LettersIn, deps: DepsHere, caller: Caller) -> shapes.LettersDone:
    removed = deps.dead_letters.remove(_ids(deps, body))
    _check_any(body, removed)
    deps.audit.append(deps.now(), caller.username, "dead_letter.delete", _subject(body), f"{removed} letters")
    return shapes.LettersDone(count=removed)


def _filter(deps: Deps, query: Wanted | shapes.LettersIn) -> LetterFilter:
    since, until = query.start, query.end
    return LetterFilter(
        device_id=query.device,
        topic=query.topic,
        reason=query.reason,
        start_ms=None if since is None else to_ms(aware(since, deps.site.zone)),
        end_ms=None if until is None else to_ms(aware(until, deps.site.zone)),
    )


def _ids(deps: Deps, body: shapes.LettersIn) -> list[int]:
    if body.all_matching:
        return deps.dead_letters.ids(_filter(deps, body), limit=MOST_AT_ONCE)
    if not body.ids:
        raise BadInput("name the numbers, or set all_matching with a filter", place="ids")
    return body.ids


def _check_any(body: shapes.LettersIn, count: int) -> None:
    if body.ids and not body.all_matching and not count:
        raise NotFound("none of these numbers is a dead letter any more")


def _subject(body: shapes.LettersIn) -> str:
    if not body.all_matching:
        return ", ".join(str(number) for number in body.ids)[:500]
    given = body.model_dump(exclude_none=True, exclude={"ids", "all_matching"})
    return "all" + "".join(f" {name}={value}" for name, value in given.items())[:500]


def _letter(deps: Deps, letter_id: int) -> StoredDeadLetter:
    try:
        return deps.dead_letters.get([letter_id])[0]
    except NotFound:
        raise NotFound(f"there is no dead letter {letter_id} (any more)") from None


def _shown(found: StoredDeadLetter, replays: dict[int, bool]) -> shapes.DeadLetterOut:
    letter, refused = found.letter, replays.get(found.id)
    start = letter.payload[: 4 * _START_CHARACTERS].decode("utf-8", "replace")[:_START_CHARACTERS]
    return shapes.DeadLetterOut(
        id=found.id,
        received=present.moment(letter.received_ms),
        topic=letter.topic,
        reason=letter.reason,
        device_id=letter.device_id,
        size=len(letter.payload),
        start="".join(character if character.isprintable() else "." for character in start),
        replay=None if refused is None else "refused" if refused else "requested",
    )


def _text(letter: DeadLetter) -> str | None:
    """None for bytes: text holds no control characters but white space."""
    try:
        text = letter.payload[:SHOWN_BYTES].decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else None
