"""What holds for the whole site: its calendar and what things cost there."""

from dataclasses import dataclass, field

from analytics.calendar import Calendar
from analytics.tariff import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    calendar: Calendar = field(default_factory=Calendar)
    rates: Rates = field(default_factory=Rates)
