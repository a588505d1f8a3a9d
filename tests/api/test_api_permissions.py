"""Every route for every role, and what may be seen behind an open door."""

from datetime import timedelta

import pytest

from analytics.finding import FindingKind
from api.app import api_routes
from api.guard import check_rules
from api.permissions import EVERYBODY, RULES, rule_for
from storage.user import Role
from tests.fixtures_api import USERS, Campus

ROUTES = [(min(route.methods), route.path) for route in api_routes()]
OF_ROLE = {Role.CREW: "crew", Role.LOGISTICS_HEAD: "head", Role.ENERGY_MANAGER: "energy"}
NOWHERE = {
    "space_id": "nope",
    "device_id": "nope",
    "meter_id": "nope",
    "entry_id": "999",
    "price_id": "999",
    "factor_id": "999",
    "quantity": "water",
    "alert_id": "999",
    "finding_id": "999",
    "kind": "no.such",
    "rule_id": "999",
    "order_id": "999",
    "letter_id": "999",
    "gateway_id": "nope",
    "tag": "nope",
    "stocktake_id": "999",
    "line_id": "999",
    "event": "accept",
    "token_id": "999",
    "command_id": "999",
    "budget_id": "999",
    "quota_id": "999",
    "family": "nope",
    "token": "ctk_x",
    "import_id": "999",
    "photo": "nope",
    "upload_id": "nope",
}
PARAMETERS = {
    "/api/v1/devices/{device_id}/readings": {"metric": "smoke"},
    "/api/v1/consumption": {"space": "nope", "quantity": "water"},
    "/api/v1/consumption/breakdown": {"space": "nope", "quantity": "water"},
    "/api/v1/stream": {"device": "nope"},
}
BODIES = {"/api/v1/alerts/{alert_id}/resolve": {"reason": "seen to"}, "/api/v1/auth/token": {"username": "x", "password": "y"}}


def test_every_route_has_a_rule_and_goes_through_the_guard() -> None:
    check_rules(api_routes())
    assert set(ROUTES) == set(RULES), "a rule without a route, or a route without a rule"


def test_a_route_without_a_rule_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, ("GET", "/api/v1/crew"))
    with pytest.raises(ValueError, match="add a line to RULES"):
        check_rules(api_routes())


