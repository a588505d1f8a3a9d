"""Budgets: what a place or a meter may use or cost in a month or a year. Values only, so that stores need no numbers."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Measure(StrEnum):
    """What a budget counts: the site's currency, or kWh and m3."""

    MONEY = "money"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Of one space or one meter (the other is empty). `month` 0: the whole calendar year. `amount`: money, kWh or m3."""

    quantity: str
    measure: Measure
    year: int
    month: int
    amount: float
    entered_by: str
    entered_at: datetime
    space_id: str = ""
    meter_id: str = ""
    note: str = ""
    id: int = 0

    @property
    def first_day(self) -> date:
        return date(self.year, self.month or 1, 1)

    @property
    def end_day(self) -> date:
        """The first day after the period."""
        if self.month in {0, 12}:
            return date(self.year + 1, 1, 1)
        return date(self.year, self.month + 1, 1)
