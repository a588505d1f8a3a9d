"""Leaks of a whole network, from nothing but the flow of its inlet meter."""

from dataclasses import dataclass, field, replace

import numpy as np

from analytics.arrays import Bools, Floats

WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLeakParams:
    """Offsets are shares of the day's mean flow; `deviations` count robust standard deviations of the days without a leak.

    A day is a leak day at once when its offset stands `jump` deviations out, or part of it does and a step explains the day
    `step_gain` times better than none; smaller ones add up (CUSUM with the slack `slack` and the limit `limit`, Page 1954).
    It is over when the offset falls under `over` deviations or `over_share` of what it was. Gaps of up to `gap_rows` of a day are
    bridged.
    """

    learn_days: int = 14
    least_deviation: float = 0.004
    jump: float = 6.0
    slack: float = 0.75
    limit: float = 6.0
    over: float = 1.5
    over_share: float = 0.3
    step_gain: float = 0.5
    memory_weeks: int = 8
    reference_days: int = 28
    relearn_days: int = 3
    gap_rows: float = 1 / 8


PARAMS = NetworkLeakParams()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkState:
    """What is known after some days. `profile`, shape (7, rows a day): the day's course by weekday, mean 1.

    `bias` (7,): offset that the weekday's profile has by itself; `weeks` (7,): days each row was learned from;
    `offsets`: those of the last days without a leak; `level`: the offset of the leak that is on, 0 where none is.
    """

    day: int = 0
    learned: tuple[Floats, ...] = ()
    profile: Floats = field(default_factory=lambda: np.zeros((WEEK, 0)))
    bias: Floats = field(default_factory=lambda: np.zeros(WEEK))
    weeks: Floats = field(default_factory=lambda: np.zeros(WEEK))
    offsets: tuple[float, ...] = ()
    reference: float = 0.0
    deviation: float = 0.0
    sum: float = 0.0
    low: tuple[float, ...] = ()
    leaking: bool = False
    level: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeakDay:
    """Which rows of the day a leak was on in, and how large it is as a share of the day's mean flow without it."""

    leaking: Bools
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """The best single step in a day: at row `at`, of `share`, and how much of the unexplained rest it leaves."""

    at: int
    share: float
    rest: float


def detect(flow: Floats, rows_per_day: int, params: NetworkLeakParams = PARAMS) -> Bools:
    """Marks the rows of `flow` (any unit, whole days from the first row on, NaN = gap) in which a leak was on; a day's rows
    are told from it and the days before.

    What for: the inlet of a campus or of one building. People's use swells and shrinks as a whole (season, term, holiday),
    a leak adds the same at every hour: each day is fitted as scale x weekday profile + offset, and the offset is watched.
    When it fails: leaks smaller than half a percent of the flow, leaks from the first two weeks on (told when they end),
    networks whose use does not repeat by weekday. Reference: the split of minimum night flow into use and leakage
    (McKenzie 1999), here over the whole day; judged on LeakDB (Vrachimis et al. 2018).
    """
    state, marks = NetworkState(), np.zeros(flow.size, np.bool_)
    for first in range(0, flow.size - rows_per_day + 1, rows_per_day):
        state, day = step(state, flow[first : first + rows_per_day], params)
        marks[first : first + rows_per_day] = day.leaking
    return marks


def step(state: NetworkState, flow: Floats, params: NetworkLeakParams = PARAMS) -> tuple[NetworkState, LeakDay]:
    """One whole day more. Short gaps are bridged; days with long ones, or without any flow, are left out of the learning, which
    begins anew, and keep what was said before."""
    flow = _bridged(flow, params.gap_rows)
    quiet = LeakDay(leaking=np.full(flow.size, state.leaking), share=state.level if state.leaking else 0.0)
    if not _flows(flow):
        return replace(state, day=state.day + 1, learned=()), quiet
    if state.day < params.learn_days or not state.profile.size:
        return _learn(state, flow, params), quiet
    after = replace(state, day=state.day + 1)
    return _during(after, flow, state.day % WEEK, params) if state.leaking else _before(after, flow, state.day % WEEK, params)


