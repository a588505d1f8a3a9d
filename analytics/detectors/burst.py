"""A burst pipe: water runs far faster than this meter has ever needed."""

from dataclasses import dataclass, replace

import numpy as np

from analytics.arrays import Bools
from analytics.episodes import Episode, Run, moment, runs
from analytics.finding import Evidence, Finding, FindingKind
from analytics.meter import Meter
from analytics.scene import Scene
from analytics.view import Story, View, tell
from devices.model import SpaceKind

MESSAGE = "Water runs at %(flow)s m³/h, %(times)s times the most that is normal at this hour"
CAUSE = "A burst pipe or an open hydrant below this meter"


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstParams:
    """Flow (m3/h) must exceed `least_*` of the pipe and what chance can add to the most seen in like hours.

    Use is a sum of draws of about `draw` m3/h (a shower or an open tap, 6.5 L/min), so where `top` is the most used in an hour
    the momentary peak is top + `deviations` x sqrt(top x draw) (Poisson).

    `hold_s`: for so long without a break; `clear_s`: below half of the limit for so long ends it; `gap_s`: samples further
    apart than this do not prove that it ran in between. Least flows: a 6.5 mm hole at mains pressure passes about 2 m3/h,
    breaks of site mains 5-28 m3/h (BattLeDIM). By the hour also `lesser` of it (a 3 mm hole passes 0.5 m3/h), where it
    begins by day, from hour `day_from` to `day_to`, and is `lesser_times_top` the most of like hours for `lesser_hours`; else it
    is a tap.
    """

    least_floor: float = 1.5
    least_building: float = 2.5
    least_site: float = 4.0
    draw: float = 0.4
    deviations: float = 4.5
    times_top_hourly: float = 1.3
    lesser: float = 1 / 3
    lesser_times_top: float = 3.0
    lesser_hours: int = 2
    day_from: int = 6
    day_to: int = 22
    hold_s: float = 50.0
    clear_s: float = 120.0
    gap_s: float = 180.0
    unknown_times: float = 4.0

    def least(self, level: SpaceKind) -> float:
        return {SpaceKind.SITE: self.least_site, SpaceKind.BUILDING: self.least_building}.get(level, self.least_floor)


