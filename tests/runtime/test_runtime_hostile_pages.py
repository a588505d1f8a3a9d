"""Text that people and devices send is text on every page: nothing of it becomes markup, script, or an address of its own."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from dashboards.web.pages import ROUTES, create_pages
from tests.fakes import hostile
from tests.fixtures_api import NOW, Campus

FILLED = {
    "/alerts/{id}": ("{alert}",),
    "/energy/{space}": ("dorm-101", hostile.ROOM),
    "/detectors/{kind}": ("{kind}",),
    "/findings/{id}": ("{finding}",),
    "/spaces/{id}": (hostile.ROOM, "dorm-1", "site"),
    "/spaces/{id}/edit": (hostile.ROOM, "dorm-1"),
    "/devices/{id}": (hostile.METER, hostile.SENSOR, "em-101"),
    "/devices/{id}/edit": (hostile.METER, hostile.SENSOR, "em-101"),
    "/devices/{id}/read": (hostile.METER,),
    "/devices/{id}/record": (hostile.COLD,),
    "/devices/{id}/commands": (hostile.METER,),
    "/data/imports/{id}": ("1",),
    "/dead-letters/{id}": ("1", "2"),
    "/gateways/{id}": (hostile.GATEWAY,),
    "/meters/{id}": (hostile.METER, '"><xss-virtual a', "em-101"),
    "/orders/{id}": ("{order}",),
    "/a/{tag}": (hostile.TAG, '"><XSS-TAG A'),
    "/stocktakes/{id}": ("1",),
    "/report/{space}": (hostile.ROOM,),
}
QUERIES = {
    "/desk": ("alert={alert}",),
    "/discovered/adopt": (f"id={quote(hostile.STRANGER)}", f"id={quote(hostile.STRANGER)}&asset={hostile.TAG}"),
    "/discovered": (f"asset={hostile.TAG}",),
    "/detectors/{kind}": (f"at=device:{quote(hostile.METER)}", f"at=space:{quote(hostile.ROOM)}"),
    "/devices/{id}/read": ("value=120",),
    "/spaces/new": (f"parent={quote(hostile.ROOM)}", "parent=dorm-1"),
    "/budgets": (f"meter={quote(hostile.METER)}&quantity=electricity",),
    "/data/import": (f"upload={'0' * 64}",),
}
ASKED = [
    "q",
    "kind",
    "status",
    "space",
    "metric",
    "hours",
    "alert",
    "severity",
    "topic",
    "state",
    "quantity",
    "day",
    "days",
    "until",
    "by",
    "id",
    "asset",
    "parent",
    "value",
    "upload",
    "filename",
    "at",
    "from",
    "to",
    "p.x",
    "next",
    "cursor",
    "reason",
    "device",
    "start",
    "end",
    "family",
    "gateway",
    "ignored",
    "trade",
    "overdue",
    "assignee",
    "new",
    "result",
    "meter",
    "month",
    "tags",
    "class_code",
    "waiting",
    "page",
    "tag",
    "of",
    "name",
    "saved",
    "time",
    "device_column",
    "timezone",
    "warranty",
]
ADDRESSES = {"href", "src", "action", "formaction", "hx-get", "hx-post", "data-api", "data-then", "sse-connect", "xlink:href"}
QUIET = {"/", "/energy", "/discovered/adopt", "/data/import"}
"""Lead elsewhere, or know nothing without a query."""


@pytest.fixture
def pages(campus: Campus) -> Iterator[TestClient]:
    campus.app.mount("/", create_pages(campus.app, site_name="Stand-in", now=lambda: NOW))
    with TestClient(campus.app, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


class Page(HTMLParser):
    """What a browser would make of it that no template of ours writes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag.startswith("xss") or (tag == "img" and given.get("src") == "x"):
            self.wrong.append(f"<{tag}>")
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.wrong.append("an inline script")
        for name, value in attrs:
            if name.startswith(("on", "hx-on", "xss")) or name == "style":
                self.wrong.append(f"<{tag} {name}>")
            if name in ADDRESSES and not re.match(r"(?:/(?![/\\])|\?|#|$)", value or ""):
                self.wrong.append(f"<{tag} {name}={value!r}>")


