"""When somebody must have answered and when the fault must be put right: pure arithmetic on a working calendar."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from maintenance.model import Priority


class Clock(StrEnum):
    """Which time counts: all of it, the working days from midnight to midnight, or their office hours."""

    ALWAYS = "always"
    WORKING_DAYS = "working_days"
    OFFICE_HOURS = "office_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    amount: timedelta
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    respond: Limit
    resolve: Limit


def _sla(respond: timedelta, respond_clock: Clock, resolve: timedelta, resolve_clock: Clock) -> Sla:
    return Sla(respond=Limit(amount=respond, clock=respond_clock), resolve=Limit(amount=resolve, clock=resolve_clock))


DEFAULT_SLA: Mapping[Priority, Sla] = {
    Priority.P1: _sla(timedelta(minutes=30), Clock.ALWAYS, timedelta(hours=24), Clock.ALWAYS),
    Priority.P2: _sla(timedelta(hours=4), Clock.OFFICE_HOURS, timedelta(days=3), Clock.WORKING_DAYS),
    Priority.P3: _sla(timedelta(hours=24), Clock.WORKING_DAYS, timedelta(days=15), Clock.WORKING_DAYS),
    Priority.P4: _sla(timedelta(days=3), Clock.WORKING_DAYS, timedelta(days=15), Clock.WORKING_DAYS),
}
"""The rule books: respond in 24 h, rectify in 15 working days; major faults at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCalendar:
    """Working time of the site. `workdays`: Monday = 0. `extra_workdays`: weekend days worked in exchange for a holiday."""

    zone: ZoneInfo
    workdays: frozenset[int] = frozenset(range(5))
    opens: time = time(8, 0)
    closes: time = time(17, 30)
    holidays: frozenset[date] = frozenset()
    extra_workdays: frozenset[date] = frozenset()
    sla: Mapping[Priority, Sla] = field(default_factory=lambda: DEFAULT_SLA)

    def works_on(self, day: date) -> bool:
        return day in self.extra_workdays or (day.weekday() in self.workdays and day not in self.holidays)


def respond_due(priority: Priority, raised_at: datetime, calendar: WorkingCalendar) -> datetime:
    """When a crew member must have accepted, aware UTC."""
    return add(raised_at, calendar.sla[priority].respond, calendar)


def resolve_due(priority: Priority, raised_at: datetime, calendar: WorkingCalendar) -> datetime:
    """When the work must be done, aware UTC."""
    return add(raised_at, calendar.sla[priority].resolve, calendar)


def extended(priority: Priority, due: datetime, held_from: datetime, held_to: datetime, calendar: WorkingCalendar) -> datetime:
    """The due time after a hold: the counted time that passed on hold is added again."""
    clock = calendar.sla[priority].resolve.clock
    return add(due, Limit(amount=counted(held_from, held_to, clock, calendar), clock=clock), calendar)


def add(start: datetime, limit: Limit, calendar: WorkingCalendar) -> datetime:
    """`start` plus `limit`, counting only the time that its clock counts. Aware UTC."""
    left = limit.amount
    for begin, end in _spans(start, limit.clock, calendar):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise AssertionError("the spans never end")


def counted(start: datetime, end: datetime, clock: Clock, calendar: WorkingCalendar) -> timedelta:
    """How much of [start, end) the clock counts."""
    total = timedelta()
    for begin, stop in _spans(start, clock, calendar):
        if begin >= end:
            break
        total += min(stop, end) - begin
    return total


_HORIZON_DAYS = 3660


def _spans(start: datetime, clock: Clock, calendar: WorkingCalendar) -> Iterator[tuple[datetime, datetime]]:
    """The counted stretches from `start` on, in UTC. A calendar without any working day counts all time after ten years."""
    start = start.astimezone(UTC)
    if clock is Clock.ALWAYS:
        yield start, datetime.max.replace(tzinfo=UTC)
        return
    first = start.astimezone(calendar.zone).date()
    for offset in range(_HORIZON_DAYS):
        day = first + timedelta(days=offset)
        if calendar.works_on(day):
            begin, end = _bounds(day, clock, calendar)
            if end > start:
                yield max(begin, start), end
    yield start + timedelta(days=_HORIZON_DAYS), datetime.max.replace(tzinfo=UTC)


def _bounds(day: date, clock: Clock, calendar: WorkingCalendar) -> tuple[datetime, datetime]:
    if clock is Clock.WORKING_DAYS:
        begin, end = datetime.combine(day, time(), calendar.zone), datetime.combine(day + timedelta(days=1), time(), calendar.zone)
    else:
        begin, end = datetime.combine(day, calendar.opens, calendar.zone), datetime.combine(day, calendar.closes, calendar.zone)
    return begin.astimezone(UTC), end.astimezone(UTC)
