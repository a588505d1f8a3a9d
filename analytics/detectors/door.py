"""Doors forced and doors held open, from what a door controller says."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from analytics.finding import Evidence, Finding, FindingKind
from devices.model import Device, Event, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorParams:
    """Seconds. An opening is allowed within `grant_s` after a grant or exit request. `settle_s`: how long an opening is looked at
    before it is called forced, for a grant that arrives late and for contacts that chatter. Openings shorter than
    `bounce_s` are noise. `held_s`: how long a door may stand open. `chatter_count` changes within `chatter_s`: a bad contact.
    A release begins with the building's fire signal or a release command and ends when the last of them is cleared; `relock_s`
    after that people still walk out and the locks are being set again. `released_s`: how long a release counts whose end nobody
    tells, after the last word of it.
    """

    grant_s: float = 10.0
    settle_s: float = 3.0
    bounce_s: float = 0.5
    held_s: float = 60.0
    chatter_count: int = 6
    chatter_s: float = 60.0
    released_s: float = 1800.0
    relock_s: float = 120.0


class Release(NamedTuple):
    """Epoch ms in the door's clock: since when it is released, when that was last said, and when the last signal was cleared."""

    since_ms: int
    said_ms: int
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorState:
    """One door's; all times epoch ms in the controller's clock. `open` None: not known yet. `opened_ms`: an opening not yet judged.

    `finding`: what is going on, since `finding_ms`.
    """

    open: bool | None = None
    since_ms: int = 0
    newest_ms: int = 0
    granted_ms: int | None = None
    release: Release | None = None
    opened_ms: int | None = None
    changes_ms: tuple[int, ...] = ()
    finding: FindingKind | None = None
    finding_ms: int = 0


_GRANTS = frozenset({"access.granted", "door.unlocked", "door.exit_request", "lock.unlocked"})
_SAYS_OPEN = {"door.opened": True, "door.closed": False}
_JUDGED = {"door.forced": FindingKind.DOOR_FORCED, "door.held_open": FindingKind.DOOR_HELD_OPEN}
"""Some controllers judge by themselves."""

METRICS = frozenset({"door.open"})
DEFAULTS = DoorParams()


def step(
    state: DoorState, sample: Reading | Event, device: Device, params: DoorParams = DEFAULTS
) -> tuple[DoorState, Finding | None]:
    """Follows the door; says what a closing ends or the controller has judged. What needs time to judge is said by `tick`.

    For: doors with a contact and a reader. Fails: a door without an exit button or sensor looks forced from inside; somebody who
    slips in behind another is not seen; a contact that chatters slower than `chatter_count` in `chatter_s` can alarm.
    """
    if isinstance(sample, Event):
        if sample.type in _GRANTS:
            return replace(state, granted_ms=max(sample.ts_ms, state.granted_ms or 0)), None
        if sample.type in _JUDGED:
            return _said_by_controller(state, sample, device, params)
    is_open = _SAYS_OPEN.get(sample.type) if isinstance(sample, Event) else _opens(sample)
    if is_open is None or sample.ts_ms < state.newest_ms:
        return state, None
    state = replace(state, newest_ms=sample.ts_ms)
    if is_open is state.open:
        return state, None
    if not is_open:
        return _closed(state, sample.ts_ms, device)
    witnessed = state.open is False or isinstance(sample, Event)
    opened = replace(state, open=True, since_ms=sample.ts_ms, opened_ms=sample.ts_ms if witnessed else None)
    return _changed(opened, sample.ts_ms, params), None


def tick(state: DoorState, now_ms: int, device: Device, params: DoorParams = DEFAULTS) -> tuple[DoorState, Finding | None]:
    """What time itself tells: an opening that nobody allowed, a door standing open, the end of either. `now_ms` in its clock."""
    if state.opened_ms is not None and now_ms - state.opened_ms >= params.settle_s * 1000:
        opened_ms = state.opened_ms
        forced = _is_forced(state, opened_ms, params)
        state = replace(state, opened_ms=None)
        if forced and state.finding is not FindingKind.DOOR_FORCED:
            return _begin(state, FindingKind.DOOR_FORCED, opened_ms, now_ms, device)
    if state.finding is not None:
        return (state, None) if state.open else _end(state, now_ms, device)
    if _is_released(state, now_ms, params):
        return state, None
    if state.open and now_ms - state.since_ms >= params.held_s * 1000 and not _chatters(state, now_ms, params):
        return _begin(state, FindingKind.DOOR_HELD_OPEN, state.since_ms, now_ms, device)
    return state, None


def release(state: DoorState, at_ms: int) -> DoorState:
    """A fire alarm or a release in the building, or that it goes on, in the door's clock: it may open, and stand open.

    What opened before stays what it was: only an opening within the release is rightful. A fire is a good moment to force a door,
    so neither the half hour after an alarm nor an alarm elsewhere excuses one.
    """
    before = state.release
    if before is None or before.ended_ms is not None or at_ms < before.since_ms:
        return replace(state, release=Release(at_ms, at_ms))
    return replace(state, release=before._replace(said_ms=max(at_ms, before.said_ms)))


