"""Records of cold stores and laboratories: what an inspector asks for, by JSON, as files and signed."""

import csv
import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from devices.model import Device, DeviceKind, Quality, Reading
from tests.fixtures_api import NOW, Campus

STORE = Device(
    id="cold-1", kind=DeviceKind.COLD_STORE, profile_id="cold-store", space_id="lab-1", name="Cold room", name_zh="冷藏库"
)
NOON_MS = round(NOW.timestamp() * 1000)  # 12:30 in Shanghai
TODAY_MS = NOON_MS - 45_000_000
MINUTE_MS = 60_000
RECORD = "/api/v1/devices/cold-1/record"


@pytest.fixture
def kitchen(campus: Campus) -> Campus:
    """Since the midnight before last every five minutes; too warm from 02:00 to 02:40, silent from 06:00 to 08:00 today."""
    campus.deps.registry.save([], [STORE])
    found = []
    for ts_ms in range(TODAY_MS - 86_400_000, NOON_MS, 5 * MINUTE_MS):
        minute = (ts_ms - TODAY_MS) // MINUTE_MS
        if not 360 < minute < 480:
            found.append(Reading("cold-1", "env.temperature", ts_ms, 11.0 if 120 <= minute < 160 else 4.0))
            found.append(Reading("cold-1", "env.humidity", ts_ms, 70.0))
    found.append(Reading("cold-1", "env.temperature", NOON_MS - MINUTE_MS, 99.0, int(Quality.IMPLAUSIBLE)))
    campus.deps.readings.write(found)
    return campus


