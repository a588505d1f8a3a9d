"""A device that no longer reports."""

from dataclasses import dataclass

from analytics.episodes import moment
from analytics.finding import Finding, FindingKind
from devices.model import FIRE_KINDS, Device
from devices.profiles import Profile

LONG_MS = 6 * 3_600_000
"""Silence as long as this before Caretaker even started is believed at once; shorter silence may only be the start."""

SITE_GAP_MS = 900_000
"""Where nothing of the whole site was heard for so long, its network was away: no device is called dead for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """When the device was last heard, when anything of the site was, and since when we listen (epoch ms UTC).

    `before_ms`: the youngest message of the whole site that was there when we began to listen.
    """

    last_ms: int | None
    site_ms: int
    listening_since_ms: int
    before_ms: int | None


def check(device: Device, profile: Profile, silence: Silence) -> Finding | None:
    """A finding while the device is silent for longer than its profile allows, None while it is not (or cannot be told).

    What for: dead batteries, cut cables, gateways that lost a child. Fire equipment has a rule of its own (100 s).
    When it fails: where the whole site is silent nothing is said, for then the network or ingest has failed, not the device;
    a device that only speaks when something happens needs a profile with a long `silent_after_s`.
    Parameters: the profile's `silent_after_s` (seconds); LONG_MS.
    """
    if device.kind in FIRE_KINDS:
        return None
    allowed_ms = int(profile.silent_after_s * 1000)
    last_ms = silence.listening_since_ms if silence.last_ms is None else silence.last_ms
    if silence.site_ms - last_ms <= allowed_ms:
        return None
    settled = silence.site_ms - silence.listening_since_ms > allowed_ms
    long_dead = silence.last_ms is not None and silence.before_ms is not None and silence.before_ms - last_ms > LONG_MS
    return _finding(device, last_ms, silence) if settled or long_dead else None


def _finding(device: Device, last_ms: int, silence: Silence) -> Finding:
    hours = (silence.site_ms - last_ms) / 3_600_000
    return Finding(
        kind=FindingKind.DEVICE_DEAD,
        device_id=device.id,
        space_id=device.space_id,
        active=True,
        score=min(0.5 + hours / 48, 1.0),
        started=moment(last_ms),
        seen=moment(silence.site_ms),
        message="No message for %(hours)s hours" if silence.last_ms is not None else "Never heard since Caretaker started",
        cause="No power, an empty battery, a cut line or a lost gateway",
        facts={"hours": round(hours, 1)},
    )
