"""A finding's page for every kind in both languages; the list with what needs somebody first."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from analytics.detectors import access, cold_chain, upkeep
from analytics.finding import FindingKind
from analytics.parameters import sheet
from dashboards.web.findings import by_kind, compared, grouped, limit_of
from dashboards.web.pages import create_pages
from dashboards.web.words_findings import EXPECTED_WORDS, no_waste
from tests.fakes.api_app import EVIDENCE, NOW, create_fake_api, finding, iso

STORIES = {**access.STORIES, **cold_chain.STORIES, **upkeep.STORIES}
NOTHING = {"kwh_per_day": 0.0, "m3_per_day": 0.0, "cost_per_day": 0.0, "kgco2e_per_day": 0.0}
IDENTIFIER = re.compile(r"\b(?:water|elec|meter|energy|device|door|fire|cold|platform)\.[a-z]\w*|\b[a-z]+_[a-z_]+\b|%\(\w+\)s")


@pytest.fixture
def api() -> Starlette:
    return create_fake_api()


@pytest.fixture
def client(api: Starlette) -> Iterator[TestClient]:
    with TestClient(create_pages(api, site_name="Stand-in", now=lambda: NOW), follow_redirects=False) as client:
        client.cookies.set("caretaker_session", "session-energy")
        yield client


def _words(text: str) -> str:
    """What people read in the page's main part."""
    main = text[text.index("<main") : text.index("</main>")]
    return re.sub(r"<script.*?</script>|<code>.*?</code>|<[^>]+>", " ", main, flags=re.DOTALL)


def _told(kind: FindingKind, *, wastes: bool) -> dict[str, Any]:
    """As its detector says it, with all facts that its sentences name."""
    said: dict[str, Any] = {} if wastes else {"waste": NOTHING}
    if kind in STORIES:
        story = STORIES[kind]
        names = re.findall(r"%\((\w+)\)s", story.message + story.cause)
        said |= {"message": story.message, "cause": story.cause, "facts": dict.fromkeys(names, 3.0)}
    return said


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize("kind", list(FindingKind))
def test_every_finding_says_what_was_expected_what_it_wastes_and_how_good_its_detector_is(
    client: TestClient, api: Starlette, kind: FindingKind, lang: str
) -> None:
    client.cookies.set("lang", lang)
    for wastes in (True, False):
        api.state.findings[kind] = _told(kind, wastes=wastes)
        answer = client.get(f"/findings/{kind}")
        assert answer.status_code == 200
        words = _words(answer.text)
        assert not IDENTIFIER.findall(words)
        assert kind in EXPECTED_WORDS, f"say in words_findings.EXPECTED_WORDS what is normal instead of {kind}"
        assert wastes or no_waste(kind), f"say in words_findings.NO_WASTE_WORDS why {kind} wastes nothing"
        if wastes:
            assert "kgCO" in words.replace(" ", "") or "CO₂" in words
            assert "¥" in words
        if sheet(kind) is not None:
            assert 'id="verdicts"' in answer.text
            assert "verdict" in answer.text
        if lang == "zh-CN":
            assert not re.findall(r"[A-Z][a-z]+ [a-z]+", words)


@pytest.mark.parametrize(
    ("basis", "lang", "words"),
    [
        ({"basis": "peers", "peers": 5}, "en", "What 5 meters of places of the same kind and use take, scaled to this one"),
        ({"basis": "peers", "peers": 5}, "zh-CN", "取 5 块同类型、同用途场所的表"),
        ({"basis": "weather", "peers": 0}, "en", "put right for the outdoor temperature"),
        ({"basis": "weather", "peers": 0}, "zh-CN", "按室外温度修正"),
        ({"basis": "own", "peers": 0}, "en", "own days of the same kind"),
        ({"basis": "own", "peers": 0}, "zh-CN", "本表以往的同类日"),
    ],
)
def test_it_says_what_the_expectation_rests_on(
    client: TestClient, api: Starlette, basis: dict[str, Any], lang: str, words: str
) -> None:
    client.cookies.set("lang", lang)
    api.state.findings["elec.left_on"] = {"evidence": {**EVIDENCE, **basis}}
    page = html.unescape(client.get("/findings/elec.left_on").text)
    assert words in page
    api.state.findings["elec.left_on"] = {"evidence": {**EVIDENCE, "basis": None, "peers": 0}}
    assert words not in html.unescape(client.get("/findings/elec.left_on").text)


