from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboards.web.text import Text, choose_language

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
EN = Text(lang="en", zone=ZoneInfo("Asia/Shanghai"), now=NOW)
ZH = Text(lang="zh-CN", zone=ZoneInfo("Asia/Shanghai"), now=NOW)


@pytest.mark.parametrize(
    ("message", "facts", "expect"),
    [
        pytest.param("Battery at %(percent)s %%", {"percent": 12.0}, "Battery at 12 %", id="places are filled, %% is one %"),
        pytest.param("100% wet %(oops)s", {}, "100% wet %(oops)s", id="a person's words stand as written"),
        pytest.param("%(a)s and %(b)s", {"a": "x"}, "x and %(b)s", id="an unknown place stays visible"),
        pytest.param("%(a)s", {"a": 1234.5678}, "1,235", id="large numbers lose their decimals, gain separators"),
        pytest.param("%(a)s", {"a": 0.12345}, "0.123", id="small numbers keep three decimals"),
        pytest.param("", {}, "", id="nothing said"),
        pytest.param(None, None, "", id="nothing at all"),
    ],
)
def test_fill(message: str | None, facts: dict[str, str | float] | None, expect: str) -> None:
    assert EN.fill(message, facts) == expect


def test_sentences_are_translated_with_their_facts() -> None:
    said = ZH.fill(
        "Water runs at %(flow)s m³/h, %(times)s times the most that is normal at this hour", {"flow": 1.25, "times": 6.0}
    )
    assert said == "当前流量 1.25 m³/h，是该时段正常上限的 6 倍"


@pytest.mark.parametrize(
    ("value", "unit", "expect"),
    [
        pytest.param(12345.678, "kWh", "12,346 kWh", id="separators"),
        pytest.param(1.256, "m3/h", "1.26 m³/h", id="m3/h as people write it"),
        pytest.param(0.0, "1", "0", id="no unit for pure numbers"),
        pytest.param(21.5, "Cel", "21.5 °C", id="degrees"),
        pytest.param(None, "kWh", "–", id="no value"),
    ],
)
def test_number(value: float | None, unit: str, expect: str) -> None:
    assert EN.number(value, unit).replace("\u00a0", " ") == expect


@pytest.mark.parametrize(
    ("metric", "value", "expect"),
    [("door.open", 1.0, "open"), ("door.open", 0.0, "closed"), ("smoke", 1.0, "ALARM"), ("water.flow", 2.0, "2 m³/h")],
)
def test_states_read_as_words(metric: str, value: float, expect: str) -> None:
    assert EN.value(metric, value, "m3/h").replace("\u00a0", " ") == expect


@pytest.mark.parametrize(
    ("value", "expect"),
    [
        pytest.param(NOW, "14:30", id="today: the hour, in the site's zone"),
        pytest.param(NOW - timedelta(days=1), "19 Nov 14:30", id="another day: with the date"),
        pytest.param("2026-11-19T16:00:00Z", "00:00", id="midnight belongs to the site's day"),
        pytest.param(None, "–", id="never"),
    ],
)
def test_clock(value: datetime | str | None, expect: str) -> None:
    assert EN.clock(value) == expect


def test_ago_and_exact() -> None:
    assert EN.ago(NOW - timedelta(seconds=2)) == "just now"
    assert EN.ago(NOW - timedelta(minutes=5)) == "5 min ago"
    assert ZH.ago(NOW - timedelta(minutes=5)) == "5分钟前"
    assert EN.ago(NOW + timedelta(hours=3)) == "in 3 hr"
    assert EN.exact(NOW) == "2026-11-20 14:30:00 CST"


def test_labels_fall_back_to_the_name_itself() -> None:
    assert ZH.label("severity", "life_safety") == "生命安全"
    assert EN.label("finding", "something.new") == "something.new"
    assert EN.label("metric", "elec.power.active.l1") == "Active power L1"
    assert EN.label("severity", None) == ""


@pytest.mark.parametrize(
    ("note", "expect"),
    [
        pytest.param("alert 3: water.burst", "because of alert 3, Pipe burst", id="policy"),
        pytest.param("plumbing p1", "Plumbing, P1 major", id="triage"),
        pytest.param(
            "→ plumber: plumbing, 2 open jobs, knows the zone, best of 3",
            "to plumber: Plumbing, 2 open orders, the best of 3",
            id="dispatch",
        ),
        pytest.param(
            "plumbing p1: alert 3: water.burst", "Plumbing, P1 major: because of alert 3, Pipe burst", id="of three parts"
        ),
        pytest.param("New seal: 20 min", "New seal: 20 min", id="a person's note stands as written"),
    ],
)
def test_notes_of_caretaker_read_as_words(note: str, expect: str) -> None:
    assert EN.note(note) == expect


@pytest.mark.parametrize(
    ("wishes", "expect"),
    [
        ((None, None, "en-GB,en;q=0.9"), "en"),
        (("zh-CN", "en", None), "zh-CN"),
        ((None, "zh", "en"), "zh-CN"),
        (("xx", None, "de"), "zh-CN"),
        ((None, None, "de, en;q=0.5"), "en"),
    ],
)
def test_choose_language(wishes: tuple[str | None, ...], expect: str) -> None:
    assert choose_language(*wishes) == expect
