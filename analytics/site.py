"""What holds for the whole site: its calendar, what things cost there, and the weather it has had."""

from dataclasses import dataclass, field

from analytics.calendar import Calendar
from analytics.tariff import Rates
from analytics.weather import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`weather`: None where nothing measures it."""

    calendar: Calendar = field(default_factory=Calendar)
    rates: Rates = field(default_factory=Rates)
    weather: Weather | None = None
