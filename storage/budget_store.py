"""Budgets, by period."""

from dataclasses import replace
from typing import Any

from sqlalchemy import delete, insert, select, update

from analytics.budget import Budget
from devices.errors import NotFound
from storage.columns import values_of
from storage.database import Transactions
from storage.schema_budget import BUDGET


class BudgetStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def list(self) -> list[Budget]:
        """The youngest period first."""
        query = select(BUDGET).order_by(BUDGET.c.year.desc(), BUDGET.c.month.desc(), BUDGET.c.id)
        with self._database.read() as connection:
            return [Budget(**row) for row in connection.execute(query).mappings()]

    def get(self, budget_id: int) -> Budget:
        """Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(BUDGET).where(BUDGET.c.id == budget_id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no budget {budget_id}")
        return Budget(**row)

    def add(self, budget: Budget) -> Budget:
        """With its id. Raises Conflict where there is one for the same thing and time."""
        with self._database.begin(conflict=_TAKEN) as connection:
            added = connection.execute(insert(BUDGET).returning(BUDGET.c.id), _row(budget)).scalar_one()
        return replace(budget, id=added)

    def replace(self, budget: Budget) -> None:
        """Puts it in the place of the one with its id. Raises NotFound, Conflict."""
        with self._database.begin(conflict=_TAKEN) as connection:
            if not connection.execute(update(BUDGET).where(BUDGET.c.id == budget.id).values(_row(budget))).rowcount:
                raise NotFound(f"there is no budget {budget.id}")

    def remove(self, budget_id: int) -> None:
        """Raises NotFound."""
        with self._database.begin() as connection:
            if not connection.execute(delete(BUDGET).where(BUDGET.c.id == budget_id)).rowcount:
                raise NotFound(f"there is no budget {budget_id}")


_TAKEN = "there is a budget for that place, quantity and period already; change that one"


def _row(budget: Budget) -> dict[str, Any]:
    row = values_of(budget)
    del row["id"]
    return row
