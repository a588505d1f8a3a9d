"""Cold stores, refrigerators and laboratories: limits with time to shut the door, a failing compressor, a stuck sensor."""

from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import median

from analytics.finding import Evidence, Finding, FindingKind
from analytics.sighting import Sighting, Sightings, Story, end, resumed, see, told
from devices.model import Device, Reading

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdParams:
    """°C, %RH and seconds. The device's attributes `min_c`, `max_c`, `min_rh`, `max_rh`, `grace_s` override: a freezer says
    `max_c` = -15. 0-8 °C is the range of chilled food (GB 31605); `grace_s`: loading with an open door, warm food put in.
    `rise_c`: the median of the last `hours` hours above that of the `before` hours before: the compressor no longer keeps up.
    `stuck_s`: exactly the same value for so long, over at least `stuck_count` readings; air is never that still.
    """

    min_c: float = 0.0
    max_c: float = 8.0
    grace_s: float = 1800.0
    rise_c: float = 1.5
    hours: int = 6
    before: int = 48
    stuck_s: float = 21_600.0
    stuck_count: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdState:
    """`broken_ms`: since when a limit is broken; `hour`, `values`: the running hour's; `hours`: (hour, mean) of those before."""

    newest_ms: int = 0
    broken_ms: dict[str, int] = field(default_factory=dict)
    same: tuple[float, int, int] = (0.0, 0, 0)
    hour: int = 0
    values: tuple[float, ...] = ()
    hours: tuple[tuple[int, float], ...] = ()
    recent: tuple[tuple[int, float], ...] = ()
    sightings: Sightings = field(default_factory=dict)


LIMIT = Story(
    kind=FindingKind.COLD_LIMIT,
    message="%(value)s °C for %(minutes)s min, allowed %(low)s to %(high)s °C",
    cause="Door open, cooling off or too much warm food at once; check what is stored before it is used",
    score=0.8,
)
HUMIDITY = Story(
    kind=FindingKind.COLD_HUMIDITY,
    message="%(value)s %% humidity for %(minutes)s min, allowed %(low)s to %(high)s %%",
    cause="Ventilation or humidifier; or a door or window open",
    score=0.4,
)
FAILING = Story(
    kind=FindingKind.COLD_FAILING,
    message="%(rise)s °C warmer than in the last two days and still within the limits",
    cause="Compressor weak, condenser dirty, coolant lost or the evaporator iced up",
    score=0.6,
)
STUCK = Story(
    kind=FindingKind.COLD_SENSOR_STUCK,
    message="Exactly %(value)s °C for %(hours)s hours",
    cause="The sensor or its transmitter is stuck: the store is not watched",
    score=0.6,
)
STORIES = {one.kind: one for one in (LIMIT, HUMIDITY, FAILING, STUCK)}
METRICS = frozenset({"env.temperature", "env.humidity"})
DEFAULTS = ColdParams()
_Step = tuple[ColdState, list[Finding]]


def step(state: ColdState, sample: Reading, device: Device, params: ColdParams = DEFAULTS) -> _Step:
    """One reading of a store's temperature or humidity, by time.

    For: DeviceKind.COLD_STORE; limits are the store's own. Fails: a probe in the air warms at each opening long before the
    food does; defrosting every six hours looks like a short rise and is shorter than the grace. Reference: HACCP practice
    (Codex CXC 1-1969): monitor, limit, corrective action, record; grace and rise are assumptions.
    """
    if sample.metric not in METRICS or not isfinite(sample.value) or sample.ts_ms <= state.newest_ms:
        return state, []
    if sample.metric == "env.humidity":
        return _limits(state, sample, device, HUMIDITY, params)
    recent = (*state.recent, (sample.ts_ms, sample.value))[-120:]
    state = replace(state, newest_ms=sample.ts_ms, recent=recent)
    state, found = _limits(state, sample, device, LIMIT, params)
    state, stuck = _stuck(state, sample, device, params)
    state, failing = _hourly(state, sample, device, params)
    return state, [*found, *stuck, *failing]