def relock(state: DoorState, at_ms: int) -> DoorState:
    """The last fire signal of the building is cleared, or the door is locked again."""
    if state.release is None or state.release.ended_ms is not None:
        return state
    return replace(state, release=state.release._replace(ended_ms=at_ms))


def resume(state: DoorState, finding: Finding) -> DoorState:
    """The state in which `finding` is going on, so that its end is noticed after a restart too."""
    started_ms = round(finding.started.timestamp() * 1000)
    return replace(state, open=True, since_ms=started_ms, finding=finding.kind, finding_ms=started_ms)


def _said_by_controller(state: DoorState, event: Event, device: Device, params: DoorParams) -> tuple[DoorState, Finding | None]:
    opened_ms = state.since_ms if state.open else event.ts_ms
    if _is_released(state, opened_ms, params):
        return state, None
    return _begin(state, _JUDGED[event.type], event.ts_ms, event.ts_ms, device)


def _opens(reading: Reading) -> bool | None:
    return reading.value >= 0.5 if reading.metric in METRICS else None


def _changed(state: DoorState, ts_ms: int, params: DoorParams) -> DoorState:
    recent = tuple(ms for ms in state.changes_ms if ts_ms - ms <= params.chatter_s * 1000)
    return replace(state, changes_ms=(*recent, ts_ms)[-4 * params.chatter_count :])


def _closed(state: DoorState, ts_ms: int, device: Device) -> tuple[DoorState, Finding | None]:
    was_open = state.open
    state = replace(state, open=False, since_ms=ts_ms)
    if was_open:
        state = replace(state, changes_ms=(*state.changes_ms, ts_ms))
    if state.finding is not None and state.opened_ms is None:
        return _end(state, ts_ms, device)
    return state, None


def _chatters(state: DoorState, now_ms: int, params: DoorParams) -> bool:
    return sum(now_ms - ms <= params.chatter_s * 1000 for ms in state.changes_ms) >= params.chatter_count


def _is_released(state: DoorState, at_ms: int, params: DoorParams) -> bool:
    """Also an opening that is told a moment before the alarm that allowed it."""
    if state.release is None:
        return False
    since_ms, said_ms, ended_ms = state.release
    until_ms = said_ms + params.released_s * 1000
    if ended_ms is not None:
        until_ms = min(until_ms, ended_ms + params.relock_s * 1000)
    return since_ms - params.settle_s * 1000 <= at_ms <= until_ms


def _is_forced(state: DoorState, opened_ms: int, params: DoorParams) -> bool:
    settle_ms = params.settle_s * 1000
    allowed = state.granted_ms is not None and opened_ms - params.grant_s * 1000 <= state.granted_ms <= opened_ms + settle_ms
    bounced = not state.open and state.since_ms - opened_ms < params.bounce_s * 1000
    flutters = sum(opened_ms <= ms <= opened_ms + settle_ms for ms in state.changes_ms) > 2
    allowed = allowed or _is_released(state, opened_ms, params)
    return not (allowed or bounced or flutters or _chatters(state, opened_ms, params))


def _begin(state: DoorState, kind: FindingKind, started_ms: int, now_ms: int, device: Device) -> tuple[DoorState, Finding | None]:
    if state.finding is kind:
        return state, None
    began = replace(state, finding=kind, finding_ms=started_ms)
    return began, _finding(began, kind, now_ms, device, active=True)


def _end(state: DoorState, now_ms: int, device: Device) -> tuple[DoorState, Finding | None]:
    assert state.finding is not None
    ended = _finding(state, state.finding, now_ms, device, active=False)
    return replace(state, finding=None), ended


_WORDS = {
    FindingKind.DOOR_FORCED: ("Door opened without permission", "Forced or picked; or the exit button does not report", 0.95),
    FindingKind.DOOR_HELD_OPEN: ("Door open for more than %(open_s)s s", "Wedged or left open; or the door closer is weak", 0.5),
}


_MESSAGE_REPORTED = "The door's controller reports that it is held open"


def _finding(state: DoorState, kind: FindingKind, now_ms: int, device: Device, *, active: bool) -> Finding:
    message, cause, score = _WORDS[kind]
    open_s = max(0, now_ms - state.finding_ms) // 1000
    message = _MESSAGE_REPORTED if kind is FindingKind.DOOR_HELD_OPEN and not open_s else message
    facts: dict[str, str | float] = {"open_s": open_s}
    if kind is FindingKind.DOOR_FORCED and state.granted_ms is not None:
        facts["last_grant_s_before"] = max(0, state.finding_ms - state.granted_ms) // 1000
    observed = ((state.finding_ms, 1.0), (now_ms, 1.0 if state.open else 0.0))
    return Finding(
        kind=kind,
        device_id=device.id,
        space_id=device.space_id,
        active=active,
        score=score,
        started=datetime.fromtimestamp(state.finding_ms / 1000, UTC),
        seen=datetime.fromtimestamp(now_ms / 1000, UTC),
        message=message,
        cause=cause,
        facts=facts,
        evidence=Evidence(metric="door.open", unit="1", observed=observed),
    )
