"""Spaces and devices as people change them: who may, what hangs together, what is written down about it."""

from typing import Any

import pytest

from devices.profiles import PROFILES
from tests.fixtures_api import Campus

ROOM = {"kind": "room", "name": "Room 102", "name_zh": "102室", "parent_id": "dorm-1", "area_m2": 24.5, "people": 6}


def newest_audit(campus: Campus) -> tuple[str, str, str, str]:
    entry = campus.deps.audit.list(1)[0]
    return entry.actor, entry.action, entry.subject, entry.detail


def test_a_space_is_added_with_an_id_of_its_own_and_the_use_of_its_house(campus: Campus) -> None:
    admin = campus.as_user("admin")
    made = admin.post("/api/v1/spaces", json=ROOM)
    assert made.status_code == 201, made.text
    assert made.json() | ROOM == made.json()
    assert (made.json()["id"], made.json()["use"]) == ("dorm-1-room-102", "dormitory")
    again = admin.post("/api/v1/spaces", json=ROOM).json()
    assert again["id"] == "dorm-1-room-102-2"
    point = {"kind": "point", "name": "水龙头", "name_zh": "水龙头", "parent_id": again["id"], "use": "laboratory"}
    assert admin.post("/api/v1/spaces", json=point).json()["id"] == "dorm-1-room-102-2-point"
    assert [step["id"] for step in admin.get("/api/v1/spaces/dorm-1-room-102-2-point").json()["path"]][:3] == [
        "site",
        "dorm",
        "dorm-1",
    ]
    assert newest_audit(campus)[:2] == ("admin", "space.add")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (ROOM | {"parent_id": "nowhere"}, 422, "there is no space 'nowhere'"),
        (ROOM | {"parent_id": None}, 422, "needs the place"),
        (ROOM | {"kind": "building"}, 422, "cannot lie in a floor"),
        (ROOM | {"kind": "site"}, 422, "a site lies in nothing"),
        (ROOM | {"id": "a b"}, 422, "is no id"),
        (ROOM | {"id": "dorm"}, 409, "already"),
        (ROOM | {"area_m2": -1}, 422, "area_m2"),
        (ROOM | {"name": "  "}, 422, "name"),
        (ROOM | {"colour": "blue"}, 422, "colour"),
    ],
)
def test_what_is_no_space_is_refused_with_the_reason(campus: Campus, body: dict[str, Any], status: int, words: str) -> None:
    answer = campus.as_user("admin").post("/api/v1/spaces", json=body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert campus.deps.audit.list(1) == []


def test_a_space_is_edited_and_moved_and_the_change_is_written_down(campus: Campus) -> None:
    admin = campus.as_user("admin")
    edited = admin.patch("/api/v1/spaces/dorm-101", json={"name": "Warden", "people": 2})
    assert (edited.json()["name"], edited.json()["name_zh"], edited.json()["people"]) == ("Warden", "dorm-101 中", 2)
    assert newest_audit(campus) == ("admin", "space.edit", "dorm-101", "name: DORM-101 → Warden; people: nothing → 2")
    moved = admin.patch("/api/v1/spaces/dorm-101", json={"parent_id": "lab-1"})
    assert moved.status_code == 200
    assert [step["id"] for step in admin.get("/api/v1/devices/em-101").json()["space_path"]] == ["site", "lab", "lab-1", "dorm-101"]


@pytest.mark.parametrize(
    ("space", "changes", "words"),
    [
        ("dorm", {"parent_id": "dorm-101"}, "cannot lie inside itself"),
        ("dorm", {"parent_id": "dorm"}, "cannot lie inside itself"),
        ("dorm", {"kind": "room"}, "cannot hold the floor"),
        ("dorm-1", {"parent_id": None}, "needs the place"),
        ("dorm-1", {}, "nothing to change"),
        ("dorm-1", {"name": None}, "name"),
    ],
)
def test_a_space_never_lies_where_it_cannot(campus: Campus, space: str, changes: dict[str, Any], words: str) -> None:
    answer = campus.as_user("admin").patch(f"/api/v1/spaces/{space}", json=changes)
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


def test_energy_managers_change_what_is_counted_and_nothing_else(campus: Campus) -> None:
    energy = campus.as_user("energy")
    assert energy.patch("/api/v1/spaces/dorm", json={"area_m2": 1200, "people": 300}).json()["area_m2"] == 1200
    assert energy.patch("/api/v1/spaces/dorm", json={"area_m2": None}).json()["area_m2"] is None
    assert energy.patch("/api/v1/spaces/dorm", json={"name": "Mine"}).status_code == 403
    assert energy.post("/api/v1/spaces", json=ROOM).status_code == 403
    assert energy.delete("/api/v1/spaces/dorm-101").status_code == 403
    assert campus.as_user("security").patch("/api/v1/spaces/dorm", json={"people": 1}).status_code == 403


def test_only_an_empty_space_goes_and_the_refusal_says_what_is_in_it(campus: Campus) -> None:
    admin = campus.as_user("admin")
    floor = admin.delete("/api/v1/spaces/dorm-1")
    assert (floor.status_code, "room 'DORM-101'" in floor.json()["detail"]) == (409, True)
    room = admin.delete("/api/v1/spaces/dorm-101").json()
    assert "'Device em-101' (em-101)" in room["detail"]
    assert "smoke-101" in room["detail"]
    for device in ("em-101", "smoke-101"):
        admin.patch(f"/api/v1/devices/{device}", json={"space_id": "dorm-1"})
    report = {"space_id": "dorm-101", "description": "tap drips"}
    number = campus.as_user("reporter").post("/api/v1/work-orders", json=report).json()["number"]
    assert number in admin.delete("/api/v1/spaces/dorm-101").json()["detail"]
    order_id = int(number.removeprefix("WO-"))
    admin.post(f"/api/v1/work-orders/{order_id}/cancel", json={"note": "test"})
    assert admin.delete("/api/v1/spaces/dorm-101").status_code == 204
    assert admin.get("/api/v1/spaces/dorm-101").status_code == 404
    assert newest_audit(campus) == ("admin", "space.remove", "dorm-101", "DORM-101")


def test_a_device_is_edited_and_its_own_numbers_stand_in_for_the_profile_s(campus: Campus) -> None:
    admin = campus.as_user("admin")
    changes = {
        "name": "Main meter",
        "profile_id": "em-room",
        "space_id": "lab-1",
        "upstream_id": "em-dorm",
        "measures_space": False,
        "attributes": {"interval_s": "3600", "high.elec.power.active": "5000", "cabinet": "K3"},
    }
    edited = admin.patch("/api/v1/devices/em-lab", json=changes).json()
    assert edited["interval_s"] == 3600
    assert edited["silent_after_s"] == 10_800
    assert edited["attributes"]["cabinet"] == "K3"
    assert (edited["space_id"], edited["upstream_id"], edited["measures_space"]) == ("lab-1", "em-dorm", False)
    assert "profile_id: em-building → em-room" in newest_audit(campus)[3]
    emptied = admin.patch("/api/v1/devices/em-lab", json={"attributes": {"interval_s": None}, "upstream_id": None}).json()
    assert emptied["interval_s"] == PROFILES["em-room"].interval_s
    assert (emptied["upstream_id"], emptied["attributes"]) == (None, {"high.elec.power.active": "5000", "cabinet": "K3"})


@pytest.mark.parametrize(
    ("device", "changes", "words"),
    [
        ("em-dorm", {"upstream_id": "em-101"}, "is itself fed by this meter"),
        ("em-dorm", {"upstream_id": "em-dorm"}, "is itself fed by this meter"),
        ("em-dorm", {"upstream_id": "wm-lab"}, "does not feed"),
        ("em-dorm", {"upstream_id": "none"}, "there is no device 'none'"),
        ("em-dorm", {"space_id": "none"}, "there is no space 'none'"),
        ("em-dorm", {"profile_id": "toaster"}, "known: em-site"),
        ("em-dorm", {"attributes": {"interval_s": "often"}}, "is no number"),
        ("em-dorm", {"attributes": {"interval_s": "0"}}, "above 0"),
        ("em-dorm", {"attributes": {"modulus.elec.power.active": "10"}}, "is no register"),
        ("em-dorm", {"kind": "water_meter"}, "kind"),
    ],
)
def test_a_device_never_hangs_where_it_cannot(campus: Campus, device: str, changes: dict[str, Any], words: str) -> None:
    answer = campus.as_user("admin").patch(f"/api/v1/devices/{device}", json=changes)
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


def test_a_retired_device_stays_with_its_past_and_nobody_waits_for_it(campus: Campus) -> None:
    admin = campus.as_user("admin")
    retired = admin.post("/api/v1/devices/wm-lab/retire", json={"note": "leaks"}).json()
    assert (retired["status"], retired["retired_at"]) == ("retired", "2026-11-18")
    assert newest_audit(campus)[3].endswith("leaks")
    assert admin.post("/api/v1/devices/wm-lab/retire").status_code == 409
    assert admin.get("/api/v1/summary").json()["devices"]["total"] == 5
    assert [d["id"] for d in admin.get("/api/v1/devices?status=retired").json()["items"]] == ["wm-lab"]
    assert admin.post("/api/v1/devices/wm-lab/put-back").json()["status"] == "never"
    assert admin.post("/api/v1/devices/wm-lab/put-back").status_code == 409


def test_a_new_meter_takes_the_place_of_the_old_one(campus: Campus) -> None:
    admin = campus.as_user("admin")
    heir = admin.post("/api/v1/devices/em-dorm/replace", json={"by": "210900042", "on": "2026-11-17"}).json()
    assert (heir["id"], heir["space_id"], heir["measures_space"], heir["sub_meters"]) == ("210900042", "dorm", True, ["em-101"])
    assert heir["replaces"] == "em-dorm"
    old = admin.get("/api/v1/devices/em-dorm").json()
    assert (old["retired_at"], old["replaced_by"], old["sub_meters"]) == ("2026-11-17", "210900042", [])
    assert {meter.id for meter in campus.deps.registry.load().meters_of("dorm", heir_kind())} == {"em-dorm", "210900042"}
    assert "water_meter" in admin.post("/api/v1/devices/wm-lab/replace", json={"by": "em-lab"}).json()["detail"]


def heir_kind() -> Any:
    return PROFILES["em-building"].kind


def test_a_device_is_known_before_it_speaks(campus: Campus) -> None:
    body = {"id": "wm-9", "profile_id": "wm-battery", "space_id": "dorm-1", "name": "Shower", "name_zh": "淋浴水表"}
    made = campus.as_user("admin").post("/api/v1/devices", json=body)
    assert (made.status_code, made.json()["kind"], made.json()["status"], made.json()["sleeping"]) == (
        201,
        "water_meter",
        "never",
        True,
    )
    assert campus.as_user("admin").post("/api/v1/devices", json=body).status_code == 409
    assert campus.as_user("energy").post("/api/v1/devices", json=body).status_code == 403


def test_profiles_are_shown_with_registers_limits_and_use(campus: Campus) -> None:
    listed = {found["id"]: found for found in campus.as_user("crew").get("/api/v1/profiles").json()["items"]}
    assert listed["em-building"]["devices"] == 2
    register = listed["em-building"]["registers"][0]
    assert register | {"metric": "elec.energy.import", "digits": 6, "signed": False} == register
    assert listed["em-two-way"]["registers"][0]["signed"] is True
    assert listed["wm-battery"]["sleeping"] is True
    assert listed["smart-plug"]["limits"][1] == {"metric": "elec.power.active", "unit": "W", "low": -10, "high": 4000}
    assert all(found["name"] and found["name_zh"] for found in listed.values())


def test_a_space_where_assets_stand_or_are_to_go_stays(campus: Campus) -> None:
    admin = campus.as_user("admin")
    assert (
        admin.post(
            "/api/v1/spaces", json={"id": "hall", "kind": "building", "name": "Hall", "name_zh": "礼堂", "parent_id": "site"}
        ).status_code
        == 201
    )
    new = {"class_code": "A05010502", "name": "Cabinet", "space_id": "hall", "accepted_on": "2026-01-05"}
    tag = admin.post("/api/v1/assets", json=new).json()["tag"]
    refused = admin.delete("/api/v1/spaces/hall")
    assert (refused.status_code, tag in refused.json()["detail"]) == (409, True)
    moved = {"note": "rebuilding", "space_id": "lab-1"}
    assert admin.post(f"/api/v1/assets/{tag}/request_transfer", json=moved).status_code == 200
    assert campus.as_user("head").post(f"/api/v1/assets/{tag}/approve", json={}).status_code == 200
    back = {"note": "and back", "space_id": "hall"}
    assert admin.post(f"/api/v1/assets/{tag}/request_transfer", json=back).status_code == 200
    assert admin.delete("/api/v1/spaces/hall").status_code == 409
    assert admin.post(f"/api/v1/assets/{tag}/withdraw", json={}).status_code == 200
    assert admin.delete("/api/v1/spaces/hall").status_code == 204
