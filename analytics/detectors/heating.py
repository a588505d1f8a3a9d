"""A heating appliance in a dormitory room: kettle, heater, hot plate, immersion heater."""

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from analytics.allowed import allowed_of, is_open
from analytics.episodes import moment
from analytics.finding import Evidence, Finding, FindingKind
from analytics.meter import Meter
from analytics.scene import Scene
from devices.model import SpaceKind, UseType


class HeatingParams(NamedTuple):
    """Power stands `least_w` above the level of the last `base_s` seconds (its lowest sample) on average, for `hold_s` and
    `least_j` joules; below `off_share` of it, and of `again_share` of its peak once it was sure (a hot plate that only keeps
    warm), for `clear_s` it is over. What is not sure after `forget_s` was none. Samples more than `gap_s` apart prove nothing.

    Short pulses of at least `pulse_w`, `pulses` of them in `pulses_s`, are a thermostat (iron, coffee maker) where the room
    falls back to within `rest_w` of its old level in between; the lamp and fan of a microwave stay on.

    Limits in Chinese dormitories are 500-1,000 W. A toaster draws 670 W for 100 s, a kettle 1,800 W for 60-250 s; a laptop
    65-90 W. An inverter air conditioner ramps over minutes. What the house allows (analytics.allowed) is told from a kettle only
    by the power that it holds for two samples above that of the last `before_s`, and its duration: within both nothing is said.
    """

    least_w: float = 580.0
    base_s: float = 150.0
    hold_s: float = 30.0
    least_j: float = 40_000.0
    off_share: float = 0.4
    again_share: float = 0.4
    clear_s: float = 600.0
    forget_s: float = 900.0
    gap_s: float = 150.0
    pulses: int = 4
    pulses_allowed: int = 6
    pulses_s: float = 600.0
    pulse_w: float = 700.0
    rest_w: float = 12.0
    before_s: float = 40.0
    cold_drop: float = 0.012
    cold_most: float = 0.9
    cold_times_noise: float = 3.0
    slow_share: float = 0.8
    cold_step_s: float = 15.0


PARAMS = HeatingParams()


class Heating(NamedTuple):
    """What is remembered of one room. `recent`: the last samples, (epoch ms UTC, W). `base_w` holds while `since_ms` is set,
    `peak_w` is the most above it. `before_w`: the level just before, `last_w` the last sample, `steady_w` the most that two samples
    in a row held above `before_w`. `pulses`: starts of those that were too short to tell, `rest_w`: the level before the first."""

    recent: tuple[tuple[int, float], ...] = ()
    since_ms: int = 0
    base_w: float = 0.0
    peak_w: float = 0.0
    before_w: float = 0.0
    last_w: float = 0.0
    steady_w: float = 0.0
    held: tuple[float, ...] = ()
    noise_w: float = 0.0
    joules: float = 0.0
    on_s: float = 0.0
    off_since_ms: int = 0
    active: bool = False
    pulses: tuple[int, ...] = ()
    rest_w: float = 0.0


RARE_S = 600.0
"""A meter that tells its power no more often is judged by quarters of an hour: analytics.detectors.heating_quarter."""


def suits(meter: Meter) -> bool:
    return in_room(meter) and meter.interval_s < RARE_S


def in_room(meter: Meter) -> bool:
    return meter.quantity == "electricity" and meter.level is SpaceKind.ROOM and meter.use is UseType.DORMITORY


def step(state: Heating, sample: tuple[int, float], scene: Scene, params: HeatingParams = PARAMS) -> tuple[Heating, Finding | None]:
    """One power sample (epoch ms UTC, W) in time order, every 10 to 60 s; a finding when an appliance is sure, and its end.

    What for: resistive loads above the house limit. When it fails: small heat loads (blankets, 300 W pots), several appliances at
    once that add up, a microwave in a room where none is allowed, two allowed dryers at once, samples rarer than `gap_s`.
    Reference: appliance powers and on-times measured on tracebase (Reinhardt et al., SustainIT 2012).
    """
    ts_ms, power = sample
    last_ms = state.recent[-1][0] if state.recent else 0
    if not np.isfinite(power) or ts_ms <= last_ms:
        return state, None
    if state.since_ms or state.active:
        return _follow(state, sample, last_ms, (scene, params))
    recent = (*state.recent[-17:], sample)
    if power >= params.least_w * 0.75 and last_ms and ts_ms - last_ms <= params.gap_s * 1000:
        base = min(watts for at_ms, watts in recent if ts_ms - at_ms <= params.base_s * 1000)
        if power - base >= params.least_w * 0.75:
            before = min(watts for at_ms, watts in recent if ts_ms - at_ms <= max(params.before_s * 1000, ts_ms - last_ms))
            begun = Heating(
                recent=state.recent,
                since_ms=last_ms,
                base_w=base,
                before_w=before,
                noise_w=_noise(state.recent),
                pulses=state.pulses,
                rest_w=state.rest_w,
            )
            return _follow(begun, sample, last_ms, (scene, params))
    return Heating(recent=recent, pulses=state.pulses, rest_w=state.rest_w), None


