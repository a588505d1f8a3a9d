"""The pages of data in and out, over the real API."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from api.auth import COOKIE
from dashboards.web.pages import create_pages
from devices.model import Reading
from tests.fixtures_api import DEVICES, NOW, Campus, TestClient

NOW_MS = round(NOW.timestamp() * 1000)
CSV = "表号,抄表时间,读数\nwm-lab,2026-03-01 08:30,12.5\nwm-99,2026-03-01 08:30,1\n"


@pytest.fixture
def site(campus: Campus) -> Campus:
    campus.app.mount("/", create_pages(campus.app, site_name="Campus", now=lambda: campus.clock[0]))
    obeying = next(device for device in DEVICES if device.id == "wm-lab")
    campus.deps.registry.save((), [replace(obeying, attributes={"commands": "valve.close valve.open"})])
    campus.deps.readings.write([Reading("wm-lab", "water.volume", NOW_MS - 86_400_000, 1000.0)])
    return campus


def seen_by(campus: Campus, user: str, lang: str = "en") -> TestClient:
    client = campus.anonymous()
    client.cookies.set(COOKIE, campus.token(user))
    client.cookies.set("lang", lang)
    return client


def shown(client: TestClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.text


def posted(campus: Campus, user: str, path: str, **more: Any) -> dict[str, Any]:
    answer = campus.as_user(user).post(f"/api/v1{path}", **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("user", "address", "status"),
    [
        ("admin", "/data", 200),
        ("energy", "/data", 200),
        ("crew", "/data", 200),
        ("crew", "/read", 200),
        ("crew", "/devices/wm-lab/read", 200),
        ("crew", "/devices/smoke-101/read", 200),
        ("admin", "/data/tokens", 200),
        ("energy", "/data/tokens", 403),
        ("security", "/commands", 200),
        ("crew", "/commands", 403),
        ("dispatcher", "/devices/wm-lab", 200),
        ("crew", "/data/imports/1", 403),
        ("energy", "/data/imports/1", 404),
        ("energy", "/data/import?upload=nope", 404),
    ],
)
def test_who_sees_which_page(site: Campus, user: str, address: str, status: int, lang: str) -> None:
    shown(seen_by(site, user, lang), address, status)


def test_an_import_from_upload_to_its_progress(site: Campus) -> None:
    sent = posted(site, "energy", "/reading-imports/uploads", files={"file": ("march.csv", CSV.encode("gb18030"))})
    client = seen_by(site, "energy")
    first = shown(client, f"/data/import?upload={sent['id']}&filename=march.csv")
    assert "2026-03-01 08:30" in first
    assert 'id="preview"' not in first
    query = f"upload={sent['id']}&filename=march.csv&time=抄表时间&value=读数&device_column=表号&device=&metric=water.volume&unit=L"
    seen = shown(client, f"/data/import?{query}")
    assert "Import 1 reading<" in seen
    assert "no device &#39;wm-99&#39;" in seen
    assert "cannot be turned into m3" in shown(client, f"/data/import?{query.replace('unit=L', 'unit=kWh')}")
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', seen.split('id="import"')[1]))
    made = posted(site, "energy", "/reading-imports", json=hidden)
    assert "hx-trigger" in shown(client, f"/data/imports/{made['id']}")
    assert "march.csv" in shown(client, "/data")


def test_a_reading_is_compared_before_it_is_saved(site: Campus) -> None:
    client = seen_by(site, "crew")
    assert 'id="save"' not in shown(client, "/devices/wm-lab/read")
    sound = shown(client, "/devices/wm-lab/read?value=1,024")
    assert 'name="sure"' not in sound
    assert 'value="1024"' in sound
    odd = shown(client, "/devices/wm-lab/read?value=900")
    assert "misread, or was the meter exchanged?" in odd
    assert 'name="sure"' in odd
    assert "valid number" in shown(client, "/devices/wm-lab/read?value=abc")
    picture = io.BytesIO()
    Image.new("RGB", (10, 10)).save(picture, "JPEG")
    posted(site, "crew", "/devices/wm-lab/manual-readings", data={"value": 1024}, files={"photo": ("m.jpg", picture.getvalue())})
    saved = shown(client, "/devices/wm-lab/read?saved=1")
    photo = re.search(r'href="(/api/v1/manual-readings/photos/\w+)"', saved)
    assert photo is not None
    assert client.get(photo.group(1)).headers["content-type"] == "image/jpeg"


def test_commands_on_the_page_of_a_device(site: Campus) -> None:
    page = shown(seen_by(site, "dispatcher"), "/devices/wm-lab")
    assert "Close the valve" in page
    assert "A second person must confirm" in page
    assert 'id="device-commands"' not in shown(seen_by(site, "dispatcher"), "/devices/em-lab")
    assert "Close the valve" not in shown(seen_by(site, "crew"), "/devices/wm-lab")
    posted(site, "dispatcher", "/devices/wm-lab/commands", json={"name": "valve.open", "reason": "repaired"})
    section = shown(seen_by(site, "energy"), "/devices/wm-lab/commands")
    assert "every 2s" in section
    assert "/confirm" in section
    assert "/confirm" not in shown(seen_by(site, "dispatcher"), "/commands")


def test_tokens_are_listed_and_revoked(site: Campus) -> None:
    made = posted(site, "admin", "/tokens", json={"name": "Boiler house", "devices": ["wm-*"]})
    page = shown(seen_by(site, "admin"), "/data/tokens")
    assert "Boiler house" in page
    assert made["secret"] not in page
    assert f"/api/v1/tokens/{made['id']}/revoke" in page
