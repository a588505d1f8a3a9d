"""A real instance and a browser in front of it, for all browser tests: broker, roles and campus are processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from runtime.supervisor import free_port

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@dataclass(frozen=True, kw_only=True)
class Demo:
    address: str
    mqtt_port: int
    data_dir: Path
    admin_password: str

    def password(self, username: str) -> str:
        if username == "admin":
            return self.admin_password  # printed once, not on the sign-in page
        people = json.loads((self.data_dir / "demo-users.json").read_text(encoding="utf-8"))
        return next(str(person["password"]) for person in people if person["username"] == username)


@pytest.fixture(scope="session")
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
        address = _told(process, r"Caretaker is at (http://\S+)")
        password = _told(process, r"admin password: (\S+)")
        yield Demo(address=address, mqtt_port=mqtt_port, data_dir=data_dir, admin_password=password)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def _told(process: "subprocess.Popen[str]", pattern: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found.group(1)
    raise AssertionError(f"the demo ended before it told {pattern!r}")


@pytest.fixture(scope="session")
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


def open_screen(browser: Browser, demo: Demo, *, phone: bool = False, lang: str = "en") -> Screen:
    """A browser window of its own; what the page complains about is collected."""
    context = browser.new_context(viewport=PHONE if phone else DESKTOP, locale="en-GB", has_touch=phone)
    context.add_cookies([{"name": "lang", "value": lang, "url": demo.address}])
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
