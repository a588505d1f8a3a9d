"""What comes, what is planned and what was saved, in words on the pages."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from dashboards.web.pages import create_pages
from dashboards.web.plans import rounded
from tests.fakes.api_app import NOW, create_fake_api


@pytest.fixture
def reader() -> Iterator[TestClient]:
    with TestClient(create_pages(create_fake_api(), site_name="Hill School", now=lambda: NOW)) as client:
        client.cookies.set("caretaker_session", "session-admin")
        client.cookies.set("lang", "en")
        yield client


def words(reader: TestClient, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text).replace("\u00a0", " "))


def test_a_budget_says_when_it_is_overspent_and_by_how_much(reader: TestClient) -> None:
    page = words(reader, "/budgets")
    assert "Will do: about ¥200 will be left." in page
    assert "Will be overspent on Mon 23 Nov, by about 1,200 kWh at the end." in page
    assert "Overspent since Thu 19 Nov. At the end about ¥1,200 over." in page
    assert "No forecast yet" in page
    assert "Cannot be judged: only 20 % of the hours to date are known." in page
    assert "This place or meter is not metered any more." in page
    assert "&lt;b&gt;agreed" in reader.get("/budgets").text


def test_rooms_stand_by_the_share_of_their_quota(reader: TestClient) -> None:
    page = words(reader, "/quotas")
    assert "1 room has used up its quota." in page
    assert "Dormitory A › Room 101 110 % 132 kWh of 120 kWh over since Thu 19 Nov" in page
    assert "50 kWh; nobody has entered how many live there" in page
    assert "1 room cannot be judged" in page
    assert "150 kWh a room" in page
    assert "&lt;b&gt;council" in reader.get("/quotas").text
    assert "No quota holds for any metered room yet." in words(reader, "/quotas?quantity=water")


def test_the_next_days_stand_on_the_energy_page_and_at_the_meter(reader: TestClient) -> None:
    page = words(reader, "/energy/campus")
    assert "Tomorrow 120.5 kWh 100.2 to 140.8 kWh" in page
    assert "Next 7 days 843.5 kWh 800 to 900 kWh" in page
    assert "No forecast yet" in words(reader, "/energy/dorm-a")
    assert "Next days" not in words(reader, "/energy/campus?day=2026-11-18"), "another day is looked at"
    assert "no interval yet" in words(reader, "/devices/wm-1")
    assert "too few past forecasts" in words(reader, "/meters/wm-1")


def test_what_a_repair_saved_stands_at_order_finding_and_place(reader: TestClient) -> None:
    order = words(reader, "/orders/12")
    assert "Since the repair 12.3 m³ less a day, ¥50.40 a day. Proven" in order
    assert (
        "between 10 m³ and 14.6 m³ a day. 20 m³ a day while it lasted, 7.7 m³ a day since, over 12 comparable days of 28." in order
    )
    assert "Not corrected for weather" in order
    unmeasured = words(reader, "/orders/13")
    assert "cannot be measured yet" in unmeasured
    assert "estimated 14 m³ a day, ¥57.40 a day; that is an estimate" in unmeasured
    finding = words(reader, "/findings/7")
    assert "WO-000012" in finding
    assert "nothing was saved" in finding
    place = words(reader, "/energy/campus?quantity=water")
    assert "Put right this term 12.3 m³ a day, ¥18,396 a year" in place
    assert "1 repair cannot be measured yet" in place


def test_a_comparison_says_whether_weather_is_in_it(reader: TestClient) -> None:
    plain = words(reader, "/benchmarks")
    assert "Not corrected for weather" in plain
    assert "1.3 × the median of its use" in plain
    assert "the only one of its use" in plain
    assert "1 metered place is not ranked" in plain
    assert "Used hours a day" in plain
    assert "Ranked as in ordinary weather" in words(reader, "/benchmarks?by=head")
    assert "Used hours a day" not in words(reader, "/benchmarks?quantity=water")


def test_three_figures() -> None:
    assert [rounded(value) for value in (5509.01, 0.0, -12.345, 203.77)] == [5510, 0, -12.3, 204]
