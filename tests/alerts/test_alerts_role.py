"""The role against a real broker and a real database: a message becomes an alert, a finding becomes an order."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from alerts import engine as alerts
from alerts.model import Alert, AlertState
from analytics.finding import Finding, FindingKind
from devices.health import DeviceHealth
from devices.model import Device, DeviceKind, Space, SpaceKind
from maintenance import engine as maintenance
from maintenance.machine import OrderRequest
from maintenance.model import OrderEvent, OrderState, Trade
from maintenance.sla import WorkingCalendar
from runtime import broker as brokers
from runtime import credentials
from runtime.bus import Bus
from runtime.databases import open_database
from runtime.roles.alerts import serve
from storage.alert_store import AlertStore
from storage.database import Database
from storage.finding_store import FindingStore
from storage.health_store import HealthStore
from storage.order_store import OrderStore
from storage.registry_store import RegistryStore
from storage.user import Role, User
from storage.user_store import UserStore
from tests.fixtures_broker import Broker

T = TypeVar("T")
CALENDAR = WorkingCalendar(zone=ZoneInfo("Asia/Shanghai"))
DEVICES = (
    ("sd-1", DeviceKind.SMOKE_DETECTOR, "smoke"),
    ("door-1", DeviceKind.DOOR_CONTROLLER, "door"),
    ("wm-1", DeviceKind.WATER_METER, "wm-site"),
)


@dataclass(slots=True)
class Campus:
    """The broker, the stores, and what came over the bus."""

    broker: Broker
    database: Database
    alerts: AlertStore
    findings: FindingStore
    orders: OrderStore
    heard: list[tuple[str, int]]

    def tell(self, device: str, event: str, *, age_s: float = 0, retain: bool = False) -> None:
        payload = json.dumps({"ts": time.time() - age_s, "event": event}).encode()
        self.broker.publish(f"caretaker/v1/campus/{device}/event", payload, retain=retain)

    def measure(self, device: str, **readings: float) -> None:
        payload = json.dumps({"ts": time.time(), "readings": {name.replace("_", "."): value for name, value in readings.items()}})
        self.broker.publish(f"caretaker/v1/campus/{device}/telemetry", payload.encode())

    def find(self, kind: FindingKind, device: str, *, active: bool = True) -> Finding:
        now = datetime.now(UTC)
        made = Finding(kind=kind, device_id=device, space_id="campus", active=active, score=1, started=now, seen=now, message="m")
        return self.findings.record(made, now=now)

    def alert(self, kind: str, state: AlertState) -> Alert:
        return until(lambda: next((a for a in self.alerts.list() if (a.kind, a.state) == (kind, state)), None))


def until(look: Callable[[], T | None], within_s: float = 15) -> T:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about in time")


@pytest.fixture
def campus(broker: Broker) -> Iterator[Campus]:
    database = open_database(broker.settings)
    database.migrate()
    made = [Device(id=d, kind=kind, profile_id=profile, space_id="campus", name=d, name_zh=d) for d, kind, profile in DEVICES]
    RegistryStore(database).save([Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")], made)
    crew = User(username="wang", display_name="Wang", roles=frozenset({Role.CREW}), trades=frozenset({Trade.PLUMBING}))
    UserStore(database).create(crew, "no password")
    heard: list[tuple[str, int]] = []
    bus = Bus(broker.settings, "api", lambda kind, number: heard.append((kind, number)))
    bus.start()
    until(bus.connected)
    yield Campus(
        broker=broker,
        database=database,
        alerts=AlertStore(database),
        findings=FindingStore(database),
        orders=OrderStore(database),
        heard=heard,
    )
    bus.stop()
    database.close()


class Running:
    """The role in a thread, as the process runs it."""

    def __init__(self, campus: Campus) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=serve, args=(campus.broker.settings, self._stop))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()


def test_smoke_is_raised_announced_acknowledged_and_ends(campus: Campus) -> None:
    with Running(campus):
        until(lambda: _answered(campus))
        opened = campus.alert("fire.smoke", AlertState.OPEN)
        until(lambda: ("alert", opened.id) in campus.heard)
        assert opened.finding_id is not None
        campus.measure("sd-1", smoke=0)
        until(lambda: "cleared" in campus.alerts.get(opened.id).facts)
        alerts.acknowledge(campus.alerts, opened.id, "guard", datetime.now(UTC))
        ended = campus.alert("fire.smoke", AlertState.RESOLVED)
        assert (ended.acknowledged_by, ended.resolution) == ("guard", "cause_cleared")
    assert [entry.event for entry in campus.alerts.log(opened.id)] == ["opened", "cleared", "acknowledged", "resolved"]


def _answered(campus: Campus) -> bool:
    """Says smoke until the role, which may still be subscribing, has heard it."""
    campus.tell("sd-1", "alarm.smoke")
    time.sleep(0.1)
    return bool(campus.alerts.list())


def test_old_alarms_are_recorded_and_raise_nothing(campus: Campus) -> None:
    campus.tell("sd-1", "alarm.smoke", age_s=900, retain=True)
    with Running(campus):
        recorded = until(lambda: campus.findings.list(kind=FindingKind.FIRE_SMOKE, active=False))
        assert recorded[0].facts["late_s"] == pytest.approx(900, abs=20)
    assert campus.alerts.list() == []


def test_what_fired_while_we_were_away_is_raised_when_we_come_back(campus: Campus) -> None:
    with Running(campus):
        until(lambda: _answered(campus))
    campus.tell("door-1", "door.forced")
    with Running(campus):
        campus.alert("door.forced", AlertState.OPEN)


def test_a_finding_of_the_analytics_becomes_an_order_and_the_repair_closes_it(campus: Campus) -> None:
    with Running(campus):
        campus.find(FindingKind.WATER_BURST, "wm-1")
        order = until(lambda: next((o for o in campus.orders.list() if o.state is OrderState.ASSIGNED), None))
        assert (order.assignee, order.trade) == ("wang", Trade.PLUMBING)
        for event in (OrderEvent.ACCEPT, OrderEvent.LOG, OrderEvent.FINISH):
            maintenance.apply(
                campus.orders, order.id, OrderRequest(event=event, actor="wang", note="done"), datetime.now(UTC), CALENDAR
            )
        accept = OrderRequest(event=OrderEvent.ACCEPT_REPAIR, actor="li", roles={"dispatcher"})
        maintenance.apply(campus.orders, order.id, accept, datetime.now(UTC), CALENDAR)
        campus.find(FindingKind.WATER_BURST, "wm-1", active=False)
        until(lambda: campus.orders.get(order.id).state is OrderState.CLOSED)
    assert len(campus.orders.list()) == 1
    assert campus.orders.verify_chain(order.id)


def test_the_dispatcher_s_reason_ends_the_alert_that_the_sensor_holds(campus: Campus) -> None:
    with Running(campus):
        campus.find(FindingKind.WATER_RUNNING_TAP, "wm-1")
        order = until(lambda: next((o for o in campus.orders.list() if o.state is OrderState.ASSIGNED), None))
        for event in (OrderEvent.ACCEPT, OrderEvent.LOG, OrderEvent.FINISH):
            maintenance.apply(
                campus.orders, order.id, OrderRequest(event=event, actor="wang", note="done"), datetime.now(UTC), CALENDAR
            )
        close = OrderRequest(
            event=OrderEvent.CLOSE, actor="li", roles={"dispatcher"}, note="pool is being filled", verdict="false_alarm"
        )
        maintenance.apply(campus.orders, order.id, close, datetime.now(UTC), CALENDAR, alerts=campus.alerts)
        ended = campus.alert("water.running_tap", AlertState.RESOLVED)
        assert ended.resolution == "false_alarm: pool is being filled"
        campus.find(FindingKind.WATER_RUNNING_TAP, "wm-1")
        time.sleep(0.3)
    assert [o.id for o in campus.orders.list()] == [order.id], "the episode that was judged raises nothing again"


def test_what_was_missed_while_nobody_listened_is_made_good(campus: Campus) -> None:
    now = datetime.now(UTC)
    ended = campus.find(FindingKind.WATER_TOILET_LEAK, "wm-1")
    alerts.apply_finding(campus.alerts, ended, now)
    campus.find(FindingKind.WATER_TOILET_LEAK, "wm-1", active=False)
    campus.find(FindingKind.WATER_BURST, "wm-1")
    with Running(campus):
        campus.alert("water.toilet_leak", AlertState.RESOLVED)
        campus.alert("water.burst", AlertState.OPEN)
        until(lambda: [o for o in campus.orders.list() if o.state is OrderState.ASSIGNED])


def test_an_order_that_a_killed_process_left_half_way_is_taken_up(campus: Campus) -> None:
    now = datetime.now(UTC)
    opened = alerts.apply_finding(campus.alerts, campus.find(FindingKind.WATER_BURST, "wm-1"), now).alert
    assert opened is not None
    nobody = maintenance.Desk(calendar=CALENDAR)
    left = maintenance.raise_from_alert(campus.orders, opened, now, nobody, device_kind=DeviceKind.WATER_METER).order
    assert left is not None
    assert left.state is OrderState.TRIAGED
    with Running(campus):
        until(lambda: campus.orders.get(left.id).assignee == "wang")
    assert len(campus.orders.list()) == 1


def test_devices_that_are_adopted_later_are_heard(campus: Campus) -> None:
    with Running(campus):
        until(lambda: _answered(campus))
        adopted = Device(id="sd-2", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="campus", name="2", name_zh="2")
        RegistryStore(campus.database).save([], [adopted])

        def heard() -> bool:
            campus.measure("sd-2", smoke=1)
            return any(alert.device_id == "sd-2" for alert in campus.alerts.list())

        until(heard)


def test_fifty_alarms_at_once_are_fifty_alerts(campus: Campus) -> None:
    names = [f"hall-{number}" for number in range(50)]
    detectors = [
        Device(id=n, kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="campus", name=n, name_zh=n) for n in names
    ]
    RegistryStore(campus.database).save([], detectors)
    with Running(campus):
        until(lambda: _answered(campus))
        told = [(f"caretaker/v1/campus/{name}/event", json.dumps({"ts": time.time(), "event": "alarm.heat"})) for name in names]
        for topic, payload in told:
            campus.broker.publish(topic, payload.encode())
        until(lambda: {a.device_id for a in campus.alerts.list() if a.kind == "fire.heat"} == set(names))


def test_an_alarm_waits_for_a_database_that_is_locked(campus: Campus) -> None:
    with Running(campus):
        until(lambda: _answered(campus))
        with campus.database.begin():  # somebody else is writing, and takes their time
            campus.tell("door-1", "door.forced")
            time.sleep(0.5)
        campus.alert("door.forced", AlertState.OPEN)


def test_a_smoke_detector_of_another_make_takes_the_fast_lane(campus: Campus) -> None:
    """Ingest has heard it under its own topic; from then on the lane hears it there too, whatever it calls its metrics."""
    password = credentials.add(campus.broker.settings.data_dir, "z2m", write=["zigbee2mqtt/#"])
    assert brokers.refresh(campus.broker.settings)
    topic = "zigbee2mqtt/kitchen"
    device = Device(id="kitchen", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="campus", name="k", name_zh="k")
    RegistryStore(campus.database).save([], [device])
    HealthStore(campus.database).record([DeviceHealth(device_id="kitchen", last_seen_ms=1, topic=topic, family="zigbee2mqtt")])
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("z2m", password)
    client.connect("127.0.0.1", campus.broker.port)
    client.loop_start()

    def alarm() -> Alert | None:
        client.publish(topic, b'{"smoke":true,"battery":90}', qos=1).wait_for_publish(5)
        time.sleep(0.2)
        return next(
            (one for one in campus.alerts.list() if one.device_id == "kitchen" and one.kind == FindingKind.FIRE_SMOKE), None
        )

    with Running(campus):
        found = until(alarm, within_s=20)
    client.disconnect()
    client.loop_stop()
    assert found.state is AlertState.OPEN