def _follow(
    state: Heating, sample: tuple[int, float], last_ms: int, context: tuple[Scene, HeatingParams]
) -> tuple[Heating, Finding | None]:
    """Adds the sample to the suspected appliance, tells when it is sure, forgets it when it was nothing or is over."""
    scene, params = context
    ts_ms, power = sample
    elapsed_s = min((ts_ms - last_ms) / 1000, 60.0)
    above = power - state.base_w
    on = above >= max(params.off_share * params.least_w, params.again_share * state.peak_w if state.active else 0.0)
    state = state._replace(
        recent=(*state.recent[-89:], sample),
        peak_w=max(state.peak_w, above),
        last_w=power,
        held=(*state.held, power - state.before_w) if on and len(state.held) < 5 else state.held,
        steady_w=max(state.steady_w, min(power, state.last_w) - state.before_w),
        joules=state.joules + max(above, 0.0) * elapsed_s if on else state.joules,
        on_s=state.on_s + elapsed_s if on else state.on_s,
        off_since_ms=0 if on else (state.off_since_ms or ts_ms),
    )
    if not state.active and _sure(state, scene, params):
        state = state._replace(active=True)
        return state, _finding(state, scene)
    quiet_s = (ts_ms - state.off_since_ms) / 1000 if state.off_since_ms else 0.0
    if state.active and quiet_s >= params.clear_s:
        return Heating(recent=state.recent[-18:]), _ended(state, scene)
    if not state.active and (state.off_since_ms or state.on_s > params.forget_s or ts_ms - last_ms > params.gap_s * 1000):
        return _pulsed(state, power, (scene, params))
    return state, None


def _pulsed(state: Heating, power: float, context: tuple[Scene, HeatingParams]) -> tuple[Heating, Finding | None]:
    """The suspicion is over and was too little to tell; but was it one pulse of a thermostat?"""
    scene, params = context
    fresh = tuple(at_ms for at_ms in state.pulses if state.since_ms - at_ms <= params.pulses_s * 1000)
    rest_w = state.rest_w if fresh else state.base_w
    if state.peak_w < params.pulse_w or power - rest_w > params.rest_w:
        return Heating(recent=state.recent[-18:]), None
    fresh = (*fresh, state.since_ms)
    if len(fresh) < (params.pulses_allowed if _allowed(state, scene, params) else params.pulses):
        return Heating(recent=state.recent[-18:], pulses=fresh, rest_w=rest_w), None
    active = state._replace(active=True, since_ms=fresh[0])
    return active, _finding(active, scene)


def _sure(state: Heating, scene: Scene, params: HeatingParams) -> bool:
    if state.on_s < params.hold_s or state.joules < params.least_j or state.joules / state.on_s < params.least_w:
        return False
    return not _allowed(state, scene, params, cold=_cold(state, params))


def _allowed(state: Heating, scene: Scene, params: HeatingParams, *, cold: bool = False) -> bool:
    """Whether something that the house allows here explains it: it reaches that power (or part
    of it where samples are too rare to see it whole) and holds no more."""
    slow = _apart_s(state) > params.cold_step_s
    reached, held = (state.peak_w / params.slow_share, state.peak_w) if slow else (state.peak_w, state.steady_w)
    return any(
        one.low_w <= reached and held <= one.high_w and state.on_s <= one.longest_s
        for one in allowed_of(scene.meter.allowed)
        if is_open(one, scene, state.since_ms) and (one.wire or not cold)
    )


def _cold(state: Heating, params: HeatingParams) -> bool:
    """A heating wire that begins cold draws some per cent more at first; a microwave's tube begins low and falls slowly."""
    held = state.held
    if len(held) < 3 or _apart_s(state) > params.cold_step_s:
        return False
    at = 0 if held[0] >= held[1] else 1
    if len(held) < at + 3:
        return False
    fell = held[at] - held[at + 2]
    still_on = min(held[at + 1 : at + 3]) >= params.cold_most * held[at]
    return still_on and fell >= params.cold_drop * held[at] and fell >= params.cold_times_noise * state.noise_w


def _apart_s(state: Heating) -> float:
    return (state.recent[-1][0] - state.recent[-2][0]) / 1000 if len(state.recent) > 1 else 0.0


def _noise(recent: tuple[tuple[int, float], ...]) -> float:
    """How much the room's power usually moves from one sample to the next (W): the median step, as a deviation."""
    steps = sorted(abs(later[1] - earlier[1]) for earlier, later in pairwise(recent[-13:]))
    return 1.05 * steps[len(steps) // 2] if steps else 0.0


def resume(finding: Finding) -> Heating:
    """The memory of an appliance that was on when Caretaker stopped: the next quiet minutes end it."""
    expected = finding.evidence.expected if finding.evidence else ()
    watts, seconds = float(finding.facts.get("watts", 0)), float(finding.facts.get("seconds", 0))
    return Heating(
        since_ms=int(finding.started.timestamp() * 1000),
        base_w=expected[-1][1] if expected else 300.0,
        joules=watts * seconds,
        on_s=seconds,
        active=True,
    )


def _finding(state: Heating, scene: Scene) -> Finding:
    watts = state.joules / max(state.on_s, 1.0)
    kwh = state.joules / 3.6e6
    return Finding(
        kind=FindingKind.ELEC_HEATING_APPLIANCE,
        device_id=scene.meter.device_id,
        space_id=scene.meter.space_id,
        active=True,
        score=min(0.5 + watts / 5000, 1.0),
        started=moment(state.since_ms),
        seen=moment(state.recent[-1][0]),
        message="%(watts)s W switched on at once in a dormitory room and held for %(seconds)s s",
        cause=_cause(watts),
        facts={"watts": round(watts), "seconds": round(state.on_s)},
        evidence=Evidence(
            metric="elec.power.active",
            unit="W",
            observed=state.recent,
            expected=tuple((ts_ms, round(state.base_w, 1)) for ts_ms, _ in state.recent),
        ),
        waste=scene.waste(kwh, state.recent[-1][0]),
    )


def _ended(state: Heating, scene: Scene) -> Finding:
    return replace(_finding(state, scene), active=False, seen=moment(state.off_since_ms))


def _cause(watts: float) -> str:
    if watts >= 1300:
        return "A kettle, heater or iron"
    if watts >= 780:
        return "An immersion heater, hot plate or coffee maker"
    return "A toaster or a small hot plate"
