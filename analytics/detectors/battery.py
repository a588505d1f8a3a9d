"""Batteries that will soon be empty."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from analytics.finding import Evidence, Finding, FindingKind
from devices.model import Device, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryParams:
    """Per cent of charge: low at `low_percent` for `samples` readings in a row, well again from `clear_percent` on."""

    low_percent: float = 20.0
    clear_percent: float = 35.0
    samples: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """`started_ms`: since when it is low, epoch ms UTC; None: it is not."""

    low_readings: int = 0
    newest_ms: int = 0
    started_ms: int | None = None


METRICS = frozenset({"battery.level", "battery.low"})
DEFAULTS = BatteryParams()


def step(
    state: BatteryState, sample: Reading, device: Device, params: BatteryParams = DEFAULTS
) -> tuple[BatteryState, Finding | None]:
    """Said once when it becomes low and once when it is well again (changed).

    For: anything that reports `battery.level` (%) or `battery.low`. Fails: lithium cells hold their voltage and then drop within
    days, so that a level derived from the voltage warns late.
    """
    if sample.metric not in METRICS or sample.ts_ms < state.newest_ms:
        return state, None
    if sample.metric == "battery.low":
        low, well, needed = sample.value >= 0.5, sample.value < 0.5, 1
    else:
        low, well, needed = sample.value <= params.low_percent, sample.value >= params.clear_percent, params.samples
    state = replace(state, newest_ms=sample.ts_ms, low_readings=state.low_readings + 1 if low else 0)
    if state.started_ms is None and state.low_readings >= needed:
        state = replace(state, started_ms=sample.ts_ms)
        return state, _finding(sample, sample.ts_ms, device, active=True)
    if state.started_ms is not None and well:
        return replace(state, started_ms=None), _finding(sample, state.started_ms, device, active=False)
    return state, None


def resume(state: BatteryState, finding: Finding) -> BatteryState:
    return replace(state, started_ms=round(finding.started.timestamp() * 1000))


def _finding(sample: Reading, started_ms: int, device: Device, *, active: bool) -> Finding:
    is_level = sample.metric == "battery.level"
    return Finding(
        kind=FindingKind.DEVICE_BATTERY_LOW,
        device_id=device.id,
        space_id=device.space_id,
        active=active,
        score=0.4,
        started=datetime.fromtimestamp(started_ms / 1000, UTC),
        seen=datetime.fromtimestamp(sample.ts_ms / 1000, UTC),
        message="Battery at %(percent)s %%" if is_level else "Battery low",
        cause="Battery near its end",
        facts={"percent": round(sample.value)} if is_level else {},
        evidence=Evidence(metric=sample.metric, unit="%" if is_level else "1", observed=((sample.ts_ms, sample.value),)),
    )
