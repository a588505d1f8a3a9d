"""Every page, drawn over a fake API by a reader of each role."""

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboards.web.pages import create_pages
from tests.fakes.api_app import NOW, create_fake_api

PAGES = (
    "/desk",
    "/desk?alert=2",
    "/desk?severity=critical&topic=water&state=open",
    "/alerts/1",
    "/energy/campus",
    "/energy/dorm-a?quantity=water&day=2026-11-18",
    "/energy/campus?day=nonsense&quantity=gold",
    "/findings",
    "/findings/7",
    "/findings?all=1",
    "/detectors",
    "/evaluation",
    "/detectors/water.burst",
    "/detectors/water.burst?learn=1",
    "/detectors/water.burst?at=device:wm-1&from=2026-11-01&to=nonsense&p.least_floor=2",
    "/detectors/water.burst?at=space:dorm-a&p.least_floor=much",
    "/detectors/fire.smoke",
    "/spaces/dorm-a",
    "/devices?kind=water_meter&q=w",
    "/devices/wm-1",
    "/devices/wm-1?metric=leak&hours=24",
    "/devices/wm-1/edit",
    "/devices/cold-1",
    "/devices/cold-1/record",
    "/devices/cold-1/record?first=2025-11-20&last=nonsense&every=day",
    "/records",
    "/commissioning",
    "/records?space=dorm-a",
    "/meters?quantity=water",
    "/meters/wm-1?days=31&until=nonsense",
    "/meters/rest?days=1",
    "/prices",
    "/budgets",
    "/budgets?meter=wm-1&quantity=water",
    "/quotas",
    "/quotas?space=dorm-a&quantity=water",
    "/benchmarks",
    "/benchmarks?by=head&days=84&quantity=water",
    "/benchmarks?kind=room&days=nonsense",
    "/spaces",
    "/spaces/new",
    "/spaces/new?parent=dorm-a",
    "/spaces/dorm-a/edit",
    "/discovered?q=21",
    "/discovered/adopt?id=210900042",
    "/dead-letters?reason=check",
    "/dead-letters/5",
    "/profiles",
    "/gateways",
    "/gateways/gw-1",
    "/data-quality?day=nonsense",
    "/orders",
    "/orders?state=finished",
    "/orders?overdue=1&trade=plumbing",
    "/orders/12",
    "/orders/13",
    "/jobs",
    "/reports?new=13",
    "/report?q=dorm",
    "/report/dorm-a",
    "/sign-in",
    "/offline",
)


@pytest.fixture
def api() -> Starlette:
    return create_fake_api()


@pytest.fixture
def client(api: Starlette) -> Iterator[TestClient]:
    with TestClient(create_pages(api, site_name="Stand-in", now=lambda: NOW), follow_redirects=False) as client:
        yield client


def sign_in(client: TestClient, user: str, lang: str = "en") -> None:
    client.cookies.set("caretaker_session", f"session-{user}")
    client.cookies.set("lang", lang)


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str | None]] = []
        self.ids: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [(tag, name, value) for name, value in attrs]
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "style" or (tag == "script" and "src" not in given and given.get("type") != "application/json"):
            self.inline.append(tag)


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_in_both_languages(client: TestClient, path: str, lang: str) -> None:
    sign_in(client, "admin", lang)
    answer = client.get(path)
    assert answer.status_code == 200
    page = _Attributes()
    page.feed(answer.text)
    assert f'<html lang="{lang}"' in answer.text
    assert len(page.ids) == len(set(page.ids)), "an id stands twice"
    assert not page.inline, "nothing inline: the policy forbids it"
    assert not [(tag, name) for tag, name, _ in page.found if name == "style" or name.startswith(("on", "hx-on"))]
    assert not [value for _, name, value in page.found if name in {"src", "href"} and str(value).startswith(("http", "//"))]


@pytest.mark.parametrize("path", PAGES)
def test_chinese_pages_hold_no_english_sentence(client: TestClient, path: str) -> None:
    sign_in(client, "admin", "zh-CN")
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", client.get(path).text, flags=re.DOTALL)
    allowed = {"Caretaker", "English", "Tap drips", "New seal", "Li Wei"}
    for phrase in re.findall(r"[A-Z][a-z]+ [a-z]+", text):
        assert any(known in phrase or phrase in known for known in allowed), phrase


