"""The record of one device over a span, from the reading store: what the page, the file and the PDF show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import isfinite
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import Floats, Ints
from analytics.condition_record import KINDS, METRICS, Limits, Record, Span, limits_of, record
from api.deps import Deps
from api.times import to_ms
from devices.errors import BadInput, NotFound
from devices.model import Device, Quality
from devices.profiles import Profile, is_retired
from devices.registry import Registry
from devices.watching import ConditionCheck

DAYS_MAX = 3 * 366
HOURLY_DAYS_MAX = 400
_STEP_MS = 31 * 86_400_000
_UNCHECKED_MAX = 31
_NOTHING = (np.empty(0, np.int64), np.empty(0))


class Every(StrEnum):
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose record, of what, and of which of the site's calendar days, both included."""

    device: Device
    metric: str
    first: date
    last: date
    every: Every


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`values`: of the readings within, those that count."""

    asked: Asked
    limits: Limits
    span: Span
    record: Record
    values: Floats
    checks: tuple[ConditionCheck, ...]
    unchecked: tuple[date, ...]


def keeps_record(device: Device) -> bool:
    return device.kind in KINDS and not is_retired(device)


def metrics_of(device: Device, profile: Profile) -> list[str]:
    """Raises NotFound for a device of another kind."""
    found = [name for name in METRICS if name in profile.metrics] if device.kind in KINDS else []
    if not found:
        raise NotFound(f"device {device.id!r} measures no temperature, humidity or gas that a record is kept of")
    return found


def ask(deps: Deps, registry: Registry, device: Device, wanted: "Wanted") -> Asked:
    """What is not said: its first metric, the last seven days, by hour up to eight days. Raises BadInput, NotFound."""
    known = metrics_of(device, registry.profile(device))
    metric = known[0] if wanted.metric is None else wanted.metric
    if metric not in known:
        raise BadInput(f"no record of {metric!r} is kept here; choose one of {', '.join(known)}", place="metric")
    today = deps.now().astimezone(deps.site.zone).date()
    last = min(wanted.last or today, today)
    first = wanted.first or last - timedelta(days=min(6, last.toordinal() - 1))
    if first.year < 1970:
        raise BadInput("use days from the year 1970 on", place="first")
    if first > last:
        raise BadInput("the first day must not lie after the last one, nor in the future", place="first")
    days = (last - first).days + 1
    every = wanted.every or (Every.HOUR if days <= 8 else Every.DAY)
    if days > (DAYS_MAX if every is Every.DAY else HOURLY_DAYS_MAX):
        raise BadInput(f"at most {DAYS_MAX} days by day, {HOURLY_DAYS_MAX} by hour", place="first")
    return Asked(device=device, metric=metric, first=first, last=last, every=every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    metric: str | None = None
    first: date | None = None
    last: date | None = None
    every: Every | None = None


def show(deps: Deps, registry: Registry, asked: Asked) -> Shown:
    profile = registry.profile(asked.device)
    now_ms = to_ms(deps.now())
    span = Span(
        edges_ms=tuple(_edges(asked, deps.site.zone)),
        until_ms=now_ms,
        silence_ms=round(max(3 * profile.interval_s, min(profile.silent_after_s, 86_400)) * 1000),
    )
    limits = limits_of(asked.device, asked.metric)
    ts_ms, value = _readings(deps, asked, (span.edges_ms[0] - span.silence_ms, min(span.edges_ms[-1], now_ms)))
    checks = tuple(deps.checks.list(asked.device.id, asked.first.isoformat(), asked.last.isoformat()))
    today = deps.now().astimezone(deps.site.zone).date()
    return Shown(
        asked=asked,
        limits=limits,
        span=span,
        record=record(ts_ms, value, limits, span),
        values=value[ts_ms >= span.edges_ms[0]],
        checks=checks,
        unchecked=tuple(_unchecked(asked, today, {check.day for check in checks})),
    )


def is_outside(limits: Limits, value: float) -> bool:
    return not limits.low <= value <= limits.high


def finite(limit: float) -> float | None:
    return limit if isfinite(limit) else None


def _edges(asked: Asked, zone: ZoneInfo) -> Iterator[int]:
    """Of days by the site's calendar (which may have 23 or 25 hours), of hours by the clock of UTC from the first midnight on."""
    days = [asked.first + timedelta(days=number) for number in range((asked.last - asked.first).days + 2)]
    midnights = [to_ms(datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)) for day in days]
    if asked.every is Every.DAY:
        yield from midnights
    else:
        yield from range(midnights[0], midnights[-1] + 1, 3_600_000)


def _readings(deps: Deps, asked: Asked, within_ms: tuple[int, int]) -> tuple[Ints, Floats]:
    """By time; what was implausible is as if it had not been measured."""
    parts: Sequence[tuple[Ints, Floats]] = [
        _part(deps, asked, start_ms, min(start_ms + _STEP_MS, within_ms[1])) for start_ms in range(*within_ms, _STEP_MS)
    ]
    ts_ms, value = zip(*parts or (_NOTHING,), strict=True)
    return np.concatenate(ts_ms), np.concatenate(value)


def _part(deps: Deps, asked: Asked, start_ms: int, end_ms: int) -> tuple[Ints, Floats]:
    frame = deps.readings.frame([asked.device.id], [asked.metric], start_ms, end_ms)
    if frame.empty:
        return _NOTHING
    good = (frame["quality"].to_numpy(np.int64) & Quality.IMPLAUSIBLE) == 0
    return frame["ts_ms"].to_numpy(np.int64)[good], frame["value"].to_numpy(np.float64)[good]


def _unchecked(asked: Asked, today: date, checked: set[str]) -> Iterator[date]:
    """The newest first; a day that is not over yet may still be signed."""
    last = min(asked.last, today - timedelta(days=1))
    for back in range(min((last - asked.first).days + 1, _UNCHECKED_MAX)):
        day = last - timedelta(days=back)
        if day.isoformat() not in checked:
            yield day
