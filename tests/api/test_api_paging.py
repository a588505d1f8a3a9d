"""Lists of alerts and findings in pages: nothing twice, nothing missed, also while new ones come."""

from datetime import timedelta

import pytest

from analytics.finding import FindingKind
from tests.fixtures_api import Campus


def pages(campus: Campus, path: str, *, between: FindingKind | None = None) -> list[int]:
    client, seen, cursor = campus.as_user("admin"), [], None
    while True:
        page = client.get(path, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in page["items"]]
        if between is not None:
            campus.later(timedelta(minutes=1))
            campus.raise_alert(between, "door-lab", "lab")
            between = None
        cursor = page["next"]
        if cursor is None:
            return seen


@pytest.fixture
def raised(campus: Campus) -> Campus:
    for number, kind in enumerate(
        (FindingKind.FIRE_SMOKE, FindingKind.DEVICE_BATTERY_LOW, FindingKind.DEVICE_DEAD, FindingKind.WATER_BURST)
    ):
        campus.later(timedelta(minutes=1))
        campus.raise_alert(kind, f"device-{number}", "dorm-101")
    campus.raise_alert(FindingKind.DEVICE_BATTERY_LOW, "device-9", "dorm-101")  # in the same moment as the one before
    return campus


@pytest.mark.parametrize("path", ["/api/v1/alerts", "/api/v1/findings"])
def test_pages_go_on_where_they_ended_though_new_ones_come(raised: Campus, path: str) -> None:
    whole = [item["id"] for item in raised.as_user("admin").get(path).json()["items"]]
    assert len(whole) == 5
    assert pages(raised, path) == whole
    paged = pages(raised, path, between=FindingKind.DOOR_FORCED)
    assert [number for number in paged if number in whole] == whole
    assert len(set(paged)) == len(paged)


def test_a_cursor_of_another_list_is_refused(raised: Campus) -> None:
    admin = raised.as_user("admin")
    foreign = admin.get("/api/v1/devices?limit=2").json()["next"]
    assert admin.get(f"/api/v1/alerts?cursor={foreign}").status_code == 422
    assert admin.get("/api/v1/alerts?cursor=%FF").status_code == 422
