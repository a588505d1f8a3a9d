"""The tail of changes that the API streams to the browsers."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from storage.change import Change, ChangeKind
from storage.database import Lock, Transactions, queue_for
from storage.schema import CHANGE

_INSERT = insert(CHANGE)  # made once: to build a statement costs more than to run it


def append_change(connection: Connection, kind: ChangeKind, entity_id: int, at: datetime) -> None:
    """Call it in the transaction of the change itself.

    PostgreSQL gives out `seq` at insert but shows the row at commit, so that without the lock a slower transaction
    could show a smaller seq after a tailer had passed it. The lock makes the order of numbers the order of commits.
    SQLite has one writer at a time, and there this holds by itself.
    """
    queue_for(connection, Lock.CHANGE)
    connection.execute(_INSERT, {"kind": kind, "entity_id": entity_id, "at": at})


class ChangeStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def after(self, seq: int, limit: int = 500) -> list[Change]:
        """Changes with a greater seq, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(CHANGE).where(CHANGE.c.seq > seq).order_by(CHANGE.c.seq).limit(limit))
            return [Change(**row) for row in rows.mappings()]

    def prune(self, keep: int) -> int:
        """Removes all but the newest `keep`; how many went. A tailer further behind than that must read the whole truth."""
        with self._database.begin() as connection:
            newest = connection.scalar(select(func.max(CHANGE.c.seq))) or 0
            return connection.execute(delete(CHANGE).where(CHANGE.c.seq <= newest - keep)).rowcount

    def last_seq(self) -> int:
        """0 where nothing has changed yet."""
        with self._database.read() as connection:
            return connection.scalar(select(func.max(CHANGE.c.seq))) or 0
