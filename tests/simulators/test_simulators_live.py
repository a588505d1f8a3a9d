"""The live campus: goes on where history ended, spreads its messages, and tells faults at once."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.errors import BadInput
from devices.profiles import PROFILES
from simulators.campus import build_campus
from simulators.faults import demo_schedule
from simulators.history import ROLL_OVER, generate
from simulators.labels import LabelledFault
from simulators.live import LiveCampus, Message
from simulators.state import SimulatorState, load_state, save_state
from simulators.tour import CYCLE, cycle, opening

CAMPUS = build_campus()
END = datetime(2026, 11, 20, 15, 59, tzinfo=UTC)  # a minute before midnight
BEGAN = END + timedelta(seconds=37)


@pytest.fixture(scope="module")
def state() -> SimulatorState:
    start = END - timedelta(days=9)
    return generate(CAMPUS, start=start, end=END, faults=demo_schedule(CAMPUS, start, END, 7)).state


def played(live: LiveCampus, seconds: float, *, start: datetime = BEGAN, step_s: float = 1.0) -> Iterator[Message]:
    for number in range(round(seconds / step_s) + 1):
        yield from live.step(start + timedelta(seconds=number * step_s))


def device_of(message: Message) -> str:
    return message.topic.split("/")[3]


def readings(messages: list[Message], device_id: str) -> list[dict[str, float]]:
    return [
        json.loads(message.payload)["readings"]
        for message in messages
        if message.topic == f"caretaker/v1/campus/{device_id}/telemetry"
    ]


def test_live_goes_on_as_if_history_had_not_ended(state: SimulatorState) -> None:
    later = generate(CAMPUS, start=END - timedelta(days=9), end=END + timedelta(minutes=9), faults=demo_faults()).state
    live = LiveCampus(CAMPUS, state)
    live.step(BEGAN)
    live.step(END + timedelta(minutes=9))
    reached = live.state()
    chosen = later.registers.keys() - set(ROLL_OVER)  # these two begin so that they roll over within their own history
    assert {meter: reached.registers[meter] for meter in chosen} == pytest.approx(
        {meter: later.registers[meter] for meter in chosen}, abs=1e-6
    )
    assert reached.frozen == later.frozen


def demo_faults() -> tuple[LabelledFault, ...]:
    return demo_schedule(CAMPUS, END - timedelta(days=9), END, 7)


def test_every_healthy_device_sends_at_its_interval_and_never_all_at_once(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    per_second = [live.step(BEGAN + timedelta(seconds=second)) for second in range(121)]
    assert max(len(messages) for messages in per_second[1:]) < 45
    counts = Counter(device_of(message) for messages in per_second for message in messages if message.topic.endswith("telemetry"))
    dead = {fault.device_id for fault in state.faults if fault.kind == "device.dead"}
    for device in CAMPUS.devices:
        expected = 120 // PROFILES[device.profile_id].interval_s
        assert (counts[device.id] == 0) if device.id in dead else (counts[device.id] >= expected), device.id


def test_registers_never_fall_and_power_tells_the_same_as_energy(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    messages = list(played(live, 600))
    site = readings(messages, "em-campus")
    energy = [values["elec.energy.import"] for values in site]
    assert energy == sorted(energy)
    mean_kw = sum(values["elec.power.active"] for values in site[1:]) / len(site[1:]) / 1000
    assert (energy[-1] - energy[0]) / (10 * (len(site) - 1) / 3600) == pytest.approx(mean_kw, rel=0.02)


def test_a_frozen_meter_stays_frozen_and_a_dead_one_silent(state: SimulatorState) -> None:
    messages = list(played(LiveCampus(CAMPUS, state), 200))
    shown = readings(messages, "em-teach-1-f3")
    assert len(shown) > 4
    assert all(values == state.frozen["em-teach-1-f3"] for values in shown)
    assert not readings(messages, "wm-library-f2")


def test_messages_are_of_the_native_form(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    live.add(opening(CAMPUS, BEGAN))
    status = live.status()
    assert all(message.retain and message.payload == b"online" for message in status)
    for message in played(live, 420):
        body = json.loads(message.payload)
        leaf = message.topic.rsplit("/", 1)[1]
        assert set(body) <= ({"ts", "readings"} if leaf == "telemetry" else {"ts", "event", "attributes"})
        assert abs(body["ts"] - BEGAN.timestamp()) < 500
        assert not message.retain


def test_the_opening_plays_burst_door_smoke_and_kettle_in_four_minutes(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    live.add(opening(CAMPUS, BEGAN))
    messages = list(played(live, 240))
    assert max(values["water.flow"] for values in readings(messages, "wm-dorm-a-f3")) > 7.9
    assert min(values["water.pressure"] for values in readings(messages, "hydrant-dorm-a-1")) < 320
    assert max(values["elec.power.active"] for values in readings(messages, "em-dorm-a-305")) > 1800
    smoke = [values["smoke"] for values in readings(messages, "smoke-teach-2-f3-1")]
    assert smoke[0] == 0
    assert smoke[-1] == 1
    events = {(device_of(m), json.loads(m.payload)["event"]) for m in messages if m.topic.endswith("/event")}
    assert {("smoke-teach-2-f3-1", "alarm.smoke"), ("door-library-rear", "door.opened")} <= events
    assert ("door-library-rear", "access.granted") not in events


def test_an_alarm_is_told_at_once_and_so_is_its_end(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    start = BEGAN + timedelta(seconds=60)
    end = start + timedelta(seconds=60)
    live.add([LabelledFault(kind="fire.gas", device_id="gas-canteen-f1-1", start=start, end=end)])
    told = [
        (json.loads(m.payload)["ts"] - BEGAN.timestamp(), json.loads(m.payload)["readings"]["gas_alarm"])
        for m in played(live, 130)
        if m.topic.endswith("gas-canteen-f1-1/telemetry")
    ]
    assert (60.0, 1.0) in [(round(at_s, 3), value) for at_s, value in told]
    assert (120.0, 0.0) in [(round(at_s, 3), value) for at_s, value in told]


def test_a_door_held_open_stays_open_in_its_telemetry(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    start = BEGAN + timedelta(seconds=90)
    live.add([LabelledFault(kind="door.held_open", device_id="door-lab-plant", start=start, end=start + timedelta(seconds=200))])
    values = [reading["door.open"] for reading in readings(list(played(live, 420)), "door-lab-plant")]
    assert values.count(1.0) >= 3
    assert values[-1] == 0.0


def test_a_restart_from_the_saved_state_does_not_let_registers_fall(state: SimulatorState, tmp_path: Path) -> None:
    live = LiveCampus(CAMPUS, state)
    live.add(opening(CAMPUS, BEGAN))
    before = list(played(live, 200))
    save_state(live.state(), tmp_path / "state.json")
    restarted = LiveCampus(CAMPUS, load_state(tmp_path / "state.json"))
    after = list(played(restarted, 60, start=BEGAN + timedelta(seconds=230)))
    for meter in ("wm-dorm-a-f3", "wm-dorm-a", "wm-campus"):
        last, first = readings(before, meter)[-1], readings(after, meter)[0]
        assert first["water.volume"] >= last["water.volume"] + 0.05
        assert first["water.flow"] > 7.9


def test_same_state_same_messages(state: SimulatorState) -> None:
    assert list(played(LiveCampus(CAMPUS, state), 60)) == list(played(LiveCampus(CAMPUS, state), 60))


def test_a_clock_that_goes_back_sends_no_nonsense(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    live.step(BEGAN)
    live.step(BEGAN + timedelta(seconds=30))
    registers = live.state().registers
    live.step(BEGAN + timedelta(seconds=5))
    assert live.state().registers == registers


@pytest.mark.parametrize("number", range(1, 13))
def test_cycles_vary_end_in_time_and_avoid_devices_with_a_fault(number: int, state: SimulatorState) -> None:
    busy = {fault.device_id for fault in state.faults}
    faults = cycle(CAMPUS, BEGAN, number, busy)
    begin = BEGAN + CYCLE * number
    assert all(begin + timedelta(seconds=60) <= fault.start < fault.end < begin + CYCLE for fault in faults)
    assert not busy & {fault.device_id for fault in faults}
    assert len({fault.device_id for fault in faults}) == 2


def test_a_missing_or_broken_state_names_the_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "state.json"
    with pytest.raises(BadInput, match="simulate --history"):
        load_state(broken)
    broken.write_text('{"seed": 7}')
    with pytest.raises(BadInput, match="make a new one"):
        load_state(broken)


def test_a_state_of_another_campus_names_the_meter(state: SimulatorState) -> None:
    with pytest.raises(BadInput, match="no meter 'em-north'"):
        LiveCampus(build_campus(site_id="north"), state)


def test_after_a_long_pause_old_door_traffic_is_left_out(state: SimulatorState) -> None:
    live = LiveCampus(CAMPUS, state)
    live.step(BEGAN)
    later = BEGAN + timedelta(hours=16)
    messages = live.step(later)
    assert all(json.loads(message.payload)["ts"] > later.timestamp() - 121 for message in messages)
    assert len(messages) < 500
