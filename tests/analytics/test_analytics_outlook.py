"""Plans: several meters as one, the end of a budget, its warning, and places beside each other."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.arrays import HOUR_MS
from analytics.benchmark import DegreeDays, degree_days, in_ordinary_weather, openings, room_use
from analytics.budget import Budget, Measure
from analytics.budget_warning import device_of, rounded, warning
from analytics.calendar import Calendar
from analytics.forecast import courses, total_shares
from analytics.hourly import Hourly, on_grid
from analytics.joined import joined
from analytics.outlook import HoursOf, Outlook, outlook, period_ms
from devices.model import Quality, UseType

ZONE = ZoneInfo("Asia/Shanghai")
MARCH = Budget(
    id=7, space_id="t", quantity="electricity", measure=Measure.MONEY, year=2026, month=3, amount=3100.0,
    entered_by="energy", entered_at=datetime(2026, 2, 1, tzinfo=UTC),
)  # fmt: skip
UTC_CALENDAR = Calendar(timezone="UTC", holidays=(), vacations=())
MONDAY_MS = 1_772_409_600_000


def stands(past_days: int, per_day: float, *, ahead: float | None = None, shares: tuple[float, float] | None = None) -> Outlook:
    past = np.full(past_days * 24, per_day / 24)
    rest = np.full((31 - past_days) * 24, (per_day if ahead is None else ahead) / 24)
    hours = HoursOf(start_ms=period_ms(MARCH, ZONE)[0], past=past, ahead=rest, shares=shares, told=True)
    return outlook(MARCH, hours, ZONE)


@pytest.mark.parametrize(
    ("past_days", "per_day", "day", "warns"),
    [
        pytest.param(10, 100, None, False, id="as planned"),
        pytest.param(10, 100.5, date(2026, 3, 31), False, id="half a percent is within the error"),
        pytest.param(10, 140, date(2026, 3, 23), True, id="told before"),
        pytest.param(2, 140, date(2026, 3, 23), False, id="too early to say"),
        pytest.param(25, 140, date(2026, 3, 23), True, id="overspent already"),
        pytest.param(10, 80, None, False, id="saved"),
    ],
)
def test_the_day_on_which_a_budget_is_overspent(past_days: int, per_day: float, day: date | None, warns: bool) -> None:
    found = stands(past_days, per_day)
    assert found.over_on == day
    assert found.expected == pytest.approx(31 * per_day)
    assert found.plan_to_date == pytest.approx(100.0 * past_days)
    assert found.warns(MARCH, date(2026, 3, past_days + 1)) is warns
    assert not found.warns(MARCH, date(2026, 4, 1)), "what is over cannot be saved"


def test_the_interval_is_of_what_is_still_to_come() -> None:
    found = stands(11, 100, shares=(0.9, 1.2))
    assert [found.low, found.high] == pytest.approx([1100 + 1800, 1100 + 2400])


def test_days_before_today_are_used_and_those_after_it_expected() -> None:
    past = np.full(10 * 24 + 6, 1.0)
    hours = HoursOf(start_ms=period_ms(MARCH, ZONE)[0], past=past, ahead=np.full(31 * 24 - past.size, 2.0), shares=None, told=True)
    days = outlook(MARCH, hours, ZONE).days
    assert (days[9].used, days[9].expected) == (240, None)
    assert (days[10].used, days[10].expected) == (246, 246 + 36)
    assert days[11].used is None
    assert days[-1].plan == pytest.approx(3100)


def test_without_a_forecast_only_what_was_used_is_told() -> None:
    hours = HoursOf(start_ms=period_ms(MARCH, ZONE)[0], past=np.full(240, 1.0), ahead=np.zeros(504), shares=None, told=False)
    found = outlook(MARCH, hours, ZONE)
    assert (found.used, found.expected, found.over_on) == (240, None, None)
    assert not found.warns(MARCH, date(2026, 3, 11))


def test_the_warning_says_when_and_by_how_much_in_round_figures() -> None:
    now = datetime(2026, 3, 11, tzinfo=UTC)
    found = warning(MARCH, stands(10, 140), "t", "CNY", now, ZONE)
    said = found.message % {name: f"{value}" for name, value in found.facts.items()}
    assert said.startswith("Will be overspent on 2026-03-23, by the end of the period by about 1200.0 CNY: 1400.0 of 3100.0 CNY")
    assert (found.device_id, found.space_id) == (device_of(MARCH), "t") == ("budget-7", "t")
    assert found.evidence is not None
    assert (len(found.evidence.observed), len(found.evidence.expected)) == (10, 31)
    later = warning(MARCH, stands(25, 140), "t", "CNY", now, ZONE)
    assert later.message.startswith("Overspent since")


@pytest.mark.parametrize(("value", "said"), [(1238.7, 1200.0), (55_510.0, 55_500.0), (0.0, 0.0), (3.14, 3.1)])
def test_round_figures(value: float, said: float) -> None:
    assert rounded(value) == said


def test_a_small_meter_that_is_silent_does_not_make_the_whole_unknown() -> None:
    large, small = np.full(100, 19.0), np.full(100, 1.0)
    small[50:] = np.nan
    found = joined(0, [(large, np.zeros(100, np.uint8)), (small, np.zeros(100, np.uint8))])
    assert np.isfinite(found.measured).all()
    assert found.consumption[0] == pytest.approx(20)
    assert found.consumption[99] == pytest.approx(20, rel=0.03), "its share is added"
    large[90:] = np.nan
    found = joined(0, [(large, np.zeros(100, np.uint8)), (small, np.zeros(100, np.uint8))])
    assert not np.isfinite(found.measured[95])
    estimated = np.full(100, int(Quality.ESTIMATED), np.uint8)
    assert not np.isfinite(joined(0, [(np.ones(100), estimated)]).measured).any()


def school(days: int, noise: float = 0.05) -> Hourly:
    rng = np.random.default_rng(3)
    hours = MONDAY_MS + HOUR_MS * np.arange(days * 24)
    hour, weekday = np.arange(days * 24) % 24, np.arange(days * 24) // 24 % 7
    use = np.where((hour >= 8) & (hour < 18) & (weekday < 5), 10.0, 2.0) * np.repeat(1 + noise * rng.standard_normal(days), 24)
    return on_grid(hours, use, np.zeros(hours.size, np.uint8))


def test_courses_go_as_far_as_asked_and_sums_err_less_than_days() -> None:
    found = courses(school(70), UTC_CALENDAR, UseType.TEACHING, days=60)
    assert len(found) == 60
    assert found[0][0] == date(2026, 5, 11)
    assert sum(found[0][1]) == pytest.approx(128, rel=0.05)
    assert sum(found[5][1]) == pytest.approx(48, rel=0.05)
    week, day = (total_shares(school(98), UTC_CALENDAR, UseType.TEACHING, days=days) for days in (7, 1))
    assert week is not None
    assert day is not None
    assert day[0] < week[0] < 1.02
    assert 0.98 < week[1] < day[1]
    assert total_shares(school(20), UTC_CALENDAR, UseType.TEACHING, days=7) is None
    assert courses(school(1), UTC_CALENDAR, UseType.TEACHING, days=7) == ()


def test_a_cold_month_is_ranked_as_an_ordinary_one() -> None:
    celsius = np.linspace(0, 18, 28)
    use = 100 + 5 * (18 - celsius)
    assert in_ordinary_weather(use, celsius, DegreeDays(heating=4.0, cooling=0.0)) == pytest.approx(120)
    assert in_ordinary_weather(use[:5], celsius[:5], DegreeDays(heating=4.0, cooling=0.0)) is None
    assert in_ordinary_weather(np.full(28, 50.0), celsius, DegreeDays(heating=0.0, cooling=9.0)) == pytest.approx(50)
    assert degree_days(np.array([np.nan])) is None
    assert degree_days(np.array([8.0, 28.0, np.nan])) == DegreeDays(heating=5.0, cooling=2.0)


def test_energy_of_a_room_against_its_use() -> None:
    day = np.where((np.arange(24) >= 8) & (np.arange(24) < 12), 1.1, 0.1)
    found = room_use(np.tile(day, 7))
    assert found is not None
    assert found.kwh_per_day == pytest.approx(4 * 1.1 + 20 * 0.1)
    assert [found.base_kwh_per_h, found.used_hours_per_day] == pytest.approx([0.1, 4])
    assert found.unused_share == pytest.approx(2 / 6.4)
    assert room_use(np.full(10, 1.0)) is None
    still = room_use(np.zeros(48))
    assert still is not None
    assert (still.kwh_per_used_hour, still.unused_share) == (None, 0.0)


def test_a_door_is_opened_when_it_was_closed_before() -> None:
    assert openings(np.array([1, 3, 2, 4, 5]), np.array([1.0, 1.0, 1.0, 0.0, 1.0])) == 2
    assert openings(np.empty(0, np.int64), np.empty(0)) == 0


def test_a_year_begins_and_ends_by_the_sites_clock() -> None:
    year = Budget(
        meter_id="m",
        quantity="water",
        measure=Measure.AMOUNT,
        year=2026,
        month=0,
        amount=1,
        entered_by="e",
        entered_at=MARCH.entered_at,
    )
    start, end = (datetime.fromtimestamp(ms / 1000, ZONE) for ms in period_ms(year, ZONE))
    assert (start.isoformat(), end.isoformat()) == ("2026-01-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00")
