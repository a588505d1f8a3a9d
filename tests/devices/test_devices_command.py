"""The life of one command: given, event, expect."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import command as machine
from devices.command import FINAL, TRANSITIONS, Command, CommandEvent, CommandName, CommandState
from devices.errors import BadInput, IllegalTransition
from devices.model import Device, DeviceKind

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=5)
VALVE = Device(
    id="wm-1",
    kind=DeviceKind.WATER_METER,
    profile_id="wm-floor",
    space_id="f1",
    name="m",
    name_zh="m",
    attributes={"commands": "valve.close, valve.open"},
)


def asked(name: CommandName = CommandName.VALVE_OPEN) -> Command:
    return machine.request(VALVE, name, by="li", reason="burst", now=NOW)


def confirmed() -> Command:
    return machine.confirm(asked(), by="wang", now=SOON)


def sent() -> Command:
    return machine.send(confirmed(), now=SOON)


def test_closing_a_valve_does_not_wait_and_opening_it_does() -> None:
    assert asked(CommandName.VALVE_CLOSE).state is CommandState.CONFIRMED
    assert asked(CommandName.VALVE_OPEN).state is CommandState.REQUESTED


def test_the_second_person_starts_the_time_to_answer() -> None:
    moved = confirmed()
    assert (moved.state, moved.confirmed_by, moved.expires_at) == (CommandState.CONFIRMED, "wang", SOON + machine.ANSWER_WITHIN)


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda: machine.confirm(asked(), by="li", now=SOON), "second person"),
        (lambda: machine.confirm(asked(), by="wang", now=NOW + timedelta(hours=1)), "waited too long"),
        (lambda: machine.send(asked(), now=SOON), "requested cannot send"),
        (lambda: machine.send(confirmed(), now=SOON + timedelta(minutes=1)), "has expired"),
        (lambda: machine.send(sent(), now=SOON), "sent cannot send"),
        (lambda: machine.cancel(sent(), by="li", now=SOON), "sent cannot cancel"),
        (lambda: machine.answer(confirmed(), by="wm-1", done=True, outcome="", now=SOON), "confirmed cannot acknowledge"),
        (lambda: machine.answer(sent(), by="wm-2", done=True, outcome="", now=SOON), "command to 'wm-1'"),
        (lambda: machine.time_out(sent(), now=SOON), "has not run out"),
    ],
)
def test_what_may_not_happen(move: object, words: str) -> None:
    with pytest.raises(IllegalTransition, match=words):
        move()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("command", "outcome"),
    [(asked(), "nobody confirmed"), (confirmed(), "could not be sent"), (sent(), "did not answer")],
    ids=["requested", "confirmed", "sent"],
)
def test_every_state_has_its_deadline(command: Command, outcome: str) -> None:
    ended = machine.time_out(command, now=command.expires_at)
    assert ended.state is CommandState.TIMED_OUT
    assert outcome in ended.outcome


def test_only_what_the_device_declares() -> None:
    with pytest.raises(BadInput, match=r"it declares: valve\.close, valve\.open"):
        machine.request(VALVE, CommandName.DOOR_RELEASE, by="li", reason="r", now=NOW)


@pytest.mark.parametrize(
    ("told", "seconds"), [("600", 600), ("1", 5), ("99999999", 1800), ("nonsense", 30), ("nan", 30), ("1e400", 30)]
)
def test_a_device_that_sleeps_has_longer(told: str, seconds: float) -> None:
    slow = replace(VALVE, attributes={**VALVE.attributes, "command.answer_s": told})
    assert machine.request(slow, CommandName.VALVE_CLOSE, by="li", reason="r", now=NOW).answer_within_s == seconds


@given(st.lists(st.sampled_from(CommandEvent), max_size=12))
def test_it_is_sent_once_at_most_and_its_end_is_final(events: list[CommandEvent]) -> None:
    state, sendings = CommandState.REQUESTED, 0
    for event in events:
        following = TRANSITIONS.get((state, event))
        assert following is None or state not in FINAL
        sendings += event is CommandEvent.SEND and following is not None
        state = following or state
    assert sendings <= 1
