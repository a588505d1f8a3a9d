"""A fire sensor whose value no longer moves: covered, painted over or stuck, while its messages say that all is well."""

from dataclasses import dataclass, field, replace
from math import isfinite

from analytics.finding import Evidence, Finding, FindingKind
from analytics.sighting import Sighting, Sightings, Story, end, resumed, see, told
from devices.metrics import metric
from devices.model import Device, Reading

BLOCK_MS = 21_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StillParams:
    """Of each six hours the span between the highest and lowest value. Still: `still_blocks` in a row with a span of no more than
    `still_share` of the least span among the `memory_blocks` before, of which there must be `learn_blocks`. `least_samples`:
    a block with fewer readings says nothing.
    """

    still_share: float = 0.3
    still_blocks: int = 3
    memory_blocks: int = 40
    learn_blocks: int = 12
    least_samples: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class StillState:
    """`block`: number of the running one since 1970, with its low, high and count; `spans`: (block, span) of those before.

    `still`: how many still blocks there were up to now; they are not among `spans`.
    """

    block: int = 0
    low: float = 0.0
    high: float = 0.0
    count: int = 0
    spans: tuple[tuple[int, float], ...] = ()
    still: int = 0
    sightings: Sightings = field(default_factory=dict)


STORY = Story(
    kind=FindingKind.FIRE_SENSOR_STUCK,
    message="The detector has shown %(value)s without moving for %(hours)s hours, though it otherwise never stands still",
    cause="Covered by a cap or bag, painted over, or its chamber or transmitter is stuck: the room may not be watched",
    score=0.8,
)
GAUGES = frozenset({"smoke.density", "env.temperature", "co.concentration", "gas.lel", "water.pressure"})
DEFAULTS = StillParams()
_Step = tuple[StillState, Finding | None]


def step(state: StillState, sample: Reading, device: Device, params: StillParams = DEFAULTS) -> _Step:
    """One reading of the device's gauge, by time. Judged when six hours are full.

    For: detectors and pressure sensors that tell what they measure. Air, rooms and mains are never still: noise and the hours of
    the day move every sound sensor. A cap leaves clean air in which at most the last digit moves. Fails: a device whose value
    stands still for hours anyway (whole degrees, a density rounded to 0) is never judged, since its least span is 0; a heat
    detector under a bag follows the room. Reference: none public; the shares are assumptions. GB 50166 and EN 54-14 have
    detectors tested by smoke twice a year because of it.
    """
    if sample.metric not in GAUGES or not isfinite(sample.value):
        return state, None
    block = sample.ts_ms // BLOCK_MS
    if block < state.block:
        return state, None
    if block == state.block:
        low, high = min(state.low, sample.value), max(state.high, sample.value)
        return replace(state, low=low, high=high, count=state.count + 1), None
    judged, finding = _judge(state, sample, device, params)
    return replace(judged, block=block, low=sample.value, high=sample.value, count=1), finding


def resume(state: StillState, finding: Finding, device: Device) -> StillState:
    """With the least span that it had before, so that a cap is not learned as its normal."""
    least = float(finding.facts.get("least", 0.0))
    spans = tuple((0, least) for _ in range(DEFAULTS.learn_blocks if least > 0 else 0))
    return replace(state, spans=spans, sightings=resumed(state.sightings, finding, device, {STORY.kind: STORY}))


def _judge(state: StillState, sample: Reading, device: Device, params: StillParams) -> _Step:
    """The block that has just ended."""
    if state.count < params.least_samples:
        return state, None
    span = round(state.high - state.low, 4)
    going_on = (STORY.kind, device.id) in state.sightings
    before = [known for _, known in state.spans]
    least = min(before) if len(before) >= params.learn_blocks else 0.0
    if least > 0 and span <= params.still_share * least:
        state = replace(state, still=state.still + 1)
        return _begin(state, sample, device) if state.still >= params.still_blocks and not going_on else (state, None)
    state = replace(state, still=0, spans=(*state.spans, (state.block, span))[-params.memory_blocks :])
    sightings, finding = end(state.sightings, (STORY.kind, device.id), sample.ts_ms)
    return replace(state, sightings=sightings), finding


def _begin(state: StillState, sample: Reading, device: Device) -> _Step:
    started_ms = (state.block + 1 - state.still) * BLOCK_MS
    least = min(span for _, span in state.spans)
    facts = {"value": round(state.high, 2), "hours": round(state.still * BLOCK_MS / 3_600_000), "least": least}
    one = Sighting(story=STORY, device=device, started_ms=started_ms, seen_ms=sample.ts_ms, facts=facts)
    sightings, _ = see(state.sightings, one)
    observed = ((started_ms, state.low), (state.block * BLOCK_MS, state.high), (sample.ts_ms, sample.value))
    evidence = Evidence(metric=sample.metric, unit=metric(sample.metric).unit, observed=observed)
    return replace(state, sightings=sightings), told(one, active=True, evidence=evidence)