def test_who_has_not_signed_in_is_sent_to_the_form_and_back(client: TestClient) -> None:
    answer = client.get("/orders?trade=plumbing")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Forders%3Ftrade%3Dplumbing")
    fragment = client.get("/desk", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (204, "/sign-in?next=%2Fdesk")


def test_sign_in_hands_the_session_to_the_browser(client: TestClient) -> None:
    wrong = client.post("/sign-in", data={"username": "security", "password": "x"})
    assert wrong.status_code == 401
    assert 'value="security"' in wrong.text
    right = client.post("/sign-in", data={"username": "security", "password": "pw-security", "next": "/desk?state=open"})
    assert (right.status_code, right.headers["location"]) == (303, "/desk?state=open")
    assert "caretaker_session=session-security" in right.headers["set-cookie"]
    assert "HttpOnly" in right.headers["set-cookie"]


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", ""])
def test_sign_in_leads_nowhere_else(client: TestClient, target: str) -> None:
    answer = client.post("/sign-in", data={"username": "admin", "password": "pw-admin", "next": target})
    assert answer.headers["location"] == "/"


def test_forms_of_strangers_are_refused(client: TestClient) -> None:
    body = {"username": "admin", "password": "pw-admin"}
    for origin in ("https://evil.example", "null"):
        assert client.post("/sign-in", data=body, headers={"Origin": origin}).status_code == 403
    assert client.post("/sign-in", data=body, headers={"Origin": "http://testserver"}).status_code == 303
    sign_in(client, "admin")
    assert client.post("/sign-out", headers={"Origin": "https://evil.example"}).status_code == 403


def test_sign_out_proves_that_it_is_ours(client: TestClient, api: Starlette) -> None:
    sign_in(client, "admin")
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    assert api.state.posted == [("/api/v1/auth/logout", {}, "csrf-of-admin")]


@pytest.mark.parametrize(
    ("user", "home"),
    [
        ("admin", "/desk"),
        ("security", "/desk"),
        ("energy", "/energy"),
        ("dispatcher", "/orders"),
        ("plumber", "/jobs"),
        ("student", "/reports"),
        ("head", "/energy"),
    ],
)
def test_each_role_begins_at_its_work(client: TestClient, user: str, home: str) -> None:
    sign_in(client, user)
    assert client.get("/").headers["location"] == home


def test_a_reporter_sees_refusals_that_people_understand(client: TestClient) -> None:
    sign_in(client, "student")
    assert client.get("/reports").status_code == 200
    refused = client.get("/desk")
    assert refused.status_code == 403
    assert "Your role does not open this page" in refused.text
    assert 'href="/desk"' not in re.sub(r"Try again.*", "", refused.text.split("<main")[0])


def test_what_does_not_exist(client: TestClient) -> None:
    sign_in(client, "admin")
    for path in ("/nothing", "/alerts/99", "/spaces/none", "/devices/none", "/orders/99"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "There is nothing at this address" in answer.text
    assert client.get("/api/v1/unknown").headers["content-type"] == "application/problem+json"


def test_a_store_that_does_not_answer_is_told_calmly(client: TestClient, api: Starlette) -> None:
    sign_in(client, "admin")
    api.state.broken.add("/api/v1/alerts")
    answer = client.get("/desk")
    assert answer.status_code == 503
    assert "the store does not answer" in answer.text


def test_peoples_words_are_escaped(client: TestClient) -> None:
    sign_in(client, "admin")
    assert "Tap drips 100% of the time &lt;b&gt;" in client.get("/orders/13").text
    assert "&lt;script" in client.get("/report?q=<script").text


def test_the_desk_puts_one_headline_over_devices_that_fell_silent_together(client: TestClient, api: Starlette) -> None:
    sign_in(client, "security")
    path = [{"id": "s", "name": "School", "name_zh": "学校"}]
    headline = {"space_id": "s", "space_path": path, "site_wide": True, "since": NOW.isoformat(), "count": 63, "alert_ids": [1, 3]}
    api.state.headlines = [headline]
    html = client.get("/desk").text
    assert "Network of School away: 63 fire devices unheard" in html
    group = html[html.index("<details") : html.index("</details>")]
    assert [f'id="alert-{number}"' in group for number in (1, 2, 3)] == [True, False, True]


def test_the_desk_shows_worst_first_with_word_shape_and_action(client: TestClient) -> None:
    sign_in(client, "security")
    html = client.get("/desk").text
    assert html.index('id="alert-2"') < html.index('id="alert-1"')
    assert "#s-life_safety" in html
    assert "Advisory display beside the certified fire alarm panel" in html
    assert 'data-api="/api/v1/alerts/2/acknowledge"' in html
    assert 'sse-connect="/api/v1/stream?after=5"' in html
    assert 'data-unseen="1"' in html


def test_buttons_follow_the_role(client: TestClient) -> None:
    sign_in(client, "head")
    html = client.get("/alerts/1").text
    assert "/acknowledge" not in html
    assert "/resolve" not in html


def test_order_page_offers_what_the_api_allows(client: TestClient) -> None:
    sign_in(client, "dispatcher")
    html = client.get("/orders/12").text
    offered = set(re.findall(r'data-api="/api/v1/work-orders/12/(\w+)"', html))
    assert offered == {"accept", "decline", "log", "finish", "assign", "send_back", "accept_repair", "mark_duplicate"}
    assert "History checked" in html
    assert "History does not match its seal" in client.get("/orders/13").text


def test_stale_values_look_stale(client: TestClient) -> None:
    sign_in(client, "admin")
    html = client.get("/devices/wm-1").text
    rows = dict(re.findall(r'<tr data-metric="([\w.]+)"([^>]*)>', html))
    assert 'class="stale"' in rows["water.volume"]
    assert 'class="stale"' not in rows["water.flow"]


def test_preferences_are_kept_and_lead_back(client: TestClient) -> None:
    answer = client.post("/preferences", data={"lang": "zh-CN", "theme": "dark", "next": "/desk"})
    assert answer.headers["location"] == "/desk"
    assert {"lang=zh-CN", "theme=dark"} <= {cookie.split(";")[0] for cookie in answer.headers.get_list("set-cookie")}
    client.cookies.set("theme", "dark")
    assert 'data-theme="dark"' in client.get("/sign-in").text


def test_headers_and_weight(client: TestClient) -> None:
    sign_in(client, "admin")
    answer = client.get("/desk", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["content-encoding"] == "gzip"
    weight = len(gzip.compress(answer.content))
    for address in re.findall(r'(?:src|href)="(/static/[^"#]+)', answer.text):
        file = client.get(address, headers={"Accept-Encoding": "gzip"})
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
        assert file.headers.get("content-encoding") == "gzip" or len(file.content) < 1000
        weight += len(gzip.compress(file.content))
    assert weight < 100_000
    assert "echarts" not in answer.text


def test_service_worker_may_speak_for_every_page(client: TestClient) -> None:
    answer = client.get("/sw.js")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/javascript")
    assert client.get("/favicon.ico").status_code == 200