def _item(number: int, hours_ago: float, **changes: Any) -> dict[str, Any]:
    started = NOW - timedelta(hours=hours_ago)
    plain = {"id": number, "kind": "meter.spike", "active": False, "waste": NOTHING, "score": 0.5, "device_id": f"em-{number}"}
    return finding(**{**plain, "started": iso(started), "seen": iso(started + timedelta(hours=1)), **changes})


@pytest.mark.parametrize(
    ("items", "sizes"),
    [
        ([_item(1, 10), _item(2, 10.5), _item(3, 11)], [3]),
        ([_item(1, 10), _item(2, 10.5)], [1, 1]),
        ([_item(1, 10), _item(2, 20), _item(3, 30)], [1, 1, 1]),
        ([_item(1, 10), _item(2, 10, kind="door.forced"), _item(3, 10)], [1, 1, 1]),
    ],
    ids=["one cause", "two are no crowd", "far apart", "another kind"],
)
def test_what_begins_together_at_many_devices_is_one_row(items: list[dict[str, Any]], sizes: list[int]) -> None:
    assert [len(group.items) for group in grouped(items)] == sizes


@pytest.mark.parametrize(("kind", "sizes"), [("energy.over_quota", [5, 1]), ("fire.smoke", [1, 1, 1, 1, 1, 1])])
def test_what_goes_on_at_many_devices_is_one_row_but_never_fires(kind: str, sizes: list[int]) -> None:
    items = [*(_item(number, number * 30, active=True, kind=kind) for number in range(1, 6)), _item(9, 1, active=True)]
    assert [len(group.items) for group in by_kind(items)] == sizes


def test_the_list_shows_the_costly_first_and_folds_the_small(client: TestClient, api: Starlette) -> None:
    api.state.listed = [
        _item(1, 5, active=True, waste={**NOTHING, "cost_per_day": 3.0, "kwh_per_day": 4.0}),
        _item(2, 5, active=True, kind="water.burst", waste={**NOTHING, "cost_per_day": 700.0, "m3_per_day": 200.0}),
        _item(3, 5, active=True, kind="fire.smoke"),
        _item(4, 40),
        _item(5, 60, kind="door.forced"),
        _item(6, 90, waste={**NOTHING, "cost_per_day": 50.0, "kwh_per_day": 60.0}),
    ]
    html = client.get("/findings").text
    places = [html.index(f'href="/findings/{number}"') for number in (3, 2, 1, 5, 6)]
    assert places == sorted(places)
    folded = html[html.index('id="small"') :]
    assert 'href="/findings/4"' in folded
    assert 'href="/findings/5"' not in folded
    assert 'id="small"' not in client.get("/findings?all=1").text


@pytest.mark.parametrize(
    ("kind", "facts", "limit"),
    [
        ("cold.limit", {"value": 12.7, "low": -1.0, "high": 8.0}, 8.0),
        ("cold.limit", {"value": -6.0, "low": -1.0, "high": "-"}, -1.0),
        ("elec.power_quality", {"value": 194.0, "nominal_v": 220.0, "low": 0.9}, 198.0),
        ("elec.power_quality", {"value": 0.6, "least_factor": 0.85}, 0.85),
        ("device.battery_low", {"low_percent": 20.0}, 20.0),
        ("water.burst", {"value": 3.0}, None),
    ],
)
def test_a_limit_is_the_expected_line(kind: str, facts: dict[str, Any], limit: float | None) -> None:
    assert limit_of(kind, facts) == limit


def test_the_window_is_compared_with_what_was_expected() -> None:
    hours = [iso(NOW + timedelta(hours=n)) for n in (1, 2)]
    at_ms = [int((NOW + timedelta(hours=n)).timestamp() * 1000) for n in range(4)]
    evidence = {
        "metric": "water.flow",
        "unit": "m3/h",
        "observed": list(zip(at_ms, (0.0, 4.0, 6.0, 0.0), strict=True)),
        "expected": list(zip(at_ms, (1.0, 1.0, 2.0, 9.0), strict=True)),
    }
    found = compared(evidence, {"started": hours[0], "seen": hours[1]})
    assert found is not None
    assert (found["measured"]["mean"], found["measured"]["most"], found["expected"]["mean"]) == (5.0, 6.0, 1.5)
    assert compared({**evidence, "observed": []}, {"started": hours[0], "seen": hours[1]}) is None
