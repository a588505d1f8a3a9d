"""Days, hours and prices in the site's time."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from analytics.arrays import HOUR_MS
from analytics.baseline import learn
from analytics.calendar import Calendar, DayClass, from_hour, hour_table
from analytics.forecast import forecast
from analytics.hourly import on_grid
from analytics.tariff import Price, Rates, cost, prices_of_day, waste
from devices.model import UseType
from tests.fakes.meters import SITE, START_MS

CALENDAR = Calendar()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 20), DayClass.SCHOOL_DAY),
        (date(2026, 11, 21), DayClass.WEEKEND),
        (date(2026, 10, 1), DayClass.HOLIDAY),
        (date(2026, 10, 8), DayClass.SCHOOL_DAY),
        (date(2026, 7, 15), DayClass.VACATION),
        (date(2026, 2, 1), DayClass.VACATION),
    ],
)
def test_classes_of_days(day: date, expected: DayClass) -> None:
    assert CALENDAR.day_class(day) is expected


def test_dated_exceptions_go_before_rules() -> None:
    calendar = Calendar(closed=frozenset({date(2026, 11, 20)}), school_days=frozenset({date(2026, 10, 4)}))
    assert calendar.day_class(date(2026, 11, 20)) is DayClass.HOLIDAY
    assert calendar.day_class(date(2026, 10, 4)) is DayClass.SCHOOL_DAY


EXAMS = Calendar(exams=frozenset(date(2026, 11, 1) + timedelta(days=n) for n in range(14)))


def test_exam_weeks_are_working_days_of_their_own() -> None:
    classes = [EXAMS.day_class(date(2026, 11, day)) for day in (1, 2, 13, 14, 16)]
    assert classes == [DayClass.WEEKEND, DayClass.EXAM, DayClass.EXAM, DayClass.WEEKEND, DayClass.SCHOOL_DAY]


@pytest.mark.parametrize(("use", "hour", "is_open"), [(UseType.LIBRARY, 23, True), (UseType.TEACHING, 20, True)])
def test_exam_weeks_have_hours_of_their_own_or_those_of_school_days(use: UseType, hour: int, is_open: bool) -> None:
    monday = hour_table(EXAMS, use, START_MS + 62 * 24 * HOUR_MS, 24)
    assert set(monday.day_class.tolist()) == {DayClass.EXAM}
    assert bool(monday.open[hour]) is is_open


def test_each_class_of_day_has_a_normal_of_its_own() -> None:
    """Term, weekend, holiday and vacation, exam and school days alternate; each must be told by its own days only."""
    table = hour_table(EXAMS, UseType.LIBRARY, START_MS, 180 * 24)
    used = np.array([5.0, 1.0, 0.5, 0.2, 9.0])[table.day_class]
    normal = learn(used, table)
    settled = {day_class: np.flatnonzero(table.day_class == day_class)[4 * 24 :] for day_class in DayClass}
    for day_class, hours in settled.items():
        assert hours.size, day_class
        assert (normal.expected[hours] == used[hours]).all(), day_class


def test_what_is_normal_follows_a_lasting_change_within_fifteen_like_days_and_not_before_half_of_them() -> None:
    table = hour_table(CALENDAR, UseType.TEACHING, START_MS, 70 * 24)
    used = np.where(table.day < 40, 4.0, 5.5)
    normal = learn(used, table)
    like = np.unique(table.day[(table.day_class == DayClass.SCHOOL_DAY) & (table.day >= 40)])
    at = [float(normal.expected[day * 24]) for day in like]
    assert at[:7] == [4.0] * 7
    assert at[8:] == [5.5] * len(at[8:])
    assert float(normal.low[like[-1] * 24]) == 5.5


def test_the_first_exam_days_are_compared_with_school_days() -> None:
    table = hour_table(EXAMS, UseType.LIBRARY, START_MS, 63 * 24)
    used = np.array([5.0, 1.0, 0.5, 0.2, 9.0])[table.day_class]
    normal = learn(used, table)
    assert (normal.expected[-24:] == 5.0).all()
    assert np.isnan(normal.low[-24:]).all()


def test_a_forecast_of_the_first_exam_day_takes_school_days() -> None:
    table = hour_table(EXAMS, UseType.LIBRARY, START_MS, 61 * 24)
    used = np.array([5.0, 1.0, 0.5, 0.2, 9.0])[table.day_class]
    hourly = on_grid(START_MS + HOUR_MS * np.arange(used.size), used, np.zeros(used.size, np.uint8))
    [sunday, monday] = forecast(hourly, EXAMS, UseType.LIBRARY, days=2)
    assert sunday.expected == pytest.approx(24 * 1.0)
    assert monday.expected == pytest.approx(24 * 5.0)


def test_hours_are_local() -> None:
    table = hour_table(CALENDAR, UseType.TEACHING, START_MS, 48)
    assert table.first_day == date(2026, 9, 1)
    assert table.hour.tolist()[:3] == [0, 1, 2]
    assert table.day.tolist()[23:25] == [0, 1]
    assert table.open[8]
    assert not table.open[23]


def test_a_day_of_25_hours_is_one_day() -> None:
    start = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp() * 1000)
    table = hour_table(Calendar(timezone="Europe/Berlin"), UseType.TEACHING, start, 26)
    assert table.day.tolist() == [0] * 25 + [1]
    assert table.hour.tolist()[2:4] == [2, 2]


def test_a_part_of_a_table_counts_from_its_own_first_day() -> None:
    part = from_hour(hour_table(CALENDAR, UseType.TEACHING, START_MS, 96), 30)
    assert part.first_day == date(2026, 9, 2)
    assert part.day[0] == 0
    assert part.class_of_day.size == 3


def test_prices_are_dated_and_by_hour() -> None:
    prices = (
        Price(valid_from=date(2026, 1, 1), price=1.0),
        Price(valid_from=date(2026, 1, 1), price=2.0, hours=(8,)),
        Price(valid_from=date(2026, 9, 2), price=3.0),
    )
    assert prices_of_day(prices, date(2025, 1, 1))[0] == 0.0
    assert prices_of_day(prices, date(2026, 9, 1))[7:9] == (1.0, 2.0)
    assert prices_of_day(prices, date(2026, 9, 2))[7:9] == (3.0, 2.0)
    hours = START_MS + HOUR_MS * np.arange(48, dtype=np.int64)
    money, carbon = cost(np.ones(48), hours, "electricity", Rates(electricity=prices), CALENDAR)
    assert money.sum() == pytest.approx(23 * 1 + 23 * 3 + 2 * 2)
    assert carbon.sum() == pytest.approx(48 * 0.5366)


def test_waste_in_money_and_carbon() -> None:
    water = waste(10.0, "water", SITE.rates, price=4.1)
    assert (water.m3_per_day, water.cost_per_day) == (10.0, pytest.approx(41.0))
    assert water.kgco2e_per_day == pytest.approx(1.68)


def test_the_normal_of_a_day_comes_from_days_before_it_alone() -> None:
    table = hour_table(CALENDAR, UseType.TEACHING, START_MS, 40 * 24)
    hours = np.where(table.open, 5.0, 1.0)
    before = learn(hours, table)
    hours[30 * 24 :] = 99.0
    after = learn(hours, table)
    same = slice(0, 30 * 24 + 24)
    np.testing.assert_array_equal(before.expected[same], after.expected[same])
    assert np.isnan(before.expected[: 3 * 24]).all()


def test_the_last_days_alone_are_the_same_as_all() -> None:
    table = hour_table(CALENDAR, UseType.DORMITORY, START_MS, 60 * 24)
    hours = np.random.default_rng(2).random(60 * 24)
    whole, recent = learn(hours, table), learn(hours, table, 5)
    np.testing.assert_array_equal(whole.top[-5 * 24 :], recent.top[-5 * 24 :])


def test_a_first_holiday_expects_something_but_demands_nothing() -> None:
    table = hour_table(CALENDAR, UseType.TEACHING, START_MS, 32 * 24)
    normal = learn(np.ones(32 * 24), table)
    holiday = (date(2026, 10, 1) - date(2026, 9, 1)).days * 24
    assert normal.expected[holiday] == 1.0
    assert np.isnan(normal.low[holiday])
