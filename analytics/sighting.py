"""A finding at a device that is no meter: what it says of itself, and how long it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from analytics.episodes import moment
from analytics.finding import Evidence, Finding, FindingKind
from devices.model import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`message`, `cause`: msgids. `quiet_s`: over when it has not been seen for so long."""

    kind: FindingKind
    message: str
    cause: str
    score: float
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What goes on at a device since `started_ms`, last seen at `seen_ms` (epoch ms)."""

    story: Story
    device: Device
    started_ms: int
    seen_ms: int
    facts: Mapping[str, str | float] = field(default_factory=dict)


Sightings = Mapping[tuple[FindingKind, str], Sighting]


def see(sightings: Sightings, new: Sighting) -> tuple[Sightings, Finding | None]:
    """Said when it begins; what is seen again only lasts longer, so that hundreds of them are one finding."""
    key = (new.story.kind, new.device.id)
    known = sightings.get(key)
    if known is not None:
        return {**sightings, key: replace(known, seen_ms=max(known.seen_ms, new.seen_ms))}, None
    return {**sightings, key: new}, told(new, active=True)


def resumed(sightings: Sightings, finding: Finding, device: Device, stories: Mapping[FindingKind, Story]) -> Sightings:
    """With `finding` going on, so that its end is said after a restart too."""
    started_ms, seen_ms = (round(at.timestamp() * 1000) for at in (finding.started, finding.seen))
    one = Sighting(story=stories[finding.kind], device=device, started_ms=started_ms, seen_ms=seen_ms, facts=finding.facts)
    return {**sightings, (finding.kind, device.id): one}


def over(sightings: Sightings, now_ms: int) -> tuple[Sightings, list[Finding]]:
    """Ends what has not been seen for its `quiet_s`."""
    ended = {key for key, one in sightings.items() if 0 < one.story.quiet_s * 1000 <= now_ms - one.seen_ms}
    if not ended:
        return sightings, []
    kept = {key: one for key, one in sightings.items() if key not in ended}
    return kept, [told(sightings[key], active=False) for key in sorted(ended)]


def end(sightings: Sightings, key: tuple[FindingKind, str], now_ms: int) -> tuple[Sightings, Finding | None]:
    """Ends one now."""
    known = sightings.get(key)
    if known is None:
        return sightings, None
    kept = {other: one for other, one in sightings.items() if other != key}
    return kept, told(replace(known, seen_ms=max(now_ms, known.started_ms)), active=False)


def told(one: Sighting, *, active: bool, evidence: Evidence | None = None) -> Finding:
    return Finding(
        kind=one.story.kind,
        device_id=one.device.id,
        space_id=one.device.space_id,
        active=active,
        score=one.story.score,
        started=moment(one.started_ms),
        seen=moment(max(one.seen_ms, one.started_ms)),
        message=one.story.message,
        cause=one.story.cause,
        facts=one.facts,
        evidence=evidence,
    )
