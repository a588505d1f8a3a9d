"""Commissioning by API: what is missing, provisional findings, the release by a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analytics.finding import FindingKind
from devices.model import Reading
from devices.watching import Commissioning
from tests.fixtures_api import NOW, Campus

FRESH = Commissioning(device_id="em-lab", since=NOW - timedelta(days=3), measured_hours=70, needed_hours=336)
ROOM = Commissioning(device_id="em-101", since=NOW - timedelta(days=3), measured_hours=70, needed_hours=96)
LAB = "/api/v1/devices/em-lab/commissioning"


@pytest.fixture
def fresh(campus: Campus) -> Campus:
    campus.deps.commissioning.progress([FRESH, ROOM])
    return campus


def test_days_left_and_what_is_missing(fresh: Campus) -> None:
    told = fresh.as_user("crew").get(LAB).json()
    assert (told["days_left"], told["missing"], told["finished_at"]) == (12, ["never_heard", "hours"], None)
    items = fresh.as_user("energy").get("/api/v1/commissioning").json()["items"]
    assert [(one["device_id"], one["days_left"]) for one in items] == [("em-lab", 12), ("em-101", 2)]
    assert [one["device_id"] for one in fresh.as_user("energy").get("/api/v1/commissioning?space=dorm").json()["items"]] == [
        "em-101"
    ]


def test_findings_are_provisional_until_the_release(fresh: Campus) -> None:
    leak = fresh.raise_alert(FindingKind.ELEC_LEFT_ON, "em-lab", "lab")
    smoke = fresh.raise_alert()
    energy = fresh.as_user("energy")
    assert energy.get(f"/api/v1/alerts/{leak.id}").json()["provisional"] is True
    assert energy.get(f"/api/v1/alerts/{smoke.id}").json()["provisional"] is False
    assert [one["provisional"] for one in energy.get("/api/v1/findings").json()["items"]] == [False, True]
    answer = energy.post(f"{LAB}/release", json={"note": "twin of the old meter"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["finished_by"], answer.json()["days_left"], answer.json()["missing"]) == ("energy", 0, [])
    assert energy.get(f"/api/v1/findings/{leak.finding_id}").json()["provisional"] is False
    [entry] = fresh.deps.audit.list()
    assert (entry.actor, entry.action, entry.subject, entry.detail) == (
        "energy",
        "meter.release",
        "em-lab",
        "twin of the old meter",
    )
    assert energy.post(f"{LAB}/release", json={"note": "once more"}).status_code == 409
    assert [one["device_id"] for one in energy.get("/api/v1/commissioning").json()["items"]] == ["em-101"]


def meal() -> list[Reading]:
    """Three minutes at 1,350 W in the first hour of the room."""
    start_ms = round(ROOM.since.timestamp() * 1000)
    hot = range(start_ms + 600_000, start_ms + 780_000, 10_000)
    times = range(start_ms, start_ms + 3_600_000, 10_000)
    return [Reading("em-101", "elec.power.active", ts_ms, 1350.0 if ts_ms in hot else 120.0) for ts_ms in times]


def test_appliances_of_a_room_are_allowed_only_where_a_person_says_so(fresh: Campus) -> None:
    fresh.deps.readings.write(meal())
    energy, room = fresh.as_user("energy"), "/api/v1/devices/em-101/commissioning"
    assert energy.get(room).json()["seen"] == ["microwave"]
    assert "allowed" not in fresh.deps.registry.load().devices["em-101"].attributes
    answer = energy.post(f"{room}/release", json={"note": "looked at the room", "allow_seen": True})
    assert answer.status_code == 200, answer.text
    assert answer.json()["seen"] == []
    assert fresh.deps.registry.load().devices["em-101"].attributes["allowed"] == "microwave"
    assert [one.action for one in fresh.deps.audit.list()] == ["device.edit", "meter.release"]


@pytest.mark.parametrize(("days", "seen"), [(1, ["microwave"]), (40, [])])
def test_what_was_seen_may_be_allowed_for_a_while_after_the_end(fresh: Campus, days: int, seen: list[str]) -> None:
    fresh.deps.readings.write(meal())
    fresh.deps.commissioning.progress([replace(ROOM, measured_hours=96, finished_at=NOW - timedelta(days=days))])
    assert fresh.as_user("energy").get("/api/v1/devices/em-101/commissioning").json()["seen"] == seen


@pytest.mark.parametrize(
    ("user", "path", "body", "status"),
    [
        ("crew", f"{LAB}/release", {"note": "trust me"}, 403),
        ("energy", f"{LAB}/release", {"note": ""}, 422),
        ("energy", f"{LAB}/release", {"note": "looked", "allow_seen": True}, 422),
        ("energy", "/api/v1/devices/wm-lab/commissioning/release", {"note": "never began"}, 404),
        ("energy", "/api/v1/devices/nothing/commissioning/release", {"note": "what"}, 404),
    ],
)
def test_what_is_refused(fresh: Campus, user: str, path: str, body: dict[str, object], status: int) -> None:
    assert fresh.as_user(user).post(path, json=body).status_code == status
    assert fresh.deps.commissioning.open() == {"em-lab", "em-101"}


def test_another_building_s_meter_is_not_there(fresh: Campus) -> None:
    guard = fresh.as_user("labguard")
    assert guard.get("/api/v1/devices/em-101/commissioning").status_code == 404
    assert [one["device_id"] for one in guard.get("/api/v1/commissioning").json()["items"]] == ["em-lab"]


def test_one_that_is_over_is_told_as_such(fresh: Campus) -> None:
    fresh.deps.commissioning.progress([replace(FRESH, measured_hours=336, finished_at=NOW)])
    told = fresh.as_user("crew").get(LAB).json()
    assert (told["finished_by"], told["missing"]) == (None, [])
    assert fresh.as_user("crew").get("/api/v1/devices/wm-lab/commissioning").status_code == 404
