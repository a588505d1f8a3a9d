"""A real browser opens every page while all names, notes and topics try to become markup and script."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Browser

from api.app import feed_of
from dashboards.web.pages import create_pages
from runtime.roles.api import listen
from tests.fakes import hostile
from tests.fixtures_api import NOW, Campus
from tests.runtime.test_runtime_hostile_pages import addresses

MADE = "() => [...document.querySelectorAll('*')].map((e) => e.localName).filter((name) => name.startsWith('xss'))"
PLANTED = "() => document.querySelectorAll('img[src=x], [onerror], [onload]').length"


@contextmanager
def served(campus: Campus) -> Iterator[str]:
    campus.app.mount("/", create_pages(campus.app, site_name="Stand-in", now=lambda: NOW))
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(campus.app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        feed_of(campus.app).close()
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.mark.browser
@pytest.mark.slow
def test_no_page_runs_what_was_sent(campus: Campus, browser: Browser) -> None:
    ids = hostile.settle(campus)
    with served(campus) as base:
        context = browser.new_context()
        context.add_cookies(
            [
                {"name": "caretaker_session", "value": campus.token("evil"), "url": base},
                {"name": "lang", "value": "en", "url": base},
            ]
        )
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"{page.url}: a dialog"), dialog.dismiss()))
        page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if "Content Security" in said.text else None)
        for address in addresses(ids):
            if address == "/data/import?upload=" + "0" * 64:
                continue
            page.goto(base + address, wait_until="load")
            wrong += [f"{address}: <{name}>" for name in page.evaluate(MADE)]
            wrong += [f"{address}: an element of the sender's"] if page.evaluate(PLANTED) else []
            if not page.url.startswith(base):
                wrong.append(f"{address} led to {page.url}")
        live = campus.raise_alert(device_id=hostile.SENSOR, space_id=hostile.ROOM)
        page.goto(base + "/desk")
        page.wait_for_selector(f"[data-alert='{live.id}'], .alert")
        campus.as_user("security").post(f"/api/v1/alerts/{live.id}/acknowledge", json={"note": hostile.evil("live")})
        page.wait_for_timeout(1500)
        wrong += [f"live: <{name}>" for name in page.evaluate(MADE)]
        context.close()
    assert not wrong, "\n".join(wrong)