def normal_of(state: NetworkState, flow: Floats) -> Floats:
    """What the whole day `flow` would have been without a leak, by what was known before it: scale x profile; NaN if not known."""
    flow = _bridged(flow, PARAMS.gap_rows)
    if not state.profile.size or not _flows(flow):
        return np.full(flow.size, np.nan)
    weekday = state.day % WEEK
    scale, _ = _fit(flow, state.profile[weekday])
    expected: Floats = np.fmax(scale * (state.profile[weekday] + state.reference + _bias(state, weekday)), 0.0)
    return expected


def _flows(flow: Floats) -> bool:
    """Whether the day is whole and anything was drawn: a building that stands empty has no course to compare."""
    return bool(np.isfinite(flow).all() and (flow >= 0).all() and flow.mean() > 0)


def _bridged(flow: Floats, most: float) -> Floats:
    """Gaps filled with the straight line between their neighbours, where no more than `most` of the rows are missing."""
    known = np.flatnonzero(np.isfinite(flow))
    if known.size == flow.size or known.size < (1 - most) * flow.size:
        return flow
    return np.interp(np.arange(flow.size), known, flow[known])


def _learn(state: NetworkState, flow: Floats, params: NetworkLeakParams) -> NetworkState:
    learned = (*state.learned, flow)
    state = replace(state, day=state.day + 1, learned=learned)
    if len(learned) < params.learn_days:
        return state
    days = np.stack(learned)
    shapes = days / days.mean(axis=1, keepdims=True)
    profile = np.stack([shapes[weekday::WEEK].mean(axis=0) for weekday in range(WEEK)])
    profile = np.roll(profile, (state.day - len(learned)) % WEEK, axis=0)
    offsets = tuple(_fit(day, profile[(state.day - len(learned) + n) % WEEK])[1] for n, day in enumerate(learned))
    spread = 1.5 * _deviation(offsets, float(np.median(offsets)))  # the same days made the profile, so they fit it too well
    weeks = np.full(WEEK, len(learned) / WEEK)
    deviation = max(spread, params.least_deviation)
    return replace(state, learned=(), profile=profile, weeks=weeks, offsets=offsets, deviation=deviation)


def _before(state: NetworkState, flow: Floats, weekday: int, params: NetworkLeakParams) -> tuple[NetworkState, LeakDay]:
    """A day while no leak is known."""
    bias = _bias(state, weekday)
    scale, raw = _fit(flow, state.profile[weekday])
    offset = raw - bias
    far = (offset - state.reference) / state.deviation
    gathered = max(0.0, state.sum + min(far, params.jump) - params.slack)
    begun = _best_step(flow, state.profile[weekday] + state.reference + bias, ends=False)
    within = begun.at > 0 and begun.rest < params.step_gain and begun.share > params.jump * state.deviation
    if gathered > params.limit or far > params.jump or within:
        level = max(offset - state.reference, begun.share if within else 0.0, 0.0)
        marks = np.arange(flow.size) >= (begun.at if within else 0)
        return replace(state, sum=0.0, low=(), leaking=True, level=level), LeakDay(leaking=marks, share=level)
    none = LeakDay(leaking=np.zeros(flow.size, np.bool_), share=0.0)
    low = (*state.low, offset) if far < -params.jump else ()
    if len(low) >= params.relearn_days:  # there was a leak while we learned, and now it is gone
        return replace(state, sum=0.0, low=(), offsets=low, reference=float(np.median(low))), none
    state = replace(state, sum=gathered, low=low)
    if low:  # not to be learned from until it is clear what it is
        return state, none
    return _enter(state, (flow - raw * scale) / scale, offset, weekday, params), none


