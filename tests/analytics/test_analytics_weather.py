"""The outdoor temperature in what is normal: kept where held-out days show that it matters, and never where they do not."""

import numpy as np
import pytest

from analytics.arrays import HOUR_MS, Floats
from analytics.calendar import hour_table
from analytics.catalog import HOURLY
from analytics.detectors import creeping_base, left_on, spike
from analytics.finding import Basis
from analytics.hourly import Hourly, on_grid
from analytics.meter import Meter
from analytics.site import Site
from analytics.view import Account, View, look
from analytics.weather import Weather, climate_of, unseen
from devices.model import UseType
from tests.fakes.meters import SITE, START_MS, meter, usual

LAB = meter(use=UseType.LABORATORY)
DAYS = 160
SPELL = slice(130, 136)
"""Days of the cold spell: in January after an autumn and an early winter."""


def outdoor(days: int = DAYS, *, spell: float = 0.0, seed: int = 4) -> Floats:
    """°C by hour: from 24 in September down to 4 in January, warmer by day, with spells of some days."""
    hour = np.arange(days * 24)
    spells = np.repeat(np.convolve(np.random.default_rng(seed).normal(0, 3, days + 4), np.ones(5) / 2.2, "valid"), 24)
    celsius = 14 + 10 * np.cos(np.pi * hour / (130 * 24)) + 3 * np.cos(2 * np.pi * (hour - 15) / 24) + spells
    celsius[SPELL.start * 24 : SPELL.stop * 24] -= spell
    return celsius


