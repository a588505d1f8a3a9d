"""Commands through a real broker: to the device and back, to one that is away, and never twice."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices import command as machine
from devices.command import Command, CommandName, CommandState
from devices.model import DeviceKind, Reading
from runtime import mqtt
from runtime.roles.commander import Commander
from simulators.campus import build_campus
from simulators.live import LiveCampus
from simulators.state import SimulatorState
from storage.audit_store import AuditStore
from storage.command_store import CommandStore
from storage.database import Database
from storage.embedded import EmbeddedReadingStore
from storage.registry_store import RegistryStore
from tests.fixtures_broker import Broker

VALVE = "wm-dorm-a-f1"


class Stage:
    """A campus with its commander, and a device side that hears everything and answers as told."""

    def __init__(self, broker: Broker, database: Database, readings: EmbeddedReadingStore) -> None:
        self.settings, self.readings = broker.settings, readings
        self.store, self.registry, self.audit = CommandStore(database), RegistryStore(database), AuditStore(database)
        campus = build_campus(site_id=broker.settings.site.id)
        self.registry.save(campus.spaces, campus.devices)
        self.commander = Commander(broker.settings, database, readings)
        self.heard: list[tuple[str, bytes, bool]] = []
        self.device = mqtt.client(broker.settings, "simulator", client_id="device-side")
        self.device.on_connect = lambda client, *_: client.subscribe(f"caretaker/v1/{self.site}/+/command", qos=1)
        self.device.on_message = lambda _c, _d, m: self.heard.append((m.topic, m.payload, m.retain))
        mqtt.start(broker.settings, self.device)
        until(self.device.is_connected)

    @property
    def site(self) -> str:
        return self.settings.site.id

    def ask(self, name: CommandName = CommandName.VALVE_CLOSE, device_id: str = VALVE) -> int:
        device = self.registry.load().devices[device_id]
        made = self.store.insert(machine.request(device, name, by="li", reason="burst", now=datetime.now(UTC)))
        self.commander.wake()
        assert made.id is not None
        return made.id

    def answer(self, command_id: int, device_id: str = VALVE, **more: object) -> None:
        body = {"id": command_id, "ok": True, "detail": "closed", **more}
        self.device.publish(f"caretaker/v1/{self.site}/{device_id}/command/result", json.dumps(body), qos=1).wait_for_publish(5)

    def ended(self, command_id: int) -> Command:
        until(lambda: self.store.get(command_id).state in machine.FINAL)
        return self.store.get(command_id)


def until(holds: Callable[[], bool], within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    with closing(Database(f"sqlite:///{tmp_path / 'db.sqlite'}")) as database:
        database.migrate()
        readings = EmbeddedReadingStore(tmp_path / "readings")
        made = Stage(broker, database, readings)
        yield made
        made.commander.stop()
        mqtt.stop(made.device)
        readings.close()


@contextmanager
def running(stage: Stage) -> Iterator[None]:
    stage.commander.start()
    until(stage.commander._client.is_connected)
    yield


def test_to_the_device_and_back(stage: Stage) -> None:
    with running(stage):
        number = stage.ask()
        until(lambda: len(stage.heard) == 1)
        topic, payload, retained = stage.heard[0]
        told = json.loads(payload)
        assert topic == f"caretaker/v1/{stage.site}/{VALVE}/command"
        assert (told["id"], told["name"], retained) == (number, "valve.close", False)
        assert time.time() < told["expires"] < time.time() + 31
        stage.answer(number)
        ended = stage.ended(number)
    assert (ended.state, ended.outcome) == (CommandState.ACKNOWLEDGED, "closed")
    assert [entry.action for entry in stage.audit.list(limit=5)] == ["command.acknowledged", "command.sent"]


def test_the_device_may_refuse_and_others_cannot_speak_for_it(stage: Stage) -> None:
    with running(stage):
        number = stage.ask()
        until(lambda: bool(stage.heard))
        stage.answer(number, device_id="wm-dorm-b-f1")
        stage.device.publish(f"caretaker/v1/{stage.site}/{VALVE}/command/result", b"\xff{", qos=1).wait_for_publish(5)
        stage.answer(number, ok=False, detail="jammed")
        ended = stage.ended(number)
    assert (ended.state, ended.outcome) == (CommandState.REFUSED, "jammed")


def test_an_answer_with_an_impossible_number_or_text_keeps_no_other_answer_away(stage: Stage) -> None:
    with running(stage):
        asked = stage.ask()
        until(lambda: stage.heard)
        stage.answer(1 << 63)
        stage.answer(-1)
        stage.answer(asked, detail="closed\0")
        until(lambda: stage.store.get(asked).state is CommandState.ACKNOWLEDGED)
        assert stage.store.get(asked).outcome == "closed"


def test_what_waits_for_a_second_person_is_not_sent(stage: Stage) -> None:
    with running(stage):
        waiting, other = stage.ask(CommandName.VALVE_OPEN), stage.ask(device_id="wm-dorm-b-f1")
        until(lambda: stage.store.get(other).state is CommandState.SENT)
        assert stage.store.get(waiting).state is CommandState.REQUESTED
        until(lambda: stage.heard)  # it is stored as sent before it leaves
        assert [json.loads(payload)["id"] for _, payload, _ in stage.heard] == [other]


def test_time_runs_out_across_restarts_and_nothing_is_sent_after_it(stage: Stage) -> None:
    sent, unsent = stage.ask(), stage.ask(device_id="wm-dorm-b-f1")
    known = stage.store.get(sent)
    stage.store.update(machine.send(known, now=known.requested_at))  # a commander that died right after
    stage.commander.tick(datetime.now(UTC) + timedelta(minutes=2))
    with running(stage):
        assert "did not answer" in stage.ended(sent).outcome
        assert "could not be sent" in stage.ended(unsent).outcome
        time.sleep(0.3)
    assert stage.heard == []


def test_one_that_died_between_record_and_message_sends_no_second_one(stage: Stage) -> None:
    number = stage.ask()
    stage.store.update(machine.send(stage.store.get(number), now=datetime.now(UTC)))
    with running(stage):
        other = stage.ask(device_id="wm-dorm-b-f1")
        until(lambda: stage.store.get(other).state is CommandState.SENT)
        until(lambda: bool(stage.heard))
    assert [json.loads(payload)["id"] for _, payload, _ in stage.heard] == [other]


def test_a_foreign_device_shows_by_its_readings_that_it_obeyed(stage: Stage) -> None:
    registry = stage.registry.load()
    foreign = {**registry.devices[VALVE].attributes, "command.via": "zigbee2mqtt", "command.topic": "zigbee2mqtt/valve"}
    stage.registry.save((), [replace(registry.devices[VALVE], attributes=foreign)])
    with running(stage):
        number = stage.ask()
        until(lambda: stage.store.get(number).state is CommandState.SENT)
        now_ms = round(time.time() * 1000) + 5
        stage.readings.write([Reading(VALVE, "switch.on", now_ms, 0.0)])
        assert stage.ended(number).outcome == "switch.on reads 0"


def test_a_sparkplug_device_without_its_names_is_refused_with_the_remedy(stage: Stage) -> None:
    registry = stage.registry.load()
    stage.registry.save((), [replace(registry.devices[VALVE], attributes={"commands": "valve.close", "command.via": "sparkplug"})])
    with running(stage):
        ended = stage.ended(stage.ask())
    assert ended.state is CommandState.REFUSED
    assert "attribute command.topic of wm-dorm-a-f1: write group/edge" in ended.outcome


def test_the_simulated_campus_closes_its_valve_through_the_broker(stage: Stage) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    campus = build_campus(site_id=stage.site)
    meters = [device.id for device in campus.devices if device.kind in (DeviceKind.WATER_METER, DeviceKind.ELECTRICITY_METER)]
    state = SimulatorState(
        site_id=stage.site, seed=campus.seed, at_ms=round(begun.timestamp() * 1000), registers=dict.fromkeys(meters, 100.0)
    )
    live = LiveCampus(campus, state)
    live.step(begun)
    with running(stage):
        number = stage.ask()
        until(lambda: bool(stage.heard))
        topic, payload, _ = stage.heard[0]
        for told in live.command(topic.split("/")[3], payload, datetime.now(UTC)):
            stage.device.publish(told.topic, told.payload, qos=1).wait_for_publish(5)
        assert stage.ended(number).outcome == "valve.close done"
    assert live.step(begun + timedelta(minutes=2))
    assert live.state().closed == (VALVE,)
    registers = live.state().registers
    assert registers[VALVE] == 100.0
    assert registers["wm-dorm-a"] > 100.0
