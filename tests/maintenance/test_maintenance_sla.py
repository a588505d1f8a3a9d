"""Due times on the working calendar of Shanghai, as tables."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maintenance.model import Priority
from maintenance.sla import Clock, Limit, WorkingCalendar, add, counted, extended, resolve_due, respond_due

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkingCalendar(
    zone=SHANGHAI,
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)),
    extra_workdays=frozenset({date(2026, 10, 10)}),  # a Saturday worked for the holiday
)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


DUE = [
    # what, priority, raised (Shanghai), due (Shanghai)
    (respond_due, Priority.P1, "2026-03-07 23:50", "2026-03-08 00:20"),  # Saturday night: round the clock
    (resolve_due, Priority.P1, "2026-03-07 23:50", "2026-03-08 23:50"),
    (respond_due, Priority.P3, "2026-03-03 10:00", "2026-03-04 10:00"),  # Tuesday
    (respond_due, Priority.P3, "2026-03-06 15:00", "2026-03-09 15:00"),  # Friday → Monday
    (respond_due, Priority.P3, "2026-03-07 12:00", "2026-03-10 00:00"),  # Saturday counts nothing
    (respond_due, Priority.P2, "2026-03-06 15:30", "2026-03-09 10:00"),  # two hours on Friday, two on Monday
    (respond_due, Priority.P2, "2026-03-06 06:00", "2026-03-06 12:00"),  # before the office opens
    (resolve_due, Priority.P3, "2026-03-02 09:00", "2026-03-23 09:00"),  # 15 working days are three weeks
    (resolve_due, Priority.P2, "2026-09-30 09:00", "2026-10-10 09:00"),  # the golden week, then a worked Saturday
    (respond_due, Priority.P3, "2026-10-09 12:00", "2026-10-10 12:00"),
]


@pytest.mark.parametrize(("what", "priority", "raised", "due"), DUE)
def test_due(what: object, priority: Priority, raised: str, due: str) -> None:
    assert callable(what)
    assert what(priority, local(raised), CALENDAR) == local(due).astimezone(UTC)


HOLDS = [
    ("2026-03-02 09:00", "2026-03-02 17:00", timedelta(hours=8)),
    ("2026-03-06 12:00", "2026-03-09 12:00", timedelta(hours=24)),  # the weekend did not count anyway
    ("2026-03-07 12:00", "2026-03-08 12:00", timedelta()),
]


@pytest.mark.parametrize(("held_from", "held_to", "lost"), HOLDS)
def test_a_hold_gives_the_counted_time_back(held_from: str, held_to: str, lost: timedelta) -> None:
    assert counted(local(held_from), local(held_to), Clock.WORKING_DAYS, CALENDAR) == lost
    due = local("2026-03-17 09:00")
    assert extended(Priority.P3, due, local(held_from), local(held_to), CALENDAR) == due + lost


def test_summer_time_makes_a_working_day_of_23_hours() -> None:
    berlin = WorkingCalendar(zone=ZoneInfo("Europe/Berlin"), workdays=frozenset(range(7)))
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Berlin, the night of the change
    assert add(start, Limit(amount=timedelta(hours=23), clock=Clock.WORKING_DAYS), berlin) == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_a_calendar_without_working_days_still_answers() -> None:
    never = WorkingCalendar(zone=SHANGHAI, workdays=frozenset())
    assert respond_due(Priority.P3, local("2026-03-03 10:00"), never).year == 2036


moments = st.integers(0, 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(moments, st.integers(0, 40 * 24), st.sampled_from(list(Clock)))
def test_what_is_added_is_what_is_counted(start: datetime, hours: int, clock: Clock) -> None:
    due = add(start, Limit(amount=timedelta(hours=hours), clock=clock), CALENDAR)
    assert due >= start
    assert counted(start, due, clock, CALENDAR) == timedelta(hours=hours)
