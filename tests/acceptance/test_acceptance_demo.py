"""`caretaker demo` as a new user meets it: pages within a minute, the tour's alerts and orders without a click, a clean end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from runtime.supervisor import free_port

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(600)]

FIRST_PAGE_WITHIN_S = 60
STORY_WITHIN_S = 360
STORY_ALERTS = {"water.burst", "elec.heating_appliance", "door.forced", "fire.smoke"}
STORY_ORDERS = {"water.burst", "meter.frozen", "device.dead"}


@dataclass
class Demo:
    process: subprocess.Popen[str]
    address: str
    password: str
    started_s: float
    ready_after_s: float
    token: str = ""

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def sign_in(self) -> None:
        body = json.dumps({"username": "admin", "password": self.password}).encode()
        request = urllib.request.Request(
            self.address + "/api/v1/auth/token", data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.token = json.load(answer)["access_token"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    directory: Path = tmp_path_factory.mktemp("demo")
    environment = os.environ | {
        "CARETAKER_DATA_DIR": str(directory / "data"),
        "CARETAKER_HTTP_PORT": str(free_port("127.0.0.1")),
        "CARETAKER_MQTT_PORT": str(free_port("127.0.0.1")),
    }
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "runtime", "demo"], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = password = ""
    while not (address and password):
        line = process.stdout.readline()
        assert line, "the demo ended before it told its address"
        if found := re.search(r"http://\S+", line):
            address = found.group()
        if line.startswith("admin password: "):
            password = line.removeprefix("admin password: ").strip()
    made = Demo(process, address, password, started, time.monotonic() - started)
    made.sign_in()
    yield made
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    process.stdout.close()


def eventually(condition: Callable[[], bool], deadline_s: float) -> bool:
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(1)
    return True


def test_the_first_page_answers_within_a_minute(demo: Demo) -> None:
    with urllib.request.urlopen(demo.address + "/", timeout=10) as answer:
        assert answer.status == 200
    assert demo.ready_after_s <= FIRST_PAGE_WITHIN_S
    assert eventually(lambda: demo.get("/api/v1/summary")["devices"]["online"] > 200, demo.started_s + 2 * FIRST_PAGE_WITHIN_S)


def test_the_story_plays_without_a_click(demo: Demo) -> None:
    seen: dict[str, dict[str, Any]] = {}

    def all_alerts() -> bool:
        for alert in demo.get("/api/v1/alerts?state=open,acknowledged&limit=200")["items"]:
            seen[alert["kind"]] = alert
        return set(seen) >= STORY_ALERTS

    assert eventually(all_alerts, demo.started_s + STORY_WITHIN_S), f"missing: {STORY_ALERTS - set(seen)}"
    for kind in STORY_ALERTS:
        detail = demo.get(f"/api/v1/alerts/{seen[kind]['id']}")
        assert detail["evidence"] or detail["facts"], f"{kind} has no evidence"


def test_orders_raise_themselves_once_each(demo: Demo) -> None:
    found: dict[str, dict[str, Any]] = {}

    def all_orders() -> bool:
        for order in demo.get("/api/v1/work-orders?limit=200")["items"]:
            alert = demo.get(f"/api/v1/alerts/{order['alert_id']}") if order["alert_id"] else None
            if alert:
                found[alert["kind"]] = order
        return set(found) >= STORY_ORDERS

    assert eventually(all_orders, demo.started_s + STORY_WITHIN_S), f"missing: {STORY_ORDERS - set(found)}"
    for kind in STORY_ORDERS:
        order = found[kind]
        assert all(order[field] for field in ("trade", "priority", "resolve_due", "assignee")), order
    final = {"closed", "cancelled", "duplicate"}
    open_orders = [o for o in demo.get("/api/v1/work-orders?limit=500")["items"] if o["state"] not in final]
    problems = [(o["problem"], o["device_id"] or o["space_id"]) for o in open_orders]
    assert len(problems) == len(set(problems)), "an order was raised twice"


def test_it_ends_within_five_seconds_and_leaves_nobody(demo: Demo) -> None:
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(family) >= 5
    started = time.monotonic()
    demo.process.send_signal(signal.SIGINT)
    demo.process.wait(6)
    assert time.monotonic() - started <= 5
    _gone, alive = psutil.wait_procs(family, timeout=1)
    assert not alive, f"left behind: {alive}"
