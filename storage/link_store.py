"""How devices, gateways and topics are read, and what the decoders remember between two messages."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select

from devices.link import DeviceLink, LinkScope, ShownLink
from storage.database import Transactions, upsert
from storage.schema_links import DECODER_MEMORY, DEVICE_LINK, DEVICE_LINK_SECRET, LINK_REVISION

Remembered = tuple[str, str]
"""Kind of memory (births, registrations, half frames) and whose it is."""


class LinkStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def save(self, link: DeviceLink) -> None:
        """Adds or replaces it. Secrets that the new one does not name stay; one of value None is forgotten."""
        with self._database.begin() as connection:
            row = {"scope": link.scope, "key": link.key, "family": link.family, "context": dict(link.context)}
            _put(connection, DEVICE_LINK, row, ("scope", "key"))
            secret = {name: value for name, value in {**_secret(connection, link), **link.secret}.items() if value is not None}
            _put(connection, DEVICE_LINK_SECRET, {"scope": link.scope, "key": link.key, "context": secret}, ("scope", "key"))
            _count_revision(connection)

    def remove(self, scope: LinkScope, key: str) -> bool:
        """False where there was none."""
        with self._database.begin() as connection:
            connection.execute(
                delete(DEVICE_LINK_SECRET).where(DEVICE_LINK_SECRET.c.scope == scope, DEVICE_LINK_SECRET.c.key == key)
            )
            gone = connection.execute(delete(DEVICE_LINK).where(DEVICE_LINK.c.scope == scope, DEVICE_LINK.c.key == key)).rowcount
            if gone:
                _count_revision(connection)
            return gone > 0

    def list(self) -> list[ShownLink]:
        """As people may see them, by scope and key."""
        return [
            ShownLink(scope=link.scope, key=link.key, family=link.family, context=link.context, secrets=tuple(sorted(link.secret)))
            for link in self.load()
        ]

    def load(self) -> "tuple[DeviceLink, ...]":
        """With their secrets: for the decoders only."""
        with self._database.read() as connection:
            secrets = {
                (row["scope"], row["key"]): row["context"] for row in connection.execute(select(DEVICE_LINK_SECRET)).mappings()
            }
            rows = connection.execute(select(DEVICE_LINK).order_by(DEVICE_LINK.c.scope, DEVICE_LINK.c.key)).mappings().all()
        return tuple(DeviceLink(**row, secret=secrets.get((row["scope"], row["key"]), {})) for row in rows)

    def revision(self) -> int:
        """Changes whenever a link does; 0 where none was ever stored."""
        with self._database.read() as connection:
            return connection.scalar(select(LINK_REVISION.c.revision)) or 0

    def remember(self, memories: Mapping[Remembered, Any]) -> None:
        """Each replaces the one before; None forgets."""
        with self._database.begin() as connection:
            for (kind, key), value in sorted(memories.items(), key=lambda item: item[0]):
                if value is None:
                    connection.execute(delete(DECODER_MEMORY).where(DECODER_MEMORY.c.kind == kind, DECODER_MEMORY.c.key == key))
                else:
                    _put(connection, DECODER_MEMORY, {"kind": kind, "key": key, "value": value}, ("kind", "key"))

    def memories(self) -> dict[Remembered, Any]:
        with self._database.read() as connection:
            return {(row["kind"], row["key"]): row["value"] for row in connection.execute(select(DECODER_MEMORY)).mappings()}


def _secret(connection: Connection, link: DeviceLink) -> Mapping[str, Any]:
    table = DEVICE_LINK_SECRET.c
    return connection.scalar(select(table.context).where(table.scope == link.scope, table.key == link.key)) or {}


def _put(connection: Connection, table: Any, row: dict[str, Any], keys: tuple[str, ...]) -> None:  # noqa: ANN401 - a Table
    new = upsert(connection, table).values(row)
    others = {name: new.excluded[name] for name in row if name not in keys}
    connection.execute(new.on_conflict_do_update(index_elements=list(keys), set_=others))


def _count_revision(connection: Connection) -> None:
    first = upsert(connection, LINK_REVISION).values(id=1, revision=1)
    connection.execute(first.on_conflict_do_update(index_elements=["id"], set_={"revision": LINK_REVISION.c.revision + 1}))
