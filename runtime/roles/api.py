"""The api role: REST, live stream and pages on one port. The only writer here is a person."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI

from api.app import DemoUser, Deps, SiteInfo, create_app, feed_of
from api.incoming import Incoming
from dashboards.web.pages import create_pages
from devices.errors import BadInput, DependencyFailed
from maintenance.sla import WorkingCalendar
from runtime.bus import Bus
from runtime.databases import ready_database
from runtime.incoming import files_of, open_incoming
from runtime.roles.commander import Commander
from runtime.roles.importer import Importer
from runtime.settings import Settings
from runtime.site import site_of
from runtime.stores import open_reading_store
from storage.alert_store import AlertStore
from storage.asset_store import AssetStore
from storage.audit_store import AuditStore
from storage.change_store import ChangeStore
from storage.check_store import CheckStore
from storage.commissioning_store import CommissioningStore
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.finding_store import FindingStore
from storage.health_store import HealthStore
from storage.idempotency_store import IdempotencyStore
from storage.label_store import LabelStore
from storage.link_store import LinkStore
from storage.meter_store import MeterStore
from storage.order_store import OrderStore
from storage.plan_store import budget_store, quota_store
from storage.price_store import PriceStore
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore
from storage.saving_store import SavingStore
from storage.stocktake_store import StocktakeStore
from storage.user_store import UserStore

DEMO_USERS_FILE = "demo-users.json"
STOP_WITHIN_S = 3.0
_OPEN_REQUESTS_S = 1.5
"""How long requests that are being answered at the stop may take; live streams end at once."""


CHATTY_LOGGERS = ("alembic", "httpx", "uvicorn.error")
"""They log each request, or each start, as information; the pages ask the API in this process several times a page."""


def run(settings: Settings, stop: threading.Event) -> None:
    """Serves until `stop`. Raises BadInput where the port is taken, DependencyFailed where the database does not answer."""
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    with closing(listen(settings.http.host, settings.http.port)) as listener, _stores(settings) as (database, readings):
        bus = Bus(settings, "api", lambda _kind, _entity_id: feed.wake())
        commander = Commander(settings, database, readings)
        importer = Importer(database, readings, files_of(settings))
        app = build(
            settings, database, readings, bus, open_incoming(settings, database, commander.announce, _both(commander, importer))
        )
        feed = feed_of(app)
        bus.start()
        commander.start()
        importer.start()
        try:
            serve(app, listener, stop)
        finally:
            importer.stop()
            commander.stop()
            bus.stop()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is told before anything else is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by name: asyncio sets TCP_NODELAY only where it reads IPPROTO_TCP, and each answer would wait 40 ms without.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"cannot listen on {host}:{port}: {error.strerror}; stop the other program or set CARETAKER_HTTP_PORT",
            place="http.port",
        ) from None
    return listener


def serve(app: FastAPI, listener: socket.socket, stop: threading.Event) -> None:
    """Returns within STOP_WITHIN_S of `stop`, open streams or not. Raises DependencyFailed where the server ends by itself."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_OPEN_REQUESTS_S,  # type: ignore[arg-type]  # it is handed to asyncio.wait_for, which takes fractions
        )
    )
    # A thread of its own: on the main thread uvicorn would take the signals that set `stop`, and wait for the open streams.
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="http", daemon=True)
    thread.start()
    while thread.is_alive() and not stop.wait(0.2):
        pass
    ended_by_itself = not stop.is_set()
    feed_of(app).close()
    server.should_exit = True
    thread.join(STOP_WITHIN_S)
    if ended_by_itself:
        raise DependencyFailed("the HTTP server ended by itself; its log says why", transient=True)


def _both(commander: Commander, importer: Importer) -> Callable[[], None]:
    def wake() -> None:
        commander.wake()
        importer.wake()

    return wake


def build(settings: Settings, database: Database, readings: ReadingStore, bus: Bus, incoming: Incoming) -> FastAPI:
    """API and pages as one application."""
    app = create_app(dependencies(settings, database, readings, bus, incoming))
    app.mount("/", create_pages(app, site_name=settings.site.name, now=lambda: datetime.now(UTC)))
    return app


def dependencies(settings: Settings, database: Database, readings: ReadingStore, bus: Bus, incoming: Incoming) -> Deps:
    site, costs = settings.site, site_of(settings)
    return Deps(
        registry=RegistryStore(database),
        events=EventStore(database),
        findings=FindingStore(database),
        labels=LabelStore(database),
        rules=RuleStore(database),
        alerts=AlertStore(database),
        orders=OrderStore(database),
        users=UserStore(database),
        assets=AssetStore(database),
        stocktakes=StocktakeStore(database),
        audit=AuditStore(database),
        changes=ChangeStore(database),
        checks=CheckStore(database),
        commissioning=CommissioningStore(database),
        health=HealthStore(database),
        dead_letters=DeadLetterStore(database),
        links=LinkStore(database),
        idempotency=IdempotencyStore(database),
        incoming=incoming,
        readings=readings,
        site=SiteInfo(id=site.id, name=site.name, name_zh=site.name_zh, timezone=site.timezone, currency=site.currency),
        meters=MeterStore(database),
        prices=PriceStore(database, costs.rates),
        budgets=budget_store(database),
        quotas=quota_store(database),
        savings=SavingStore(database),
        calendar=costs.calendar,
        working_calendar=WorkingCalendar(zone=ZoneInfo(site.timezone)),
        now=lambda: datetime.now(UTC),
        bus=bus.publish,
        broker_reachable=bus.connected,
        metrics_dir=settings.data_dir / "metrics",
        base_url=settings.http.public_url,
        label_font=settings.labels.font,
        demo_users=demo_users(settings.data_dir / DEMO_USERS_FILE),
    )


def demo_users(path: Path) -> tuple[DemoUser, ...]:
    """Those that `caretaker demo` made and wrote down; none anywhere else. Raises BadInput where the file is damaged."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            DemoUser(
                username=one["username"], password=one["password"], display_name=one["display_name"], roles=tuple(one["roles"])
            )
            for one in listed
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput("not a list of demo users; run `caretaker demo` afresh", place=str(path)) from None


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[Database, ReadingStore]]:
    with ready_database(settings) as database, closing(open_reading_store(settings)) as readings:
        yield database, readings
