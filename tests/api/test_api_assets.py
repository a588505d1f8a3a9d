"""The asset ledger over HTTP: entered, linked, moved on by two persons, seen by building, and never a 500."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from devices.asset import AssetEvent
from tests.fixtures_api import Campus

METER = {
    "class_code": "A02100000",
    "name": "Water meter LXSG-25",
    "name_zh": "水表 LXSG-25",
    "serial": "SN-1",
    "purchased_on": "2026-03-02",
    "price": 360,
    "space_id": "lab-1",
}


def entered(campus: Campus, **more: Any) -> dict[str, Any]:
    answer = campus.as_user("dispatcher").post("/api/v1/assets", json={**METER, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def do(client: TestClient, tag: str, event: str, **body: Any) -> Any:
    return client.post(f"/api/v1/assets/{tag}/{event}", json=body)


def test_a_new_asset_gets_number_class_life_and_waits_for_acceptance(campus: Campus) -> None:
    made = entered(campus)
    assert (made["tag"], made["class_name"], made["life_months"]) == ("A02100000-2026-0001", "仪器仪表", 60)
    assert (made["state"], made["value"]) == ("purchased", None)
    assert entered(campus)["tag"] == "A02100000-2026-0002"

    accepted = do(campus.as_user("dispatcher"), made["tag"].lower(), "accept", on="2026-03-03").json()

    assert (accepted["state"], accepted["accepted_by"]) == ("in_store", "dispatcher")
    assert campus.as_user("head").get(f"/api/v1/assets/{made['tag']}/history").json()["chain_ok"] is True


def test_the_same_key_enters_once(campus: Campus) -> None:
    client = campus.as_user("admin")
    answers = [client.post("/api/v1/assets", json=METER, headers={"Idempotency-Key": "k1"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(client.get("/api/v1/assets").json()["items"]) == 1


def test_a_meter_is_linked_to_its_device_once(campus: Campus) -> None:
    first, second = entered(campus), entered(campus)
    admin = campus.as_user("admin")
    linked = do(admin, first["tag"], "link", device_id="wm-lab")
    assert (linked.json()["device_id"], linked.json()["device_kind"]) == ("wm-lab", "water_meter")
    assert do(admin, second["tag"], "link", device_id="wm-lab").status_code == 409
    assert do(admin, second["tag"], "link", device_id="nothing").status_code == 422
    assert do(admin, second["tag"], "link").status_code == 422
    assert [item["tag"] for item in admin.get("/api/v1/assets", params={"device": "wm-lab"}).json()["items"]] == [first["tag"]]
    assert do(admin, first["tag"], "unlink").json()["device_id"] is None


def test_a_transfer_takes_two_persons(campus: Campus) -> None:
    tag = entered(campus, accepted_on="2026-03-03")["tag"]
    head, admin = campus.as_user("head"), campus.as_user("admin")
    asked = do(head, tag, "request_transfer", space_id="dorm-101", custodian="Chen", note="needed there").json()
    assert (asked["space_id"], asked["pending"]["kind"], "approve" in asked["allowed"]) == ("lab-1", "transfer", False)
    assert do(head, tag, "approve").status_code == 403
    assert do(campus.as_user("dispatcher"), tag, "approve").status_code == 403
    assert do(admin, tag, "issue", custodian="x").status_code == 409
    assert [item["tag"] for item in admin.get("/api/v1/assets?waiting=1").json()["items"]] == [tag]

    moved = do(admin, tag, "approve").json()

    assert (moved["space_id"], moved["custodian"], moved["pending"]) == ("dorm-101", "Chen", None)


def test_scrapping_is_asked_approved_and_disposed_with_proceeds(campus: Campus) -> None:
    tag = entered(campus, accepted_on="2026-03-03")["tag"]
    assert do(campus.as_user("dispatcher"), tag, "request_scrapping").status_code == 422
    assert do(campus.as_user("dispatcher"), tag, "request_scrapping", note="broken").json()["state"] == "scrapping_requested"
    assert do(campus.as_user("head"), tag, "approve").json()["state"] == "scrapped"
    gone = do(campus.as_user("dispatcher"), tag, "dispose", note="sold as scrap", proceeds="12.50").json()
    assert (gone["state"], gone["proceeds"], gone["value"]) == ("disposed", 12.5, None)
    refused = do(campus.as_user("dispatcher"), tag, "issue", custodian="x")
    assert refused.status_code == 409
    assert "can do now: nothing" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"class_code": "B1"}, "class_code"),
        ({"class_code": "A09010000"}, "class_name"),
        ({"space_id": "nowhere"}, "space_id"),
        ({"accepted_on": "2999-01-01"}, "accepted_on"),
        ({"tag": "no spaces"}, "tag"),
        ({"price": -1}, "price"),
        ({"price": 1.234}, "price"),
        ({"name": " "}, "name"),
        ({"residual_rate": 2}, "residual_rate"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_entered_is_named(campus: Campus, changes: dict[str, Any], place: str) -> None:
    answer = campus.as_user("admin").post("/api/v1/assets", json={**METER, **changes})
    assert answer.status_code == 422
    assert place in answer.json()["detail"]


def test_a_number_is_given_once(campus: Campus) -> None:
    entered(campus, tag="ty-2020-7")
    again = campus.as_user("admin").post("/api/v1/assets", json={**METER, "tag": "TY-2020-7"})
    assert again.status_code == 409
    assert "TY-2020-7 is taken" in again.json()["detail"]


def test_another_building_sees_nothing_of_it(campus: Campus) -> None:
    here, there = entered(campus)["tag"], entered(campus, space_id="dorm-101")["tag"]
    nowhere = entered(campus, space_id=None)["tag"]
    guard = campus.as_user("labguard")
    assert [item["tag"] for item in guard.get("/api/v1/assets").json()["items"]] == [here]
    for tag in (there, nowhere, "INVENTED"):
        assert guard.get(f"/api/v1/assets/{tag}").status_code == 404
        assert do(guard, tag, "assess", condition="poor").status_code == 404


def test_a_reporter_who_scans_learns_name_and_place_only(campus: Campus) -> None:
    tag = entered(campus)["tag"]
    reporter = campus.as_user("reporter")
    assert reporter.get(f"/api/v1/assets/{tag}").status_code == 403
    assert reporter.get(f"/api/v1/assets/{tag}/place").json() == {
        "tag": tag,
        "name": METER["name"],
        "name_zh": METER["name_zh"],
        "space_id": "lab-1",
    }


def test_pages_and_filters(campus: Campus) -> None:
    tags = [entered(campus)["tag"] for _ in range(3)]
    admin = campus.as_user("admin")
    first = admin.get("/api/v1/assets", params={"limit": 2}).json()
    rest = admin.get("/api/v1/assets", params={"limit": 2, "cursor": first["next"]}).json()
    assert [item["tag"] for item in first["items"] + rest["items"]] == tags
    assert rest["next"] is None

    def count(**query: Any) -> int:
        return len(admin.get("/api/v1/assets", params=query).json()["items"])

    assert (count(q="lxsg"), count(q="水表"), count(q="%"), count(q="nothing")) == (3, 3, 0, 0)
    assert (count(class_code="A021"), count(class_code="A05"), count(space="lab"), count(space="dorm")) == (3, 0, 3, 0)
    assert (count(state="purchased"), count(state="in_use"), count(condition="good")) == (3, 0, 3)
    assert admin.get("/api/v1/assets?state=lost").status_code == 422


def test_an_edit_is_kept_with_what_it_was(campus: Campus) -> None:
    tag = entered(campus)["tag"]
    admin = campus.as_user("admin")
    edited = admin.patch(f"/api/v1/assets/{tag}", json={"price": "400.00", "note": "invoice"}).json()
    assert edited["price"] == 400
    line = admin.get(f"/api/v1/assets/{tag}/history").json()["items"][-1]
    assert (line["event"], line["note"]) == ("edit", "price_cents: 36000 → 40000; invoice")
    assert campus.deps.audit.list(1)[0].action == "asset.edit"


@pytest.mark.parametrize("event", [*AssetEvent, "nonsense"])
def test_any_event_on_any_state_is_answered(campus: Campus, event: str) -> None:
    tag = entered(campus)["tag"]
    answer = do(campus.as_user("admin"), tag, event)
    assert answer.status_code in {200, 409, 422}
