"""What pages say of meters in commissioning and of records, and to whom they offer what."""

import pytest
from starlette.testclient import TestClient

from dashboards.web.pages import create_pages
from dashboards.web.records import lasted
from dashboards.web.text import Text
from tests.fakes.api_app import NOW, create_fake_api
from tests.fakes.api_records import COMMISSIONING


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_pages(create_fake_api(), site_name="Stand-in", now=lambda: NOW), follow_redirects=False)


def read(client: TestClient, path: str, user: str) -> str:
    client.cookies.set("caretaker_session", f"session-{user}")
    client.cookies.set("lang", "en")
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(("user", "may"), [("energy", True), ("admin", True), ("dispatcher", False), ("plumber", False)])
def test_a_meter_tells_days_left_and_who_may_release_it(client: TestClient, user: str, may: bool) -> None:
    page = read(client, "/devices/wm-1", user)
    assert "12 days left" in page
    assert "The meter is silent" in page
    assert ("/api/v1/devices/wm-1/commissioning/release" in page) == may
    assert ("what was in use may stay in use (microwave)" in page) == may


@pytest.mark.parametrize(("user", "may"), [("admin", True), ("energy", False)])
def test_appliances_may_be_allowed_after_the_end(client: TestClient, monkeypatch: pytest.MonkeyPatch, user: str, may: bool) -> None:
    monkeypatch.setitem(COMMISSIONING, "finished_at", "2026-11-20T01:00:00Z")
    page = read(client, "/devices/wm-1", user)
    assert "Commissioning ended by itself" in page
    assert ('name="attributes.allowed"' in page) == may


def test_a_record_offers_its_files_and_the_days_nobody_signed(client: TestClient) -> None:
    page = read(client, "/devices/cold-1/record?first=2026-11-18&last=2026-11-20", "plumber")
    for form in ("csv", "xlsx", "pdf"):
        assert f"format={form}" in page
    assert '<option value="2026-11-18">' in page
    assert "2 days are not signed." in page
    assert "2 d 4 h" in page


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 min", "0 分钟"),
        (3599, "1 h", "1 小时"),
        (3660, "1 h 1 min", "1 小时 1 分"),
        (2400, "40 min", "40 分钟"),
        (190_000, "2 d 4 h", "2 天 4 小时"),
    ],
)
def test_how_long_something_lasted(seconds: float, en: str, zh: str) -> None:
    texts = [Text(lang=lang, zone=NOW.tzinfo, now=NOW) for lang in ("en", "zh-CN")]  # type: ignore[arg-type]
    assert [lasted(text, seconds) for text in texts] == [en, zh]
