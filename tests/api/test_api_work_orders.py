"""A fault from the report to the accepted repair, over HTTP, and what each person may do on the way."""

from typing import Any

import pytest

from alerts.model import AlertState
from analytics.finding import FindingKind
from maintenance.engine import raise_from_alert
from tests.fixtures_api import Campus

ORDERS = "/api/v1/work-orders"
DRIP = {"space_id": "dorm-101", "description": "The tap drips 100 % of the time", "trade": "plumbing"}


def _act(campus: Campus, user: str, order: dict[str, Any], event: str, **body: object) -> dict[str, Any]:
    answer = campus.as_user(user).post(f"{ORDERS}/{order['id']}/{event}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _report(campus: Campus, user: str = "reporter", **changed: object) -> dict[str, Any]:
    answer = campus.as_user(user).post(ORDERS, json=DRIP | changed)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_from_the_report_to_the_accepted_repair(campus: Campus) -> None:
    order = _report(campus)
    assert order["number"] == f"WO-{order['id']:06d}"
    assert order["text"] == DRIP["description"], "a person's words stand as written"
    assert (order["state"], order["assignee"], order["assignee_name"]) == ("assigned", "crew", "Wang")
    assert (order["reporter_name"], order["overdue"]) == ("Chen", False)
    assert order["allowed"] == [], "the reporter cannot cancel what has been assigned"
    assert _act(campus, "crew", order, "accept")["state"] == "accepted"
    assert _act(campus, "crew", order, "start")["allowed"] == ["log", "defer", "finish"]
    _act(campus, "crew", order, "log", note="New washer fitted")
    assert _act(campus, "crew", order, "finish", note="Dry")["state"] == "done"
    closed = _act(campus, "reporter", order, "accept_repair", rating=5)
    assert (closed["state"], closed["rating"]) == ("closed", 5)
    detail = campus.as_user("reporter").get(f"{ORDERS}/{order['id']}").json()
    assert detail["chain_ok"] is True
    assert [line["event"] for line in detail["log"]][-5:] == ["accept", "start", "log", "finish", "accept_repair"]
    assert ("order", order["id"]) in campus.woken


def test_the_wrong_person_is_refused_and_a_wrong_moment_conflicts(campus: Campus) -> None:
    order = _report(campus)
    post = campus.as_user("reporter").post
    assert post(f"{ORDERS}/{order['id']}/accept").status_code == 403, "possible now, but for the crew"
    assert post(f"{ORDERS}/{order['id']}/finish").status_code == 409, "not possible now for anybody"
    assert campus.as_user("dispatcher").post(f"{ORDERS}/{order['id']}/finish").status_code == 409
    assert campus.as_user("crew").post(f"{ORDERS}/{order['id']}/decline").status_code == 422, "a note is missing"
    assert campus.as_user("dispatcher").post(f"{ORDERS}/{order['id']}/assign", json={"assignee": "reporter"}).status_code == 422
    assert campus.as_user("reporter").get(f"{ORDERS}/{order['id']}").json()["state"] == "assigned"


def test_who_declines_is_not_asked_again(campus: Campus) -> None:
    order = _report(campus)
    declined = campus.as_user("crew").post(f"{ORDERS}/{order['id']}/decline", json={"note": "No tools"})
    assert (declined.json()["state"], declined.json()["assignee"]) == ("triaged", None)


def test_a_duplicate_must_name_an_order_that_exists(campus: Campus) -> None:
    first, second = _report(campus, trade=None), _report(campus, "other", trade=None)
    assert first["id"] != second["id"]
    dispatcher = campus.as_user("dispatcher")
    address = f"{ORDERS}/{second['id']}/mark_duplicate"
    assert dispatcher.post(address, json={"duplicate_of": 999}).status_code == 404
    assert dispatcher.post(address, json={"duplicate_of": first["id"]}).json()["state"] == "duplicate"


def test_a_key_makes_a_request_happen_once(campus: Campus) -> None:
    client, key = campus.as_user("reporter"), {"Idempotency-Key": "tap-1"}
    first = client.post(ORDERS, json=DRIP, headers=key)
    again = client.post(ORDERS, json=DRIP, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert client.post(ORDERS, json=DRIP | {"description": "Something else"}, headers=key).status_code == 422
    elsewhere = campus.as_user("other").post(ORDERS, json=DRIP, headers=key)
    assert elsewhere.json()["id"] != first.json()["id"], "another person's key is another key"


def test_a_refused_request_frees_its_key(campus: Campus) -> None:
    client, key = campus.as_user("reporter"), {"Idempotency-Key": "tap-2"}
    assert client.post(ORDERS, json=DRIP | {"space_id": "nope"}, headers=key).status_code == 422
    assert client.post(ORDERS, json=DRIP, headers=key).status_code == 201


@pytest.mark.parametrize(
    ("user", "query", "count"),
    [
        ("dispatcher", {}, 2),
        ("dispatcher", {"trade": "plumbing"}, 1),
        ("dispatcher", {"priority": "p1,p2"}, 0),
        ("dispatcher", {"space": "dorm"}, 1),
        ("dispatcher", {"state": "raised,assigned"}, 2),
        ("dispatcher", {"reporter": "other"}, 1),
        ("crew", {"assignee": "me"}, 1),
        ("crew", {"reporter": "other"}, 0),
        ("reporter", {"reporter": "me"}, 1),
        ("reporter", {}, 1),
        ("labguard", {}, 1),
    ],
)
def test_lists_show_what_one_may_see(campus: Campus, user: str, query: dict[str, str], count: int) -> None:
    _report(campus)
    _report(campus, "other", space_id="lab", trade=None)
    assert len(campus.as_user(user).get(ORDERS, params=query).json()["items"]) == count


def test_a_person_can_report_only_what_is_there(campus: Campus) -> None:
    client = campus.as_user("reporter")
    assert client.post(ORDERS, json=DRIP | {"device_id": "em-lab"}).status_code == 422, "that device is elsewhere"
    assert client.post(ORDERS, json=DRIP | {"device_id": "invented"}).status_code == 422
    assert client.post(ORDERS, json=DRIP | {"device_id": "smoke-101"}).json()["device_name"] == "Device smoke-101"


def test_closing_an_order_ends_its_alert_with_the_dispatcher_s_word(campus: Campus) -> None:
    from api.orders import desk_for

    alert = campus.raise_alert(FindingKind.WATER_BURST, "wm-lab", "lab")
    registry = campus.deps.registry.load()
    desk = desk_for(campus.deps, registry, "lab")
    raised = raise_from_alert(campus.deps.orders, alert, campus.clock[0], desk, device_kind=registry.devices["wm-lab"].kind).order
    assert raised is not None
    order = campus.as_user("dispatcher").get(f"{ORDERS}/{raised.id}").json()
    assert order["alert_id"] == alert.id
    assert campus.as_user("dispatcher").get(f"/api/v1/alerts/{alert.id}").json()["order_id"] == raised.id
    for event in ("accept", "start"):
        _act(campus, "crew", order, event)
    _act(campus, "crew", order, "finish", note="Clamp fitted")
    refused = campus.as_user("dispatcher").post(f"{ORDERS}/{raised.id}/close")
    assert refused.status_code == 422, "the sensor still sees it"
    _act(campus, "dispatcher", order, "close", note="Meter reads old flow, seen dry")
    settled = campus.deps.alerts.get(alert.id)
    assert settled.state is AlertState.RESOLVED
    assert settled.resolution == "Meter reads old flow, seen dry"


def test_the_crew_is_listed_with_its_load(campus: Campus) -> None:
    _report(campus)
    crew = campus.as_user("dispatcher").get("/api/v1/crew").json()["items"]
    assert [(one["username"], one["load"], one["trades"]) for one in crew] == [
        ("crew", 1, ["plumbing"]),
        ("sparks", 0, ["electrical"]),
    ]
    plumbers = campus.as_user("dispatcher").get("/api/v1/crew", params={"trade": "plumbing"}).json()["items"]
    assert [one["display_name"] for one in plumbers] == ["Wang"]
