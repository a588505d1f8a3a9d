from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards.web.energy import compare, day_bounds, day_of, side_by_side

START = datetime(2026, 11, 19, 16, tzinfo=UTC)


def hours(*values: float | None) -> list[dict[str, Any]]:
    return [{"start": (START + timedelta(hours=i)).isoformat(), "value": value} for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("today", "before", "elapsed_h", "value", "earlier", "change"),
    [
        pytest.param((10, 10), (5, 5), 2, 20, 10, 1.0, id="twice as much"),
        pytest.param((10, 4), (10, 10), 1.5, 10, 10, 0.0, id="the hour that still runs is not called a saving"),
        pytest.param((10, None), (10, 10), 5, 10, 10, 0.0, id="hours without data are not compared"),
        pytest.param((10,), (None,), 5, 10, None, None, id="nothing to compare with"),
        pytest.param((None,), (3,), 5, None, None, None, id="nothing measured"),
        pytest.param((3,), (0,), 5, 3, 0, None, id="no share of nothing"),
    ],
)
def test_compare(
    today: tuple[float | None, ...],
    before: tuple[float | None, ...],
    elapsed_h: float,
    value: float | None,
    earlier: float | None,
    change: float | None,
) -> None:
    found = compare(hours(*today), hours(*before), START + timedelta(hours=elapsed_h))
    assert (found.value, found.before, found.change) == (value, earlier, change)


def test_days_are_the_sites_days() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert day_bounds(date(2026, 11, 20), zone) == (START, START + timedelta(days=1))
    assert day_of("2026-11-19T16:00:00Z", zone) == "2026-11-20"


def test_a_day_of_summer_time_change_has_23_hours() -> None:
    start, end = day_bounds(date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert end - start == timedelta(hours=23)


def test_side_by_side_of_unequal_lengths() -> None:
    assert [earlier for _, earlier in side_by_side(hours(1, 2), hours(7))] == [7, None]
