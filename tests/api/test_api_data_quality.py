"""The quality of data and the topology of gateways, as the API tells them."""

from datetime import timedelta

from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Quality, Reading
from tests.fixtures_api import NOW, Campus

NOW_MS = int(NOW.timestamp() * 1000)
MIDNIGHT_MS = int((NOW - timedelta(hours=12, minutes=30)).timestamp() * 1000)


def test_the_worst_device_of_a_day_stands_first(campus: Campus) -> None:
    step = 10_000
    full = [Reading("em-lab", "elec.energy.import", MIDNIGHT_MS - 86_400_000 + at * step, float(at)) for at in range(8640)]
    half = [Reading("em-dorm", "elec.energy.import", MIDNIGHT_MS - 86_400_000 + at * step, float(at)) for at in range(4320)]
    late = int(Quality.LATE)
    campus.deps.readings.write([*full, *half[:-432], *(one._replace(quality=late) for one in half[-432:])])
    admin = campus.as_user("admin")
    page = admin.get("/api/v1/data-quality?day=2026-11-17&kind=electricity_meter").json()
    assert [(one["device_id"], one["complete"], one["on_time"], one["plausible"]) for one in page["items"]] == [
        ("em-101", 0.0, None, None),
        ("em-dorm", 0.5, 0.9, 1.0),
        ("em-lab", 1.0, 1.0, 1.0),
    ]
    assert page["total"]["complete"] == 0.5
    yesterday = admin.get("/api/v1/data-quality").json()
    assert yesterday["day"] == "2026-11-17"
    one = admin.get("/api/v1/devices/em-dorm/data-quality?days=2").json()["items"]
    assert [(day["day"], day["complete"]) for day in one] == [("2026-11-17", 0.5), ("2026-11-18", 0.0)]
    assert admin.get("/api/v1/data-quality?day=2026-11-30").status_code == 422
    assert admin.get("/api/v1/data-quality?space=invented").status_code == 422
    assert {one["device_id"] for one in campus.as_user("labguard").get("/api/v1/data-quality").json()["items"]} == {
        "em-lab",
        "wm-lab",
        "door-lab",
    }


def test_gateways_show_who_speaks_through_them(campus: Campus) -> None:
    admin = campus.as_user("admin")
    campus.deps.health.record(
        [
            DeviceHealth(device_id="em-lab", last_seen_ms=NOW_MS, gateway_id="gw-1"),
            DeviceHealth(device_id="wm-lab", last_seen_ms=NOW_MS - 86_400_000, gateway_id="gw-1"),
        ]
    )
    stranger = DiscoveredDevice(
        device_id="new", first_seen_ms=1, last_seen_ms=NOW_MS, topic="t", family="dlt645", gateway_id="gw-1"
    )
    campus.deps.health.discover([stranger])
    admin.patch("/api/v1/devices/em-101", json={"attributes": {"gateway_id": "gw-2"}})
    listed = {one["id"]: one for one in admin.get("/api/v1/gateways").json()["items"]}
    assert (listed["gw-1"]["devices"], listed["gw-1"]["present"], listed["gw-1"]["known"]) == (2, 1, False)
    assert listed["gw-2"]["devices"] == 1
    detail = admin.get("/api/v1/gateways/gw-1").json()
    assert ([one["id"] for one in detail["items"]], detail["discovered"]) == (["em-lab", "wm-lab"], ["new"])
    assert admin.get("/api/v1/devices/em-lab").json()["gateway"] == "gw-1"
    guard = campus.as_user("labguard")
    assert guard.get("/api/v1/gateways/gw-1").json()["discovered"] == []
    assert guard.get("/api/v1/gateways/gw-2").status_code == 404


def test_a_filter_by_a_place_that_is_not_there_is_refused(campus: Campus) -> None:
    for path in ("devices", "alerts", "findings", "work-orders"):
        answer = campus.as_user("admin").get(f"/api/v1/{path}?space=invented")
        assert (answer.status_code, "there is no space 'invented'" in answer.json()["detail"]) == (422, True), path
    assert "online" in campus.as_user("admin").get("/api/v1/devices?status=awake").json()["detail"]
