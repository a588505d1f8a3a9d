"""The settings' prices and time zone in the words of analytics."""

from analytics.calendar import Calendar
from analytics.site import Site
from analytics.tariff import Price, Rates
from runtime import settings as configuration
from runtime.settings import Settings


def site_of(settings: Settings) -> Site:
    tariffs = settings.tariffs
    rates = Rates(
        electricity=_prices(tariffs.electricity),
        water=_prices(tariffs.water),
        kgco2e_per_kwh=tariffs.kgco2e_per_kwh,
        kgco2e_per_m3=tariffs.kgco2e_per_m3,
    )
    return Site(calendar=Calendar(timezone=settings.site.timezone), rates=rates)


def _prices(prices: tuple[configuration.Price, ...]) -> tuple[Price, ...]:
    return tuple(Price(valid_from=price.valid_from, price=price.price, hours=price.hours) for price in prices)
