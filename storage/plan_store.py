"""What people plan, row by row: budgets by period, quotas of rooms by month."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Table, delete, insert, select, update

from analytics.budget import Budget
from analytics.quota import Quota
from devices.errors import NotFound
from storage.columns import values_of
from storage.database import Transactions
from storage.schema_budget import BUDGET, QUOTA

Plan = TypeVar("Plan", bound=Budget | Quota)


class PlanStore(Generic[Plan]):
    """One table of plans, each with a number of its own. See `budget_store` and `quota_store`."""

    def __init__(
        self, database: Transactions, table: Table, made: Callable[..., Plan], order: tuple[ColumnElement[Any], ...]
    ) -> None:
        self._database, self._table, self._made, self._order = database, table, made, order
        self._taken = f"there is a {table.name} for that place, quantity and time already; change that one"

    def list(self) -> list[Plan]:
        with self._database.read() as connection:
            rows = connection.execute(select(self._table).order_by(*self._order))
            return [self._made(**row) for row in rows.mappings()]

    def get(self, number: int) -> Plan:
        """Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(self._table).where(self._table.c.id == number)).mappings().first()
        if row is None:
            raise self._missing(number)
        return self._made(**row)

    def add(self, plan: Plan) -> Plan:
        """With its number. Raises Conflict where there is one for the same thing and time."""
        with self._database.begin(conflict=self._taken) as connection:
            added = connection.execute(insert(self._table).returning(self._table.c.id), _row(plan)).scalar_one()
        return replace(plan, id=added)

    def replace(self, plan: Plan) -> None:
        """Puts it in the place of the one with its number. Raises NotFound, Conflict."""
        with self._database.begin(conflict=self._taken) as connection:
            changed = connection.execute(update(self._table).where(self._table.c.id == plan.id).values(_row(plan)))
            if not changed.rowcount:
                raise self._missing(plan.id)

    def remove(self, number: int) -> None:
        """Raises NotFound."""
        with self._database.begin() as connection:
            if not connection.execute(delete(self._table).where(self._table.c.id == number)).rowcount:
                raise self._missing(number)

    def _missing(self, number: int) -> NotFound:
        return NotFound(f"there is no {self._table.name} {number}")


def budget_store(database: Transactions) -> PlanStore[Budget]:
    """Lists the youngest period first."""
    return PlanStore(database, BUDGET, Budget, (BUDGET.c.year.desc(), BUDGET.c.month.desc(), BUDGET.c.id))


def quota_store(database: Transactions) -> PlanStore[Quota]:
    """Lists by place, the quota of every month before those of one month."""
    return PlanStore(database, QUOTA, Quota, (QUOTA.c.space_id, QUOTA.c.quantity, QUOTA.c.month))


def _row(plan: Budget | Quota) -> dict[str, Any]:
    row = values_of(plan)
    del row["id"]
    return row
