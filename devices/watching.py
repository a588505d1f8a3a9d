"""How a device is watched over by people: the check of a cold store or laboratory that somebody signs, and commissioning."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

LEARNED = ""
"""`finished_by` where commissioning ended because all was learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionCheck:
    """Somebody looked at the record of `day` (the site's calendar, ISO) and signs for it; never altered, never deleted.

    `value`: measured by hand in °C, None where nobody did.
    """

    device_id: str
    day: str
    checked_by: str
    checked_at: datetime
    note: str = ""
    value: float | None = None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Commissioning:
    """A meter whose normal is still being learned: hours measured so far of those needed. Over once `finished_at` is set."""

    device_id: str
    since: datetime
    measured_hours: int
    needed_hours: int
    finished_at: datetime | None = None
    finished_by: str = LEARNED
    note: str = ""

    @property
    def days_left(self) -> int:
        """Days of unbroken measuring that are still needed."""
        return max(ceil((self.needed_hours - self.measured_hours) / 24), 0)
