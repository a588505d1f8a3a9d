"""Orders of a meter in commissioning: alerts open as ever, what it has yet to learn sends nobody out before its release."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.model import AlertState
from analytics.finding import Finding, FindingKind
from devices.model import Device, DeviceKind, Space, SpaceKind
from devices.watching import Commissioning
from runtime.roles.alerts_desk import Desk
from storage.commissioning_store import CommissioningStore
from storage.database import Database
from storage.registry_store import RegistryStore

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}")) as opened:
        opened.migrate()
        kinds = {"wm-1": (DeviceKind.WATER_METER, "wm-floor"), "sd-1": (DeviceKind.SMOKE_DETECTOR, "smoke")}
        devices = [
            Device(id=name, kind=kind, profile_id=profile, space_id="campus", name=name, name_zh=name)
            for name, (kind, profile) in kinds.items()
        ]
        RegistryStore(opened).save([Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")], devices)
        learning = [Commissioning(device_id=name, since=NOW, measured_hours=9, needed_hours=336) for name in kinds]
        CommissioningStore(opened).progress(learning)
        yield opened


def find(desk: Desk, kind: FindingKind, device_id: str) -> None:
    found = Finding(
        kind=kind, device_id=device_id, space_id="campus", active=True, score=1, started=NOW, seen=NOW, message="Something"
    )
    desk.findings.record(found, now=NOW)
    desk.follow(NOW, own_kinds=lambda _: False)
    desk.tick(NOW + timedelta(minutes=5))
    desk.follow(NOW + timedelta(minutes=5), own_kinds=lambda _: False)


def test_a_leak_waits_for_the_release_and_is_seen_meanwhile(database: Database) -> None:
    desk = Desk(database, ZoneInfo("Asia/Shanghai"), lambda _kind, _number: None)
    find(desk, FindingKind.WATER_TOILET_LEAK, "wm-1")
    assert [alert.state for alert in desk.alerts.list()] == [AlertState.OPEN]
    assert desk.orders.list() == []
    CommissioningStore(database).release("wm-1", "energy", NOW, "as the old one")
    desk.reconcile(NOW + timedelta(minutes=6))
    assert [order.problem for order in desk.orders.list()] == ["water_leak"]


@pytest.mark.parametrize(
    ("kind", "device_id", "orders"),
    [
        (FindingKind.WATER_BURST, "wm-1", 1),
        (FindingKind.METER_REGISTER_RESET, "wm-1", 1),
        (FindingKind.DEVICE_DEAD, "wm-1", 1),
        (FindingKind.FIRE_TAMPER, "sd-1", 1),
        (FindingKind.FIRE_SMOKE, "sd-1", 0),
        (FindingKind.FIRE_GAS, "sd-1", 0),
        (FindingKind.DOOR_FORCED, "sd-1", 0),
    ],
)
def test_what_needs_no_learning_never_waits(database: Database, kind: FindingKind, device_id: str, orders: int) -> None:
    """Also for devices that never are in commissioning, should a row say so."""
    desk = Desk(database, ZoneInfo("Asia/Shanghai"), lambda _kind, _number: None)
    find(desk, kind, device_id)
    assert [alert.state for alert in desk.alerts.list()] == [AlertState.OPEN]
    assert len(desk.orders.list()) == orders
