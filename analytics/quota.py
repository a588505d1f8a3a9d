"""Quotas: what each metered room of a place may use in a month. Values only, so that stores need no numbers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Per(StrEnum):
    """Whom the amount is meant for: each room, or each person of it."""

    ROOM = "room"
    HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Of every metered room in `space_id` (or that very room). `amount`: kWh or m3 a month. `month` 0: each month of the year."""

    space_id: str
    quantity: str
    per: Per
    amount: float
    entered_by: str
    entered_at: datetime
    month: int = 0
    note: str = ""
    id: int = 0
