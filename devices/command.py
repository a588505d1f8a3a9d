"""Commands to devices: close a valve, switch a breaker off, release a door. The machine of one command, pure.

A command is sent at most once: `sent` is on record before the message leaves, so a crash between the two costs a
time-out and never a second message. It is void from `expires_at` on, at our end and at the device's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from devices.errors import BadInput, IllegalTransition
from devices.model import Device


class CommandName(StrEnum):
    VALVE_CLOSE = "valve.close"
    VALVE_OPEN = "valve.open"
    BREAKER_OFF = "breaker.off"
    BREAKER_ON = "breaker.on"
    DOOR_RELEASE = "door.release"
    DOOR_LOCK = "door.lock"


DANGEROUS = frozenset({CommandName.VALVE_OPEN, CommandName.BREAKER_OFF, CommandName.BREAKER_ON, CommandName.DOOR_RELEASE})
"""What may flood, kill the power of something that needs it, put a line under somebody's hands, or let anybody in:
a second person confirms. Closing a valve and locking a door stop harm and must not wait."""


class CommandState(StrEnum):
    REQUESTED = "requested"  # waits for the second person
    CONFIRMED = "confirmed"  # may be sent
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"  # by the device
    TIMED_OUT = "timed_out"  # nobody confirmed, it could not be sent, or no answer came
    CANCELLED = "cancelled"


FINAL = frozenset({CommandState.ACKNOWLEDGED, CommandState.REFUSED, CommandState.TIMED_OUT, CommandState.CANCELLED})


class CommandEvent(StrEnum):
    CONFIRM = "confirm"
    CANCEL = "cancel"
    SEND = "send"
    ACKNOWLEDGE = "acknowledge"
    REFUSE = "refuse"
    TIME_OUT = "time_out"


TRANSITIONS: Mapping[tuple[CommandState, CommandEvent], CommandState] = {
    (CommandState.REQUESTED, CommandEvent.CONFIRM): CommandState.CONFIRMED,
    (CommandState.REQUESTED, CommandEvent.CANCEL): CommandState.CANCELLED,
    (CommandState.REQUESTED, CommandEvent.TIME_OUT): CommandState.TIMED_OUT,
    (CommandState.CONFIRMED, CommandEvent.SEND): CommandState.SENT,
    (CommandState.CONFIRMED, CommandEvent.CANCEL): CommandState.CANCELLED,
    (CommandState.CONFIRMED, CommandEvent.TIME_OUT): CommandState.TIMED_OUT,
    (CommandState.SENT, CommandEvent.ACKNOWLEDGE): CommandState.ACKNOWLEDGED,
    (CommandState.SENT, CommandEvent.REFUSE): CommandState.REFUSED,
    (CommandState.SENT, CommandEvent.TIME_OUT): CommandState.TIMED_OUT,
}

CONFIRM_WITHIN = timedelta(minutes=10)
ANSWER_WITHIN = timedelta(seconds=30)
"""Counted from the moment it may be sent; a command that the broker or the device gets later is void."""

ANSWER_LATEST = timedelta(minutes=30)
"""Of a device that sleeps between its messages (`command.answer_s` in its attributes), at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`id` is None until stored. `expires_at`: the present state's deadline. `outcome`: the device's word, or why not."""

    id: int | None = None
    device_id: str
    name: CommandName
    args: Mapping[str, str | float | bool] = field(default_factory=dict)
    state: CommandState
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    answer_within_s: float = ANSWER_WITHIN.total_seconds()
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    sent_at: datetime | None = None
    finished_at: datetime | None = None
    outcome: str = ""
    version: int = 0


def commands_of(device: Device) -> tuple[CommandName, ...]:
    """What the device declares that it obeys: words in its attribute `commands`; strangers among them are left out."""
    told = device.attributes.get("commands", "").replace(",", " ").split()
    return tuple(name for name in CommandName if name.value in told)


def request(device: Device, name: CommandName, *, by: str, reason: str, now: datetime) -> Command:
    """Ready to be sent, or waiting for a second person. Raises BadInput where the device does not declare the command."""
    if name not in commands_of(device):
        known = ", ".join(commands_of(device)) or "none"
        raise BadInput(f"device {device.id!r} does not obey {name.value!r}; it declares: {known}", place="name")
    answer = _answer_within(device)
    waits = name in DANGEROUS
    return Command(
        device_id=device.id,
        name=name,
        state=CommandState.REQUESTED if waits else CommandState.CONFIRMED,
        reason=reason,
        requested_by=by,
        requested_at=now,
        expires_at=now + (CONFIRM_WITHIN if waits else answer),
        answer_within_s=answer.total_seconds(),
    )


def confirm(command: Command, *, by: str, now: datetime) -> Command:
    """Raises IllegalTransition where it is the same person, or nothing waits to be confirmed any more."""
    if by == command.requested_by:
        raise IllegalTransition("a second person must confirm what you have asked for")
    if now >= command.expires_at:
        raise IllegalTransition("it waited too long and is void; ask for it anew")
    moved = _moved(command, CommandEvent.CONFIRM)
    until = now + timedelta(seconds=command.answer_within_s)
    return replace(moved, confirmed_by=by, confirmed_at=now, expires_at=until)


def cancel(command: Command, *, by: str, now: datetime) -> Command:
    """Only before it is sent: what has left cannot be called back."""
    return replace(_moved(command, CommandEvent.CANCEL), finished_at=now, outcome=f"cancelled by {by}")


def send(command: Command, *, now: datetime) -> Command:
    """To be stored before the message leaves. Raises IllegalTransition once it has expired."""
    if now >= command.expires_at:
        raise IllegalTransition("it has expired and is not sent")
    return replace(_moved(command, CommandEvent.SEND), sent_at=now)


def answer(command: Command, *, by: str, done: bool, outcome: str, now: datetime) -> Command:
    """The device's word. Raises IllegalTransition where none is waited for (too late, or said before), or from this device."""
    if by != command.device_id:
        raise IllegalTransition(f"it is a command to {command.device_id!r}")
    moved = _moved(command, CommandEvent.ACKNOWLEDGE if done else CommandEvent.REFUSE)
    return replace(moved, finished_at=now, outcome=outcome)


def time_out(command: Command, *, now: datetime) -> Command:
    """Raises IllegalTransition before its time or after its end."""
    if now < command.expires_at:
        raise IllegalTransition("its time has not run out")
    why = {
        CommandState.REQUESTED: "nobody confirmed it in time",
        CommandState.CONFIRMED: "it could not be sent in time",
        CommandState.SENT: "the device did not answer in time",
    }
    return replace(_moved(command, CommandEvent.TIME_OUT), finished_at=now, outcome=why[command.state])


def _moved(command: Command, event: CommandEvent) -> Command:
    state = TRANSITIONS.get((command.state, event))
    if state is None:
        raise IllegalTransition(f"a command that is {command.state.value} cannot {event.value.replace('_', ' ')}")
    return replace(command, state=state)


def _answer_within(device: Device) -> timedelta:
    """Never an error: who wrote nonsense into an attribute gets the default."""
    try:
        told = timedelta(seconds=float(device.attributes.get("command.answer_s", "")))
    except (ValueError, OverflowError):
        return ANSWER_WITHIN
    return min(max(told, timedelta(seconds=5)), ANSWER_LATEST)
