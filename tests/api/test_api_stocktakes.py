"""A stocktake over HTTP: what is looked for, found, elsewhere, surplus and missing, and the ledger corrected by two persons."""

from typing import Any

import pytest

from api.stocktakes import tag_of
from devices.errors import BadInput
from tests.api.test_api_assets import do, entered
from tests.fixtures_api import Campus


def opened(campus: Campus, **more: Any) -> dict[str, Any]:
    answer = campus.as_user("dispatcher").post("/api/v1/stocktakes", json={"name": "Winter", "space_id": "lab", **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def counted(campus: Campus, number: int, user: str = "crew", **body: Any) -> Any:
    return campus.as_user(user).post(f"/api/v1/stocktakes/{number}/count", json=body)


def results(campus: Campus, number: int) -> dict[str, str]:
    return {line["tag"]: line["result"] for line in campus.as_user("head").get(f"/api/v1/stocktakes/{number}").json()["lines"]}


def test_the_whole_of_a_stocktake(campus: Campus) -> None:
    found, moved, lost = (entered(campus, accepted_on="2026-03-03")["tag"] for _ in range(3))
    stray = entered(campus, accepted_on="2026-03-03", space_id="dorm-101")["tag"]
    entered(campus)  # not accepted yet: nobody looks for it
    number = opened(campus)["id"]
    assert set(results(campus, number)) == {found, moved, lost}

    assert counted(campus, number, tag=f"https://campus.example/a/{found.lower()}").json()["line"]["result"] == "found"
    assert counted(campus, number, tag=moved, space_id="lab").json()["line"]["result"] == "elsewhere"
    assert counted(campus, number, tag=stray, space_id="lab-1").json()["line"]["result"] == "elsewhere"
    assert counted(campus, number, tag="OLD-1").status_code == 404
    assert counted(campus, number, tag="OLD-1", name="Old microscope", space_id="lab-1").json()["line"]["result"] == "surplus"
    counts = counted(campus, number, tag=found).json()["counts"]
    assert (counts["found"], counts["elsewhere"], counts["surplus"], counts["not_counted"]) == (1, 2, 1, 1)
    assert do(campus.as_user("dispatcher"), found, "accept").status_code == 409

    keeper, head = campus.as_user("dispatcher"), campus.as_user("head")
    assert keeper.post(f"/api/v1/stocktakes/{number}/correct").status_code == 409
    assert keeper.post(f"/api/v1/stocktakes/{number}/close").json()["counts"]["missing"] == 1
    assert counted(campus, number, tag=found).status_code == 409
    assert keeper.post(f"/api/v1/stocktakes/{number}/close").status_code == 409
    assert keeper.post(f"/api/v1/stocktakes/{number}/correct").json() == {"requested": 3, "refused": []}
    assert keeper.post(f"/api/v1/stocktakes/{number}/correct").json()["requested"] == 0
    assert {item["pending"]["kind"] for item in head.get("/api/v1/assets?waiting=1").json()["items"]} == {"transfer", "loss"}

    assert do(head, lost, "approve").json()["state"] == "missing"
    assert do(head, stray, "approve").json()["space_id"] == "lab-1"
    assert do(head, moved, "refuse", note="it was lent").json()["space_id"] == "lab-1"
    lines = {line["tag"]: line for line in head.get(f"/api/v1/stocktakes/{number}").json()["lines"]}
    assert [lines[tag]["correction"] for tag in (lost, stray, moved, found)] == ["approved", "approved", "refused", "none"]

    surplus = f"/api/v1/stocktakes/{number}/lines/{lines['OLD-1']['id']}/enter"
    made = keeper.post(surplus, json={"class_code": "A02100000", "price": 500})
    assert (made.status_code, made.json()["tag"]) == (201, "OLD-1")
    assert keeper.post(surplus, json={"class_code": "A02100000"}).status_code == 409
    assert do(keeper, "OLD-1", "accept").status_code == 403
    assert do(head, "OLD-1", "accept").json()["acquired"] == "surplus"
    after = {line["tag"]: line["correction"] for line in head.get(f"/api/v1/stocktakes/{number}").json()["lines"]}
    assert after["OLD-1"] == "approved"
    assert b"\xe7\x9b\x98\xe4\xba\x8f" in keeper.get(f"/api/v1/stocktakes/{number}/file?format=csv&lang=zh-CN").content


def test_what_was_missing_and_is_found_again_comes_back(campus: Campus) -> None:
    tag = entered(campus, accepted_on="2026-03-03")["tag"]
    keeper, head = campus.as_user("dispatcher"), campus.as_user("head")
    do(keeper, tag, "report_loss", note="stolen")
    assert do(head, tag, "approve").json()["value"] is None
    number = opened(campus)["id"]
    counted(campus, number, tag=tag, space_id="lab-1")
    keeper.post(f"/api/v1/stocktakes/{number}/close")
    assert keeper.post(f"/api/v1/stocktakes/{number}/correct").json()["requested"] == 1
    back = do(head, tag, "approve").json()
    assert (back["state"], back["written_off_on"]) == ("in_store", None)


def test_a_stocktake_of_another_building_does_not_exist(campus: Campus) -> None:
    entered(campus, accepted_on="2026-03-03", space_id="dorm-101")
    stray = entered(campus, accepted_on="2026-03-03", space_id="dorm-101")["tag"]
    theirs, everywhere, ours = opened(campus, space_id="dorm")["id"], opened(campus, space_id=None)["id"], opened(campus)["id"]
    guard = campus.as_user("labguard")
    assert [item["id"] for item in guard.get("/api/v1/stocktakes").json()["items"]] == [ours]
    assert [guard.get(f"/api/v1/stocktakes/{number}").status_code for number in (theirs, everywhere, ours)] == [404, 404, 200]
    assert counted(campus, ours, "labguard", tag=stray).status_code == 409


@pytest.mark.parametrize("read", ["ty-1", "TY-1", "/a/TY-1", "http://h:8000/a/ty-1", "https://h/a/TY-1?x=1", "https://h/a/TY-1/"])
def test_what_a_camera_reads_leads_to_the_number(read: str) -> None:
    assert tag_of(read) == "TY-1"


@pytest.mark.parametrize("read", ["", "https://h/report/x", "a b", "https://evil/a/", "扫"])
def test_another_code_is_told(read: str) -> None:
    with pytest.raises(BadInput):
        tag_of(read)


def test_odd_counts_are_refused_by_name(campus: Campus) -> None:
    number = opened(campus)["id"]
    assert counted(campus, number).status_code == 404
    assert counted(campus, number, name="A thing without a label").json()["line"]["tag"].startswith("SURPLUS-")
    assert counted(campus, number, tag="x y").status_code == 422
    assert counted(campus, number, tag="X", name="thing", space_id="nowhere").status_code == 422
    assert counted(campus, 999, tag="X").status_code == 404
