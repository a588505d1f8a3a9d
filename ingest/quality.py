"""Quality of readings: what is doubtful about a value, judged against its metric's limits and what came before it.

Registers may roll over or start anew; telling these apart is the ledger's business, so a falling register is no fault here.
"""

import sys
from collections import deque

from devices.metrics import canonical_name, metric
from devices.model import Device, Quality
from devices.profiles import profile_of

FUTURE_LIMIT_MS = 300_000
"""A device's clock may run ahead by so much."""

OLDEST_MS = 1_577_836_800_000
"""2020-01-01: an earlier time means a clock that was never set."""

LATE_AFTER_MS = 3_600_000

_AGREEING_DOUBTS = 3
_RATE_SLACK_MS = 60_000
_REMEMBERED = 8
_LATE, _IMPLAUSIBLE, _DUPLICATE = int(Quality.LATE), int(Quality.IMPLAUSIBLE), int(Quality.DUPLICATE)
_NEVER = -(1 << 62)
_LARGEST = sys.float_info.max


class Track:
    """What is remembered of one metric of one device. Changed by `judge` only; a plain object because the hot path lives here."""

    __slots__ = (
        "doubt_ms",
        "doubt_value",
        "doubts",
        "high",
        "low",
        "max_per_ms",
        "metric",
        "newest_ms",
        "recent",
        "sound_ms",
        "value",
    )

    def __init__(self, name: str, device: Device | None) -> None:
        self.metric = canonical_name(name)
        known = metric(self.metric)
        profile = profile_of(device) if device else None
        limits = profile.limits.get(self.metric, known) if profile else known
        self.low = max(limits.low, -_LARGEST)  # so that infinity and NaN fall outside of every range
        self.high = min(limits.high, _LARGEST)
        register = profile.registers.get(self.metric) if profile else None
        self.max_per_ms = register.max_per_hour / 3_600_000 if register else None
        self.newest_ms = _NEVER
        self.sound_ms = _NEVER
        self.value = 0.0
        self.doubt_ms = _NEVER
        self.doubt_value = 0.0
        self.doubts = 0
        self.recent: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)


def clock_is_suspect(ts_ms: int, received_ms: int) -> bool:
    return ts_ms > received_ms + FUTURE_LIMIT_MS or ts_ms < OLDEST_MS


def judge(track: Track, ts_ms: int, value: float, received_ms: int) -> int | None:
    """The quality flags of a reading, or None where it only repeats one that was just seen."""
    flags = 0
    if ts_ms > track.newest_ms:
        track.newest_ms = ts_ms
    else:
        seen = dict(track.recent).get(ts_ms)
        if seen == value:
            return None
        flags = _LATE if seen is None else _DUPLICATE
    track.recent.append((ts_ms, value))
    if received_ms - ts_ms > LATE_AFTER_MS:
        flags |= _LATE
    if not track.low <= value <= track.high:
        return flags | _IMPLAUSIBLE
    if track.max_per_ms is not None and not flags and _too_fast(track, track.max_per_ms, ts_ms, value):
        return flags | _IMPLAUSIBLE
    return flags


def _too_fast(track: Track, max_per_ms: float, ts_ms: int, value: float) -> bool:
    """Measured from the last sound value. Several leaps in a row that agree with each other are a new truth (a swapped meter)."""
    if track.sound_ms == _NEVER or value - track.value <= max_per_ms * (ts_ms - track.sound_ms + _RATE_SLACK_MS):
        track.sound_ms, track.value, track.doubts = ts_ms, value, 0
        return False
    agrees = 0 <= value - track.doubt_value <= max_per_ms * (ts_ms - track.doubt_ms + _RATE_SLACK_MS)
    track.doubts = track.doubts + 1 if track.doubts and agrees else 1
    track.doubt_ms, track.doubt_value = ts_ms, value
    if track.doubts <= _AGREEING_DOUBTS:
        return True
    track.sound_ms, track.value, track.doubts = ts_ms, value, 0
    return False
