"""A door contact that chatters: one finding, not hundreds."""

from dataclasses import dataclass, field, replace

from analytics.finding import Finding, FindingKind
from analytics.sighting import Sighting, Sightings, Story, over, see
from devices.model import Device, Event, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactParams:
    """`count` openings shorter than `short_s` within `within_s`. A door that somebody walks through takes longer than a second
    to shut (EN 1154 asks closers for 3 s or more from 90°)."""

    short_s: float = 1.0
    count: int = 5
    within_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactState:
    """`opened_ms`: since when it is open, None: shut or unknown; `short_ms`: when the last short openings ended."""

    opened_ms: int | None = None
    short_ms: tuple[int, ...] = ()
    sightings: Sightings = field(default_factory=dict)


CHATTERING = Story(
    kind=FindingKind.DOOR_CHATTERING,
    message="Door contact chatters: %(count)s openings under one second within %(seconds)s s",
    cause="Loose contact, magnet too far away or a door that rattles in the wind",
    score=0.3,
    quiet_s=900,
)
DEFAULTS = ContactParams()
_SAYS = {"door.opened": True, "door.closed": False}


def step(
    state: ContactState, sample: Reading | Event, device: Device, params: ContactParams = DEFAULTS
) -> tuple[ContactState, Finding | None]:
    """For: any door contact. Fails: a contact that is slower than a second looks like people. Forced-door alarms of such a
    contact are held back by analytics.detectors.door."""
    is_open = _SAYS.get(sample.type) if isinstance(sample, Event) else _opens(sample)
    if is_open is None:
        return state, None
    if is_open:
        return (replace(state, opened_ms=sample.ts_ms) if state.opened_ms is None else state), None
    opened_ms, state = state.opened_ms, replace(state, opened_ms=None)
    if opened_ms is None or not 0 <= sample.ts_ms - opened_ms < params.short_s * 1000:
        return state, None
    recent = (*(ms for ms in state.short_ms if 0 <= sample.ts_ms - ms <= params.within_s * 1000), sample.ts_ms)
    state = replace(state, short_ms=recent[-4 * params.count :])
    if len(recent) < params.count:
        return state, None
    facts: dict[str, str | float] = {"count": len(recent), "seconds": round((sample.ts_ms - recent[0]) / 1000)}
    one = Sighting(story=CHATTERING, device=device, started_ms=recent[0], seen_ms=sample.ts_ms, facts=facts)
    sightings, finding = see(state.sightings, one)
    return replace(state, sightings=sightings), finding


def tick(state: ContactState, now_ms: int) -> tuple[ContactState, Finding | None]:
    """Over when it has been quiet for a quarter of an hour."""
    sightings, ended = over(state.sightings, now_ms)
    return (replace(state, sightings=sightings), ended[0]) if ended else (state, None)


def resume(state: ContactState, finding: Finding, device: Device) -> ContactState:
    started_ms, seen_ms = (round(at.timestamp() * 1000) for at in (finding.started, finding.seen))
    one = Sighting(story=CHATTERING, device=device, started_ms=started_ms, seen_ms=seen_ms, facts=finding.facts)
    return replace(state, sightings={(finding.kind, device.id): one})


def _opens(reading: Reading) -> bool | None:
    return reading.value >= 0.5 if reading.metric == "door.open" else None
