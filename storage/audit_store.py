"""Who did what: append-only, one hash chain over all entries."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from storage.database import Lock, Transactions, queue_for
from storage.hash_chain import START, link
from storage.schema import AUDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """`actor`: a user name or a part of Caretaker; `action`: `user.password`; `subject`: what it was done to."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str = ""


AuditEntries = list[AuditEntry]


class AuditStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def append(self, at: datetime, actor: str, action: str, subject: str, detail: str = "") -> None:
        """Never put secrets into `detail`."""
        line: dict[str, str | datetime] = {"at": at, "actor": actor, "action": action, "subject": subject, "detail": detail}
        with self._database.begin() as connection:
            queue_for(connection, Lock.AUDIT)  # two who read the same newest hash would fork the chain
            connection.execute(insert(AUDIT).values(**line, hash=link(_newest_hash(connection), line)))

    def verify(self) -> bool:
        """False where an entry was altered or taken out of the middle since it was written."""
        previous = START
        query = select(AUDIT).order_by(AUDIT.c.id)
        with self._database.read() as connection, connection.execution_options(yield_per=1000).execute(query) as rows:
            for row in rows.mappings():
                previous = link(previous, {name: row[name] for name in row if name not in {"id", "hash"}})
                if previous != row["hash"]:
                    return False
        return True

    def list(self, limit: int = 200) -> AuditEntries:
        """Newest first."""
        columns = [column for column in AUDIT.c if column.name != "hash"]
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).order_by(AUDIT.c.id.desc()).limit(limit)).mappings()
            return [AuditEntry(**row) for row in rows]


def _newest_hash(connection: Connection) -> str:
    return connection.scalar(select(AUDIT.c.hash).order_by(AUDIT.c.id.desc()).limit(1)) or START
