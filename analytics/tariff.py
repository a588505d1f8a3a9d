"""What energy and water cost, in money and carbon, at the prices of the day and hour they were used."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import Calendar, HourTable, hour_table
from analytics.finding import Waste
from devices.model import UseType


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per kWh or m3 from `valid_from` on, site time; `hours` (0-23) limits it to a time of use, empty means all hours."""

    valid_from: date
    price: float
    hours: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Dated prices in the site's currency and carbon factors in kg CO2e. A limited price goes before one for all hours."""

    electricity: tuple[Price, ...] = (
        Price(valid_from=date(2000, 1, 1), price=0.65),
        Price(valid_from=date(2000, 1, 1), price=0.95, hours=(8, 9, 10, 17, 18, 19, 20, 21)),
        Price(valid_from=date(2000, 1, 1), price=0.35, hours=(23, 0, 1, 2, 3, 4, 5, 6)),
    )
    water: tuple[Price, ...] = (Price(valid_from=date(2000, 1, 1), price=4.10),)
    kgco2e_per_kwh: float = 0.5366
    kgco2e_per_m3: float = 0.168

    def prices(self, quantity: str) -> tuple[Price, ...]:
        return self.electricity if quantity == "electricity" else self.water

    def carbon(self, quantity: str) -> float:
        return self.kgco2e_per_kwh if quantity == "electricity" else self.kgco2e_per_m3


@lru_cache(maxsize=4096)
def prices_of_day(prices: tuple[Price, ...], day: date) -> tuple[float, ...]:
    """The price of each hour 0-23 of that day; 0 where no price is known yet."""
    valid = sorted((p for p in prices if p.valid_from <= day), key=lambda p: (bool(p.hours), p.valid_from))
    by_hour = [0.0] * 24
    for price in valid:
        for hour in price.hours or range(24):
            by_hour[hour] = price.price
    return tuple(by_hour)


def price_per_hour(rates: Rates, quantity: str, calendar: Calendar, span: tuple[int, int]) -> Floats:
    """The price in each hour of `span` = (start, epoch ms UTC on the hour; number of hours)."""
    return prices_in(rates, quantity, hour_table(calendar, UseType.CAMPUS, *span))


def prices_in(rates: Rates, quantity: str, table: HourTable) -> Floats:
    """The price in each hour of the table."""
    days = [prices_of_day(rates.prices(quantity), table.first_day + timedelta(days=n)) for n in range(table.class_of_day.size)]
    return np.array(days)[table.day, table.hour] if days else np.empty(0)


def cost(consumption: Floats, hours: Ints, quantity: str, rates: Rates, calendar: Calendar) -> tuple[Floats, Floats]:
    """Money and kg CO2e of each hour. `hours` are consecutive hour starts, epoch ms UTC; consumption in kWh or m3."""
    start_ms = int(hours[0]) if hours.size else 0
    price = price_per_hour(rates, quantity, calendar, (start_ms, int(hours.size)))
    return consumption * price, consumption * rates.carbon(quantity)


def waste(amount_per_day: float, quantity: str, rates: Rates, *, price: float) -> Waste:
    """Waste of so many kWh or m3 a day at a mean `price` of the hours in which it runs."""
    carbon = amount_per_day * rates.carbon(quantity)
    money = amount_per_day * price
    if quantity == "electricity":
        return Waste(kwh_per_day=amount_per_day, cost_per_day=money, kgco2e_per_day=carbon)
    return Waste(m3_per_day=amount_per_day, cost_per_day=money, kgco2e_per_day=carbon)
