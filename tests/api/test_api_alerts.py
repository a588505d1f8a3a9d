"""Alerts over HTTP: what is shown, who may act, and what the rules of the machine look like as answers."""

from datetime import timedelta

from analytics.finding import FindingKind
from tests.fixtures_api import Campus


def test_an_alert_is_listed_with_its_words_and_place(campus: Campus) -> None:
    alert = campus.raise_alert()
    listed = campus.as_user("security").get("/api/v1/alerts", params={"state": "open,acknowledged"}).json()
    assert [item["id"] for item in listed["items"]] == [alert.id]
    shown = listed["items"][0]
    assert shown["severity"] == "life_safety"
    assert shown["text"] == "Smoke in room 101: 4.5 %"
    assert shown["device_name_zh"] == "设备 smoke-101"
    assert [step["id"] for step in shown["space_path"]] == ["site", "dorm", "dorm-1", "dorm-101"]
    assert shown["raised_at"].endswith("Z")
    assert listed["next"] is None


def test_an_alert_shows_its_evidence_history_and_first_steps(campus: Campus) -> None:
    alert = campus.raise_alert()
    shown = campus.as_user("security").get(f"/api/v1/alerts/{alert.id}").json()
    assert shown["evidence"]["observed"] == [[1, 0.5], [2, 4.5]]
    assert shown["waste"]["kwh_per_day"] == 24
    assert shown["first_steps"][0].startswith("Go and look now")
    assert [(line["event"], line["actor"], line["to_state"]) for line in shown["log"]] == [("opened", "detector", "open")]


def test_acknowledging_is_logged_and_wakes_the_others(campus: Campus) -> None:
    alert = campus.raise_alert()
    answer = campus.as_user("security").post(f"/api/v1/alerts/{alert.id}/acknowledge", json={"note": "On my way"})
    assert (answer.json()["state"], answer.json()["acknowledged_by"]) == ("acknowledged", "security")
    assert campus.woken == [("alert", alert.id)]
    assert campus.deps.audit.list()[0].action == "alert.acknowledge"
    assert campus.as_user("security").get("/api/v1/alerts", params={"state": "open"}).json()["items"] == []


def test_resolving_by_hand_needs_a_reason(campus: Campus) -> None:
    alert = campus.raise_alert(FindingKind.DOOR_HELD_OPEN, "door-lab", "lab")
    client, address = campus.as_user("dispatcher"), f"/api/v1/alerts/{alert.id}/resolve"
    assert client.post(address, json={"reason": "  "}).status_code == 422
    assert client.post(address, json={"reason": "Delivery, seen to"}).json()["resolution"] == "Delivery, seen to"


def test_the_worst_comes_first_and_pages_hold_when_new_ones_arrive(campus: Campus) -> None:
    campus.raise_alert(FindingKind.DOOR_HELD_OPEN, "door-lab", "lab")
    campus.raise_alert(FindingKind.WATER_BURST, "wm-lab", "lab")
    client = campus.as_user("security")
    first = client.get("/api/v1/alerts", params={"limit": 1}).json()
    assert first["items"][0]["kind"] == "water.burst"
    campus.raise_alert()
    second = client.get("/api/v1/alerts", params={"limit": 5, "cursor": first["next"]}).json()
    assert [item["kind"] for item in second["items"]] == ["door.held_open"]
    assert client.get("/api/v1/alerts", params={"severity": "critical"}).json()["items"][0]["kind"] == "water.burst"
    assert client.get("/api/v1/alerts", params={"device": "smoke-101"}).json()["items"][0]["kind"] == "fire.smoke"
    assert len(client.get("/api/v1/alerts", params={"space": "lab"}).json()["items"]) == 2


def test_findings_carry_words_waste_and_on_request_evidence(campus: Campus) -> None:
    alert = campus.raise_alert()
    client = campus.as_user("energy")
    (found,) = client.get("/api/v1/findings", params={"active": "true", "space": "dorm"}).json()["items"]
    assert (found["alert_id"], found["text"], found["evidence"]) == (alert.id, "Smoke in room 101: 4.5 %", None)
    (found,) = client.get("/api/v1/findings", params={"evidence": "1"}).json()["items"]
    assert found["evidence"]["unit"] == "1"
    assert client.get(f"/api/v1/findings/{found['id']}").json()["evidence"] == found["evidence"]
    assert client.get("/api/v1/findings", params={"since": "2026-11-18T12:31"}).json()["items"] == []
    assert client.get("/api/v1/findings", params={"kind": "water.burst"}).json()["items"] == []


def test_the_summary_counts_what_is_open_and_what_today_has_wasted(campus: Campus) -> None:
    campus.raise_alert()
    campus.as_user("reporter").post("/api/v1/work-orders", json={"space_id": "lab", "description": "No light"})
    found = campus.as_user("dispatcher").get("/api/v1/summary").json()
    assert found["alerts"] == {"life_safety": 1, "critical": 0, "major": 0, "minor": 0, "info": 0}
    assert (found["unacknowledged"], found["overdue"]) == (1, 0)
    assert found["orders"]["raised"] == 1
    assert found["devices"] == {"total": 6, "online": 0, "silent": 0}
    expected = {"kwh": 6.0, "m3": 0.0, "cost": 3.0, "kgco2e": 1.5, "electricity_cost": 3.0, "water_cost": 0.0}
    assert found["waste_today"] == expected
    campus.later(timedelta(days=40))
    assert campus.as_user("admin").get("/api/v1/summary").status_code == 200


def test_an_order_is_overdue_when_nobody_took_it_in_time(campus: Campus) -> None:
    campus.as_user("reporter").post("/api/v1/work-orders", json={"space_id": "lab", "description": "No light"})
    campus.later(timedelta(days=7))
    assert campus.as_user("dispatcher").get("/api/v1/summary").json()["overdue"] == 1


def test_a_headline_stands_over_devices_that_fell_silent_together_and_only_over_what_may_be_seen(campus: Campus) -> None:
    raised = [campus.raise_alert(FindingKind.FIRE_DEVICE_SILENT, f"smoke-{number}", "dorm-101") for number in range(6)]
    (headline,) = campus.as_user("security").get("/api/v1/alerts/headlines").json()["items"]
    assert (headline["space_id"], headline["site_wide"], headline["count"]) == ("dorm-101", False, 6)
    assert headline["alert_ids"] == [alert.id for alert in raised]
    assert campus.as_user("labguard").get("/api/v1/alerts/headlines").json()["items"] == []
    assert len(campus.as_user("security").get("/api/v1/alerts").json()["items"]) == 6
