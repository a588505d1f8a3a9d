"""Prices and carbon factors with the day from which they hold. Values only, so that settings and stores can have them."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

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


@lru_cache(maxsize=4096)
def factor_of_day(factors: tuple[Factor, ...], day: date) -> float:
    valid = [factor for factor in factors if factor.valid_from <= day]
    return max(valid, key=lambda factor: factor.valid_from).kgco2e if valid else 0.0
