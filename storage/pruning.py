"""Old rows go by and by, in transactions of their own, so that no alarm waits for the one writer."""

from typing import Any

from sqlalchemy import Column, ColumnElement, delete, select

from storage.database import Transactions

AT_ONCE = 2000
"""About as many rows go in one transaction."""


def delete_by_and_by(database: Transactions, column: Column[Any], doomed: ColumnElement[bool]) -> int:
    """Deletes the doomed rows of the column's table in the column's order; how many went. Rows of one value go together."""
    removed = 0
    table = column.table
    last_at_once = select(column).where(doomed).order_by(column).offset(AT_ONCE - 1).limit(1)
    while True:
        with database.read() as connection:
            until = connection.scalar(last_at_once)
        now = doomed if until is None else doomed & (column <= until)
        with database.begin() as connection:
            removed += connection.execute(delete(table).where(now)).rowcount
        if until is None:
            return removed
