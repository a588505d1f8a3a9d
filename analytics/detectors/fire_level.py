"""When a measured level is an alarm of its own, whatever the detector itself says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from devices.model import Device

_MINUTE_MS = 60_000

LEVELS: Mapping[str, tuple[tuple[float, float], ...]] = {
    "env.temperature": ((57.0, 0.0),),
    "co.concentration": ((70.0, 60.0), (150.0, 10.0), (400.0, 4.0)),
    "gas.lel": ((20.0, 0.0),),
}
"""By gauge: levels and the minutes they must last. Heat 57 °C (class A detectors; BULC/FDS default), CO as UL 2034 (earliest
times: 70 ppm 60 min, 150 ppm 10 min, 400 ppm 4 min; none at 30 ppm), combustible gas 20 % of the explosive limit (assumption:
the lower alarm point of common kitchen detectors)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelState:
    """By gauge and level: since when it has been reached without a break, epoch ms."""

    since_ms: Mapping[tuple[str, float], int] = field(default_factory=dict)
    reached: frozenset[str] = frozenset()


def step(state: LevelState, sample: tuple[str, int, float], device: Device) -> LevelState:
    """`sample`: gauge, epoch ms, value. The gauge is in `reached` while one of its levels has lasted for its time.

    For: heat, CO and gas detectors that report what they measure, even where their own alarm output is lost. Fails: smoke, whose
    density has no common unit; a sensor in the hot stream of a machine (the attribute `alarm.env.temperature` sets another level).
    """
    gauge, ts_ms, value = sample
    since = dict(state.since_ms)
    lasted = False
    for level, minutes in _levels(gauge, device):
        if isfinite(value) and value >= level:
            begun_ms = since.setdefault((gauge, level), ts_ms)
            lasted = lasted or ts_ms - begun_ms >= minutes * _MINUTE_MS
        else:
            since.pop((gauge, level), None)
    reached = state.reached | {gauge} if lasted else state.reached - {gauge}
    return LevelState(since_ms=since, reached=reached)


def _levels(gauge: str, device: Device) -> tuple[tuple[float, float], ...]:
    own = device.number(f"alarm.{gauge}", float("nan"))
    return ((own, 0.0),) if isfinite(own) else LEVELS.get(gauge, ())
