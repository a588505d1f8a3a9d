"""Readings typed by hand: believed or asked about, photographed, stored once, and by whom."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from devices.model import Reading
from tests.api.test_api_push import drain
from tests.fixtures_api import NOW, Campus

NOW_MS = round(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000


@pytest.fixture
def read(campus: Campus) -> Campus:
    """wm-lab read 1000 m3 ten days ago and uses 24 m3 a day."""
    hours = [Reading("wm-lab", "water.volume.hourly", NOW_MS - n * HOUR_MS, 1.0) for n in range(1, 24 * 12)]
    campus.deps.readings.write([Reading("wm-lab", "water.volume", NOW_MS - 240 * HOUR_MS, 1000.0), *hours])
    return campus


def picture(size: tuple[int, int] = (3000, 1500), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, "JPEG", **more)
    return out.getvalue()


def save(campus: Campus, user: str = "crew", device: str = "wm-lab", photo: bytes | None = None, **fields: Any) -> Any:
    files = {"photo": ("meter.jpg", photo, "image/jpeg")} if photo is not None else None
    return campus.as_user(user).post(f"/api/v1/devices/{device}/manual-readings", data=fields, files=files)


@pytest.mark.parametrize(
    ("value", "used", "asks"),
    [
        (1240, 240, []),
        (1900, 900, ["Used 3.8 times as much as usual"]),
        (1030, 30, ["Only 12 % of the usual use"]),
        (990, -10, ["Less than the last reading of 1000: misread, or was the meter exchanged?"]),
        (90_000, 89_000, ["More than this meter can count in the time: 89000"]),
        (1_000_000, 999_000, ["The meter shows 100000 at most; is there a digit too many?", "More than this meter can count"]),
    ],
)
def test_it_is_compared_with_the_last_reading_and_the_usual_use(read: Campus, value: float, used: float, asks: list[str]) -> None:
    answer = read.as_user("crew").get(f"/api/v1/devices/wm-lab/manual-readings/check?value={value}").json()
    assert (answer["used"], answer["last_value"], answer["usual_per_day"]) == (used, 1000, 24)
    assert len(answer["asks"]) == len(asks)
    assert all(ask in shown["text"] for ask, shown in zip(asks, answer["asks"], strict=True))


def test_it_is_stored_once_with_photo_and_name(read: Campus) -> None:
    moment = NOW.isoformat()
    made = save(read, value=1240, ts=moment, note="behind the boiler", photo=picture())
    assert made.status_code == 201, made.text
    assert save(read, value=1240, ts=moment).json()["id"] == made.json()["id"]
    drain(read)
    assert read.deps.readings.latest(["wm-lab"], ["water.volume"]) == [Reading("wm-lab", "water.volume", NOW_MS, 1240.0)]
    listed = read.as_user("energy").get("/api/v1/manual-readings?device=wm-lab").json()["items"]
    assert [(one["entered_by"], one["note"], one["unusual"]) for one in listed] == [("crew", "behind the boiler", False)]
    shown = read.as_user("energy").get(listed[0]["photo"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(shown.content)).size == (2048, 1024)
    assert read.deps.audit.list(limit=1)[0].action == "reading.manual"


def test_another_value_for_the_same_moment_is_a_conflict(read: Campus) -> None:
    assert save(read, value=1240, ts=NOW.isoformat()).status_code == 201
    answer = save(read, value=1250, ts=NOW.isoformat())
    assert (answer.status_code, "crew typed 1240" in answer.json()["detail"]) == (409, True)


def test_an_unusual_one_is_asked_about_again(read: Campus) -> None:
    assert save(read, value=1900).status_code == 422
    assert read.deps.incoming.mailbox.size_bytes == 0
    made = save(read, value=1900, sure=True)
    assert (made.status_code, made.json()["unusual"]) == (201, True)


def test_the_next_one_is_compared_with_the_one_still_on_its_way(read: Campus) -> None:
    save(read, value=1240)
    read.later(timedelta(days=1))
    read.clients.clear()
    answer = read.as_user("crew").get("/api/v1/devices/wm-lab/manual-readings/check?value=1264").json()
    assert (answer["last_value"], answer["used"]) == (1240, 24)


def test_pictures_lose_where_they_were_taken(read: Campus) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "PhoneMaker", 6  # turned by 90 degrees
    made = save(read, value=1240, photo=picture(exif=exif)).json()
    shown = Image.open(io.BytesIO(read.as_user("crew").get(made["photo"]).content))
    assert (dict(shown.getexif()), shown.size) == ({}, (1024, 2048))


@pytest.mark.parametrize(
    "data", [b"GIF89a", b"<svg onload=alert(1)>", picture()[:300], b"\xff\xd8\xff" + b"\0" * 50], ids=["gif", "svg", "torn", "fake"]
)
def test_what_is_no_picture_is_refused(read: Campus, data: bytes) -> None:
    answer = save(read, value=1240, photo=data)
    assert (answer.status_code, "no sound JPEG" in answer.json()["detail"]) == (422, True)


def test_limits_of_pictures(read: Campus) -> None:
    assert "more than 8 MB" in save(read, value=1240, photo=picture() + b"\0" * (8 << 20)).json()["detail"]
    assert save(read, value=1240, photo=b"\0" * (10 << 20)).status_code == 413
    assert not list(Path(read.deps.incoming.directory).rglob("*.jpg"))


@pytest.mark.parametrize(
    ("user", "device", "fields", "status"),
    [
        ("reporter", "wm-lab", {"value": 1}, 403),
        ("labguard", "em-101", {"value": 1}, 404),
        ("crew", "wm-lab", {"value": -1}, 422),
        ("crew", "wm-lab", {"value": "nan"}, 422),
        ("crew", "wm-lab", {"value": 1, "metric": "water.flow"}, 422),
        ("crew", "smoke-101", {"value": 1}, 422),
        ("crew", "wm-lab", {"value": 1, "ts": "2030-01-01T00:00:00Z"}, 422),
        ("crew", "wm-lab", {"value": 1, "ts": "2020-01-01T00:00:00Z"}, 422),
    ],
)
def test_who_and_what_is_refused(read: Campus, user: str, device: str, fields: dict[str, Any], status: int) -> None:
    assert save(read, user=user, device=device, **fields).status_code == status


def test_a_photo_of_another_building_is_hidden(read: Campus) -> None:
    made = save(read, device="em-101", value=5, photo=picture()).json()
    assert read.as_user("labguard").get(made["photo"]).status_code == 404
    assert read.as_user("crew").get("/api/v1/manual-readings/photos/..%2f..%2fcaretaker").status_code == 404
