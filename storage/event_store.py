"""Door and alarm events, one per (device, type, millisecond)."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select

from devices.model import Event
from storage.database import Transactions, upsert
from storage.schema import EVENT

Events = list[Event]
_AT_ONCE = 2000
"""Old events that go in one transaction."""


class EventStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def append(self, events: Sequence[Event]) -> int:
        """How many of them are new; those that are there already stay as they are."""
        if not events:
            return 0
        rows = [
            {"device_id": event.device_id, "type": event.type, "ts_ms": event.ts_ms, "attributes": dict(event.attributes)}
            for event in events
        ]
        with self._database.begin() as connection:
            new = upsert(connection, EVENT).on_conflict_do_nothing().returning(EVENT.c.ts_ms)
            return len(connection.execute(new, rows).all())  # the drivers do not agree on rowcount for many rows

    def delete_before(self, ts_ms: int) -> int:
        """How many older ones were removed; by and by, so that no alarm waits for it."""
        removed = 0
        oldest = select(EVENT.c.ts_ms).where(EVENT.c.ts_ms < ts_ms).order_by(EVENT.c.ts_ms).offset(_AT_ONCE).limit(1)
        while True:
            with self._database.begin() as connection:
                until_ms = connection.execute(oldest).scalar()
                bound = ts_ms if until_ms is None else until_ms + 1
                removed += connection.execute(delete(EVENT).where(EVENT.c.ts_ms < bound)).rowcount
            if until_ms is None:
                return removed

    def list(
        self,
        *,
        start_ms: int,
        end_ms: int,
        device_id: str | None = None,
        types: Collection[str] | None = None,
        limit: int = 200,
    ) -> Events:
        """Events in [start_ms, end_ms), newest first."""
        query = select(EVENT).where(EVENT.c.ts_ms >= start_ms, EVENT.c.ts_ms < end_ms)
        if device_id is not None:
            query = query.where(EVENT.c.device_id == device_id)
        if types is not None:
            query = query.where(EVENT.c.type.in_(types))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(EVENT.c.ts_ms.desc()).limit(limit)).mappings()
            return [Event(**row) for row in rows]
