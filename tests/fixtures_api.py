"""A small campus on a real database and a real reading store, and the API on top of them."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from alerts.engine import apply_finding
from alerts.model import Alert
from analytics.calendar import Calendar
from analytics.finding import Evidence, Finding, FindingKind, Waste
from analytics.tariff import Rates
from api.app import DemoUser, Deps, SiteInfo, create_app
from api.auth import SESSION_TTL
from api.incoming import Incoming
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from ingest.mailbox import Mailbox
from maintenance.model import Trade
from maintenance.sla import WorkingCalendar
from storage.alert_store import AlertStore
from storage.asset_store import AssetStore
from storage.audit_store import AuditStore
from storage.change_store import ChangeStore
from storage.check_store import CheckStore
from storage.command_store import CommandStore
from storage.commissioning_store import CommissioningStore
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore
from storage.embedded import EmbeddedReadingStore
from storage.event_store import EventStore
from storage.finding_store import FindingStore
from storage.health_store import HealthStore
from storage.idempotency_store import IdempotencyStore
from storage.import_store import ImportStore
from storage.label_store import LabelStore
from storage.link_store import LinkStore
from storage.manual_store import ManualStore
from storage.meter_store import MeterStore
from storage.order_store import OrderStore
from storage.passwords import hash_password, new_token, token_sha256
from storage.plan_store import budget_store, quota_store
from storage.price_store import PriceStore
from storage.registry_store import RegistryStore
from storage.rule_store import RuleStore
from storage.saving_store import SavingStore
from storage.stocktake_store import StocktakeStore
from storage.token_store import TokenStore
from storage.user import Role, User
from storage.user_store import UserStore

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have httpx2, which is not among our packages
    from starlette.testclient import TestClient

NOW = datetime(2026, 11, 18, 4, 30, tzinfo=UTC)
"""12:30 in Shanghai, a Wednesday in term."""

PASSWORD = "correct horse battery"


def _space(space_id: str, kind: SpaceKind, parent: str | None, use: UseType = UseType.CAMPUS) -> Space:
    return Space(id=space_id, kind=kind, name=space_id.upper(), name_zh=f"{space_id} 中", parent_id=parent, use=use)


SPACES = (
    _space("site", SpaceKind.SITE, None),
    _space("dorm", SpaceKind.BUILDING, "site", UseType.DORMITORY),
    _space("dorm-1", SpaceKind.FLOOR, "dorm", UseType.DORMITORY),
    _space("dorm-101", SpaceKind.ROOM, "dorm-1", UseType.DORMITORY),
    _space("lab", SpaceKind.BUILDING, "site", UseType.LABORATORY),
    _space("lab-1", SpaceKind.FLOOR, "lab", UseType.LABORATORY),
)


def _device(device_id: str, kind: DeviceKind, profile: str, space: str, **more: object) -> Device:
    return Device(
        id=device_id, kind=kind, profile_id=profile, space_id=space, name=f"Device {device_id}", name_zh=f"设备 {device_id}", **more
    )  # type: ignore[arg-type]


DEVICES = (
    _device("em-dorm", DeviceKind.ELECTRICITY_METER, "em-building", "dorm", measures_space=True),
    _device("em-101", DeviceKind.ELECTRICITY_METER, "em-room", "dorm-101", measures_space=True, upstream_id="em-dorm"),
    _device("em-lab", DeviceKind.ELECTRICITY_METER, "em-building", "lab", measures_space=True),
    _device("wm-lab", DeviceKind.WATER_METER, "wm-building", "lab", measures_space=True),
    _device("smoke-101", DeviceKind.SMOKE_DETECTOR, "smoke", "dorm-101"),
    _device("door-lab", DeviceKind.DOOR_CONTROLLER, "door", "lab"),
)

USERS: dict[str, User] = {
    "admin": User(username="admin", display_name="Admin", roles=frozenset({Role.ADMIN})),
    "energy": User(username="energy", display_name="Energy", roles=frozenset({Role.ENERGY_MANAGER})),
    "security": User(username="security", display_name="Security", roles=frozenset({Role.SECURITY})),
    "dispatcher": User(username="dispatcher", display_name="Dispatcher", roles=frozenset({Role.DISPATCHER})),
    "crew": User(username="crew", display_name="Wang", roles=frozenset({Role.CREW}), trades=frozenset({Trade.PLUMBING})),
    "sparks": User(username="sparks", display_name="Li", roles=frozenset({Role.CREW}), trades=frozenset({Trade.ELECTRICAL})),
    "reporter": User(username="reporter", display_name="Chen", roles=frozenset({Role.REPORTER})),
    "other": User(username="other", display_name="Other", roles=frozenset({Role.REPORTER})),
    "head": User(username="head", display_name="Head", roles=frozenset({Role.LOGISTICS_HEAD})),
    "labguard": User(username="labguard", display_name="Lab", roles=frozenset({Role.SECURITY}), buildings=frozenset({"lab"})),
}


@dataclass
class Campus:
    """Everything a test needs: the stores, the application, a clock to turn, and a client for each user."""

    app: FastAPI
    deps: Deps
    clock: list[datetime]
    woken: list[tuple[str, int]] = field(default_factory=list)
    announced: list[tuple[str, bytes]] = field(default_factory=list)
    clients: dict[str, TestClient] = field(default_factory=dict)

    def later(self, delta: timedelta) -> None:
        self.clock[0] += delta

    def anonymous(self, address: str = "192.0.2.1") -> TestClient:
        return TestClient(self.app, raise_server_exceptions=False, client=(address, 50000))

    def token(self, username: str) -> str:
        """A session as sign-in makes it, without the work of checking a password."""
        token = new_token()
        self.deps.users.add_session(token_sha256(token), username, self.clock[0] + SESSION_TTL)
        return token

    def as_user(self, username: str) -> TestClient:
        if username not in self.clients:
            client = self.anonymous()
            client.headers["Authorization"] = f"Bearer {self.token(username)}"
            self.clients[username] = client
        return self.clients[username]

    def raise_alert(
        self, kind: FindingKind = FindingKind.FIRE_SMOKE, device_id: str = "smoke-101", space_id: str = "dorm-101"
    ) -> Alert:
        finding = Finding(
            kind=kind,
            device_id=device_id,
            space_id=space_id,
            active=True,
            score=0.9,
            started=self.clock[0] - timedelta(hours=6),
            seen=self.clock[0],
            message="Smoke in %(place)s: %(density)s %%",
            cause="Fire or cooking",
            facts={"place": "room 101", "density": 4.5},
            evidence=Evidence(metric="smoke.density", unit="1", observed=((1, 0.5), (2, 4.5)), expected=((1, 0.0),)),
            waste=Waste(kwh_per_day=24, cost_per_day=12, kgco2e_per_day=6),
        )
        stored = self.deps.findings.record(finding, now=self.clock[0])
        alert = apply_finding(self.deps.alerts, stored, self.clock[0]).alert
        assert alert is not None
        return alert


@pytest.fixture(scope="session")
def campus_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated, with spaces, devices and users; each test works on a copy."""
    path = tmp_path_factory.mktemp("campus") / "caretaker.sqlite"
    with closing(Database(f"sqlite:///{path}")) as database:
        _settle(database)
    return path


