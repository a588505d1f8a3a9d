"""Ids that hold "/" and "%": adopted, read, corrected and commanded, in the API and on the pages."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from api.auth import COOKIE
from dashboards.web.pages import create_pages
from devices.health import DiscoveredDevice
from devices.model import Reading
from tests.fixtures_api import NOW, Campus, TestClient

UNIT = "gw7/12"
REGISTER = "elec.energy.import"
NOW_MS = round(NOW.timestamp() * 1000)


def adopt(campus: Campus, device_id: str) -> None:
    stranger = DiscoveredDevice(
        device_id=device_id,
        first_seen_ms=NOW_MS,
        last_seen_ms=NOW_MS,
        topic="gw7/up",
        family="modbus.rtu",
        metrics=(REGISTER,),
    )
    campus.deps.health.discover([stranger])
    body = {"id": device_id, "profile_id": "em-building", "space_id": "lab", "attributes": {"commands": "breaker.off breaker.on"}}
    assert call(campus, "POST", "/discovered/adopt", 201, json=body)["id"] == device_id


def call(campus: Campus, method: str, path: str, expect: int = 200, **more: Any) -> Any:
    answer = campus.as_user("admin").request(method, "/api/v1" + path, **more)
    assert answer.status_code == expect, answer.text
    return answer.json()


@pytest.fixture
def pages(campus: Campus) -> TestClient:
    campus.app.mount("/", create_pages(campus.app, site_name="Campus", now=lambda: campus.clock[0]))
    client = campus.anonymous()
    client.cookies.set(COOKIE, campus.token("admin"))
    return client


@pytest.mark.parametrize("device_id", [UNIT, "group/node/device", "odd%2Fname", "100%25", "电表/一号", "a b?c#d"])
def test_any_id_is_one_segment_of_an_address(campus: Campus, pages: TestClient, device_id: str) -> None:
    adopt(campus, device_id)
    segment = quote(device_id, safe="")
    assert call(campus, "GET", f"/devices/{segment}")["id"] == device_id
    assert device_id in pages.get("/devices").text
    page = pages.get(f"/devices/{segment}")
    assert page.status_code == 200
    assert f'href="/devices/{segment}/edit"' in page.text


def test_a_modbus_unit_is_read_corrected_and_commanded(campus: Campus) -> None:
    adopt(campus, UNIT)
    campus.deps.readings.write([Reading(UNIT, REGISTER, NOW_MS - 3_600_000, 100.0)])
    found = call(campus, "GET", "/devices/gw7%2F12/readings", params={"metric": REGISTER})
    assert [one["value"] for one in found["items"]] == [100.0]
    at = (NOW.replace(hour=NOW.hour - 1)).isoformat()
    entry = call(campus, "POST", "/meters/gw7%2f12/corrections", 201, json={"at": at, "value": 90.0, "reason": "misread"})
    assert [(one.id, one.device_id) for one in campus.deps.meters.entries(UNIT)] == [(entry["id"], UNIT)]
    assert call(campus, "DELETE", f"/meters/gw7%2F12/entries/{entry['id']}")["undone_at"]
    command = {"name": "breaker.off", "reason": "smells burnt"}
    assert call(campus, "POST", "/devices/gw7%2F12/commands", 201, json=command)["device_id"] == UNIT
    typed = {"value": "120", "metric": REGISTER, "sure": "true"}
    assert call(campus, "POST", "/devices/gw7%2F12/manual-readings", 201, data=typed)["device_id"] == UNIT
    assert call(campus, "GET", "/devices/gw7%2F12/data-quality")["items"]


def test_its_pages_lead_to_each_other(campus: Campus, pages: TestClient) -> None:
    adopt(campus, UNIT)
    for address in ("/devices/gw7%2F12", "/meters/gw7%2F12", "/devices/gw7%2F12/read", "/devices/gw7%2F12/edit"):
        page = pages.get(address)
        assert page.status_code == 200, address
        assert not re.findall(r'(?:href|data-api|data-then|hx-get)="[^"?]*gw7/12', page.text), address
    assert 'data-api="/api/v1/devices/gw7%2F12/commands"' in pages.get("/devices/gw7%2F12/commands").text


def test_unknown_ids_and_split_ones_are_not_found(campus: Campus) -> None:
    adopt(campus, UNIT)
    assert call(campus, "GET", "/devices/gw7%2F13", 404)["instance"] == "/api/v1/devices/gw7%2F13"
    call(campus, "GET", "/devices/gw7/12", 404)