def heated(celsius: Floats, *, kw_per_k: float = 0.25) -> Floats:
    """A laboratory heated by day and night below 12 °C, beside what it always draws."""
    return usual(LAB, days=celsius.size // 24, closed=1.5, opened=5.0) + kw_per_k * np.maximum(12 - celsius, 0)


def seen(used: Floats, celsius: Floats | None, one: Meter = LAB, days: int | None = None) -> View:
    hourly = on_grid(START_MS + HOUR_MS * np.arange(used.size), used, np.zeros(used.size, np.uint8))
    weather = None if celsius is None else Weather(start_ms=START_MS, celsius=celsius)
    return look(Account(hourly=hourly), one, Site(weather=weather), days=days)


def findings(view: View, first_day: int = 60) -> int:
    found = [*left_on.detect(view), *creeping_base.detect(view), *spike.detect(view)]
    return sum(episode.raised_ms >= START_MS + first_day * 24 * HOUR_MS for episode in found)


def test_a_cold_spell_accuses_nobody_once_a_winter_was_seen() -> None:
    celsius = outdoor(spell=9.0)
    used = heated(celsius)
    assert findings(seen(used, None), SPELL.start) >= 3
    assert findings(seen(used, celsius), SPELL.start) == 0


def test_what_is_expected_follows_the_temperature() -> None:
    celsius = outdoor(spell=9.0)
    view, blind = seen(heated(celsius), celsius), seen(heated(celsius), None)
    cold = slice(SPELL.start * 24, SPELL.stop * 24)
    miss, blind_miss = (np.nanmean(np.abs(one.measured - one.normal.expected)[cold]) for one in (view, blind))
    assert miss < 0.4 * blind_miss
    assert (view.normal.warmth[cold] > 0.5).mean() > 0.9
    assert (view.normal.low[cold] <= view.normal.expected[cold]).all()
    assert not (view.normal.high[cold] < view.normal.expected[cold]).any()


def test_a_fault_in_the_cold_is_still_told_and_says_that_it_knows_the_weather() -> None:
    celsius = outdoor(spell=9.0)
    used = heated(celsius)
    night = (SPELL.start + 2) * 24 + 23
    used[night : night + 8] += 4.0
    found = [e.finding for e in left_on.detect(seen(used, celsius)) if e.raised_ms > START_MS + night * HOUR_MS]
    assert len(found) == 1
    assert found[0].evidence is not None
    assert found[0].evidence.basis is Basis.WEATHER
    assert found[0].facts["kw"] == pytest.approx(4.0, abs=0.6)


def test_a_meter_that_the_weather_does_not_move_stays_as_it_was() -> None:
    celsius = outdoor()
    view, blind = (seen(usual(LAB, days=DAYS), known) for known in (celsius, None))
    assert not view.normal.warmth.any()
    np.testing.assert_array_equal(view.normal.expected, blind.normal.expected)
    np.testing.assert_array_equal(view.base.day_usual, blind.base.day_usual)


def test_a_slow_growth_beside_the_season_is_not_taken_for_the_weather() -> None:
    celsius = outdoor()
    used = usual(LAB, days=DAYS) * np.linspace(1.0, 1.3, DAYS * 24)
    shift = seen(used, celsius).normal.warmth
    assert np.abs(shift).mean() < 0.02 * used.mean()


def test_only_days_before_count() -> None:
    celsius, cut = outdoor(spell=9.0), 100 * 24
    used = heated(celsius)
    whole, early = seen(used, celsius), seen(used[:cut], celsius[:cut])
    np.testing.assert_array_equal(whole.normal.expected[:cut], early.normal.expected)
    np.testing.assert_array_equal(whole.base.day_usual[: cut - 24], early.base.day_usual[:-24])


@pytest.mark.parametrize("days", [1, 7, 13, 14, 15, 27, 28, 29])
def test_a_young_meter_has_no_fit_yet(days: int) -> None:
    celsius = outdoor()[: days * 24]
    view, blind = seen(heated(celsius), celsius), seen(heated(celsius), None)
    assert view.normal.expected.shape == blind.normal.expected.shape


def test_the_last_days_alone_are_as_in_the_whole() -> None:
    celsius = outdoor(spell=9.0)
    whole, recent = seen(heated(celsius), celsius), seen(heated(celsius), celsius, days=14)
    np.testing.assert_allclose(whole.normal.expected[-14 * 24 :], recent.normal.expected)
    np.testing.assert_allclose(whole.base.day_usual[-14 * 24 :], recent.base.day_usual)


def test_where_the_temperature_is_not_known_like_days_stand_alone() -> None:
    celsius = outdoor()
    used = heated(celsius)
    blind = seen(used, None)
    celsius[-20 * 24 :] = np.nan
    view = seen(used, celsius)
    np.testing.assert_array_equal(view.normal.expected[-20 * 24 :], blind.normal.expected[-20 * 24 :])
    np.testing.assert_array_equal(view.base.day_level[-19 * 24 :], blind.base.day_level[-19 * 24 :])


def test_faults_in_the_past_hardly_move_the_slope() -> None:
    celsius = outdoor(spell=9.0)
    used = heated(celsius)
    broken = used.copy()
    broken[90 * 24 : 96 * 24] += 6.0
    cold = slice(SPELL.start * 24, SPELL.stop * 24)
    miss, blind_miss = (np.abs(used - seen(broken, known).normal.expected)[cold].mean() for known in (celsius, None))
    assert miss < 0.4 * blind_miss


def test_weather_that_the_place_has_never_had_leaves_open_how_much_it_may_draw() -> None:
    celsius = np.full(60 * 24, 20.0)
    celsius[40 * 24 : 42 * 24] = -3.0
    table = hour_table(SITE.calendar, LAB.use, START_MS, celsius.size)
    days = unseen(climate_of(Weather(start_ms=START_MS, celsius=celsius), SITE.calendar, LAB.use, table))
    assert np.flatnonzero(days).tolist() == [40, 41]
    view = seen(heated(celsius), celsius)
    assert np.isnan(view.normal.top[40 * 24 : 42 * 24]).all()
    assert np.isfinite(view.normal.expected[40 * 24 : 42 * 24]).all()
    assert findings(view) == 0


def test_water_keeps_its_most_in_any_weather() -> None:
    celsius = np.full(60 * 24, 20.0)
    celsius[40 * 24 :] = -3.0
    view = seen(usual(LAB, days=60, closed=0.02, opened=0.4), celsius, meter("water"))
    assert np.isfinite(view.normal.top[30 * 24 :]).all()


NOWHERE = np.full(70 * 24, np.nan)
ODD = {
    "nothing known": NOWHERE,
    "constant": np.full(70 * 24, 3.0),
    "zero": np.zeros(70 * 24),
    "one hour": np.array([3.0]),
    "huge": np.full(70 * 24, 1e12),
    "mostly gaps": np.where(np.arange(70 * 24) % 50 == 0, 2.0, np.nan),
}


@pytest.mark.parametrize("celsius", [*ODD.values(), np.empty(0), outdoor(70)], ids=[*ODD, "empty", "plain"])
@pytest.mark.parametrize("used", ODD.values(), ids=ODD)
def test_any_series_in_any_weather(used: Floats, celsius: Floats) -> None:
    quality = np.zeros(used.size, np.uint8)
    hourly = Hourly(start_ms=START_MS, consumption=used, quality=quality, least=used)
    for quantity in ("electricity", "water"):
        view = look(Account(hourly=hourly), meter(quantity), Site(weather=Weather(start_ms=START_MS, celsius=celsius)))
        for detector in HOURLY:
            detector.detect(view)
        assert view.normal.expected.size == used.size