def _during(state: NetworkState, flow: Floats, weekday: int, params: NetworkLeakParams) -> tuple[NetworkState, LeakDay]:
    """A day while a leak is on."""
    bias = _bias(state, weekday)
    share = _fit(flow, state.profile[weekday])[1] - bias - state.reference
    end = _best_step(flow, state.profile[weekday] + state.reference + bias, ends=True)
    stepped = 0 < end.at < flow.size and end.rest < params.step_gain and end.share > state.level / 2
    gone = share < max(params.over * state.deviation, params.over_share * min(state.level, 10 * state.deviation))
    if gone or stepped:
        marks = np.arange(flow.size) < (end.at if stepped else 0)
        return replace(state, leaking=False, level=0.0, sum=0.0), LeakDay(leaking=marks, share=0.0)
    level = 0.8 * state.level + 0.2 * share
    return replace(state, level=level), LeakDay(leaking=np.ones(flow.size, np.bool_), share=share)


def _enter(state: NetworkState, shape: Floats, offset: float, weekday: int, params: NetworkLeakParams) -> NetworkState:
    """Learns from a day without a leak. `shape`: the day without its offset, over its scale."""
    offsets = (*state.offsets, offset)[-params.reference_days :]
    reference = float(np.median(offsets))
    deviation = max(_deviation(offsets, reference), params.least_deviation) if len(offsets) >= 20 else state.deviation
    profile, bias, weeks = state.profile.copy(), state.bias.copy(), state.weeks.copy()
    weeks[weekday] = min(weeks[weekday] + 1, params.memory_weeks)
    profile[weekday] += (shape - profile[weekday]) / weeks[weekday]
    surprise = np.clip(offset + _bias(state, weekday) - reference, -3 * deviation, 3 * deviation)
    bias[weekday] += (surprise - bias[weekday]) / weeks[weekday]
    return replace(state, offsets=offsets, reference=reference, deviation=deviation, profile=profile, bias=bias, weeks=weeks)


def _bias(state: NetworkState, weekday: int) -> float:
    """Shrunk towards none while few weeks are known."""
    weeks = float(state.weeks[weekday])
    return float(state.bias[weekday]) * weeks / (weeks + 2)


def _fit(flow: Floats, profile: Floats) -> tuple[float, float]:
    """Least squares of flow = scale x (profile + offset): the scale and the offset. A scale that is not positive is the mean."""
    centred = profile - profile.mean()
    power = float(centred @ centred)
    scale = float(centred @ flow) / power if power > 0 else 0.0
    scale = scale if scale > 0 else float(flow.mean())
    return scale, float(flow.mean()) / scale - float(profile.mean())


def _best_step(flow: Floats, profile: Floats, *, ends: bool) -> _Step:
    """Least squares of flow = scale x (profile + share x [row before, or from, the step]) over all places of the step.

    `rest` is the unexplained square sum over that of a day all of which is leaking.
    """
    rows = np.arange(flow.size + 1)
    upto_profile, upto_flow = np.append(0.0, np.cumsum(profile)), np.append(0.0, np.cumsum(flow))
    held_profile, held_flow, held = (
        (upto_profile, upto_flow, rows) if ends else (upto_profile[-1] - upto_profile, upto_flow[-1] - upto_flow, flow.size - rows)
    )
    xx, xy, yy = float(profile @ profile), float(profile @ flow), float(flow @ flow)
    determinant = xx * held - held_profile**2
    sound = (held > 0) & (determinant > 1e-9 * xx)
    amount = np.where(sound, (xx * held_flow - held_profile * xy) / np.where(sound, determinant, 1.0), 0.0)
    scale = (xy - amount * held_profile) / xx
    squares = yy - scale * xy - amount * held_flow
    at = int(np.argmin(squares))
    whole = float(squares[-1 if ends else 0])
    return _Step(at=at, share=float(amount[at]) / max(float(scale[at]), 1e-9), rest=float(squares[at]) / max(whole, 1e-12))


def _deviation(offsets: tuple[float, ...], centre: float) -> float:
    return 1.4826 * float(np.median(np.abs(np.array(offsets) - centre)))
