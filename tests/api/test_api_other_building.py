"""Whoever looks after one building, in every role at once, walks every route with ids of another building."""

from typing import Any

import pytest

from api.app import api_routes
from api.permissions import EVERYBODY, rule_for
from devices import command as machine
from devices.command import CommandName
from storage.user import Role, User
from tests.fixtures_api import NOW, Campus, TestClient

ELSEWHERE = {"space_id": "dorm-101", "device_id": "em-101", "meter_id": "em-dorm"}
SITE_WIDE = ("/api/v1/links", "/api/v1/dead-letters", "/api/v1/tokens", "/api/v1/reading-imports")


@pytest.fixture
def limited(campus: Campus) -> TestClient:
    roles = frozenset(Role)
    campus.deps.users.save(User(username="labguard", display_name="Lab", roles=roles, buildings=frozenset({"lab"})))
    return campus.as_user("labguard")


def routes() -> list[tuple[str, str]]:
    return [(min(route.methods), route.path) for route in api_routes() if rule_for(route.methods, route.path) is not EVERYBODY]


def test_every_route_of_another_buildings_thing_tells_and_changes_nothing(campus: Campus, limited: TestClient) -> None:
    wrong = []
    for method, path in routes():
        names = [name for name in ELSEWHERE if f"{{{name}}}" in path]
        if not names:
            continue
        filled = path
        for name, value in ELSEWHERE.items():
            filled = filled.replace(f"{{{name}}}", value)
        filled = filled.replace("{entry_id}", "1")
        body = {"name": "X", "reason": "x", "at": NOW.isoformat(), "value": 1.0}
        answer = limited.request(method, filled, params={"metric": "elec.energy.import"}, json=body)
        if answer.status_code not in (403, 404, 422):
            wrong.append(f"{method} {filled}: {answer.status_code} {answer.text[:80]}")
        if "Device em-101" in answer.text or "DORM-101" in answer.text:
            wrong.append(f"{method} {filled} tells a name")
    assert not wrong


@pytest.mark.parametrize(("method", "path"), [one for one in routes() if one[1].startswith(SITE_WIDE)])
def test_what_belongs_to_no_building_is_closed(limited: TestClient, method: str, path: str) -> None:
    filled = path.format(letter_id=1, token_id=1, upload_id="a" * 64, import_id=1) if "{" in path else path
    assert limited.request(method, filled).status_code == 403


@pytest.mark.parametrize(
    "path",
    [path for method, path in routes() if method == "GET" and "{" not in path and not path.endswith(("/stream", ".pdf", "/me"))],
)
def test_no_list_names_devices_of_another_building(campus: Campus, limited: TestClient, path: str) -> None:
    campus.raise_alert()
    device = campus.deps.registry.load().devices["em-dorm"]
    allowed = type(device)(
        **{**{name: getattr(device, name) for name in device.__slots__}, "attributes": {"commands": "breaker.off"}}
    )
    campus.deps.incoming.commands.insert(machine.request(allowed, CommandName.BREAKER_OFF, by="li", reason="r", now=NOW))
    params: dict[str, Any] = {"quantity": "electricity", "format": "csv", "space": "lab"}
    for query in ({}, params, {**params, "space": "site"}):
        text = limited.get(path, params=query).text
        assert not [name for name in ("em-dorm", "em-101", "smoke-101", "dorm-101") if name in text], query


def test_a_rule_of_a_detector_for_the_whole_site_needs_the_whole_site(campus: Campus, limited: TestClient) -> None:
    body = {"off": True, "reason": "noisy"}
    kind = "elec.left_on"
    for place in ("site", "dorm", "dorm-101"):
        answer = limited.post(f"/api/v1/detectors/{kind}/rules", json={**body, "space_id": place})
        assert answer.status_code in (404, 422), answer.text
    assert not campus.deps.rules.list()
    assert limited.post(f"/api/v1/detectors/{kind}/rules", json={**body, "space_id": "lab"}).status_code == 201
