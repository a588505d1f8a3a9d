"""The calendar and the weather behind everything."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from devices.model import UseType
from simulators.timetable import LESSONS, DayKind, breaks, date_of, day_kind, day_of, day_start_s, local_day, moment, occupancy
from simulators.weather import outdoor_temperature_c


def day(year: int, month: int, number: int) -> int:
    return (date(year, month, number) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        (day(2026, 11, 20), DayKind.TERM),
        (day(2026, 11, 21), DayKind.WEEKEND),
        (day(2026, 10, 1), DayKind.HOLIDAY),
        (day(2026, 10, 8), DayKind.TERM),
        (day(2026, 8, 1), DayKind.VACATION),
        (day(2027, 1, 1), DayKind.HOLIDAY),
        (day(2027, 2, 1), DayKind.VACATION),
    ],
    ids=lambda value: value.value if isinstance(value, DayKind) else date_of(value).isoformat(),
)
def test_what_kind_of_day_it_is(when: int, kind: DayKind) -> None:
    assert day_kind(when) is kind


def test_a_day_begins_at_midnight_in_shanghai() -> None:
    assert moment(day(2026, 11, 21), 0) == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert day_of(datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)) == day(2026, 11, 20)
    assert local_day(day_start_s(20_000)) == 20_000


@pytest.mark.parametrize("use", list(UseType))
@pytest.mark.parametrize("kind", list(DayKind))
def test_occupancy_is_a_share(use: UseType, kind: DayKind) -> None:
    share = occupancy(use, kind)
    assert share.shape == (1440,)
    assert share.min() >= 0
    assert share.max() <= 1


def test_nobody_is_in_a_classroom_at_night_or_on_a_holiday() -> None:
    assert occupancy(UseType.TEACHING, DayKind.TERM)[22 * 60 :].max() == 0
    assert occupancy(UseType.TEACHING, DayKind.HOLIDAY).max() == 0


def test_a_break_follows_each_lesson() -> None:
    bells = breaks(DayKind.TERM)
    assert all(bells[ends] == 1 for _, ends in LESSONS)
    assert not breaks(DayKind.WEEKEND).any()


def test_the_weather_has_seasons_and_no_jump_at_midnight() -> None:
    july = [outdoor_temperature_c(7, day(2026, 7, number)).mean() for number in range(1, 29)]
    january = [outdoor_temperature_c(7, day(2026, 1, number)).mean() for number in range(1, 29)]
    assert 24 < np.mean(july) < 33
    assert -1 < np.mean(january) < 10
    for number in range(1, 20):
        tonight, tomorrow = (outdoor_temperature_c(7, day(2026, 11, number + step)) for step in (0, 1))
        assert abs(tomorrow[0] - tonight[-1]) < 0.2
