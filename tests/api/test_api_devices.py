"""Devices, spaces, readings, events: the shapes that the pages build on."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from devices.health import DeviceHealth
from devices.model import Event, Quality, Reading
from tests.fixtures_api import NOW, Campus

NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def heard(campus: Campus) -> Campus:
    campus.deps.readings.write(
        [
            Reading("em-lab", "elec.power.active", NOW_MS - 20_000, 1500.0),
            Reading("em-lab", "elec.power.active", NOW_MS - 10_000, 1600.0, int(Quality.LATE | Quality.IMPLAUSIBLE)),
            Reading("em-lab", "elec.energy.import.hourly", NOW_MS - 3_600_000, 1.5),
            Reading("smoke-101", "smoke", NOW_MS - 5_000, 0.0),
        ]
    )
    campus.deps.health.record(
        [
            DeviceHealth(device_id="em-lab", last_seen_ms=NOW_MS - 10_000, received=2, stored=2, late=1),
            DeviceHealth(device_id="smoke-101", last_seen_ms=NOW_MS - 120_000, received=1, stored=1),
        ]
    )
    return campus


def test_a_device_tells_its_place_state_and_last_values(heard: Campus) -> None:
    device = heard.as_user("energy").get("/api/v1/devices/em-lab").json()
    assert device["status"] == "online"
    assert device["last_seen"] == "2026-11-18T04:29:50Z"
    assert device["latest"] == {
        "elec.power.active": {"value": 1600.0, "unit": "W", "ts": "2026-11-18T04:29:50Z", "quality": ["late", "implausible"]}
    }
    assert [step["name_zh"] for step in device["space_path"]] == ["site 中", "lab 中"]
    assert device["health"] == {"received": 2, "stored": 2, "late": 1, "rejected": 0, "duplicate": 0}
    assert {"name": "elec.energy.import", "unit": "kWh", "kind": "register"} in device["metrics"]
    assert heard.as_user("energy").get("/api/v1/devices/em-dorm").json()["sub_meters"] == ["em-101"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["door-lab", "em-101", "em-dorm", "em-lab", "smoke-101", "wm-lab"]),
        ({"space": "dorm"}, ["em-101", "em-dorm", "smoke-101"]),
        ({"kind": "water_meter"}, ["wm-lab"]),
        ({"status": "silent"}, ["smoke-101"]),
        ({"status": "online"}, ["em-lab"]),
        ({"q": "SMOKE"}, ["smoke-101"]),
        ({"q": "设备 door"}, ["door-lab"]),
    ],
)
def test_devices_are_found_by_what_the_address_says(heard: Campus, query: dict[str, str], ids: list[str]) -> None:
    listed = heard.as_user("admin").get("/api/v1/devices", params=query).json()
    assert [device["id"] for device in listed["items"]] == ids


def test_pages_follow_one_another_without_gap(heard: Campus) -> None:
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 4}
    while True:
        page = heard.as_user("admin").get("/api/v1/devices", params=query).json()
        seen += [device["id"] for device in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == ["door-lab", "em-101", "em-dorm", "em-lab", "smoke-101", "wm-lab"]


def test_readings_come_in_time_order_and_in_pages(heard: Campus) -> None:
    client = heard.as_user("admin")
    query: dict[str, str | int] = {"metric": "elec.power.active", "limit": 1}
    first = client.get("/api/v1/devices/em-lab/readings", params=query).json()
    assert (first["device_id"], first["metric"], first["unit"]) == ("em-lab", "elec.power.active", "W")
    assert first["items"] == [{"ts": "2026-11-18T04:29:40Z", "value": 1500.0, "quality": []}]
    second = client.get("/api/v1/devices/em-lab/readings", params=query | {"cursor": first["next"]}).json()
    assert [item["value"] for item in second["items"]] == [1600.0]
    assert second["next"] is None


def test_a_time_without_a_zone_is_the_site_s_time(heard: Campus) -> None:
    query = {"metric": "elec.power.active", "start": "2026-11-18T12:29:45", "end": "2026-11-18T12:30:00"}
    items = heard.as_user("admin").get("/api/v1/devices/em-lab/readings", params=query).json()["items"]
    assert [item["value"] for item in items] == [1600.0]


def test_a_space_tells_its_path_parts_and_devices(heard: Campus) -> None:
    space = heard.as_user("dispatcher").get("/api/v1/spaces/dorm").json()
    assert [step["id"] for step in space["path"]] == ["site", "dorm"]
    assert [child["id"] for child in space["children"]] == ["dorm-1"]
    assert [device["id"] for device in space["devices"]] == ["em-dorm"]
    for_reporter = heard.as_user("reporter").get("/api/v1/spaces/dorm").json()
    assert for_reporter["devices"] == []
    assert heard.as_user("reporter").get("/api/v1/spaces").json()["items"][0]["id"] == "site"


def test_the_code_on_the_door_leads_to_the_report_page(campus: Campus) -> None:
    answer = campus.as_user("dispatcher").get("/api/v1/spaces/dorm-101/qr.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert ET.fromstring(answer.content).tag.endswith("svg")


def test_events_are_newest_first_and_of_the_last_day(campus: Campus) -> None:
    at = [NOW_MS - int(timedelta(hours=hours).total_seconds() * 1000) for hours in (1, 2, 30)]
    campus.deps.events.append(
        [Event(device_id="door-lab", type="door.denied", ts_ms=ts, attributes={"reason": "unknown card"}) for ts in at]
    )
    client = campus.as_user("security")
    items = client.get("/api/v1/events", params={"device": "door-lab", "type": "door.denied"}).json()["items"]
    assert [item["ts"] for item in items] == ["2026-11-18T03:30:00Z", "2026-11-18T02:30:00Z"]
    assert items[0]["attributes"] == {"reason": "unknown card"}
    older = client.get("/api/v1/events", params={"start": datetime(2026, 11, 1, tzinfo=UTC).isoformat()}).json()["items"]
    assert len(older) == 3
    assert client.get("/api/v1/events", params={"type": "door.forced"}).json()["items"] == []
