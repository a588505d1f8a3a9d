"""Alerts over HTTP: what is shown, who may act, and what the rules of the machine look like as answers."""

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
