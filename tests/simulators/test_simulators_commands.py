"""Commands in the simulated campus: a closed valve really stops a burst, and the state file remembers it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.campus import build_campus
from simulators.faults import burst_parameters
from simulators.history import generate
from simulators.labels import LabelledFault
from simulators.live import LiveCampus, Message
from simulators.state import SimulatorState, load_state, save_state

CAMPUS = build_campus()
END = datetime(2026, 11, 20, 15, 59, tzinfo=UTC)
FLOOR, BUILDING, HYDRANT = "wm-dorm-a-f1", "wm-dorm-a", "hydrant-dorm-a-1"
BURST = LabelledFault(
    kind="water.burst",
    device_id=FLOOR,
    start=END + timedelta(seconds=10),
    end=END + timedelta(hours=2),
    parameters=burst_parameters(CAMPUS, FLOOR, 8000),
)


@pytest.fixture(scope="module")
def state() -> SimulatorState:
    return generate(CAMPUS, start=END - timedelta(days=1), end=END, faults=()).state


def at(seconds: float) -> datetime:
    return END + timedelta(seconds=seconds)


def command(live: LiveCampus, name: str, second: float, *, number: int = 1, device: str = FLOOR) -> dict[str, object]:
    body = json.dumps({"id": number, "name": name, "args": {}, "expires": at(second).timestamp() + 30}).encode()
    told = live.command(device, body, at(second))
    assert [message.topic for message in told] == [f"caretaker/v1/campus/{device}/command/result"]
    return json.loads(told[0].payload)


def play(live: LiveCampus, start: int, end: int) -> dict[str, dict[str, float]]:
    """The last readings of each device."""
    last: dict[str, dict[str, float]] = {}
    for second in range(start, end, 5):
        for message in live.step(at(second)):
            if message.topic.endswith("/telemetry"):
                last[_device(message)] = json.loads(message.payload)["readings"]
    return last


def _device(message: Message) -> str:
    return message.topic.split("/")[3]


def test_a_closed_valve_stops_the_burst_there_and_above_and_the_hydrant_recovers(state: SimulatorState, tmp_path: Path) -> None:
    live = LiveCampus(CAMPUS, state)
    live.add([BURST])
    running = play(live, 0, 180)
    assert running[FLOOR]["water.flow"] > 7.5
    assert command(live, "valve.close", 180) == {"id": 1, "ok": True, "detail": "valve.close done"}
    stopped = play(live, 180, 300)
    assert stopped[FLOOR]["water.flow"] == 0
    assert stopped[BUILDING]["water.flow"] < running[BUILDING]["water.flow"] - 7
    assert stopped[HYDRANT]["water.pressure"] > running[HYDRANT]["water.pressure"] + 80
    assert play(live, 300, 400)[FLOOR]["water.volume"] == stopped[FLOOR]["water.volume"]
    save_state(live.state(), tmp_path / "state.json")
    again = LiveCampus(CAMPUS, load_state(tmp_path / "state.json"))
    assert play(again, 400, 500)[FLOOR]["water.flow"] == 0
    command(again, "valve.open", 500, number=2)
    assert play(again, 500, 600)[FLOOR]["water.flow"] > 7.5


def test_a_breaker_and_a_lock(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    play(live, 0, 60)
    assert command(live, "breaker.off", 60, device="em-dorm-a-101")["ok"] is True
    assert command(live, "door.release", 60, number=2, device="door-lab-main")["ok"] is True
    last = play(live, 60, 130)
    assert last["em-dorm-a-101"]["elec.power.active"] == 0
    assert last["door-lab-main"]["lock.locked"] == 0
    assert command(live, "door.lock", 130, number=3, device="door-lab-main")["ok"] is True
    assert play(live, 130, 200)["door-lab-main"]["lock.locked"] == 1


def test_what_a_device_refuses(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    play(live, 0, 10)
    assert command(live, "breaker.off", 10) == {"id": 1, "ok": False, "detail": "this device does not know breaker.off"}
    late = json.dumps({"id": 2, "name": "valve.close", "expires": at(0).timestamp()}).encode()
    assert json.loads(live.command(FLOOR, late, at(10))[0].payload) == {"id": 2, "ok": False, "detail": "it came too late"}
    assert json.loads(live.command(FLOOR, b"{", at(10))[0].payload)["ok"] is False
    assert live.command("nobody", b"{}", at(10)) == []


def test_a_command_that_comes_twice_is_obeyed_once(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    play(live, 0, 10)
    first = command(live, "valve.close", 10)
    command(live, "valve.open", 20, number=2)
    assert command(live, "valve.close", 30) == first
    assert FLOOR not in live.state().closed