def wrong_in(html: str) -> list[str]:
    found = Page(html).wrong
    if "99400891" in html:  # 9973 * 9967
        found.append("a template of the sender's was filled in")
    return found


def addresses(ids: dict[str, str]) -> list[str]:
    listed = []
    for path, _ in ROUTES:
        named = re.search(r"\{\w+\}", path)
        assert named is None or path in FILLED, f"say in FILLED which {path} to open"
        filled = [path.replace(named[0], quote(value.format(**ids), safe="")) for value in FILLED[path]] if named else [path]
        for query in QUERIES.get(path, ()):
            filled += [f"{one.partition('?')[0]}?{query.format(**ids)}" for one in filled[:1]]
        listed += filled
    return listed


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_no_page_makes_markup_of_what_was_sent(campus: Campus, pages: TestClient, lang: str) -> None:
    ids = hostile.settle(campus)
    pages.cookies.set("caretaker_session", campus.token("evil"))
    pages.cookies.set("lang", lang)
    wrong, shown = [], set[str]()
    for address in addresses(ids):
        answer = pages.get(address)
        if answer.status_code != 200 and address.partition("?")[0] not in QUIET:
            wrong.append(f"{address}: {answer.status_code} {re.sub('<[^>]+>', '', answer.text)[-300:]}")
        wrong += [f"{address}: {found}" for found in wrong_in(answer.text)]
        wrong += [f"{address}: a secret"] if hostile.SECRET in answer.text else []
        shown.update(re.findall(r"(?:&lt;|u003c)(xss-[a-z-]+)", answer.text))
    assert not wrong, "\n".join(wrong)
    assert len(shown) > 60, f"the pages show too little of it to prove anything: {sorted(shown)}"


STRANGE = ("//evil.example", "9" * 500, "\0\u00b2\ud7ff", "[", "..", "../../me", "nan", "0001-01-01", "9999-12-31")
HOSTILE = (hostile.evil("query"), hostile.link("query"), *STRANGE)


@pytest.mark.slow
@pytest.mark.parametrize("value", HOSTILE)
def test_no_query_makes_markup_or_breaks_a_page(campus: Campus, pages: TestClient, value: str) -> None:
    ids = hostile.settle(campus)
    pages.cookies.set("caretaker_session", campus.token("evil"))
    wrong = []
    query = "&".join(f"{name}={quote(value, safe='')}" for name in ASKED)
    for address in [*addresses(ids), "/sign-in", "/offline", "/no/such/page", "//evil.example/page", "/\\evil.example"]:
        answer = pages.get(f"http://testserver{address}{'&' if '?' in address else '?'}{query}")
        if answer.status_code >= 500:
            wrong.append(f"{address}: {answer.status_code} {answer.text[:300]}")
        wrong += [f"{address}: {found}" for found in wrong_in(answer.text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("value", [*HOSTILE, "."])
def test_no_id_makes_markup_or_breaks_a_page(campus: Campus, pages: TestClient, value: str) -> None:
    pages.cookies.set("caretaker_session", campus.token("admin"))
    wrong = []
    for path in FILLED:
        answer = pages.get(re.sub(r"\{\w+\}", quote(value, safe="").replace(".", "%2E"), path))
        if answer.status_code >= 500 or answer.status_code == 200:
            wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")
        wrong += [f"{path}: {found}" for found in wrong_in(answer.text)]
    assert not wrong, "\n".join(wrong)


def test_a_query_of_any_length_is_refused_politely(campus: Campus, pages: TestClient) -> None:
    pages.cookies.set("caretaker_session", campus.token("admin"))
    assert pages.get("/devices?q=" + "(" * 30_000).status_code == 400


def test_this_walk_sees_what_it_looks_for() -> None:
    assert wrong_in("<p><xss-name onerror=x()>")
    assert wrong_in("<script>x()</script>")
    assert wrong_in('<a href="javascript:x()">')
    assert wrong_in('<a href="//evil.example">')
    assert wrong_in('<div hx-get="https://evil.example">')
    assert wrong_in("99400891")
    assert not wrong_in('<a href="/devices/a%22" title="&lt;xss-a&gt;">{{9973*9967}}</a>')
