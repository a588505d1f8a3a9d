"""A heating appliance in a dormitory room whose meter only tells a quarter of an hour at a time."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from analytics.allowed import allowed_of, is_open
from analytics.arrays import Floats, Ints
from analytics.detectors import heating
from analytics.episodes import moment
from analytics.finding import Evidence, Finding, FindingKind
from analytics.meter import Meter
from analytics.scene import Scene

QUARTER_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterParams:
    """A quarter's energy stands `least_wh` above that of both the `before` quarters and the `after` one behind (so it is a verdict
    one quarter late), `times_scatter` times as much as quarters of the last day differ (their upper decile), and a flat load of
    the room is no steeper. Allowed appliances are subtracted: their greatest power for their longest time.

    A kettle of 1.8 kW for 140 s is 70 Wh, a toaster 25 Wh, a hot plate of 880 W for 7 min 100 Wh. On the dorm set by quarters
    this finds every second kettle and no toaster, and accuses nobody wrongly; one half of `times_scatter` finds a fifth more
    pulses and accuses every third clean room.
    """

    least_wh: float = 25.0
    before: int = 3
    times_scatter: float = 2.5
    day: int = 96


PARAMS = QuarterParams()


class Quarters(NamedTuple):
    """The last quarters of a room, (start, epoch ms UTC, W on average), and the finding that is open until the next one."""

    samples: tuple[tuple[int, float], ...] = ()
    told: Finding | None = None


def suits(meter: Meter) -> bool:
    """Rooms of dormitories whose meter tells its power every ten minutes or more rarely."""
    return heating.in_room(meter) and meter.interval_s >= heating.RARE_S


def step(state: Quarters, sample: tuple[int, float], scene: Scene) -> tuple[Quarters, Finding | None]:
    """One mean power (epoch ms UTC, W) per quarter, in time order; a finding a quarter late, and its end with the next."""
    ts_ms, power = sample
    last_ms = state.samples[-1][0] if state.samples else 0
    if not np.isfinite(power) or ts_ms <= last_ms:
        return state, None
    old = state.samples if ts_ms - last_ms <= 2 * QUARTER_S * 1000 else ()
    samples = (*old[-PARAMS.day :], sample)
    if state.told is not None:
        return Quarters(samples, None), replace(state.told, active=False)
    times, watts = np.array([at for at, _ in samples], np.int64), np.array([watts for _, watts in samples])
    found = [f for f in detect(times, watts * QUARTER_S / 3600, scene) if f.started == moment(int(times[-2]))]
    told = replace(found[0], active=True) if found else None
    return Quarters(samples, told), told


def resume(finding: Finding) -> Quarters:
    """The memory of a pulse that was open when Caretaker stopped: the next quarter ends it."""
    return Quarters((), finding)


def detect(ts_ms: Ints, energy_wh: Floats, scene: Scene, params: QuarterParams = PARAMS) -> list[Finding]:
    """Quarter-hours (start, epoch ms UTC, and Wh, NaN = gap) in time order; one finding, ended, per pulse.

    What for: rooms on meters of the energy supplier. When it fails: a short kettle or a toaster cannot be
    told from a laptop and a lamp; what is allowed hides as much; two rooms on one meter hide each other's scatter.
    Reference: appliance energies measured on tracebase (Reinhardt et al., SustainIT 2012).
    """
    if energy_wh.size < params.before + 2:
        return []
    before = np.full(energy_wh.size, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(energy_wh, params.before)
    before[params.before :] = windows[:-1].max(axis=1)
    after = np.append(energy_wh[1:], np.nan)
    above = energy_wh - np.fmax(before, after)
    with np.errstate(invalid="ignore"):
        sure = (above >= params.least_wh) & np.isfinite(before) & np.isfinite(after)
    return [
        _finding(int(at), (ts_ms, energy_wh, above), scene)
        for at in np.flatnonzero(sure)
        if above[at] >= params.times_scatter * _scatter(energy_wh[max(at - params.day, 0) : at])
        and above[at] >= _allowed_wh(scene, int(ts_ms[at])) + params.least_wh / 2
    ]


def _scatter(energy_wh: Floats) -> float:
    """The upper decile of how much neighbouring quarters differ."""
    steps = np.abs(np.diff(energy_wh[np.isfinite(energy_wh)]))
    return float(np.quantile(steps, 0.9)) if steps.size else 0.0


def _allowed_wh(scene: Scene, ts_ms: int) -> float:
    """The most that an allowed appliance draws at once at this time."""
    return max(
        (
            one.high_w * min(one.longest_s, QUARTER_S) / 3600
            for one in allowed_of(scene.meter.allowed)
            if is_open(one, scene, ts_ms)
        ),
        default=0.0,
    )


def _finding(at: int, series: tuple[Ints, Floats, Floats], scene: Scene) -> Finding:
    ts_ms, energy_wh, above = series
    span = slice(max(at - 8, 0), at + 2)
    return Finding(
        kind=FindingKind.ELEC_HEATING_APPLIANCE,
        device_id=scene.meter.device_id,
        space_id=scene.meter.space_id,
        active=False,
        score=float(min(0.4 + above[at] / 500, 1.0)),
        started=moment(int(ts_ms[at])),
        seen=moment(int(ts_ms[at]) + int(QUARTER_S * 1000)),
        message="%(wh)s Wh in one quarter of an hour above what lay before and after",
        cause="A kettle, hot plate or heater; a quarter of an hour does not tell which",
        facts={"wh": round(float(above[at]))},
        evidence=Evidence(
            metric=scene.meter.register_metric,
            unit="Wh",
            observed=tuple((int(t), round(float(v), 1)) for t, v in zip(ts_ms[span], energy_wh[span], strict=True)),
            expected=tuple((int(t), round(float(energy_wh[at] - above[at]), 1)) for t in ts_ms[span]),
        ),
        waste=scene.waste(float(above[at]) / 1000, int(ts_ms[at])),
    )
