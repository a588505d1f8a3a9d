"""Requests that another site makes in somebody's browser: every route that changes something refuses them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from api.app import api_routes
from api.auth import SAFE_METHODS, csrf_token
from api.permissions import EVERYBODY, rule_for
from dashboards.web.pages import create_pages
from storage.user import Role, User
from tests.fixtures_api import NOW, PASSWORD, Campus

FORGED = "X-CSRF-Token is missing or wrong"
BY_PUSH_TOKEN = "/api/v1/push"
SIGN_IN = "/api/v1/auth/token"
CREDENTIALS = {"username": "admin", "password": PASSWORD}


@pytest.fixture
def browser(campus: Campus) -> Iterator[TestClient]:
    """Signed in as somebody who may do everything, with nothing but the cookie."""
    everything = User(username="all", display_name="All", roles=frozenset(Role))
    campus.deps.users.create(everything, "!")
    campus.app.mount("/", create_pages(campus.app, site_name="Stand-in", now=lambda: NOW))
    with TestClient(campus.app, follow_redirects=False, raise_server_exceptions=False) as client:
        client.cookies.set("caretaker_session", campus.token("all"))
        yield client


def changing() -> list[tuple[str, str]]:
    """(method, path) of all routes of the API that are not only looked at."""
    return [(method, route.path) for route in api_routes() for method in sorted(route.methods - SAFE_METHODS)]


def test_every_change_by_cookie_needs_the_token_of_that_session(campus: Campus, browser: TestClient) -> None:
    own = csrf_token(str(browser.cookies["caretaker_session"]))
    foreign = csrf_token(campus.token("all"))  # of the same person's other session
    wrong = []
    for method, path in changing():
        if rule_for([method], path) is EVERYBODY:
            assert path == SIGN_IN or path.startswith(BY_PUSH_TOKEN), f"{path} is open to everybody: who proves what here?"
            continue
        address = re.sub(r"\{\w+\}", "1", path)
        for token in ("", "x", foreign, own.upper(), own[:-1]):
            answer = browser.request(method, address, headers={"X-CSRF-Token": token, "Origin": "https://evil.example"}, json={})
            if answer.status_code != 403 or FORGED not in answer.text:
                wrong.append(f"{method} {path} with token {token!r}: {answer.status_code}")
        if path.endswith("/logout"):
            continue
        passed = browser.request(method, address, headers={"X-CSRF-Token": own}, json={})
        if FORGED in passed.text:
            wrong.append(f"{method} {path} refuses its own page: this test proves nothing there")
    assert not wrong, "\n".join(wrong)


def test_nothing_that_is_only_looked_at_changes_anything(campus: Campus, browser: TestClient) -> None:
    """A link on another site opens any GET with the cookie: what it leaves behind must be nothing."""
    before = _everything(campus)
    for route in api_routes():
        if "GET" in route.methods and not route.path.endswith("/stream"):
            browser.get(re.sub(r"\{\w+\}", "1", route.path))
    assert _everything(campus) == before


def _everything(campus: Campus) -> list[Any]:
    deps = campus.deps
    told = [entry for entry in deps.audit.list(10_000) if entry.action != "export"]  # who took readings out is noted
    return [told, deps.registry.revision(), deps.changes.last_seq(), deps.dead_letters.count()]


def test_push_takes_no_cookie_for_a_token(browser: TestClient) -> None:
    own = {"X-CSRF-Token": csrf_token(str(browser.cookies["caretaker_session"]))}
    for method, path in changing():
        if path.startswith(BY_PUSH_TOKEN):
            assert browser.request(method, re.sub(r"\{\w+\}", "1", path), headers=own, json={}).status_code == 401


def form_routes(campus: Campus) -> list[str]:
    """Pages that take forms themselves, found in the route table so that a new one cannot be forgotten."""
    pages = next(route.app for route in campus.app.routes if isinstance(route, Mount) and route.path == "")
    routes = [route for route in pages.routes if isinstance(route, Route) and not isinstance(route, APIRoute)]  # type: ignore[attr-defined]
    assert len(routes) > 40
    return [route.path for route in routes if (route.methods or {"POST"}) - {"GET", "HEAD"}]


def test_every_form_of_another_site_is_refused(campus: Campus, browser: TestClient) -> None:
    forms = form_routes(campus)
    assert set(forms) == {"/sign-in", "/sign-out", "/preferences"}
    body = {**CREDENTIALS, "lang": "en", "theme": "dark"}
    for path in forms:
        for origin in ("https://evil.example", "null", "http://[", "http://testserver.evil.example", "http://evil.example:80"):
            answer = browser.post(path, data=body, headers={"Origin": origin})
            assert answer.status_code == 403, f"{path} from {origin}"
            assert "set-cookie" not in answer.headers
        assert browser.post(path, data=body, headers={"Origin": "http://testserver"}).status_code == 303


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None])
def test_a_form_of_another_site_signs_nobody_in(campus: Campus, browser: TestClient, kind: str | None) -> None:
    """What a browser sends across sites without asking first has one of these types; JSON it must ask for."""
    content = f'{{"username": "admin", "password": "{PASSWORD}", "cookie": true}}'
    headers = {"Origin": "https://evil.example"} | ({"Content-Type": kind} if kind else {})
    answer = browser.post(SIGN_IN, content=content, headers=headers)
    assert answer.status_code >= 400
    assert "set-cookie" not in answer.headers


def test_nobody_else_is_told_that_they_may_read(browser: TestClient) -> None:
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = browser.request(method, "/api/v1/me", headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_signing_in_gives_a_new_session_with_a_guarded_cookie(campus: Campus, browser: TestClient) -> None:
    planted = "planted-by-somebody-else-0123456789"
    browser.cookies.set("caretaker_session", planted)
    answer = browser.post("/sign-in", data=CREDENTIALS)
    [cookie] = answer.headers.get_list("set-cookie")
    value = cookie.partition("=")[2].partition(";")[0]
    assert value != planted
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    secure = TestClient(campus.app, base_url="https://testserver", follow_redirects=False)
    assert "Secure" in secure.post("/sign-in", data=CREDENTIALS).headers["set-cookie"]


@pytest.mark.parametrize(
    "address", ["//[", "http://[", "//evil.example", "/\\evil.example", "/\t/evil.example", "\x00//evil", "evil"]
)
def test_signing_in_leads_nowhere_else(campus: Campus, browser: TestClient, address: str) -> None:
    assert browser.get("/sign-in", params={"next": address}).status_code == 200
    for path in ("/sign-in", "/preferences"):
        answer = browser.post(path, data={**CREDENTIALS, "next": address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


ANYTHING = (
    *("/desk", "/sign-in", "/nothing", "/static/js/app.js", "/static/none", "/sw.js", "/favicon.ico", "/docs", "/metrics", "//x"),
    *("/api/v1/me", "/api/v1/none", "/api/v1/devices/none", "/openapi.json", "/data/import?upload=1"),
)


def test_the_policy_stands_on_every_answer(campus: Campus, browser: TestClient) -> None:
    seen = set()
    for path in ANYTHING:
        answer = browser.get("http://testserver" + path)
        seen.add(answer.status_code)
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert policy.get("script-src", "'self'") == "'self'"
        assert policy.get("style-src", "'self'") == "'self'"
        assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'none'")
        assert policy["form-action"] == "'self'"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert {200, 404} <= seen
