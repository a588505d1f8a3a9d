"""The story of a day in a real browser: smoke on the security desk, a fault reported, repaired and accepted by phone."""

import json
import re
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Page, expect

from tests.browser.instance import CHROMIUM, Demo, open_screen, sign_in

ON_SCREEN_WITHIN_MS = 15_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the system's Chromium"),
]


def quiet_smoke_detector(page: Page) -> str:
    """A smoke detector that the tour leaves alone in its first minutes."""
    found = page.evaluate(
        "async () => (await (await fetch('/api/v1/devices?kind=smoke_detector&limit=500')).json()).items.map((device) => device.id)"
    )
    return str(next(device for device in found if device.startswith("smoke-lab")))


def publish_smoke(demo: Demo, device_id: str) -> None:
    """One message as the detector itself would send it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="story", protocol=mqtt.MQTTv5)
    client.username_pw_set("simulator", (demo.data_dir / "secrets/mqtt-simulator.password").read_text().strip())
    client.connect("127.0.0.1", demo.mqtt_port)
    client.loop_start()
    payload = json.dumps({"ts": time.time(), "readings": {"smoke": 1, "smoke.density": 0.4}})
    client.publish(f"caretaker/v1/campus/{device_id}/telemetry", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_smoke_appears_on_the_desk_without_reload_and_is_acknowledged(demo: Demo, browser: Browser) -> None:
    screen = open_screen(browser, demo)
    page = screen.page
    page.goto(demo.address)
    sign_in(page, demo, "security")
    expect(page).to_have_url(demo.address + "/desk")
    page.evaluate("window.sameDocument = true")
    page.click("#sound")
    device_id = quiet_smoke_detector(page)
    page.wait_for_timeout(500)
    publish_smoke(demo, device_id)

    alarm = page.locator("#desk-list .alert.life_safety.open").filter(has_text="Laboratory")
    expect(alarm).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
    expect(alarm).to_contain_text("Life safety")
    expect(page).to_have_title(re.compile("▲"))
    page.wait_for_function("alarm !== null")  # the sound repeats until somebody acknowledges
    assert page.evaluate("window.sameDocument") is True

    alarm_id = str(alarm.get_attribute("id")).removeprefix("alert-")
    alarm.locator("a").click()
    panel = page.locator("#panel")
    expect(panel).to_have_attribute("data-alert", alarm_id)  # until then it may show another alarm, of the tour
    expect(panel).to_contain_text("Go and look now")
    panel.get_by_label("Note").fill("Guard is on the way")
    panel.get_by_role("button", name="Acknowledge").click()
    # The simulated detector soon says that the air is clear; acknowledged, the alert then resolves by itself.
    expect(page.locator(f"#alert-{alarm_id}.open")).to_have_count(0, timeout=ON_SCREEN_WITHIN_MS)
    expect(page.locator("#panel .state").filter(has_text=re.compile("Acknowledged|Resolved"))).to_be_visible(
        timeout=ON_SCREEN_WITHIN_MS
    )
    expect(panel.locator("dt", has_text="Acknowledged").locator("+ dd")).to_contain_text("security")
    assert page.evaluate("window.sameDocument") is True
    assert screen.complaints == []
    screen.context.close()


def test_a_reported_fault_is_repaired_by_phone_and_accepted(demo: Demo, browser: Browser) -> None:
    student, plumber = open_screen(browser, demo, phone=True), open_screen(browser, demo, phone=True)
    number = _report_by_qr(student.page, demo)
    _repair(plumber.page, demo, number)
    _accept(student.page, number)
    expect(plumber.page.locator("#jobs")).not_to_contain_text(number, timeout=ON_SCREEN_WITHIN_MS)
    assert student.complaints == []
    assert plumber.complaints == []
    student.context.close()
    plumber.context.close()


def _report_by_qr(page: Page, demo: Demo) -> str:
    """The address that the QR code of a place opens, before anybody has signed in. Returns the order's number."""
    page.goto(f"{demo.address}/report/dorm-b")
    sign_in(page, demo, "student")
    expect(page).to_have_url(f"{demo.address}/report/dorm-b")
    page.get_by_text("tap, toilet, pipe, drain").tap()
    words = f"The left tap in washroom {time.time_ns() % 1000} drips, 100% of the time"
    page.get_by_label("What is broken?").fill(words)
    page.get_by_role("button", name="Send report").tap()
    page.wait_for_url(re.compile(r"/reports\?new=\d+"))
    report = page.locator(f"#report-{page.url.rpartition('=')[2]}")
    expect(report).to_contain_text(words)
    return report.locator("a.mono").inner_text()


def _repair(page: Page, demo: Demo, number: str) -> None:
    page.goto(demo.address)
    sign_in(page, demo, "plumber")
    expect(page).to_have_url(demo.address + "/jobs")
    job = page.locator("#jobs article").filter(has_text=number)
    job.get_by_role("button", name="Accept job").tap()
    expect(job.locator(".state.accepted")).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
    log = job.locator("details[id$=-log]")
    log.locator("summary").tap()
    log.get_by_label("What was done, parts, time").fill("New seal fitted, 20 min")
    log.get_by_role("button", name="Log a step").tap()
    expect(job.locator(".state.in_progress")).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
    finish = job.locator("details[id$=-finish]")
    finish.locator("summary").tap()
    finish.get_by_label("What was repaired").fill("Tap is dry")
    finish.get_by_role("button", name="Finish").tap()
    expect(job.locator(".state.done")).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)


def _accept(page: Page, number: str) -> None:
    """The reporter's page, still open, shows the finished repair by itself."""
    report = page.locator("#reports article").filter(has_text=number)
    accept = report.locator("details[id$=-accept_repair]")
    expect(accept).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
    accept.locator("summary").tap()
    accept.get_by_text("4", exact=True).tap()
    accept.get_by_role("button", name="Accept repair").tap()
    expect(report.locator(".steps .past")).to_have_count(5, timeout=ON_SCREEN_WITHIN_MS)
    expect(report).to_contain_text("4 / 5")
    report.locator("a.mono").tap()
    expect(page.locator(".state.closed")).to_be_visible()
    expect(page.locator(".log")).to_contain_text("New seal fitted, 20 min")
    expect(page.locator("body")).to_contain_text("History checked")