def test_a_route_without_a_rule_is_refused_even_to_the_administrator(campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = campus.as_user("admin")
    monkeypatch.delitem(RULES, ("GET", "/api/v1/crew"))
    assert admin.get("/api/v1/crew").status_code == 403


def test_every_route_for_every_role(campus: Campus) -> None:
    """Ids lead nowhere, so that who may pass sees 404 (or an empty answer) and nobody changes anything."""
    wrong = []
    for method, path in ROUTES:
        rule = rule_for([method], path)
        for role in (None, *Role):
            if path == "/api/v1/auth/logout":
                continue  # ends the session of the clients that this test goes on using; see test_api_auth
            client = campus.anonymous() if role is None else campus.as_user(OF_ROLE.get(role, role.value))
            answer = client.request(method, path.format(**NOWHERE), params=PARAMETERS.get(path), json=BODIES.get(path))
            passes = rule is EVERYBODY or (role is not None and role in rule)
            refused = 401 if role is None else 403
            if (answer.status_code == refused) == passes and path != "/api/v1/auth/token" and "/push" not in path:
                wrong.append(f"{role} {method} {path}: {answer.status_code}")
            if answer.status_code >= 500 or (not passes and answer.status_code != refused):
                wrong.append(f"{role} {method} {path}: {answer.status_code}")
    assert not wrong


def test_a_refused_request_is_refused_before_its_body_is_read(campus: Campus) -> None:
    answer = campus.anonymous().post("/api/v1/work-orders", content=b"{not json", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [
        ("/api/v1/devices/{}", "smoke-101"),
        ("/api/v1/spaces/{}", "dorm-101"),
        ("/api/v1/spaces/{}/qr.svg", "dorm"),
        ("/api/v1/devices/{}/readings?metric=smoke", "smoke-101"),
        ("/api/v1/stream?device={}", "smoke-101"),
        ("/api/v1/events?device={}", "smoke-101"),
    ],
)
def test_another_building_looks_as_if_it_did_not_exist(campus: Campus, path: str, elsewhere: str) -> None:
    real, invented = (campus.as_user("labguard").get(path.format(name)) for name in (elsewhere, "invented"))
    assert real.status_code == invented.status_code == 404
    assert real.json()["detail"].replace(elsewhere, "X") == invented.json()["detail"].replace("invented", "X")


def test_alerts_and_findings_of_another_building_are_hidden(campus: Campus) -> None:
    hidden = campus.raise_alert()
    seen = campus.raise_alert(FindingKind.DOOR_FORCED, "door-lab", "lab")
    guard = campus.as_user("labguard")
    assert [item["id"] for item in guard.get("/api/v1/alerts").json()["items"]] == [seen.id]
    assert [item["id"] for item in guard.get("/api/v1/findings").json()["items"]] == [seen.finding_id]
    assert guard.get(f"/api/v1/alerts/{hidden.id}").status_code == 404
    assert guard.get(f"/api/v1/findings/{hidden.finding_id}").status_code == 404
    assert guard.post(f"/api/v1/alerts/{hidden.id}/acknowledge").status_code == 404
    assert guard.post(f"/api/v1/alerts/{hidden.id}/resolve", json={"reason": "x"}).status_code == 404
    assert guard.get("/api/v1/summary").json()["alerts"]["life_safety"] == 0
    assert {item["id"] for item in guard.get("/api/v1/devices").json()["items"]} == {"em-lab", "wm-lab", "door-lab"}
    assert {item["id"] for item in guard.get("/api/v1/spaces").json()["items"]} == {"site", "lab", "lab-1"}
    assert guard.get("/api/v1/spaces/site").json()["children"][0]["id"] == "lab"


def test_life_safety_is_acknowledged_by_the_desk_alone(campus: Campus) -> None:
    smoke, burst = campus.raise_alert(), campus.raise_alert(FindingKind.WATER_BURST, "wm-lab", "lab")
    energy = campus.as_user("energy")
    assert energy.post(f"/api/v1/alerts/{smoke.id}/acknowledge").status_code == 403
    assert energy.post(f"/api/v1/alerts/{burst.id}/acknowledge").status_code == 200
    assert campus.as_user("security").post(f"/api/v1/alerts/{smoke.id}/acknowledge").status_code == 200


def test_only_who_belongs_to_an_order_sees_it(campus: Campus) -> None:
    body = {"space_id": "dorm-101", "description": "The tap drips", "trade": None}
    order = campus.as_user("reporter").post("/api/v1/work-orders", json=body).json()
    address = f"/api/v1/work-orders/{order['id']}"
    sees = {name: campus.as_user(name).get(address).status_code == 200 for name in USERS}
    assert sees == {name: name not in {"other", "crew", "sparks", "labguard"} for name in USERS}
    assert campus.as_user("other").get("/api/v1/work-orders", params={"reporter": "reporter"}).json()["items"] == []
    dispatcher = campus.as_user("dispatcher")
    assert dispatcher.post(f"{address}/triage", json={"trade": "plumbing", "priority": "p3"}).status_code == 200
    assert campus.as_user("crew").get(address).status_code == 200, "nobody has it and it is his trade"
    assert campus.as_user("sparks").get(address).status_code == 404
    assert dispatcher.post(f"{address}/assign", json={"assignee": "sparks"}).status_code == 200
    assert campus.as_user("crew").get(address).status_code == 404
    assert campus.as_user("sparks").get(address).status_code == 200


def test_a_role_taken_away_ends_at_the_next_request(campus: Campus) -> None:
    client = campus.as_user("security")
    assert client.get("/api/v1/alerts").status_code == 200
    campus.deps.users.save(USERS["reporter"].__class__(username="security", display_name="S", roles=frozenset({Role.REPORTER})))
    assert client.get("/api/v1/alerts").status_code == 403
    campus.later(timedelta(hours=13))
    assert client.get("/api/v1/me").status_code == 401
