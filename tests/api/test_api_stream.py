"""The live stream through a real server: what arrives, for whom, from where on, and how it ends."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from alerts.engine import acknowledge
from analytics.finding import FindingKind
from api.app import feed_of
from api.auth import COOKIE, user_of
from devices.errors import BadInput, DependencyFailed
from devices.model import Reading
from runtime.roles.api import listen, serve
from storage.passwords import token_sha256
from storage.user import Role, User
from tests.fixtures_api import NOW, Campus

WAIT_S = 10.0
NOW_MS = int(NOW.timestamp() * 1000)


@dataclass
class Browser:
    """Reads one stream on a thread of its own; `ended` is set when the server closes it."""

    events: "queue.Queue[dict[str, str]]" = field(default_factory=queue.Queue)
    opened: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    kinds: list[str] = field(default_factory=list)

    def read(self, address: str, headers: dict[str, str], params: dict[str, str]) -> None:
        try:
            with httpx.stream("GET", f"{address}/api/v1/stream", headers=headers, params=params, timeout=30) as answer:
                event: dict[str, str] = {}
                for line in answer.iter_lines():
                    if not line and event:
                        self.events.put(event)
                        event = {}
                    name, _, value = line.partition(": ")
                    if name:
                        event[name] = value
                    elif line.startswith(":"):
                        self.opened.set()
        except httpx.HTTPError:
            pass
        self.ended.set()

    def next(self, kind: str) -> dict[str, Any]:
        deadline_s = time.monotonic() + WAIT_S
        while True:
            event = self.events.get(timeout=max(0.01, deadline_s - time.monotonic()))
            self.kinds.append(event.get("event", ""))
            if event.get("event") == kind:
                return event

    def kinds_so_far(self) -> set[str]:
        return {*self.kinds, *(event.get("event", "") for event in list(self.events.queue))} - {""}


@dataclass
class Server:
    campus: Campus
    address: str
    stop: threading.Event
    thread: threading.Thread

    def open(self, user: str, params: dict[str, str] | None = None, **headers: str) -> Browser:
        """Returns when the server listens to changes for this stream."""
        feed, before = feed_of(self.campus.app), feed_of(self.campus.app).listening
        browser = Browser()
        bearer = {} if "Cookie" in headers else {"Authorization": f"Bearer {self.campus.token(user)}"}
        arguments = (self.address, bearer | {name.replace("_", "-"): value for name, value in headers.items()}, params or {})
        threading.Thread(target=browser.read, args=arguments, daemon=True).start()
        _until(lambda: feed.listening > before and browser.opened.is_set())
        return browser


def _until(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, "waited too long"
        time.sleep(0.01)


@contextmanager
def _serving(campus: Campus) -> Iterator[Server]:
    listener, stop = listen("127.0.0.1", 0), threading.Event()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=serve, args=(campus.app, listener, stop))
    thread.start()

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        _until(answers)
        yield Server(campus, address, stop, thread)
    finally:
        stop.set()
        thread.join(10)
        listener.close()


@pytest.fixture
def server(campus: Campus) -> Iterator[Server]:
    with _serving(campus) as running:
        yield running


def test_an_alert_arrives_as_it_is_raised_and_acknowledged(server: Server) -> None:
    browser = server.open("security")
    alert = server.campus.raise_alert()
    feed_of(server.campus.app).wake()
    raised = browser.next("alert")
    assert f'"id":{alert.id}' in raised["data"].replace(" ", "")
    assert '"severity":"life_safety"' in raised["data"].replace(" ", "")
    assert '"alert_kind":"fire.smoke"' in raised["data"].replace(" ", "")
    acknowledge(server.campus.deps.alerts, alert.id, "security", NOW)
    assert '"acknowledged"' in browser.next("alert")["data"], "found by the poll, without a wake"


def test_each_sees_only_what_is_theirs(server: Server) -> None:
    reporter, guard, crew = server.open("reporter"), server.open("labguard"), server.open("crew")
    server.campus.raise_alert()
    body = {"space_id": "dorm-101", "description": "The tap drips", "trade": "plumbing"}
    server.campus.as_user("reporter").post("/api/v1/work-orders", json=body)
    feed_of(server.campus.app).wake()
    assert '"order"' in reporter.next("order")["data"]
    assert crew.next("order")
    server.campus.raise_alert(FindingKind.DOOR_FORCED, "door-lab", "lab")
    feed_of(server.campus.app).wake()
    assert "door.forced" in guard.next("alert")["data"]
    assert "order" not in guard.kinds_so_far()
    assert reporter.kinds_so_far() == {"order"}


def test_a_page_that_comes_back_gets_what_it_missed_once(server: Server) -> None:
    seq = server.campus.deps.changes.last_seq()
    alert = server.campus.raise_alert()
    acknowledge(server.campus.deps.alerts, alert.id, "security", NOW)
    _until(lambda: feed_of(server.campus.app).seq > seq)
    back = server.open("security", Last_Event_ID=str(seq))
    missed = back.next("alert")
    assert '"acknowledged"' in missed["data"], "as it is now, not as it was"
    assert int(missed["id"]) == server.campus.deps.changes.last_seq()
    from_summary = server.open("security", {"after": str(seq)})
    assert from_summary.next("alert")["id"] == missed["id"]


def test_a_device_page_gets_its_readings(server: Server) -> None:
    readings = server.campus.deps.readings
    readings.write([Reading("em-lab", "elec.power.active", NOW_MS, 1500.0), Reading("em-dorm", "elec.power.active", NOW_MS, 7.0)])
    browser = server.open("energy", {"device": "em-lab"})
    first = browser.next("reading")["data"].replace(" ", "")
    assert '"device_id":"em-lab"' in first
    assert '"value":1500.0' in first
    assert '"unit":"W"' in first
    readings.write([Reading("em-lab", "elec.power.active", NOW_MS + 1000, 1600.0)])
    assert "1600.0" in browser.next("reading")["data"]
    assert browser.kinds_so_far() == {"reading"}


def test_a_cookie_opens_the_stream_and_nothing_else_does(server: Server) -> None:
    server.open("security", Cookie=f"{COOKIE}={server.campus.token('security')}")
    assert httpx.get(f"{server.address}/api/v1/stream").status_code == 401
    headers = {"Authorization": f"Bearer {server.campus.token('reporter')}"}
    assert httpx.get(f"{server.address}/api/v1/stream", params={"device": "em-lab"}, headers=headers).status_code == 404


def test_a_stream_ends_when_its_session_does(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.stream.SESSION_CHECK_S", 0.1)
    token = server.campus.token("security")
    browser = server.open("security", Cookie=f"{COOKIE}={token}")
    server.campus.deps.users.drop_session(token_sha256(token))
    assert browser.ended.wait(WAIT_S)


def test_a_user_who_loses_a_role_sees_no_more_of_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.stream.SESSION_CHECK_S", 0.1)
    browser, users = server.open("security"), server.campus.deps.users
    users.save(User(username="security", display_name="S", roles=frozenset({Role.REPORTER})))
    checked = threading.Event()
    monkeypatch.setattr("api.routes.stream.user_of", lambda *found: (checked.set(), user_of(*found))[1])
    assert checked.wait(WAIT_S)
    checked.clear()
    assert checked.wait(WAIT_S), "the check that began after the change has taken it over"
    server.campus.raise_alert()
    order = server.campus.as_user("security").post("/api/v1/work-orders", json={"space_id": "lab", "description": "No light"})
    assert order.status_code == 201
    assert browser.next("order")
    assert "alert" not in browser.kinds_so_far()


def test_a_number_from_another_database_means_load_afresh(server: Server) -> None:
    browser = server.open("security", Last_Event_ID="999999")
    assert browser.next("reset")["id"] == str(feed_of(server.campus.app).seq)
    server.campus.raise_alert()
    assert browser.next("alert")


def test_a_store_that_fails_for_a_while_does_not_end_the_stream(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.stream.READINGS_EVERY_S", 0.05)
    browser = server.open("energy", {"device": "em-lab"})
    failed = threading.Event()

    def fail(*_: object) -> None:
        failed.set()
        raise DependencyFailed("away", transient=True)

    with monkeypatch.context() as broken:
        broken.setattr("storage.embedded.EmbeddedReadingStore.latest", fail)
        assert failed.wait(WAIT_S)
    server.campus.deps.readings.write([Reading("em-lab", "elec.power.active", NOW_MS, 1500.0)])
    assert browser.next("reading")


def test_the_server_stops_within_seconds_although_streams_are_open(campus: Campus) -> None:
    with _serving(campus) as server:
        browsers = [server.open("security") for _ in range(3)]
        server.stop.set()
        server.thread.join(3)
        assert not server.thread.is_alive()
        assert all(browser.ended.wait(WAIT_S) for browser in browsers)


def test_a_page_that_closes_is_forgotten(server: Server) -> None:
    feed = feed_of(server.campus.app)
    headers = {"Authorization": f"Bearer {server.campus.token('security')}"}
    with httpx.stream("GET", f"{server.address}/api/v1/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        _until(lambda: feed.listening == 1)
    _until(lambda: feed.listening == 0)


def test_a_taken_port_is_told_in_one_line() -> None:
    with listen("127.0.0.1", 0) as holder:
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(BadInput, match=rf"cannot listen on 127\.0\.0\.1:{port}.*CARETAKER_HTTP_PORT"):
            listen("127.0.0.1", port)
