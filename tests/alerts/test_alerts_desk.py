"""Two workers with the same alarms, on SQLite and on PostgreSQL: every alarm is one alert, every fault one order."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.model import AlertState
from analytics.finding import Finding, FindingKind
from devices.errors import CaretakerError
from devices.model import Device, DeviceKind, Space, SpaceKind
from maintenance.model import OrderState, Trade
from runtime.roles.alerts_desk import Desk
from runtime.roles.alerts_lane import Said
from storage.database import Database
from storage.registry_store import RegistryStore
from storage.user import Role, User
from storage.user_store import UserStore

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
NAMES = [f"hy-{number}" for number in range(12)]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    opened = Database(f"sqlite:///{tmp_path / 'caretaker.sqlite'}" if sqlite else request.getfixturevalue("postgres_url"))
    opened.migrate()
    devices = [
        Device(id=n, kind=DeviceKind.HYDRANT_PRESSURE, profile_id="hydrant", space_id="campus", name=n, name_zh=n) for n in NAMES
    ]
    RegistryStore(opened).save([Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")], devices)
    crew = User(username="sun", display_name="Sun", roles=frozenset({Role.CREW}), trades=frozenset({Trade.FIRE_SYSTEMS}))
    UserStore(opened).create(crew, "no password")
    yield opened
    opened.close()


def said(name: str, *, active: bool = True, late: bool = False) -> Said:
    low = Finding(
        kind=FindingKind.FIRE_HYDRANT_PRESSURE,
        device_id=name,
        space_id="campus",
        active=active,
        score=1,
        started=NOW,
        seen=NOW,
        message="Low",
    )
    return Said(low, late=late)


def desk(database: Database, told: list[tuple[str, int]] | None = None) -> Desk:
    heard = [] if told is None else told
    return Desk(database, ZoneInfo("Asia/Shanghai"), lambda kind, number: heard.append((kind, number)))


def at_once(*works: list[Said], desks: list[Desk]) -> list[CaretakerError]:
    barrier, failed = threading.Barrier(len(works)), list[CaretakerError]()

    def work(mine: Desk, items: list[Said]) -> None:
        barrier.wait()
        try:
            for start in range(0, len(items), 3):
                mine.raise_alarms(items[start : start + 3], NOW)
                mine.follow(NOW, own_kinds=lambda _: True)
        except CaretakerError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(desks, works, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def test_two_workers_raise_each_alarm_and_each_order_once(database: Database) -> None:
    items = [said(name) for name in NAMES]
    workers = [desk(database), desk(database)]
    assert at_once(items, items[::-1], desks=workers) == []
    for worker in workers:
        worker.follow(NOW, own_kinds=lambda _: True)
    assert sorted(alert.device_id for alert in workers[0].alerts.list()) == sorted(NAMES)
    orders = workers[0].orders.list()
    assert sorted(str(order.device_id) for order in orders) == sorted(NAMES)
    assert {(order.state, order.assignee) for order in orders} == {(OrderState.ASSIGNED, "sun")}
    assert all(workers[0].orders.verify_chain(order.id) for order in orders)


def test_one_impossible_alarm_does_not_take_the_others_with_it(database: Database) -> None:
    impossible = replace(said(NAMES[1]).finding, started=NOW.replace(tzinfo=None))
    worker = desk(database)
    with pytest.raises(ValueError, match="time zone"):
        worker.raise_alarms([said(NAMES[0]), Said(impossible)], NOW)
    assert worker.alerts.list() == [], "a bug is not swallowed, and half of nothing is stored"
    worker.raise_alarms([said(NAMES[0])], NOW)
    assert len(worker.alerts.list()) == 1


def test_what_was_late_is_recorded_and_raises_nothing(database: Database) -> None:
    worker = desk(database)
    worker.raise_alarms([said(NAMES[0], late=True), said(NAMES[0], active=False, late=True)], NOW)
    worker.reconcile(NOW)
    (recorded,) = worker.findings.list()
    assert not recorded.active
    assert worker.alerts.list() == []


def test_every_alert_is_announced(database: Database) -> None:
    told: list[tuple[str, int]] = []
    worker = desk(database, told)
    worker.raise_alarms([said(NAMES[0]), said(NAMES[1])], NOW)
    assert [kind for kind, _ in told] == ["alert", "alert"]
    worker.raise_alarms([said(NAMES[0], active=False)], NOW)
    assert worker.alerts.list(states={AlertState.RESOLVED})[0].device_id == NAMES[0]
    assert len(told) == 3
