"""Consumption: the ledger's hours summed by the site's calendar, with money and carbon."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.calendar import Calendar
from analytics.tariff import Rates
from api.accounts import Ledger, single
from api.consumption import Every, Quantity, by_day, hourly, span_of
from devices.model import Quality, Reading
from tests.fixtures_api import NOW, Campus

HOURLY = "elec.energy.import.hourly"
START = datetime(2026, 11, 16, 16, tzinfo=UTC)
"""Midnight of 17 November in Shanghai."""


def _hours(device: str, values: list[float | None], start: datetime = START) -> list[Reading]:
    first_ms = int(start.timestamp() * 1000)
    return [Reading(device, HOURLY, first_ms + i * 3_600_000, value) for i, value in enumerate(values) if value is not None]


@pytest.fixture
def metered(campus: Campus) -> Campus:
    campus.deps.readings.write(_hours("em-dorm", [1.0] * 36) + _hours("em-lab", [2.0] * 24) + _hours("em-101", [0.25] * 24))
    return campus


def _get(campus: Campus, path: str = "/api/v1/consumption", **query: str) -> dict[str, object]:
    defaults = {"quantity": "electricity", "start": "2026-11-17T00:00", "end": "2026-11-18T00:00"}
    answer = campus.as_user("energy").get(path, params=defaults | query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_hours_of_a_building_with_cost_by_the_hour_s_price(metered: Campus) -> None:
    found = _get(metered, space="dorm")
    items = found["items"]
    assert isinstance(items, list)
    assert len(items) == 24
    assert (found["unit"], found["currency"], found["space"]["id"]) == ("kWh", "CNY", "dorm")  # type: ignore[index]
    assert items[0] == {"start": "2026-11-16T16:00:00Z", "value": 1.0, "cost": 0.35, "kgco2e": 0.5366, "quality": []}
    assert items[8]["cost"] == 0.95
    assert found["total"]["value"] == pytest.approx(24)  # type: ignore[index]
    assert found["total"]["cost"] == pytest.approx(8 * 0.35 + 8 * 0.95 + 8 * 0.65)  # type: ignore[index]


def test_a_site_without_a_meter_is_the_sum_of_its_buildings(metered: Campus) -> None:
    found = _get(metered, space="site", every="day", start="2026-11-17T00:00", end="2026-11-19T00:00")
    first, second = found["items"]  # type: ignore[misc]
    assert first["start"] == "2026-11-16T16:00:00Z"
    assert first["value"] == pytest.approx(24 + 48)
    assert first["quality"] == []
    assert second["value"] == pytest.approx(12)
    assert second["quality"] == ["incomplete"], "the laboratory's meter is missing"


def test_nothing_measured_is_not_nothing_used(metered: Campus) -> None:
    found = _get(metered, space="lab", quantity="water")
    assert found["unit"] == "m3"
    assert {item["value"] for item in found["items"]} == {None}  # type: ignore[attr-defined]
    assert found["total"] == {"value": None, "cost": None, "kgco2e": None}


def test_the_running_hour_is_incomplete(metered: Campus) -> None:
    metered.deps.readings.write(_hours("em-lab", [3.0], NOW.replace(minute=0)))
    found = _get(metered, space="lab", start="2026-11-18T11:00", end="2026-11-18T13:00")
    assert [(item["value"], item["quality"]) for item in found["items"]] == [(None, []), (3.0, ["incomplete"])]  # type: ignore[attr-defined]


def test_the_parts_of_a_building_and_what_none_of_them_accounts_for(metered: Campus) -> None:
    found = _get(metered, "/api/v1/consumption/breakdown", space="dorm")
    (floor,) = found["items"]  # type: ignore[misc]
    assert floor["space"]["id"] == "dorm-1"
    assert floor["value"] == pytest.approx(6)
    assert floor["share"] == pytest.approx(0.25)
    assert found["unattributed"] == pytest.approx(18)


def test_implausible_hours_are_flagged_and_left_out(campus: Campus) -> None:
    bad = Reading("em-lab", HOURLY, int(START.timestamp() * 1000), 9e9, int(Quality.IMPLAUSIBLE))
    campus.deps.readings.write([bad])
    span = span_of(START, START + timedelta(hours=1), Every.HOUR, campus.deps.site.zone)
    ledger = Ledger(readings=campus.deps.readings, rates=Rates(), calendar=Calendar())
    (hour,) = hourly(ledger, [single("em-lab")], Quantity.ELECTRICITY, span, NOW)
    assert hour.value is None


@pytest.mark.parametrize(
    ("zone", "start", "days"),
    [
        ("Asia/Shanghai", datetime(2026, 11, 16, 20, tzinfo=UTC), [24, 24]),
        ("Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC), [25, 24]),
        ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC), [23, 24]),
    ],
    ids=["a part day is widened", "autumn day of 25 h", "spring day of 23 h"],
)
def test_days_are_those_of_the_site(campus: Campus, zone: str, start: datetime, days: list[int]) -> None:
    from zoneinfo import ZoneInfo

    span = span_of(start, start + timedelta(hours=30), Every.DAY, ZoneInfo(zone))
    ledger = Ledger(readings=campus.deps.readings, rates=Rates(), calendar=Calendar(timezone=zone))
    first_ms = span.start_ms
    campus.deps.readings.write([Reading("em-lab", HOURLY, first_ms + i * 3_600_000, 1.0) for i in range(span.hours)])
    found = by_day(hourly(ledger, [single("em-lab")], Quantity.ELECTRICITY, span, NOW), span.zone)
    assert [day.value for day in found] == days
