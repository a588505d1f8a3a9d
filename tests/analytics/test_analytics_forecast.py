"""Forecasts: like days, level, intervals that hold what they say."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.arrays import HOUR_MS
from analytics.calendar import Calendar
from analytics.forecast import forecast
from analytics.hourly import Hourly, on_grid
from devices.model import UseType

UTC_CALENDAR = Calendar(timezone="UTC", holidays=(((5, 1), (5, 5)),), vacations=())
MONDAY_MS = 1_772_409_600_000  # 2026-03-02T00:00Z


def school(days: int, *, noise: float = 0.0, factor: float = 1.0, seed: int = 1, start_ms: int = MONDAY_MS) -> Hourly:
    """10 kWh an hour from eight to six on school days, 2 else; `factor` on the last ten days."""
    rng = np.random.default_rng(seed)
    hours = start_ms + HOUR_MS * np.arange(days * 24)
    hour, weekday = np.arange(days * 24) % 24, np.arange(days * 24) // 24 % 7
    use = np.where((hour >= 8) & (hour < 18) & (weekday < 5), 10.0, 2.0)
    use *= np.repeat(1 + noise * rng.standard_normal(days), 24)
    use[-10 * 24 :] *= factor
    return on_grid(hours, use, np.zeros(hours.size, np.uint8))


def test_the_next_week_follows_the_weekdays() -> None:
    ahead = forecast(school(49), UTC_CALENDAR, UseType.TEACHING)
    assert ahead[0].day == date(2026, 4, 20)
    assert [round(one.expected) for one in ahead] == [128] * 5 + [48] * 2
    assert ahead[0].hours[9] == pytest.approx(10)
    assert ahead[0].hours[20] == pytest.approx(2)


def test_half_of_a_change_of_level_is_taken_to_last() -> None:
    ahead = forecast(school(56, factor=1.44), UTC_CALENDAR, UseType.TEACHING)
    assert ahead[0].expected == pytest.approx(128 * 1.2, rel=0.02)


def test_a_holiday_is_not_forecast_as_a_school_day() -> None:
    ahead = forecast(school(56), UTC_CALENDAR, UseType.TEACHING)
    by_day = {one.day: round(one.expected) for one in ahead}
    assert by_day[date(2026, 4, 30)] == 128
    assert by_day[date(2026, 5, 1)] == 48


def test_eight_of_ten_days_fall_into_the_interval() -> None:
    whole = school(200, noise=0.1, seed=3)
    inside = []
    for days in range(100, 190):
        part = Hourly(
            start_ms=whole.start_ms,
            consumption=whole.consumption[: days * 24],
            quality=whole.quality[: days * 24],
            least=whole.least[: days * 24],
        )
        told = forecast(part, Calendar(timezone="UTC", holidays=(), vacations=()), UseType.TEACHING, days=1)[0]
        assert told.low is not None
        assert told.high is not None
        came = whole.consumption[days * 24 : days * 24 + 24].sum()
        inside.append(told.low <= came <= told.high)
    assert 0.7 <= np.mean(inside) <= 0.9


def test_with_too_little_past_nothing_is_said() -> None:
    assert forecast(school(1), UTC_CALENDAR, UseType.TEACHING) == ()
    assert forecast(on_grid(np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8)), UTC_CALENDAR, UseType.TEACHING) == ()
    few = forecast(school(16), UTC_CALENDAR, UseType.TEACHING)
    assert few
    assert all(one.low is None or one.low <= one.expected for one in few)


@settings(max_examples=30)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=24 * 40),
    st.integers(0, 23),
)
def test_any_series_goes_through(values: list[float | None], offset: int) -> None:
    use = np.array([np.nan if value is None else value for value in values], np.float64)
    hours = MONDAY_MS + HOUR_MS * (offset + np.arange(use.size, dtype=np.int64))
    for one in forecast(on_grid(hours, use, np.zeros(use.size, np.uint8)), Calendar(), UseType.CAMPUS):
        assert one.expected >= 0
        assert len(one.hours) == 24
