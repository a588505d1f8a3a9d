"""Checks of cold stores and laboratories as people signed them."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import func, insert, select

from devices.watching import ConditionCheck
from storage.columns import values_of
from storage.database import Transactions
from storage.schema_watching import CONDITION_CHECK

Checks = list[ConditionCheck]


class CheckStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def add(self, check: ConditionCheck) -> ConditionCheck:
        """With its id."""
        row = {name: value for name, value in values_of(check).items() if name != "id"}
        with self._database.begin() as connection:
            new = insert(CONDITION_CHECK).values(row).returning(CONDITION_CHECK.c.id)
            return replace(check, id=connection.execute(new).scalar_one())

    def list(self, device_id: str, first_day: str, last_day: str) -> Checks:
        """Of these days, both included, in the order in which they were signed."""
        asked = (CONDITION_CHECK.c.device_id == device_id) & CONDITION_CHECK.c.day.between(first_day, last_day)
        with self._database.read() as connection:
            rows = connection.execute(select(CONDITION_CHECK).where(asked).order_by(CONDITION_CHECK.c.id)).mappings()
            return [ConditionCheck(**row) for row in rows]

    def last(self, device_ids: Collection[str]) -> dict[str, ConditionCheck]:
        """The check signed last of each device that has one."""
        ours = CONDITION_CHECK.c.device_id.in_(device_ids)
        newest = select(func.max(CONDITION_CHECK.c.id)).where(ours).group_by(CONDITION_CHECK.c.device_id)
        with self._database.read() as connection:
            rows = connection.execute(select(CONDITION_CHECK).where(CONDITION_CHECK.c.id.in_(newest))).mappings()
            return {row["device_id"]: ConditionCheck(**row) for row in rows}