def test_the_record_of_a_store(kitchen: Campus) -> None:
    answer = kitchen.as_user("crew").get(RECORD, params={"first": "2026-11-17"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["metric"], told["unit"], told["every"]) == ("env.temperature", "Cel", "hour")
    assert told["limits"] == {"low": 0.0, "high": 8.0, "grace_s": 1800.0}
    assert (told["low"], told["high"], told["outside_s"]) == (4.0, 11.0, 2400.0)
    assert len(told["intervals"]) == 48
    assert told["intervals"][26]["high"] == 11.0
    assert told["intervals"][31]["mean"] is None
    assert told["intervals"][31]["unknown_s"] == 3600.0
    assert [(one["seconds"], one["worst"], one["alarming"]) for one in told["excursions"]] == [(2400.0, 11.0, True)]
    assert told["gaps"] == [{"start": "2026-11-17T22:00:00Z", "end": "2026-11-18T00:00:00Z"}]
    assert told["unchecked"] == ["2026-11-17"]


def test_a_year_by_day(kitchen: Campus) -> None:
    told = kitchen.as_user("crew").get(RECORD, params={"first": "2025-11-19", "metric": "env.humidity"}).json()
    assert (told["every"], len(told["intervals"]), told["limits"]["low"]) == ("day", 365, None)
    assert [one["mean"] for one in told["intervals"]][-2:] == [70.0, 70.0]
    assert told["gap_count"] == 2
    assert len(told["unchecked"]) == 31


def test_days_are_signed_and_stay_signed(kitchen: Campus) -> None:
    body = {"day": "2026-11-17", "note": "door shut at once", "value": 3.9}
    crew = kitchen.as_user("crew")
    headers = {"Idempotency-Key": "one"}
    first = crew.post(f"{RECORD}/checks", json=body, headers=headers)
    assert first.status_code == 201, first.text
    assert crew.post(f"{RECORD}/checks", json=body, headers=headers).json() == first.json()
    told = crew.get(RECORD, params={"first": "2026-11-17"}).json()
    assert told["unchecked"] == []
    assert [(one["checked_by_name"], one["note"], one["value"]) for one in told["checks"]] == [("Wang", "door shut at once", 3.9)]
    [entry] = [one for one in kitchen.deps.audit.list() if one.action == "record.sign"]
    assert (entry.actor, entry.subject, entry.detail) == ("crew", "cold-1", "2026-11-17 door shut at once")
    assert kitchen.deps.audit.verify()
    tomorrow = {"day": (NOW + timedelta(days=1)).date().isoformat()}
    assert crew.post(f"{RECORD}/checks", json=tomorrow).status_code == 422


def test_the_list_shows_what_is_outside_first(kitchen: Campus) -> None:
    kitchen.deps.registry.save([], [Device(**{**{name: getattr(STORE, name) for name in STORE.__slots__}, "id": "cold-0"})])
    kitchen.deps.readings.write([Reading("cold-1", "env.temperature", NOON_MS, 9.5)])
    kitchen.as_user("crew").post(f"{RECORD}/checks", json={"day": "2026-11-18"})
    items = kitchen.as_user("energy").get("/api/v1/records").json()["items"]
    assert [(one["id"], one["outside"]) for one in items] == [("cold-1", True), ("cold-0", None)]
    assert items[0]["last_check"]["day"] == "2026-11-18"
    assert items[1]["last_check"] is None


def test_csv_has_every_interval(kitchen: Campus) -> None:
    answer = kitchen.as_user("crew").get(f"{RECORD}/file", params={"first": "2026-11-17", "every": "day", "lang": "en"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer.headers["content-disposition"] == 'attachment; filename="record-temperature-20261117-20261118.csv"'
    assert [(row["From"], row["Highest (°C)"], row["Outside (min)"], row["Unknown (min)"]) for row in rows] == [
        ("2026-11-17 00:00", "4.0", "0", "0"),
        ("2026-11-18 00:00", "11.0", "40", "120"),
    ]
    assert [one.action for one in kitchen.deps.audit.list()] == ["export"]


@pytest.mark.parametrize(
    ("what", "header", "count"), [("excursions", "持续(分钟)", 1), ("gaps", "结束", 1), ("checks", "检查人", 0)]
)
def test_a_workbook_of_each_part(kitchen: Campus, what: str, header: str, count: int) -> None:
    asked = {"first": "2026-11-17", "format": "xlsx", "what": what, "lang": "zh-CN"}
    answer = kitchen.as_user("crew").get(f"{RECORD}/file", params=asked)
    rows = list(load_workbook(io.BytesIO(answer.content)).worksheets[0].values)
    assert header in rows[0]
    assert len(rows) == count + 1


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_a_page_to_print(kitchen: Campus, lang: str) -> None:
    if not kitchen.deps.label_font.exists():
        pytest.skip("no font with Chinese characters here")
    answer = kitchen.as_user("crew").get(f"{RECORD}/file", params={"first": "2026-11-17", "format": "pdf", "lang": lang})
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("user", "path", "status"),
    [
        ("reporter", RECORD, 403),
        ("crew", f"{RECORD}?first=2026-11-19", 422),
        ("crew", f"{RECORD}?first=2020-01-01", 422),
        ("crew", f"{RECORD}?first=2024-01-01&every=hour", 422),
        ("crew", f"{RECORD}?metric=gas.lel", 422),
        ("crew", f"{RECORD}?first=0001-01-01&last=0001-01-02", 422),
        ("crew", f"{RECORD}/file?format=pdf&first=2026-01-01&every=hour", 422),
        ("crew", "/api/v1/devices/em-101/record", 404),
        ("crew", "/api/v1/devices/nothing/record", 404),
        ("crew", "/api/v1/records?space=nowhere", 422),
    ],
)
def test_what_is_refused(kitchen: Campus, user: str, path: str, status: int) -> None:
    assert kitchen.as_user(user).get(path).status_code == status


def test_another_buildings_store_is_not_there(kitchen: Campus) -> None:
    kitchen.deps.registry.save([], [Device(**{**{name: getattr(STORE, name) for name in STORE.__slots__}, "space_id": "dorm-1"})])
    guard = kitchen.as_user("labguard")
    assert guard.get("/api/v1/records").json()["items"] == []
    assert guard.get(RECORD).status_code == 404
    assert guard.post(f"{RECORD}/checks", json={"day": "2026-11-17"}).status_code == 404
