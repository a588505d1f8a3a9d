"""Answers to creating requests, kept for a day, so that a request sent twice creates once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Integer, String, Table, Text, delete, insert, select, update

from devices.errors import Conflict
from storage.columns import UtcTime
from storage.database import Database
from storage.pruning import delete_by_and_by
from storage.schema import METADATA

KEPT = timedelta(days=1)
STUCK = timedelta(minutes=1)
"""A reservation this old without an answer belongs to a request that died; the next one may take it over."""

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("username", String(100), primary_key=True),
    Column("route", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("status", Integer),
    Column("body", Text),
    Column("created_at", UtcTime, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """Who asked what under which key; `request_sha256` is over the body, to catch a key used for two different things."""

    username: str
    route: str
    key: str
    request_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """`status` is None while the first request is still being worked on."""

    request_sha256: str
    status: int | None
    body: str | None


class IdempotencyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, request: RequestKey, now: datetime) -> KeptAnswer | None:
        """None: the key is now ours, go ahead and `finish` or `release` it. Else what the earlier request left."""
        self._forget_old(request, now)
        row = {"username": request.username, "route": request.route, "key": request.key}
        values = row | {"request_sha256": request.request_sha256, "created_at": now}
        try:
            with self._database.begin() as connection:
                connection.execute(insert(IDEMPOTENCY).values(values))
        except Conflict:
            return self._find(request)
        return None

    def finish(self, request: RequestKey, *, status: int, body: str) -> None:
        with self._database.begin() as connection:
            connection.execute(update(IDEMPOTENCY).where(*_is(request)).values(status=status, body=body))

    def release(self, request: RequestKey) -> None:
        """The request failed and created nothing: the same key may be tried again."""
        with self._database.begin() as connection:
            connection.execute(delete(IDEMPOTENCY).where(*_is(request)))

    def forget_old(self, now: datetime) -> int:
        """How many answers went that nobody may ask for any more."""
        return delete_by_and_by(self._database, IDEMPOTENCY.c.created_at, IDEMPOTENCY.c.created_at < now - KEPT)

    def _find(self, request: RequestKey) -> KeptAnswer | None:
        columns = (IDEMPOTENCY.c.request_sha256, IDEMPOTENCY.c.status, IDEMPOTENCY.c.body)
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(*_is(request))).one_or_none()
        return None if row is None else KeptAnswer(request_sha256=row.request_sha256, status=row.status, body=row.body)

    def _forget_old(self, request: RequestKey, now: datetime) -> None:
        table = IDEMPOTENCY.c
        old = (table.created_at < now - KEPT) | (table.status.is_(None) & (table.created_at < now - STUCK))
        with self._database.begin() as connection:
            connection.execute(delete(IDEMPOTENCY).where(*_is(request), old))


def _is(request: RequestKey) -> tuple[ColumnElement[bool], ...]:
    table = IDEMPOTENCY.c
    return (table.username == request.username, table.route == request.route, table.key == request.key)
