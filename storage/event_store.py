"""Door and alarm events, one per (device, type, millisecond)."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from devices.model import Event
from storage.database import Transactions, upsert
from storage.pruning import delete_by_and_by
from storage.schema import EVENT

Events = list[Event]


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
        return delete_by_and_by(self._database, EVENT.c.ts_ms, EVENT.c.ts_ms < ts_ms)

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
