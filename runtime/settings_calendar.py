"""`[calendar]` of caretaker.toml: what the school's year looks like."""

from collections.abc import Iterable
from datetime import date, timedelta
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analytics.calendar import HOLIDAYS, OPEN_HOURS, VACATIONS, Calendar, OpenHours, Span, hours_between
from devices.model import UseType

LEAP_YEAR = 2024
DAYS_AT_MOST = 370
_Hour = Annotated[int, Field(ge=0, le=23)]


def _written(spans: Iterable[Span]) -> tuple[str, ...]:
    return tuple("/".join(f"{month:02}-{day:02}" for month, day in span) for span in spans)


class CalendarSettings(BaseModel):
    """`holidays`, `vacations`: MM-DD/MM-DD, every year; `closed`: single days off; `school_days`: worked in spite of all these.

    `exams`: YYYY-MM-DD/YYYY-MM-DD. `dormitory_hours`: the first and the last hour in which a dormitory is awake, each day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    holidays: tuple[str, ...] = _written(HOLIDAYS)
    vacations: tuple[str, ...] = _written(VACATIONS)
    closed: tuple[date, ...] = ()
    school_days: tuple[date, ...] = ()
    exams: tuple[str, ...] = ()
    dormitory_hours: tuple[_Hour, _Hour] = (6, 23)

    @field_validator("holidays", "vacations")
    @classmethod
    def _yearly(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for span in value:
            _yearly_span(span)
        return value

    @field_validator("exams")
    @classmethod
    def _dated(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for span in value:
            _days(span)
        return value

    @field_validator("dormitory_hours")
    @classmethod
    def _in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if value[0] > value[1]:
            raise ValueError("write the first hour before the last, as [6, 23]")
        return value


def calendar_of(settings: CalendarSettings, timezone: str) -> Calendar:
    """The settings in the words of analytics."""
    dormitory = OpenHours.every_day(hours_between(*settings.dormitory_hours))
    return Calendar(
        timezone=timezone,
        holidays=tuple(_yearly_span(span) for span in settings.holidays),
        vacations=tuple(_yearly_span(span) for span in settings.vacations),
        closed=frozenset(settings.closed),
        school_days=frozenset(settings.school_days),
        exams=frozenset(day for span in settings.exams for day in _days(span)),
        open_hours=MappingProxyType({**OPEN_HOURS, UseType.DORMITORY: dormitory}),
    )


def _yearly_span(text: str) -> Span:
    first, last = (date.fromisoformat(f"{LEAP_YEAR}-{part.strip()}") for part in _parts(text, "01-15/02-22"))
    if first > last:
        raise ValueError(f"{text!r} crosses the new year; write two spans, one to 12-31 and one from 01-01")
    return (first.month, first.day), (last.month, last.day)


def _days(text: str) -> list[date]:
    first, last = (date.fromisoformat(part.strip()) for part in _parts(text, "2027-01-04/2027-01-14"))
    if not timedelta(0) <= last - first <= timedelta(days=DAYS_AT_MOST):
        raise ValueError(f"{text!r} ends before it begins, or is longer than a year")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _parts(text: str, example: str) -> list[str]:
    parts = text.split("/")
    if len(parts) != len(example.split("/")):
        raise ValueError(f"{text!r} is no span of days; write it as {example}")
    return parts
