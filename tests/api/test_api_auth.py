"""Sign-in: tokens, cookies, forged requests, guessing."""

from datetime import timedelta

from api.auth import COOKIE, CSRF_HEADER
from storage.passwords import token_sha256
from storage.user import Role, User
from tests.fixtures_api import PASSWORD, Campus

TOKEN = "/api/v1/auth/token"


def _try(campus: Campus, username: str, password: str, address: str = "192.0.2.1") -> int:
    return campus.anonymous(address).post(TOKEN, json={"username": username, "password": password}).status_code


def test_a_token_opens_the_rest_and_is_stored_hashed(campus: Campus) -> None:
    answer = campus.anonymous().post(TOKEN, json={"username": "security", "password": PASSWORD})
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 12 * 3600
    assert len(body["access_token"]) >= 43
    assert COOKIE not in answer.cookies
    me = campus.anonymous().get("/api/v1/me", headers={"Authorization": f"Bearer {body['access_token']}"}).json()
    assert (me["username"], me["roles"], me["buildings"]) == ("security", ["security"], None)
    assert me["csrf_token"] == body["csrf_token"]
    assert campus.deps.users.session(token_sha256(body["access_token"]), campus.clock[0]) is not None
    assert campus.deps.users.session(body["access_token"], campus.clock[0]) is None


def test_wrong_password_and_unknown_user_get_the_same_answer(campus: Campus) -> None:
    wrong = campus.anonymous().post(TOKEN, json={"username": "security", "password": "no"})
    unknown = campus.anonymous().post(TOKEN, json={"username": "nobody", "password": "no"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_five_tries_a_minute_for_an_account_from_an_address(campus: Campus) -> None:
    assert [_try(campus, "security", f"guess {n}") for n in range(5)] == [401] * 5
    refused = campus.anonymous().post(TOKEN, json={"username": "security", "password": PASSWORD})
    assert refused.status_code == 429, "even the right password has to wait"
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert "sign_in.locked" in {entry.action for entry in campus.deps.audit.list()}
    assert _try(campus, "security", PASSWORD, "192.0.2.9") == 200, "the owner at another machine is not locked out"
    assert _try(campus, "dispatcher", PASSWORD) == 200
    campus.later(timedelta(seconds=61))
    assert _try(campus, "security", PASSWORD) == 200


def test_refusals_do_not_fill_the_audit_log(campus: Campus) -> None:
    """Whoever has not signed in writes little into the database, however often he tries and under however many names."""
    for number in range(300):
        _try(campus, f"ghost {number % 150}", "x")
    assert len(campus.deps.audit.list(1000)) <= 120 + 10


def test_an_unknown_account_is_limited_too(campus: Campus) -> None:
    assert [_try(campus, "ghost", "x") for _ in range(6)] == [401] * 5 + [429]


def test_a_disabled_user_cannot_sign_in(campus: Campus) -> None:
    campus.deps.users.save(User(username="security", display_name="S", roles=frozenset({Role.SECURITY}), disabled=True))
    assert _try(campus, "security", PASSWORD) == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(campus: Campus) -> None:
    answer = campus.anonymous().post(TOKEN, json={"username": "security", "password": PASSWORD, "cookie": True})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    over_tls = campus.anonymous().post(
        f"https://testserver{TOKEN}", json={"username": "admin", "password": PASSWORD, "cookie": True}
    )
    assert "secure" in over_tls.headers["set-cookie"].lower()
    assert "max-age=31536000" in over_tls.headers["strict-transport-security"]


def test_a_cookie_session_must_prove_unsafe_requests(campus: Campus) -> None:
    alert = campus.raise_alert()
    browser = campus.anonymous()
    token = browser.post(TOKEN, json={"username": "security", "password": PASSWORD, "cookie": True}).json()["csrf_token"]
    address = f"/api/v1/alerts/{alert.id}/acknowledge"
    assert browser.get("/api/v1/alerts").status_code == 200
    assert browser.post(address).status_code == 403
    assert browser.post(address, headers={CSRF_HEADER: "0" * 64}).status_code == 403
    assert browser.post(address, headers={CSRF_HEADER: "é".encode()}).status_code == 403
    assert browser.post(address, headers={CSRF_HEADER: token}).status_code == 200


def test_one_session_s_token_does_not_serve_another(campus: Campus) -> None:
    first, second = campus.anonymous(), campus.anonymous()
    token = first.post(TOKEN, json={"username": "security", "password": PASSWORD, "cookie": True}).json()["csrf_token"]
    second.post(TOKEN, json={"username": "security", "password": PASSWORD, "cookie": True})
    assert second.post("/api/v1/auth/logout", headers={CSRF_HEADER: token}).status_code == 403


def test_sign_in_gives_a_new_session_each_time(campus: Campus) -> None:
    browser = campus.anonymous()
    browser.cookies.set(COOKIE, "planted")
    first = browser.post(TOKEN, json={"username": "security", "password": PASSWORD, "cookie": True}).json()["access_token"]
    assert first != "planted"
    assert campus.token("security") != first


def test_sign_out_kills_the_token_at_once(campus: Campus) -> None:
    client = campus.as_user("security")
    answer = client.post("/api/v1/auth/logout")
    assert answer.status_code == 204
    assert f"{COOKIE}=" in answer.headers["set-cookie"]
    assert client.get("/api/v1/me").status_code == 401
    assert "sign_out" in {entry.action for entry in campus.deps.audit.list()}
    assert campus.deps.audit.verify()


def test_a_session_ends_by_itself(campus: Campus) -> None:
    client = campus.as_user("security")
    campus.later(timedelta(hours=12, seconds=1))
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_demo_users_are_listed_only_where_there_are_some(campus: Campus) -> None:
    listed = campus.anonymous().get("/api/v1/auth/demo-users").json()["items"]
    assert listed == [{"username": "student", "password": "demo", "display_name": "Student", "roles": ["reporter"]}]
    assert campus.anonymous().get("/api/v1/site").json()["currency"] == "CNY"
