"""Imports of readings that run in the background: their plan, how far they are, which rows were refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from devices.errors import Conflict, NotFound
from storage.columns import values_of
from storage.database import Transactions
from storage.incoming import ImportState, ReadingImport
from storage.schema_incoming import READING_IMPORT

STALE_AFTER = timedelta(minutes=1)
"""A running import that was not heard of for so long belongs to a process that died; it begins again, which does no harm."""

ReadingImports = list[ReadingImport]


class ImportStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def create(self, filename: str, plan: Mapping[str, Any], *, by: str, now: datetime) -> ReadingImport:
        made = ReadingImport(
            id=0, filename=filename, plan=plan, state=ImportState.WAITING, created_at=now, created_by=by, heartbeat_at=now
        )
        row = {name: value for name, value in _row(made).items() if name != "id"}
        with self._database.begin() as connection:
            new = insert(READING_IMPORT).values(row).returning(READING_IMPORT.c.id)
            return replace(made, id=connection.execute(new).scalar_one())

    def claim(self, now: datetime) -> ReadingImport | None:
        """The oldest that waits or whose worker died, now ours; None where there is none."""
        table = READING_IMPORT.c
        stale = (table.state == ImportState.RUNNING) & (table.heartbeat_at < now - STALE_AFTER)
        query = select(READING_IMPORT).where(or_(table.state == ImportState.WAITING, stale)).order_by(table.id).limit(1)
        with self._database.begin() as connection:
            row = connection.execute(query.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            mine = replace(_import(row), state=ImportState.RUNNING, heartbeat_at=now, rows_done=0, rows_rejected=0, readings=0)
            connection.execute(update(READING_IMPORT).where(table.id == mine.id).values(_row(mine)))
        return mine

    def save(self, running: ReadingImport) -> None:
        """Raises Conflict where another worker has taken it over or it has ended."""
        table = READING_IMPORT.c
        mine = (table.id == running.id) & (table.state == ImportState.RUNNING) & (table.heartbeat_at <= running.heartbeat_at)
        with self._database.begin() as connection:
            if not connection.execute(update(READING_IMPORT).where(mine).values(_row(running))).rowcount:
                raise Conflict(f"import {running.id} is in other hands")

    def forget_before(self, at: datetime) -> int:
        """Those that ended before; how many went. Their readings stay."""
        with self._database.begin() as connection:
            return connection.execute(delete(READING_IMPORT).where(READING_IMPORT.c.finished_at < at)).rowcount

    def get(self, number: int) -> ReadingImport:
        with self._database.read() as connection:
            row = connection.execute(select(READING_IMPORT).where(READING_IMPORT.c.id == number)).mappings().first()
        if row is None:
            raise NotFound(f"there is no import {number}")
        return _import(row)

    def list(self, limit: int = 100) -> ReadingImports:
        """Newest first."""
        query = select(READING_IMPORT).order_by(READING_IMPORT.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_import(row) for row in connection.execute(query).mappings()]


def _row(one: ReadingImport) -> dict[str, Any]:
    return values_of(one) | {"plan": dict(one.plan), "errors": [list(error) for error in one.errors]}


def _import(row: Mapping[Any, Any]) -> ReadingImport:
    return ReadingImport(**{**row, "errors": tuple((number, column, why) for number, column, why in row["errors"])})
