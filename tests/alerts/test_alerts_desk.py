"""Two workers with the same alarms, on SQLite and on PostgreSQL: every alarm is one alert, every fault one order."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.model import AlertState
from analytics.finding import Finding, FindingKind
from devices.errors import CaretakerError
from devices.model import Device, DeviceKind, Space, SpaceKind
from maintenance.model import OrderState, Priority, Trade
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


def unheard(name: str, *, active: bool = True) -> Said:
    return Said(replace(said(name, active=active).finding, kind=FindingKind.FIRE_DEVICE_SILENT, message="Fire device silent"))


def passing(worker: Desk, *minutes: float) -> None:
    for minute in minutes:
        worker.reconcile(NOW + timedelta(minutes=minute))


def test_one_silent_device_gets_its_order_minutes_after_its_alert(database: Database) -> None:
    worker = desk(database)
    worker.raise_alarms([unheard(NAMES[0])], NOW)
    passing(worker, 0, 1, 2)
    assert (len(worker.alerts.list()), worker.orders.list()) == (1, [])
    passing(worker, 3, 4)
    assert [order.device_id for order in worker.orders.list()] == [NAMES[0]]


def test_an_outage_is_an_alert_for_each_device_and_one_order_for_all(database: Database) -> None:
    worker = desk(database)
    worker.raise_alarms([unheard(name) for name in NAMES], NOW)
    passing(worker, 1, 3, 4, 5)
    assert len(worker.alerts.list()) == len(NAMES)
    (order,) = worker.orders.list()
    assert (order.space_id, order.facts["silent_together"], order.priority) == ("campus", len(NAMES), Priority.P1)
    worker.raise_alarms([unheard(NAMES[0], active=False)], NOW + timedelta(minutes=6))
    passing(worker, 7, 8)
    assert len(worker.orders.list()) == 1, "the first one speaks again, the others still have that order"
    worker.raise_alarms([unheard(name, active=False) for name in NAMES[1:10]], NOW + timedelta(minutes=9))
    passing(worker, 10, 11)
    assert {order.device_id for order in worker.orders.list()} == {NAMES[0], *NAMES[10:]}, "who stays silent needs a visit"
