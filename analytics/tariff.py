"""What energy and water cost, in money and carbon, at the prices of the day, the hour and the step in which they were used."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import Calendar, HourTable, hour_table
from analytics.finding import Waste
from devices.model import UseType

BEGINNING = date(2000, 1, 1)


class Period(StrEnum):
    """What steps count within: consumption begins again at zero with each calendar month or year, site time."""

    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per kWh or m3 from `valid_from` on, site time; `hours` (0-23) limits it to a time of use, empty means all hours.

    `use`: only for meters of places of that use. `above`: only for what an account uses beyond this (kWh or m3) in a `period`.
    """

    valid_from: date
    price: float
    hours: tuple[int, ...] = ()
    use: UseType | None = None
    above: float = 0.0
    period: Period | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """kg CO2e per kWh or m3 from `valid_from` on, site time."""

    valid_from: date
    kgco2e: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Dated prices in the site's currency and dated carbon factors. Of prices for one hour those for its use go before those
    for all, then those with hours before those for all hours, then the younger; each replaces the steps from its own lowest one on.
    """

    electricity: tuple[Price, ...] = (
        Price(valid_from=BEGINNING, price=0.65),
        Price(valid_from=BEGINNING, price=0.95, hours=(8, 9, 10, 17, 18, 19, 20, 21)),
        Price(valid_from=BEGINNING, price=0.35, hours=(23, 0, 1, 2, 3, 4, 5, 6)),
    )
    water: tuple[Price, ...] = (Price(valid_from=BEGINNING, price=4.10),)
    carbon_electricity: tuple[Factor, ...] = (Factor(valid_from=BEGINNING, kgco2e=0.5366),)
    carbon_water: tuple[Factor, ...] = (Factor(valid_from=BEGINNING, kgco2e=0.168),)

    def prices(self, quantity: str) -> tuple[Price, ...]:
        return self.electricity if quantity == "electricity" else self.water

    def factors(self, quantity: str) -> tuple[Factor, ...]:
        return self.carbon_electricity if quantity == "electricity" else self.carbon_water

    def carbon(self, quantity: str, day: date | None = None) -> float:
        """kg CO2e per kWh or m3 on that day; without one, by the youngest factor. 0 where none is known."""
        return factor_of_day(self.factors(quantity), date.max if day is None else day)


class HourPrice(NamedTuple):
    """The steps of one hour: (from how much on, price), the first from 0; `valid_from` of the youngest price among them."""

    steps: tuple[tuple[float, float], ...]
    period: Period | None
    valid_from: date


@lru_cache(maxsize=4096)
def factor_of_day(factors: tuple[Factor, ...], day: date) -> float:
    valid = [factor for factor in factors if factor.valid_from <= day]
    return max(valid, key=lambda factor: factor.valid_from).kgco2e if valid else 0.0


@lru_cache(maxsize=4096)
def steps_of_day(prices: tuple[Price, ...], day: date, use: UseType | None = None) -> tuple[HourPrice, ...]:
    """The steps of each hour 0-23 of that day; a price of 0 where none is known yet."""
    valid = sorted((p for p in prices if p.valid_from <= day and p.use in {None, use}), key=_rank)
    return tuple(_steps([p for p in valid if not p.hours or hour in p.hours]) for hour in range(24))


def _rank(price: Price) -> tuple[bool, bool, date, float]:
    return price.use is not None, bool(price.hours), price.valid_from, price.above


def _steps(prices: list[Price]) -> HourPrice:
    """`prices`: those of one hour by rank; one group (same use, hours and date) after the other."""
    steps: dict[float, Price] = {}
    groups: dict[tuple[bool, bool, date], dict[float, Price]] = {}
    for price in prices:
        groups.setdefault(_rank(price)[:3], {})[price.above] = price
    for group in groups.values():
        steps = {above: price for above, price in steps.items() if above < min(group)} | group
    if 0.0 not in steps:
        steps[0.0] = Price(valid_from=BEGINNING, price=0.0)
    ordered = sorted(steps.items())
    period = next((price.period for above, price in reversed(ordered) if above > 0), None)
    return HourPrice(
        tuple((above, price.price) for above, price in ordered), period, max(price.valid_from for price in steps.values())
    )


@lru_cache(maxsize=4096)
def prices_of_day(prices: tuple[Price, ...], day: date, use: UseType | None = None) -> tuple[float, ...]:
    """The price of each hour 0-23 of that day in the lowest step; 0 where no price is known yet."""
    return tuple(hour.steps[0][1] for hour in steps_of_day(prices, day, use))


def price_per_hour(rates: Rates, quantity: str, calendar: Calendar, span: tuple[int, int]) -> Floats:
    """The price in each hour of `span` = (start, epoch ms UTC on the hour; number of hours)."""
    return prices_in(rates, quantity, hour_table(calendar, UseType.CAMPUS, *span))


def prices_in(rates: Rates, quantity: str, table: HourTable, use: UseType | None = None) -> Floats:
    """The price in each hour of the table, in the lowest step."""
    prices = rates.prices(quantity)
    days = [prices_of_day(prices, table.first_day + timedelta(days=n), use) for n in range(table.class_of_day.size)]
    return np.array(days)[table.day, table.hour] if days else np.empty(0)


def carbon_in(rates: Rates, quantity: str, table: HourTable) -> Floats:
    """kg CO2e per kWh or m3 in each hour of the table."""
    days = [rates.carbon(quantity, table.first_day + timedelta(days=n)) for n in range(table.class_of_day.size)]
    return np.array(days)[table.day] if days else np.empty(0)


def cost(consumption: Floats, hours: Ints, quantity: str, rates: Rates, calendar: Calendar) -> tuple[Floats, Floats]:
    """Money (in the lowest step) and kg CO2e of each hour. `hours` are consecutive hour starts, epoch ms UTC."""
    start_ms = int(hours[0]) if hours.size else 0
    table = hour_table(calendar, UseType.CAMPUS, start_ms, int(hours.size))
    return consumption * prices_in(rates, quantity, table), consumption * carbon_in(rates, quantity, table)


def waste(amount_per_day: float, quantity: str, rates: Rates, *, price: float, day: date | None = None) -> Waste:
    """Waste of so many kWh or m3 a day at a mean `price` of the hours in which it runs, by the carbon factor of `day`."""
    carbon = amount_per_day * rates.carbon(quantity, day)
    money = amount_per_day * price
    if quantity == "electricity":
        return Waste(kwh_per_day=amount_per_day, cost_per_day=money, kgco2e_per_day=carbon)
    return Waste(m3_per_day=amount_per_day, cost_per_day=money, kgco2e_per_day=carbon)
