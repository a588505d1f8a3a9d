"""The story of a new meter in a real browser: bought, labelled, scanned, adopted, and its consumption seen with its cost."""

import json
import re
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Page, expect

from tests.browser.instance import CHROMIUM, Demo, open_screen, sign_in

SOON_MS = 60_000
"""Ingest tells of strangers every ten seconds; the ledger looks every five and writes the running hour each minute."""

METER_ID = "210900004242"
STEP_S = 300
HOURS = 3
KWH_PER_STEP = 0.25

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the system's Chromium"),
]


def speak(demo: Demo, device_id: str) -> None:
    """The meter is switched on: it sends what it has kept of the last hours, and its present reading."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="meter-story", protocol=mqtt.MQTTv5)
    client.username_pw_set("simulator", (demo.data_dir / "secrets/mqtt-simulator.password").read_text().strip())
    client.connect("127.0.0.1", demo.mqtt_port)
    client.loop_start()
    now, steps = time.time(), HOURS * 3600 // STEP_S
    for step in range(steps + 1):
        readings = {"elec.energy.import": 1000 + step * KWH_PER_STEP, "elec.power.active": 3000}
        payload = json.dumps({"ts": now - (steps - step) * STEP_S, "readings": readings})
        client.publish(f"caretaker/v1/campus/{device_id}/telemetry", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_a_new_meter_is_bought_labelled_scanned_adopted_and_its_use_is_seen_with_its_cost(demo: Demo, browser: Browser) -> None:
    desk, phone = open_screen(browser, demo), open_screen(browser, demo, phone=True)
    desk.page.goto(f"{demo.address}/spaces/dorm-b")
    sign_in(desk.page, demo, "admin")
    room = _new_room(desk.page)
    tag = _buy(desk.page, demo, room)
    _stick_label(desk.page, demo, tag)

    phone.page.goto(f"{demo.address}/a/{tag}")  # what the QR code of the label opens
    sign_in(phone.page, demo, "admin")
    expect(phone.page.locator("h1")).to_contain_text("Kitchen meter")
    speak(demo, METER_ID)
    _adopt(phone.page, demo, room)
    _see_consumption(phone.page, demo, room)
    phone.page.goto(f"{demo.address}/a/{tag}")
    expect(phone.page.locator(f"a[href='/devices/{METER_ID}']").first).to_be_visible()
    assert desk.complaints == []
    assert phone.complaints == []
    desk.context.close()
    phone.context.close()


def _new_room(page: Page) -> str:
    """Returns its id."""
    page.get_by_role("link", name="Add a place inside").click()
    page.get_by_label("Kind").select_option("room")
    page.get_by_label("Name (Chinese)").fill("厨房")
    page.get_by_label("Name (English)").fill("Story kitchen")
    page.get_by_label("Area, m²").fill("20")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile(r"/spaces/dorm-b-story-kitchen"))
    return page.url.rpartition("/")[2]


def _buy(page: Page, demo: Demo, room: str) -> str:
    """Enters the meter into the asset ledger. Returns its number."""
    page.goto(f"{demo.address}/assets/new?space={room}")
    page.locator("[name=class_code]").fill("A02100000")
    page.locator("[name=name]").fill("Kitchen meter")
    page.locator("[name=name_zh]").fill("厨房电表")
    page.locator("[name=price]").fill("380.00")
    page.locator("#asset-new button").last.click()
    page.wait_for_url(re.compile(r"/a/[^/]+$"))
    return page.url.rpartition("/")[2]


def _stick_label(page: Page, demo: Demo, tag: str) -> None:
    """The form makes a sheet of labels: a PDF in a window of its own."""
    page.goto(f"{demo.address}/assets/labels?tags={tag}")
    with page.context.expect_event("request", lambda request: "labels.pdf" in request.url) as asked:
        page.get_by_role("button", name="Make the PDF").click()
    answer = page.request.get(asked.value.url)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.body().startswith(b"%PDF")
    for other in page.context.pages:
        if other != page:
            other.close()


def _adopt(page: Page, demo: Demo, room: str) -> None:
    """From the scanned asset to the stranger that has just begun to speak, which appears without a reload."""
    page.get_by_role("link", name="Adopt the device behind it").tap()
    row = page.locator("#strangers tr").filter(has_text=METER_ID)
    expect(row).to_be_visible(timeout=SOON_MS)
    expect(row).to_contain_text("Electricity meter")
    row.get_by_role("link", name="Adopt").tap()
    expect(page.get_by_label("Name (English)")).to_have_value("Kitchen meter")
    expect(page.locator("#adopt [name=space_id]")).to_have_value(room)
    page.get_by_role("button", name="Adopt").tap()
    page.wait_for_url(f"{demo.address}/devices/{METER_ID}")
    expect(page.locator("h1")).to_have_text("Kitchen meter")
    expect(page.locator('#latest tr[data-metric="elec.energy.import"] [data-value]')).to_contain_text("1,009")


def _see_consumption(page: Page, demo: Demo, room: str) -> None:
    """What it had sent before anybody knew it counts, in kWh and in money."""
    cost = page.locator(".figures dt", has_text="Cost").locator("+ dd")
    until = time.monotonic() + 2 * SOON_MS / 1000
    while time.monotonic() < until:
        page.goto(f"{demo.address}/energy/{room}")
        if re.search(r"[1-9]", cost.inner_text()):
            break
        page.wait_for_timeout(2000)
    expect(cost).to_have_text(re.compile(r"¥\s?\d+\.\d\d"))
    expect(page.locator(".figures dd").first).to_have_text(re.compile(r"[\d.]+\s?kWh"))
