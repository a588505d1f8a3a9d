"""When a space is in use: terms, weekends, holidays, lesson and dormitory hours, in the site's time zone.

All of it is data. Defaults are those of an ordinary Chinese school; a site replaces what differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import pandas as pd

from analytics.arrays import HOUR_MS, Bools, Ints
from devices.model import UseType


class DayClass(IntEnum):
    """What kind of day it is; a meter is compared with its own days of the same class. Above 0 nobody works."""

    EXAM = -1  # no lessons, full libraries and dormitories
    SCHOOL_DAY = 0
    WEEKEND = 1
    HOLIDAY = 2  # public holidays in term
    VACATION = 3  # between terms


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHours:
    """The hours 0-23, site time, in which a space is in use, by class of day. Outside them it is closed.

    `exam`: None where they are those of school days.
    """

    school_day: frozenset[int]
    weekend: frozenset[int] = frozenset()
    holiday: frozenset[int] = frozenset()
    vacation: frozenset[int] = frozenset()
    exam: frozenset[int] | None = None

    @staticmethod
    def every_day(hours: frozenset[int]) -> "OpenHours":
        return OpenHours(school_day=hours, weekend=hours, holiday=hours, vacation=hours)

    def of(self, day: DayClass) -> frozenset[int]:
        if day is DayClass.EXAM:
            return self.school_day if self.exam is None else self.exam
        return (self.school_day, self.weekend, self.holiday, self.vacation)[day]


def hours_between(first: int, last: int) -> frozenset[int]:
    """From `first` o'clock to the end of hour `last`."""
    return frozenset(range(first, last + 1))


OPEN_HOURS: Mapping[UseType, OpenHours] = MappingProxyType(
    {
        UseType.CAMPUS: OpenHours.every_day(hours_between(6, 23)),
        UseType.DORMITORY: OpenHours.every_day(hours_between(6, 23)),
        UseType.TEACHING: OpenHours(school_day=hours_between(7, 21), weekend=hours_between(8, 17)),
        UseType.LABORATORY: OpenHours(school_day=hours_between(7, 21), weekend=hours_between(9, 17)),
        UseType.CANTEEN: OpenHours(school_day=hours_between(5, 20), weekend=hours_between(5, 20), holiday=hours_between(5, 20)),
        UseType.LIBRARY: OpenHours(
            school_day=hours_between(7, 22), weekend=hours_between(7, 22), holiday=hours_between(8, 17), exam=hours_between(6, 23)
        ),
    }
)
"""Lessons 08:00-17:30, evening study to 22:00, dormitory lights-out 23:00; an hour for coming and one for cleaning on top."""


Span = tuple[tuple[int, int], tuple[int, int]]
"""First and last day of every year, as (month, day)."""
HOLIDAYS: tuple[Span, ...] = (((1, 1), (1, 1)), ((4, 4), (4, 6)), ((5, 1), (5, 5)), ((10, 1), (10, 7)))
VACATIONS: tuple[Span, ...] = (((1, 15), (2, 22)), ((7, 10), (8, 31)))


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """`holidays`, `vacations`: every year; `closed`: further dated holidays; `school_days`: worked in spite of all of these.

    `exams`: dated days of exam weeks; those of them that are no school days stay what they are.
    """

    timezone: str = "Asia/Shanghai"
    holidays: tuple[Span, ...] = HOLIDAYS
    vacations: tuple[Span, ...] = VACATIONS
    closed: frozenset[date] = frozenset()
    school_days: frozenset[date] = frozenset()
    exams: frozenset[date] = frozenset()
    open_hours: Mapping[UseType, OpenHours] = field(default_factory=lambda: OPEN_HOURS, hash=False)

    def day_class(self, day: date) -> DayClass:
        found = self._ordinary(day)
        return DayClass.EXAM if found is DayClass.SCHOOL_DAY and day in self.exams else found

    def _ordinary(self, day: date) -> DayClass:
        if day in self.school_days:
            return DayClass.SCHOOL_DAY
        if _within(day, self.vacations):
            return DayClass.VACATION
        if day in self.closed or _within(day, self.holidays):
            return DayClass.HOLIDAY
        return DayClass.WEEKEND if day.weekday() >= 5 else DayClass.SCHOOL_DAY


def _within(day: date, spans: tuple[Span, ...]) -> bool:
    return any(first <= (day.month, day.day) <= last for first, last in spans)


@dataclass(frozen=True, slots=True, eq=False)
class HourTable:
    """What each hour of a span is, site time: `day` counts local days from the first, `hour` is 0-23. All arrays align."""

    first_day: date
    day: Ints
    hour: Ints
    day_class: Ints  # per hour
    class_of_day: Ints  # per day
    open: Bools


def from_hour(table: HourTable, first: int, last: int | None = None) -> HourTable:
    """The part of the table from hour `first` on, up to and without `last`."""
    part = slice(first, last)
    day = table.day[part]
    skipped = int(day[0]) if day.size else 0
    return HourTable(
        table.first_day + timedelta(days=skipped),
        day - skipped,
        table.hour[part],
        table.day_class[part],
        table.class_of_day[skipped : (int(day[-1]) + 1 if day.size else skipped)],
        table.open[part],
    )


@lru_cache(maxsize=256)
def hour_table(calendar: Calendar, use: UseType, start_ms: int, count: int) -> HourTable:
    """The table for `count` hours from `start_ms` (an hour's start). Cached: all meters of a site ask for the same span."""
    stamps = pd.to_datetime(start_ms + HOUR_MS * np.arange(count, dtype=np.int64), unit="ms", utc=True)
    local = stamps.tz_convert(calendar.timezone).tz_localize(None)
    days = local.to_numpy().astype("datetime64[D]").astype(np.int64)
    day = days - (days[0] if count else 0)
    hour = np.asarray(local.hour, np.int64)
    first = date(1970, 1, 1) + timedelta(days=int(days[0])) if count else date(1970, 1, 1)
    classes = [calendar.day_class(first + timedelta(days=n)) for n in range(int(day[-1]) + 1 if count else 0)]
    class_of_day = np.array(classes, np.int64)
    open_by_class = np.zeros((len(DayClass), 24), np.bool_)  # the last row is that of -1
    for day_class in DayClass:
        open_by_class[day_class, sorted(calendar.open_hours[use].of(day_class))] = True
    day_class_of_hour = class_of_day[day] if count else np.empty(0, np.int64)
    return HourTable(first, day, hour, day_class_of_hour, class_of_day, open_by_class[day_class_of_hour, hour])