def limits(device: Device, metric: str, params: ColdParams = DEFAULTS) -> tuple[float, float]:
    """What is allowed there, °C or %RH; infinite where nobody has set a limit."""
    if metric == "env.humidity":
        return device.number("min_rh", float("-inf")), device.number("max_rh", float("inf"))
    high = device.number("max_c", params.max_c)
    return device.number("min_c", params.min_c if high > params.min_c else float("-inf")), high


def resume(state: ColdState, finding: Finding, device: Device) -> ColdState:
    return replace(state, sightings=resumed(state.sightings, finding, device, STORIES))


def _turn(state: ColdState, story: Story, device: Device, span_ms: tuple[int, int], facts: dict[str, str | float] | None) -> _Step:
    if facts is None:
        sightings, finding = end(state.sightings, (story.kind, device.id), span_ms[1])
    else:
        one = Sighting(story=story, device=device, started_ms=span_ms[0], seen_ms=span_ms[1], facts=facts)
        sightings, finding = see(state.sightings, one)
        evidence = Evidence(metric="env.temperature", unit="Cel", observed=state.recent) if state.recent else None
        finding = finding and told(one, active=True, evidence=evidence)
    return replace(state, sightings=sightings), [finding] if finding is not None else []


def _limits(state: ColdState, sample: Reading, device: Device, story: Story, params: ColdParams) -> _Step:
    low, high = limits(device, sample.metric, params)
    if low <= sample.value <= high:
        left = {name: ms for name, ms in state.broken_ms.items() if name != sample.metric}
        return _turn(replace(state, broken_ms=left), story, device, (sample.ts_ms, sample.ts_ms), None)
    since_ms = state.broken_ms.get(sample.metric, sample.ts_ms)
    state = replace(state, broken_ms={**state.broken_ms, sample.metric: since_ms})
    if sample.ts_ms - since_ms < device.number("grace_s", params.grace_s) * 1000:
        return state, []
    facts: dict[str, str | float] = {
        "value": round(sample.value, 1),
        "minutes": round((sample.ts_ms - since_ms) / 60_000),
        "low": low if isfinite(low) else "-",
        "high": high if isfinite(high) else "-",
    }
    return _turn(state, story, device, (since_ms, sample.ts_ms), facts)


def _stuck(state: ColdState, sample: Reading, device: Device, params: ColdParams) -> _Step:
    value, since_ms, count = state.same
    if count == 0 or sample.value != value:
        changed = replace(state, same=(sample.value, sample.ts_ms, 1))
        return _turn(changed, STUCK, device, (sample.ts_ms, sample.ts_ms), None)
    state = replace(state, same=(value, since_ms, count + 1))
    if sample.ts_ms - since_ms < params.stuck_s * 1000 or count + 1 < params.stuck_count:
        return state, []
    facts: dict[str, str | float] = {"value": sample.value, "hours": round((sample.ts_ms - since_ms) / HOUR_MS, 1)}
    return _turn(state, STUCK, device, (since_ms, sample.ts_ms), facts)


def _hourly(state: ColdState, sample: Reading, device: Device, params: ColdParams) -> _Step:
    hour = sample.ts_ms // HOUR_MS
    if hour == state.hour:
        return replace(state, values=(*state.values, sample.value)[-400:]), []
    done = ((state.hour, sum(state.values) / len(state.values)),) if state.values else ()
    kept = tuple(row for row in (*state.hours, *done) if hour - row[0] <= params.before + params.hours)
    state = replace(state, hour=hour, values=(sample.value,), hours=kept)
    last = [value for at, value in kept if hour - at <= params.hours]
    before = [value for at, value in kept if hour - at > params.hours]
    if len(last) < params.hours or len(before) < params.before // 2:
        return state, []
    rise = median(last) - median(before)
    going_on = (FindingKind.COLD_FAILING, device.id) in state.sightings
    high = limits(device, "env.temperature", params)[1]
    failing = rise >= params.rise_c * (0.5 if going_on else 1.0) or (going_on and median(last) > high)
    began_ms = sample.ts_ms - params.hours * HOUR_MS
    return _turn(state, FAILING, device, (began_ms, sample.ts_ms), {"rise": round(rise, 1)} if failing else None)