PARAMS = BurstParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What the streaming detector remembers of one meter. `top`: the most seen in like hours, m3/h."""

    above_since_ms: int | None = None
    below_since_ms: int | None = None
    last_ms: int = 0
    peak: float = 0.0
    samples: tuple[tuple[int, float], ...] = ()
    active: bool = False
    started_ms: int = 0


def limit(meter: Meter, top: float, params: BurstParams = PARAMS) -> float:
    """The flow (m3/h) that no ordinary use reaches; `top` is NaN where nothing is learned yet."""
    least = params.least(meter.level)
    if not np.isfinite(top):
        return params.unknown_times * least
    return least + top + params.deviations * float(np.sqrt(max(top, 0.0) * params.draw)) if top > 0 else least


def step(state: Burst, sample: tuple[int, float], scene: Scene, params: BurstParams = PARAMS) -> tuple[Burst, Finding | None]:
    """One flow sample (epoch ms UTC, m3/h) in time order; a finding when a burst is sure and one (not active) when it is over.

    What for: breaks, within a minute or two of the first sample. When it fails: flows below the limit are left to the hourly
    leak rules; a meter that sends more rarely than `gap_s` is left to `detect`.
    """
    ts_ms, flow = sample
    if not np.isfinite(flow) or ts_ms <= state.last_ms:
        return state, None
    threshold = limit(scene.meter, scene.top, params)
    state = _remember(state, sample, threshold, params)
    if not state.active and state.above_since_ms is not None and ts_ms - state.above_since_ms >= params.hold_s * 1000:
        state = replace(state, active=True, started_ms=state.above_since_ms)
        return state, _finding(state, scene)
    if state.active and state.below_since_ms is not None and ts_ms - state.below_since_ms >= params.clear_s * 1000:
        ended = _finding(state, scene)
        return Burst(last_ms=ts_ms), replace(ended, active=False, seen=moment(state.below_since_ms))
    return state, None


def _remember(state: Burst, sample: tuple[int, float], threshold: float, params: BurstParams) -> Burst:
    ts_ms, flow = sample
    broken = ts_ms - state.last_ms > params.gap_s * 1000
    above = flow >= threshold
    return replace(
        state,
        last_ms=ts_ms,
        above_since_ms=(ts_ms if broken or state.above_since_ms is None else state.above_since_ms) if above else None,
        below_since_ms=(state.below_since_ms or ts_ms) if flow < threshold / 2 else None,
        peak=max(state.peak, flow) if above else (state.peak if state.active else 0.0),
        samples=(*state.samples[-59:], (ts_ms, round(flow, 3))),
    )


def _finding(state: Burst, scene: Scene) -> Finding:
    meter, top = scene.meter, scene.top
    normal = top if np.isfinite(top) else PARAMS.least(meter.level)
    return Finding(
        kind=FindingKind.WATER_BURST,
        device_id=meter.device_id,
        space_id=meter.space_id,
        active=True,
        score=min(0.6 + state.peak / (10 * max(normal, 0.5)), 1.0),
        started=moment(state.started_ms),
        seen=moment(state.last_ms),
        message=MESSAGE,
        cause=CAUSE,
        facts={"flow": round(state.peak, 1), "times": round(state.peak / max(normal, 0.1), 1)},
        evidence=Evidence(
            metric=meter.rate_metric,
            unit="m3/h",
            observed=state.samples,
            expected=tuple((ts_ms, round(normal, 3)) for ts_ms, _ in state.samples),
            basis=scene.basis,
            peers=scene.peers,
        ),
        waste=scene.waste(max(state.peak - normal, 0.0) * 24, state.last_ms),
    )


def resume(finding: Finding) -> Burst:
    """The memory of a burst that was active when Caretaker stopped."""
    flow = finding.facts.get("flow", 0.0)
    return Burst(active=True, started_ms=int(finding.started.timestamp() * 1000), peak=float(flow))


def detect(view: View, params: BurstParams = PARAMS) -> list[Episode]:
    """The same from hourly consumption, for history and for meters that send no flow. One hour above the limit is enough.

    When it fails: breaks shorter than an hour, and those that began late in it, are seen weakened.
    """
    if view.meter.quantity != "water":
        return []
    top = np.fmax(view.normal.top, 0.0)
    excess = view.measured - view.normal.expected
    with np.errstate(invalid="ignore"):
        suspicious = (view.measured >= params.times_top_hourly * top) & (excess >= params.least(view.meter.level))
        lesser = (view.measured >= params.lesser_times_top * top) & (excess >= params.lesser * params.least(view.meter.level))
    suspicious |= lesser & _by_day(view, lesser, params)
    return [_tell(view, run) for run in runs(suspicious, at_least=1, known=np.isfinite(view.measured))]


def _by_day(view: View, flows: Bools, params: BurstParams) -> Bools:
    """Hours of rows of `flows` that are long enough by then and began by day."""
    index = np.arange(flows.size)
    first = np.maximum.accumulate(np.where(flows, -1, index)) + 1
    day = view.table.open & (view.table.hour >= params.day_from) & (view.table.hour < params.day_to)
    return np.asarray((index - first + 1 >= params.lesser_hours) & np.append(day, False)[first], np.bool_)


def _tell(view: View, run: Run) -> Episode:
    span = slice(run.first, run.last + 1)
    peak = float(np.nanmax(view.measured[span]))
    top = float(np.nanmax(np.fmax(view.normal.top[span], 0.1)))
    wasted = max(float(np.nanmean(view.measured[span] - view.normal.expected[span])), 0.0)
    return tell(
        view,
        run,
        Story(
            kind=FindingKind.WATER_BURST,
            message=MESSAGE,
            cause=CAUSE,
            score=min(0.6 + peak / (10 * max(top, 0.5)), 1.0),
            facts={"flow": round(peak, 1), "times": round(peak / top, 1)},
            wasted_per_hour=wasted,
        ),
    )
