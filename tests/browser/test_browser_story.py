"""The story of a day in a real browser: smoke on the security desk, a fault reported, repaired and accepted by phone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from runtime.supervisor import free_port

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PHONE = {"width": 390, "height": 844}
ON_SCREEN_WITHIN_MS = 15_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the system's Chromium"),
]


@dataclass(frozen=True, kw_only=True)
class Demo:
    address: str
    mqtt_port: int
    data_dir: Path

    def password(self, username: str) -> str:
        people = json.loads((self.data_dir / "demo-users.json").read_text(encoding="utf-8"))
        return next(str(person["password"]) for person in people if person["username"] == username)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A real instance: broker, all roles and the simulated campus, each a process of its own."""
    data_dir = tmp_path_factory.mktemp("story") / "data"
    mqtt_port = free_port("127.0.0.1")
    environment = os.environ | {
        "CARETAKER_DATA_DIR": str(data_dir),
        "CARETAKER_HTTP_PORT": str(free_port("127.0.0.1")),
        "CARETAKER_MQTT_PORT": str(mqtt_port),
    }
    command = [sys.executable, "-m", "runtime", "demo", "--weeks", "1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Demo(address=_address(process), mqtt_port=mqtt_port, data_dir=data_dir)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"Caretaker is at (http://\S+)", line):
            return found.group(1)
    raise AssertionError("the demo ended before it told its address")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@dataclass(frozen=True)
class Screen:
    context: BrowserContext
    page: Page
    complaints: list[str]


def open_screen(browser: Browser, demo: Demo, *, phone: bool = False) -> Screen:
    """A browser window of its own, in English; what the page complains about is collected."""
    context = browser.new_context(viewport=PHONE if phone else {"width": 1440, "height": 900}, locale="en-GB", has_touch=phone)
    context.add_cookies([{"name": "lang", "value": "en", "url": demo.address}])
    page = context.new_page()
    screen = Screen(context, page, [])
    page.on("pageerror", lambda error: screen.complaints.append(str(error)))
    page.on("console", lambda said: screen.complaints.append(said.text) if said.type == "error" else None)
    return screen


def sign_in(page: Page, demo: Demo, username: str) -> None:
    page.fill("#username", username)
    page.fill("#password", demo.password(username))
    page.click("#sign-in button")
    page.wait_for_url(lambda url: "/sign-in" not in url)


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
    device_id = quiet_smoke_detector(page)
    page.wait_for_timeout(500)
    publish_smoke(demo, device_id)

    alarm = page.locator("#desk-list .alert.life_safety.open").first
    expect(alarm).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
    expect(alarm).to_contain_text("Life safety")
    expect(alarm).to_contain_text("Laboratory")
    expect(page).to_have_title(re.compile("▲"))
    assert page.evaluate("window.sameDocument") is True

    alarm.locator("a").click()
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Go and look now")
    alarm_id = page.locator("#panel").get_attribute("data-alert")
    panel.get_by_label("Note").fill("Guard is on the way")
    panel.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(f"#alert-{alarm_id}.acknowledged")).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
    expect(page.locator("#panel .state.acknowledged")).to_be_visible(timeout=ON_SCREEN_WITHIN_MS)
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
    page.get_by_label("What is broken?").fill("The left tap in the washroom drips, 100% of the time")
    page.get_by_role("button", name="Send report").tap()
    page.wait_for_url(re.compile(r"/reports\?new=\d+"))
    report = page.locator("#reports article").filter(has_text="The left tap in the washroom")
    expect(report).to_be_visible()
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
