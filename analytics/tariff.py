"""What energy and water cost, in money and carbon, at the prices of the day, the hour and the step in which they were used."""

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.calendar import Calendar, HourTable, hour_table
from analytics.finding import Waste
from analytics.prices import BEGINNING, Factor, Period, Price, Rates
from devices.model import UseType

__all__ = ["BEGINNING", "Factor", "Period", "Price", "Rates"]


class HourPrice(NamedTuple):
    """The steps of one hour: (from how much on, price), the first from 0; `valid_from` of the youngest price among them."""

    steps: tuple[tuple[float, float], ...]
    period: Period | None
    valid_from: date


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
