"""The settings' prices and time zone in the words of analytics, and what people have since made of the prices."""

from collections.abc import Callable

from analytics.site import Site
from analytics.tariff import BEGINNING, Factor, Price, Rates
from runtime import settings as configuration
from runtime.settings import Settings
from runtime.settings_calendar import calendar_of
from storage.price_store import PriceStore


def site_of(settings: Settings) -> Site:
    """As the settings say, whatever was changed since."""
    tariffs = settings.tariffs
    rates = Rates(
        electricity=_prices(tariffs.electricity),
        water=_prices(tariffs.water),
        carbon_electricity=_factors(tariffs, "electricity", tariffs.kgco2e_per_kwh),
        carbon_water=_factors(tariffs, "water", tariffs.kgco2e_per_m3),
    )
    return Site(calendar=calendar_of(settings.calendar, settings.site.timezone), rates=rates)


def live_site(settings: Settings, prices: PriceStore) -> Callable[[], Site]:
    """The site with the prices that hold now; they are read again only when their revision changes."""
    begun = site_of(settings)
    known: list[tuple[int, Site]] = []

    def current() -> Site:
        revision = prices.revision()
        if not known or known[0][0] != revision:
            known[:] = [(revision, Site(calendar=begun.calendar, rates=prices.rates()))]
        return known[0][1]

    return current


def _prices(prices: tuple[configuration.Price, ...]) -> tuple[Price, ...]:
    return tuple(Price(**dict(price)) for price in prices)


def _factors(tariffs: configuration.Tariffs, quantity: str, shorthand: float) -> tuple[Factor, ...]:
    """The single number of the settings holds from the beginning, dated ones from their day."""
    dated = (Factor(valid_from=one.valid_from, kgco2e=one.kgco2e) for one in tariffs.carbon if one.quantity == quantity)
    return (Factor(valid_from=BEGINNING, kgco2e=shorthand), *dated)
