"""`[calendar]`: the school's year as settings."""

from datetime import date

import pytest
from pydantic import ValidationError

from analytics.calendar import Calendar, DayClass
from devices.model import UseType
from runtime.settings import Settings
from runtime.settings_calendar import CalendarSettings, calendar_of
from runtime.site import site_of


def test_what_is_not_said_is_an_ordinary_chinese_school() -> None:
    assert site_of(Settings()).calendar == Calendar()


def test_every_entry_reaches_the_calendar() -> None:
    settings = CalendarSettings(
        holidays=("05-01/05-01",),
        vacations=("07-01/08-15",),
        closed=(date(2026, 11, 20),),
        school_days=(date(2026, 5, 1),),
        exams=("2026-06-15/2026-06-19",),
        dormitory_hours=(5, 22),
    )
    calendar = calendar_of(settings, "Asia/Shanghai")
    days = {
        date(2026, 5, 1): DayClass.SCHOOL_DAY,
        date(2027, 5, 1): DayClass.HOLIDAY,
        date(2026, 5, 4): DayClass.SCHOOL_DAY,
        date(2026, 8, 14): DayClass.VACATION,
        date(2026, 8, 17): DayClass.SCHOOL_DAY,
        date(2026, 11, 20): DayClass.HOLIDAY,
        date(2026, 6, 15): DayClass.EXAM,
        date(2026, 6, 22): DayClass.SCHOOL_DAY,
    }
    assert {day: calendar.day_class(day) for day in days} == days
    assert calendar.open_hours[UseType.DORMITORY].of(DayClass.EXAM) == frozenset(range(5, 23))


@pytest.mark.parametrize(
    "wrong",
    [
        {"vacations": ["12-20/01-10"]},
        {"holidays": ["13-01/13-02"]},
        {"holidays": ["05-01"]},
        {"exams": ["2026-06-19/2026-06-15"]},
        {"exams": ["06-15/06-19"]},
        {"dormitory_hours": [23, 6]},
        {"dormitory_hours": [6, 24]},
        {"terms": []},
    ],
    ids=["over the new year", "no such month", "no span", "backwards", "without a year", "hours backwards", "hour 24", "unknown"],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CalendarSettings.model_validate(wrong)