def _settle(database: Database) -> None:
    database.migrate()
    RegistryStore(database).save(SPACES, DEVICES)
    hashed = hash_password(PASSWORD)
    for user in USERS.values():
        UserStore(database).create(user, hashed)


@pytest.fixture
def campus(tmp_path: Path, campus_database: Path) -> Iterator[Campus]:
    shutil.copy(campus_database, tmp_path / "caretaker.sqlite")
    with closing(Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")) as database, _on(database, tmp_path) as made:
        yield made


@pytest.fixture
def postgres_campus(tmp_path: Path, postgres_url: str) -> Iterator[Campus]:
    with closing(Database(postgres_url)) as database:
        _settle(database)
        with _on(database, tmp_path) as made:
            yield made


@contextmanager
def _on(database: Database, tmp_path: Path) -> Iterator[Campus]:
    readings = EmbeddedReadingStore(tmp_path / "readings")
    clock, woken, announced = [NOW], list[tuple[str, int]](), list[tuple[str, bytes]]()
    deps = Deps(
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
        incoming=Incoming(
            tokens=TokenStore(database),
            mailbox=Mailbox(tmp_path / "mailbox"),
            imports=ImportStore(database),
            manual=ManualStore(database),
            commands=CommandStore(database),
            directory=tmp_path / "incoming",
            announce=lambda topic, payload: announced.append((topic, payload)),
            wake=lambda: None,
        ),
        readings=readings,
        site=SiteInfo(id="campus", name="Campus", name_zh="校园", timezone="Asia/Shanghai", currency="CNY"),
        meters=MeterStore(database),
        prices=PriceStore(database, Rates()),
        budgets=budget_store(database),
        quotas=quota_store(database),
        savings=SavingStore(database),
        calendar=Calendar(timezone="Asia/Shanghai"),
        working_calendar=WorkingCalendar(zone=ZoneInfo("Asia/Shanghai")),
        now=lambda: clock[0],
        bus=lambda kind, entity_id: woken.append((kind, entity_id)),
        broker_reachable=lambda: True,
        metrics_dir=tmp_path / "metrics",
        demo_users=(DemoUser(username="student", password="demo", display_name="Student", roles=("reporter",)),),
    )
    yield Campus(app=create_app(deps), deps=deps, clock=clock, woken=woken, announced=announced)
    readings.close()
