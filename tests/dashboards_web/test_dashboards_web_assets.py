"""The pages of the asset ledger over the real API: each role, both languages, what the label opens."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from dashboards.web.pages import create_pages
from tests.api.test_api_assets import do, entered
from tests.fixtures_api import Campus

PAGES = (
    "/assets",
    "/assets?q=meter&state=in_store&class_code=A021&space=lab&condition=good&waiting=1&warranty_before=2027-01-01",
    "/assets?space=lab-1&state=nonsense",
    "/assets/new?space=lab-1",
    "/assets/report?by=building&month=2026-11",
    "/assets/labels?of=spaces",
    "/assets/labels?q=meter&tags=T-1",
    "/assets/bring-in?kind=devices",
    "/a/T-1",
    "/stocktakes",
    "/stocktakes/1?result=surplus",
    "/stocktakes/2",
)


@pytest.fixture
def client(campus: Campus) -> Iterator[TestClient]:
    entered(campus, tag="T-1", accepted_on="2026-03-03", custodian="Li", warranty_until="2027-03-01")
    keeper = campus.as_user("dispatcher")
    do(keeper, "T-1", "request_transfer", space_id="dorm-101", note="needed")
    do(campus.as_user("admin"), "T-1", "link", device_id="wm-lab")
    for number in (1, 2):
        assert keeper.post("/api/v1/stocktakes", json={"name": "Winter", "space_id": "lab"}).json()["id"] == number
    keeper.post("/api/v1/stocktakes/1/count", json={"tag": "OLD", "name": "Microscope"})
    keeper.post("/api/v1/stocktakes/1/close")
    campus.app.mount("/", create_pages(campus.app, site_name="Hill School", now=lambda: campus.clock[0]))
    with TestClient(campus.app, follow_redirects=False) as made:
        yield made


def as_user(client: TestClient, campus: Campus, user: str, lang: str = "en") -> None:
    client.cookies.set("caretaker_session", campus.token(user))
    client.cookies.set("lang", lang)


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_every_page_for_the_keeper(client: TestClient, campus: Campus, lang: str) -> None:
    as_user(client, campus, "admin", lang)
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        assert "%(" not in answer.text, path
        assert not re.search(r"\son\w+=|style=|<script>", answer.text), path


@pytest.mark.parametrize("user", ["crew", "labguard", "energy", "head"])
def test_others_see_what_they_may(client: TestClient, campus: Campus, user: str) -> None:
    as_user(client, campus, user)
    for path in PAGES:
        assert client.get(path).status_code in {200, 403}, path
    assert client.get("/a/T-1").status_code == 200


def test_a_reporter_who_scans_reports_a_fault_at_its_place(client: TestClient, campus: Campus) -> None:
    as_user(client, campus, "reporter", "zh-CN")
    answer = client.get("/a/T-1")
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/report/lab-1")
    assert "水表 LXSG-25 (T-1): " in client.get(answer.headers["location"]).text
    assert client.get("/a/NOTHING").status_code == 404


def test_the_label_asks_to_sign_in_and_comes_back(client: TestClient) -> None:
    assert client.get("/a/T-1").headers["location"] == "/sign-in?next=%2Fa%2FT-1"


def test_nobody_is_shown_a_button_for_their_own_request(client: TestClient, campus: Campus) -> None:
    address = "/api/v1/assets/T-1/approve"
    for user, shown in (("dispatcher", False), ("head", True), ("crew", False)):
        as_user(client, campus, user)
        assert (address in client.get("/a/T-1").text) is shown


def test_a_new_asset_is_sent_once_as_the_form_says(client: TestClient, campus: Campus) -> None:
    as_user(client, campus, "dispatcher")
    page = client.get("/assets/new").text
    fields = set(re.findall(r'name="(\w+)"', page)) - {"viewport", "color-scheme", "next", "theme", "lang"}
    given = {"class_code": "A02100000", "name": "Meter", "price": "360.50", "life_months": "72", "method": "straight_line"}
    assert given.keys() <= fields
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    made = client.post("/api/v1/assets", json=given, headers={"X-CSRF-Token": token[1]})
    assert (made.status_code, made.json()["price"], made.json()["life_months"]) == (201, 360.5, 72)
    assert client.get(f"/a/{made.json()['tag']}").status_code == 200
