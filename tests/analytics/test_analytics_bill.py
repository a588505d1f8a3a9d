"""Prices by date, hour, use and step; factors by date; virtual meters. A change of price is right for the past at once."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.bill import Before, lines, money, periods_start, tariff_of
from analytics.calendar import Calendar
from analytics.tariff import Factor, Period, Price, Rates, prices_of_day, steps_of_day
from analytics.virtual import Term, VirtualMeter, combine, factors_of
from devices.errors import BadInput
from devices.model import Quality, UseType

CALENDAR = Calendar(timezone="Asia/Shanghai")
START = 1_767_196_800_000
"""Midnight of 1 January 2026 in Shanghai."""
DAY = date(2026, 1, 1)
YEARLY = (
    Price(valid_from=DAY, price=0.5),
    Price(valid_from=DAY, price=0.6, above=2880, period=Period.YEAR),
    Price(valid_from=DAY, price=0.9, above=4800, period=Period.YEAR),
)


def rates(*prices: Price) -> Rates:
    return Rates(electricity=prices)


def costs(prices: tuple[Price, ...], used: list[float], before: Before | None = None, use: UseType = UseType.DORMITORY) -> float:
    tariff = tariff_of(rates(*prices), "electricity", CALENDAR, (START, len(used)), use)
    return float(money(tariff, np.array(used), before or Before()).sum())


def test_steps_are_climbed_within_an_hour_and_go_on_from_what_was_used_before() -> None:
    assert costs(YEARLY, [1000.0] * 5) == pytest.approx(2880 * 0.5 + 1920 * 0.6 + 200 * 0.9)
    assert costs(YEARLY, [1000.0], Before(year=4300)) == pytest.approx(500 * 0.6 + 500 * 0.9)


def test_a_month_begins_again_at_zero() -> None:
    monthly = (Price(valid_from=DAY, price=1.0), Price(valid_from=DAY, price=2.0, above=100, period=Period.MONTH))
    hours = [0.0] * (31 * 24 + 1)
    hours[0], hours[-1] = 150.0, 150.0
    assert costs(monthly, hours) == pytest.approx(2 * (100 + 100))


def test_a_newer_tariff_of_other_steps_takes_the_old_one_s_place() -> None:
    newer = (Price(valid_from=date(2026, 1, 2), price=1.0),)
    assert costs((*YEARLY, *newer), [6000.0] + [0.0] * 23 + [100.0]) == pytest.approx(2880 * 0.5 + 1920 * 0.6 + 1200 * 0.9 + 100)
    added = Price(valid_from=date(2026, 1, 2), price=0.7, above=2880, period=Period.YEAR)
    assert steps_of_day((*YEARLY, added), date(2026, 1, 3))[0].steps == ((0.0, 0.5), (2880, 0.7))


def test_a_use_has_prices_of_its_own_and_hours_go_before_all_hours() -> None:
    peak = Price(valid_from=date(2000, 1, 1), price=0.95, hours=(8,))
    base = Price(valid_from=date(2020, 1, 1), price=0.65)
    dormitory = Price(valid_from=date(2010, 1, 1), price=0.49, use=UseType.DORMITORY)
    assert prices_of_day((peak, base, dormitory), DAY)[7:9] == (0.65, 0.95)
    assert set(prices_of_day((peak, base, dormitory), DAY, UseType.DORMITORY)) == {0.49}


def test_before_any_price_it_costs_nothing() -> None:
    assert costs((Price(valid_from=date(2027, 1, 1), price=1.0),), [5.0]) == 0.0


def test_factors_hold_from_their_day() -> None:
    dated = Rates(
        carbon_electricity=(Factor(valid_from=date(2000, 1, 1), kgco2e=0.5), Factor(valid_from=date(2026, 1, 2), kgco2e=0.4))
    )
    tariff = tariff_of(dated, "electricity", CALENDAR, (START, 48), UseType.CAMPUS)
    assert tariff.kgco2e.tolist() == [0.5] * 24 + [0.4] * 24
    assert dated.carbon("electricity") == 0.4
    assert dated.carbon("electricity", date(1999, 1, 1)) == 0.0


def test_periods_are_of_the_site() -> None:
    assert periods_start(START, ZoneInfo("Asia/Shanghai")) == (START, START)
    assert periods_start(START - 1, ZoneInfo("Asia/Shanghai"))[1] == START - 365 * 86_400_000


price_rows = st.builds(
    lambda day, price, hours, above, period: Price(
        valid_from=date(2026, 1, day), price=price, hours=tuple(hours), above=above, period=period if above else None
    ),
    st.integers(1, 20),
    st.floats(0, 2),
    st.frozensets(st.integers(0, 23), max_size=5),
    st.sampled_from([0.0, 0.0, 50.0, 200.0]),
    st.sampled_from(list(Period)),
)


@given(st.lists(price_rows, max_size=8), st.lists(st.floats(0, 30), min_size=1, max_size=24 * 40), st.integers(0, 24 * 39))
def test_a_bill_s_lines_sum_to_its_hours_and_a_part_costs_what_it_costs_in_the_whole(
    prices: list[Price], used: list[float], cut: int
) -> None:
    some = rates(*prices)
    whole = tariff_of(some, "electricity", CALENDAR, (START, len(used)), UseType.CAMPUS)
    amounts = np.array(used)
    hours = money(whole, amounts, Before())
    found = lines(whole, amounts, Before())
    assert sum(line.cost for line in found) == pytest.approx(hours.sum(), abs=1e-6)
    assert sum(line.amount for line in found) == pytest.approx(amounts.sum(), abs=1e-6)
    assert sum(line.kgco2e for line in found) == pytest.approx((amounts * whole.kgco2e).sum(), abs=1e-6)
    cut = min(cut, len(used) - 1)
    in_january = cut < 31 * 24
    begun = amounts[31 * 24 : cut].sum() if not in_january else amounts[:cut].sum()
    rest = tariff_of(some, "electricity", CALENDAR, (START + cut * 3_600_000, len(used) - cut), UseType.CAMPUS)
    part = money(rest, amounts[cut:], Before(month=float(begun), year=float(amounts[:cut].sum())))
    assert part == pytest.approx(hours[cut:], abs=1e-6)


def _virtual(meter_id: str, *terms: tuple[str, float], rest_of: str | None = None) -> VirtualMeter:
    parts = tuple(Term(meter_id=name, factor=factor) for name, factor in terms)
    return VirtualMeter(id=meter_id, quantity="water", space_id="s", name=meter_id, name_zh=meter_id, terms=parts, rest_of=rest_of)


def test_virtual_meters_of_virtual_meters() -> None:
    known = {
        "a": _virtual("a", ("main", 1), ("b", -1)),
        "b": _virtual("b", ("x", 1), ("y", 0.5)),
        "r": _virtual("r", rest_of="main"),
    }
    assert factors_of("a", known, lambda _: ()) == {"main": 1.0, "x": -1.0, "y": -0.5}
    assert factors_of("r", known, lambda main: ("x", "y") if main == "main" else ()) == {"main": 1.0, "x": -1.0, "y": -1.0}


def test_a_circle_is_named() -> None:
    known = {"a": _virtual("a", ("b", 1)), "b": _virtual("b", ("c", 1)), "c": _virtual("c", ("b", -1))}
    with pytest.raises(BadInput, match="b → c → b"):
        factors_of("a", known, lambda _: ())


def test_a_difference_knows_what_it_lacks() -> None:
    values = np.array([[10.0, 10.0, np.nan], [4.0, np.nan, 4.0]])
    flags = np.array([[0, 0, 0], [int(Quality.ESTIMATED), 0, 0]])
    found = combine(values, flags, np.array([1.0, -1.0]), np.array([0.01, 0.01]))
    assert found.value.tolist() == pytest.approx([6.0, 10.0, float("nan")], nan_ok=True)
    assert found.quality.tolist() == [int(Quality.ESTIMATED), int(Quality.INCOMPLETE), 0]
    assert found.uncertainty[0] == pytest.approx((0.1**2 + 0.04**2) ** 0.5)
