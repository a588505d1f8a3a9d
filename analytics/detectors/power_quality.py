"""Voltage and power factor out of limits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analytics.episodes import moment
from analytics.finding import Evidence, Finding, FindingKind
from analytics.scene import Scene

VOLTAGES = frozenset({"elec.voltage", "elec.voltage.l1", "elec.voltage.l2", "elec.voltage.l3"})
POWER_FACTOR = "elec.power_factor"
METRICS = VOLTAGES | {POWER_FACTOR}
"""What `step` takes; line-to-line voltages are told by their size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityParams:
    """Voltage of a phase outside `low` to `high` shares of `nominal_v` (GB/T 12325: +7 % and -10 % at 220 V),
    phases further apart than `apart` of it (GB/T 15543: 2 %, 4 % for a short time), or a power factor under `least_factor`
    (the usual threshold of the penalty tariff). `hold_s`: for so long; `clear_s`: within limits for so long ends it;
    `fresh_s`: a phase that is older (and older than the meter's interval) does not count.
    """

    nominal_v: float = 220.0
    low: float = 0.9
    high: float = 1.07
    apart: float = 0.04
    least_factor: float = 0.85
    hold_s: float = 600.0
    clear_s: float = 900.0
    fresh_s: float = 300.0


PARAMS = QualityParams()
_CAUSES = {
    "low": "An overloaded line or transformer, or a loose contact",
    "high": "The transformer's tap is set too high, or the neutral is broken",
    "apart": "Single-phase loads are spread unevenly over the phases, or the neutral is loose",
    "factor": "Motors, old lamps or a failed capacitor bank draw reactive current",
}
_MESSAGES = {
    "low": "The voltage has fallen to %(value)s V",
    "high": "The voltage has risen to %(value)s V",
    "apart": "The voltages of the phases lie %(value)s %% apart",
    "factor": "The power factor is only %(value)s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is remembered of one meter: the last value of each metric with its time (epoch ms UTC), and since when what is wrong."""

    last: Mapping[str, tuple[int, float]]
    fault: str = ""
    since_ms: int = 0
    good_since_ms: int = 0
    active: bool = False
    samples: tuple[tuple[int, float], ...] = ()


def start() -> Quality:
    return Quality(last={})


def resume(finding: Finding) -> Quality:
    """The memory of a meter that was out of limits when Caretaker stopped."""
    fault = next((fault for fault, message in _MESSAGES.items() if message == finding.message), "low")
    return Quality(last={}, fault=fault, since_ms=int(finding.started.timestamp() * 1000), active=True)


def step(
    state: Quality, sample: tuple[str, int, float], scene: Scene, params: QualityParams = PARAMS
) -> tuple[Quality, Finding | None]:
    """One sample (metric of METRICS, epoch ms UTC, V or 1) in time order; a finding when limits are left for long, and its end.

    What for: under- and overvoltage, a broken neutral, uneven phases, penalty for reactive power. When it fails: dips and flicker
    shorter than the meter's interval; no load makes any power factor: below a tenth it is not judged.
    Reference: GB/T 12325-2008, GB/T 15543-2008, EN 50160.
    """
    metric, ts_ms, value = sample
    if metric not in METRICS or not np.isfinite(value) or ts_ms <= state.last.get(metric, (0, 0.0))[0]:
        return state, None
    last = {**state.last, metric: (ts_ms, value)}
    fresh_ms = 1000 * max(params.fresh_s, 1.2 * scene.meter.interval_s)
    fresh = {name: one for name, (at_ms, one) in last.items() if ts_ms - at_ms <= fresh_ms}
    fault, figure = _fault(fresh, params)
    state = replace(state, last=last, samples=(*state.samples[-59:], (ts_ms, round(value, 3))))
    if fault:
        return _wrong(state, (fault, figure), ts_ms, (scene, params))
    state = replace(state, fault=state.fault if state.active else "", good_since_ms=state.good_since_ms or ts_ms)
    if state.active and ts_ms - state.good_since_ms >= params.clear_s * 1000:
        ended = replace(_finding(state, 0.0, ts_ms, scene), active=False, seen=moment(state.good_since_ms))
        return Quality(last=last), ended
    return state, None


def _wrong(
    state: Quality, wrong: tuple[str, float], ts_ms: int, context: tuple[Scene, QualityParams]
) -> tuple[Quality, Finding | None]:
    fault, figure = wrong
    scene, params = context
    if state.active:
        return replace(state, good_since_ms=0), None
    since_ms = state.since_ms if fault == state.fault else ts_ms
    state = replace(state, fault=fault, since_ms=since_ms, good_since_ms=0)
    if ts_ms - since_ms < params.hold_s * 1000:
        return state, None
    state = replace(state, active=True)
    return state, _finding(state, figure, ts_ms, scene)


def _fault(fresh: Mapping[str, float], params: QualityParams) -> tuple[str, float]:
    """(what is wrong or "", the figure that says it)."""
    volts = [_to_phase(value, params) for name, value in fresh.items() if name in VOLTAGES and value > 0]
    if volts and min(volts) < params.low * params.nominal_v:
        return "low", min(volts)
    if volts and max(volts) > params.high * params.nominal_v:
        return "high", max(volts)
    if len(volts) == 3 and max(volts) - min(volts) > params.apart * params.nominal_v:
        return "apart", 100 * (max(volts) - min(volts)) / params.nominal_v
    factor = abs(fresh.get(POWER_FACTOR, 1.0))
    return ("factor", factor) if 0.1 <= factor < params.least_factor else ("", 0.0)


def _to_phase(volts: float, params: QualityParams) -> float:
    """380 V between lines is 220 V to neutral."""
    return volts / np.sqrt(3.0) if volts > 1.4 * params.nominal_v else volts


def _finding(state: Quality, figure: float, ts_ms: int, scene: Scene) -> Finding:
    return Finding(
        kind=FindingKind.ELEC_POWER_QUALITY,
        device_id=scene.meter.device_id,
        space_id=scene.meter.space_id,
        active=True,
        score=0.5,
        started=moment(state.since_ms),
        seen=moment(ts_ms),
        message=_MESSAGES[state.fault],
        cause=_CAUSES[state.fault],
        facts={"value": round(figure, 2 if state.fault == "factor" else 1)},
        evidence=Evidence(metric="elec.voltage" if state.fault != "factor" else POWER_FACTOR, unit="V", observed=state.samples),
    )
