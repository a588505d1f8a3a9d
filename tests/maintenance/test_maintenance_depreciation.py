"""Depreciation: exact to the cent and the month, never below the residual value, whatever the life and the price."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.asset import Asset, AssetState, Condition, DepreciationMethod
from maintenance.asset_report import course, depreciation, good_order, months_until, whole
from maintenance.depreciation import months_charged, residual_cents, total, value_at
from tests.fakes.assets import plain_asset

NOW = datetime(2026, 11, 18, tzinfo=UTC)


def asset(**changes: object) -> Asset:
    used = {"state": AssetState.IN_USE, "price_cents": 36000, "accepted_on": date(2025, 3, 5), "life_months": 60}
    return plain_asset(**{**used, **changes})


@pytest.mark.parametrize(
    ("month", "accumulated", "of_the_month"),
    [
        (date(2025, 3, 31), 600, 600),  # the month of acceptance counts
        (date(2025, 4, 1), 1200, 600),
        (date(2030, 2, 1), 36000, 600),  # the sixtieth month
        (date(2030, 3, 1), 36000, 0),
        (date(2099, 1, 1), 36000, 0),
    ],
)
def test_months_are_exact(month: date, accumulated: int, of_the_month: int) -> None:
    value = value_at(asset(), month)
    assert value is not None
    assert (value.accumulated_cents, value.month_cents) == (accumulated, of_the_month)


@pytest.mark.parametrize(
    ("changes", "month", "on_books"),
    [
        ({}, date(2025, 2, 28), False),
        ({"accepted_on": None}, date(2026, 1, 1), False),
        ({"written_off_on": date(2026, 5, 20)}, date(2026, 4, 30), True),
        ({"written_off_on": date(2026, 5, 20)}, date(2026, 5, 1), False),  # the month of removal does not count
    ],
)
def test_what_is_on_the_books(changes: dict[str, object], month: date, on_books: bool) -> None:
    assert (value_at(asset(**changes), month) is not None) is on_books


@pytest.mark.parametrize("changes", [{"method": DepreciationMethod.NONE}, {"life_months": 0}, {"price_cents": 0}])
def test_some_things_keep_their_value(changes: dict[str, object]) -> None:
    value = value_at(asset(**changes), date(2090, 1, 1))
    assert value is not None
    assert value.accumulated_cents == 0


ASSETS = st.builds(
    asset,
    price_cents=st.integers(0, 10**11),
    life_months=st.integers(0, 600),
    residual_rate=st.floats(0, 1),
    accepted_on=st.dates(date(1990, 1, 1), date(2040, 12, 31)),
    class_code=st.sampled_from(["A02100000", "A05010203", "A02061804"]),
)


@given(ASSETS)
def test_the_months_add_up_to_what_is_worn_off_and_never_below_the_residual(one: Asset) -> None:
    assert one.accepted_on is not None
    first = one.accepted_on.year * 12 + one.accepted_on.month - 1
    months = [date((first + n) // 12, (first + n) % 12 + 1, 1) for n in range(one.life_months + 2)]
    values = [value for month in months if (value := value_at(one, month)) is not None]
    assert len(values) == len(months)
    assert all(value.month_cents >= 0 and value.net_cents >= residual_cents(one) for value in values)
    assert sum(value.month_cents for value in values) == values[-1].accumulated_cents
    if one.life_months:
        assert values[-1].net_cents == residual_cents(one)
        even = (one.price_cents - residual_cents(one)) / one.life_months
        assert all(abs(value.month_cents - even) < 1 for value in values[: one.life_months])
        assert months_charged(one, months[0]) == 1


@given(st.lists(ASSETS, max_size=20), st.dates(date(1990, 1, 1), date(2050, 1, 1)))
def test_groups_add_up_to_the_whole(assets: list[Asset], month: date) -> None:
    groups = depreciation(assets, month, lambda one: one.class_code)
    values = [value for one in assets if (value := value_at(one, month)) is not None]
    assert whole(groups).value == total(values)
    assert whole(groups).count == len(values)


def test_the_course_ends_in_the_month_asked() -> None:
    told = course([asset()], date(2026, 2, 10), 3)
    assert [(month, value.accumulated_cents) for month, value in told] == [
        (date(2025, 12, 1), 6000),
        (date(2026, 1, 1), 6600),
        (date(2026, 2, 1), 7200),
    ]
    assert months_until(date(1, 2, 1), 3) == [date(1, 1, 1), date(1, 2, 1)]


def test_the_share_in_good_order() -> None:
    poor = asset(condition=Condition.POOR, state=AssetState.UNDER_REPAIR)
    gone = asset(state=AssetState.DISPOSED, condition=Condition.POOR)
    order = good_order([asset()] * 3 + [poor, gone])
    assert (order.good, order.total, order.share) == (3, 4, 0.75)
    assert good_order([gone]).share is None
