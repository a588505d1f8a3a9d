"""Silent devices of the past: gaps between stored messages, judged by the shipped rules at the moment they became too long."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from analytics.arrays import Ints
from analytics.detectors import dead, fire
from analytics.episodes import Episode, moment
from analytics.finding import Finding
from analytics.rerun import SLICE_MS
from devices.model import FIRE_KINDS, Device
from devices.profiles import Profile

STEPS_MISSED = 2.2
"""Where a history is sparser than live messages, silence is judged after so many of its steps."""


def allowed_ms(profile: Profile, step_ms: int) -> int:
    """How long a device may be silent in a history whose messages lie `step_ms` apart."""
    return max(int(profile.silent_after_s * 1000), int(STEPS_MISSED * step_ms))


def silences(device: Device, profile: Profile, heard_ms: Ints, site_ms: Ints, allowed: int) -> Iterator[Episode]:
    """`heard_ms`: when the device was heard, `site_ms`: when anything of the site was (epoch ms UTC, each ascending, the last of
    the site's is the end). Fire devices are judged by their own rule."""
    at_ms = np.unique(np.append(heard_ms, site_ms[-1]))
    for index in np.flatnonzero(np.diff(at_ms) > allowed):
        last_ms, next_ms = int(at_ms[index]), int(at_ms[index + 1])
        if device.kind in FIRE_KINDS:
            raised_ms = last_ms + allowed + 1
            found: Finding | None = fire.silent(device, last_ms=last_ms, now_ms=raised_ms, silent_share=0.0)
        else:
            raised_ms, found = _dead(device, profile, (last_ms, next_ms, allowed), site_ms)
        if found is not None:
            ended = replace(found, active=bool(next_ms == site_ms[-1]) and next_ms not in heard_ms[-1:], seen=moment(next_ms))
            yield Episode(finding=ended, raised_ms=raised_ms)


def _dead(device: Device, profile: Profile, gap: tuple[int, int, int], site_ms: Ints) -> tuple[int, Finding | None]:
    """When it is told, and what; nothing where the whole site was silent meanwhile."""
    last_ms, next_ms, allowed = gap
    gone_ms, back_ms = _site_gap(site_ms, last_ms, next_ms)
    after = max(allowed, back_ms + allowed - last_ms) if back_ms else allowed
    raised_ms = last_ms + after + 1
    if next_ms - last_ms <= after:
        return raised_ms, None
    since_ms, before_ms = (back_ms, gone_ms) if back_ms else (0, None)
    silence = dead.Silence(last_ms=last_ms, site_ms=raised_ms, listening_since_ms=since_ms, before_ms=before_ms)
    return raised_ms, dead.check(device, profile, silence)


def _site_gap(site_ms: Ints, last_ms: int, next_ms: int) -> tuple[int, int]:
    """When the whole site fell silent and was heard again within that span; zeros where it never did."""
    first, last = np.searchsorted(site_ms, [last_ms - SLICE_MS, next_ms + SLICE_MS])
    gaps = np.flatnonzero(np.diff(site_ms[first:last]) > dead.SITE_GAP_MS)
    if not gaps.size:
        return 0, 0
    at = int(first) + int(gaps[-1])
    return int(site_ms[at]), int(site_ms[at + 1])
