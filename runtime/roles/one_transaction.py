"""Several stores in one transaction: both rows or neither, and one wait for the disk instead of two."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Connection

from storage.database import Database


class _Within:
    """Stands where a store expects its database, and hands out the transaction that is going on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def begin(self, *, conflict: str = "") -> Iterator[Connection]:  # noqa: ARG002 - the outer transaction explains itself
        yield self._connection

    read = begin


def within(connection: Connection) -> Database:
    """For making stores that take part in the transaction. A violated constraint ends all of it: try again from its beginning."""
    return cast("Database", _Within(connection))
