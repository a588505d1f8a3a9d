"""The demo's tour: faults by script, so that a visitor sees each kind of alarm within minutes, and variety after that."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import numpy as np

from simulators.campus import Campus, stream
from simulators.faults import burst_parameters
from simulators.labels import LabelledFault

CYCLE = timedelta(minutes=15)
"""A new pair of scenes each quarter of an hour; all have ended before the next."""
_Scene = Callable[[Campus, np.random.Generator, frozenset[str], datetime], LabelledFault]


def opening(campus: Campus, began: datetime) -> tuple[LabelledFault, ...]:
    """The first four minutes: a burst pipe, a forced door, smoke and a kettle."""

    def at(seconds: float) -> datetime:
        return began + timedelta(seconds=seconds)

    burst = burst_parameters(campus, "wm-dorm-a-f3", 8000)
    kettle: dict[str, float | str] = {"appliance": "kettle", "power_w": 1850, "on_s": 170, "off_s": 55}
    return (
        LabelledFault(kind="water.burst", device_id="wm-dorm-a-f3", start=at(40), end=at(400), parameters=burst),
        LabelledFault(kind="door.forced", device_id="door-library-rear", start=at(62), end=at(300)),
        LabelledFault(kind="fire.smoke", device_id="smoke-teach-2-f3-1", start=at(90), end=at(340)),
        LabelledFault(kind="elec.heating_appliance", device_id="em-dorm-a-305", start=at(100), end=at(495), parameters=kettle),
    )


def cycle(campus: Campus, began: datetime, number: int, avoid: Collection[str] = ()) -> tuple[LabelledFault, ...]:
    """The scenes of the `number`-th quarter of an hour (1, 2, ...) after the tour began; `avoid`: devices with a fault already."""
    rng, start = stream(campus.seed, "tour", number), began + CYCLE * number
    busy = frozenset(avoid)
    first, second = _PAIRS[(number - 1) % len(_PAIRS)]
    one = first(campus, rng, busy, start + timedelta(seconds=90))
    other = second(campus, rng, busy | {one.device_id}, start + timedelta(seconds=330))
    return one, other


def _pick(campus: Campus, rng: np.random.Generator, busy: frozenset[str], prefix: str, profile: str) -> str:
    found = [d.id for d in campus.devices if d.profile_id == profile and d.id.startswith(prefix) and d.id not in busy]
    return found[int(rng.integers(len(found)))]


def _sensor(kind: str, prefix: str, profile: str, minutes: float) -> _Scene:
    def scene(campus: Campus, rng: np.random.Generator, busy: frozenset[str], start: datetime) -> LabelledFault:
        device = _pick(campus, rng, busy, prefix, profile)
        return LabelledFault(kind=kind, device_id=device, start=start, end=start + timedelta(minutes=minutes))

    return scene


def _burst(campus: Campus, rng: np.random.Generator, busy: frozenset[str], start: datetime) -> LabelledFault:
    meter = _pick(campus, rng, busy, str(rng.choice(["wm-dorm-a", "wm-dorm-b", "wm-teach"])), "wm-floor")
    parameters = burst_parameters(campus, meter, round(float(rng.uniform(7000, 9500))))
    return LabelledFault(kind="water.burst", device_id=meter, start=start, end=start + timedelta(minutes=6), parameters=parameters)


def _appliance(name: str, low_w: float, high_w: float, seconds: float, cycle_s: tuple[float, float] = (0, 0)) -> _Scene:
    def scene(campus: Campus, rng: np.random.Generator, busy: frozenset[str], start: datetime) -> LabelledFault:
        parameters: dict[str, float | str] = {"appliance": name, "power_w": round(float(rng.uniform(low_w, high_w)))}
        if cycle_s[1]:
            parameters |= {"on_s": cycle_s[0], "off_s": cycle_s[1]}
        return LabelledFault(
            kind="elec.heating_appliance",
            device_id=_pick(campus, rng, busy, "em-dorm", "em-room"),
            start=start,
            end=start + timedelta(seconds=seconds),
            parameters=parameters,
        )

    return scene


_held = _sensor("door.held_open", "door-", "door", 5)
_forced = _sensor("door.forced", "door-", "door", 3)
_smoke = _sensor("fire.smoke", "smoke-", "smoke", 4)
_kettle = _appliance("kettle", 1500, 2200, 150)
_plate = _appliance("cooking_plate", 827, 898, 500)
_heater = _appliance("heater", 1400, 2200, 480, (120, 60))
_PAIRS: tuple[tuple[_Scene, _Scene], ...] = (
    (_held, _sensor("fire.co", "co-", "co", 5)),
    (_sensor("fire.gas", "gas-canteen", "gas", 4), _plate),
    (_heater, _sensor("fire.call_point", "call-point-", "call-point", 4)),
    (_burst, _forced),
    (_smoke, _kettle),
    (_sensor("fire.heat", "heat-", "heat", 4), _held),
)
