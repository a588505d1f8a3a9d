"""Which faults happen when: kinds, rates and figures of a real campus, without one hiding another."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from devices.model import Space, UseType
from simulators.campus import Campus, stream
from simulators.electricity import climate_w, lights_w
from simulators.labels import LabelledFault
from simulators.timetable import DayKind, date_of, day_kind, day_of, moment

__all__ = ["Draw", "LabelledFault", "Scene", "demo_schedule", "labelled", "place", "schedule"]

Draw = Callable[["Scene"], LabelledFault]
_MARGIN = timedelta(hours=4)
_BRIEF_MARGIN = timedelta(minutes=25)
_TRIES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where one fault is drawn: the campus, the local days it may begin on, and a random stream."""

    campus: Campus
    days: range
    rng: np.random.Generator

    def pick(self, prefix: str, *uses: UseType, level: str = "") -> str:
        """One device by the beginning of its id, its use and the end of its profile's name."""
        found = [
            device.id
            for device in self.campus.devices
            if device.id.startswith(prefix)
            and device.profile_id.endswith(level)
            and (not uses or self.space(device.id).use in uses)
        ]
        return found[int(self.rng.integers(len(found)))]

    def space(self, device_id: str) -> Space:
        registry = self.campus.registry
        return registry.spaces[registry.devices[device_id].space_id]

    def day(self, *kinds: DayKind) -> int:
        days = [day for day in self.days if not kinds or day_kind(day) in kinds] or list(self.days)
        return days[int(self.rng.integers(len(days)))]

    def between(self, low: float, high: float, digits: int = 1) -> float:
        return round(float(self.rng.uniform(low, high)), digits)


_LIVED = (UseType.DORMITORY, UseType.TEACHING, UseType.LIBRARY, UseType.LABORATORY)


def labelled(kind: str, device_id: str, start: datetime, hours: float, **parameters: float | str) -> LabelledFault:
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=round(hours * 3600))
    return LabelledFault(kind=kind, device_id=device_id, start=start, end=end, parameters=parameters)


def _toilet_leak(scene: Scene) -> LabelledFault:
    start = moment(scene.day(), scene.between(300, 1400))
    flow = scene.between(9, 17)  # 215-400 L/day, Waterwise 2020
    return labelled(
        "water.toilet_leak", scene.pick("wm-", *_LIVED, level="-floor"), start, scene.between(30, 120), flow_l_per_h=flow
    )


def _running_tap(scene: Scene) -> LabelledFault:
    start = moment(scene.day(), scene.between(22.7 * 60, 26 * 60))
    flow = scene.between(240, 1200, 0)  # a basin tap to a hose, 4-20 L/min
    return labelled(
        "water.running_tap", scene.pick("wm-", *_LIVED, level="-floor"), start, scene.between(1.5, 7), flow_l_per_h=flow
    )


def _burst(scene: Scene) -> LabelledFault:
    level = "-floor" if scene.rng.random() < 0.8 else "-building"
    meter = scene.pick("wm-", *_LIVED, level=level)
    flow = scene.between(4500, 9500, 0)
    start = moment(scene.day(), scene.between(0, 1439))
    return labelled("water.burst", meter, start, scene.between(0.6, 4), **burst_parameters(scene.campus, meter, flow))


def burst_parameters(campus: Campus, meter_id: str, flow_l_per_h: float) -> dict[str, float | str]:
    """A burst's figures: its flow, and which hydrant loses how much pressure with it (about 15 kPa per m3/h)."""
    building = campus.registry.building(campus.registry.devices[meter_id].space_id)
    hydrant = f"hydrant-{building.id if building else campus.site_id}-1"
    drop = round(flow_l_per_h / 1000 * 15, 1)
    return {"flow_l_per_h": flow_l_per_h, "pressure_drop_kpa": drop, "hydrant": hydrant, "site": campus.site_id}


_CLOSES_H = {UseType.TEACHING: 21.7, UseType.LABORATORY: 21.7, UseType.LIBRARY: 22.4, UseType.CANTEEN: 20.6}
_OPENS_H = {UseType.TEACHING: 7.0, UseType.LABORATORY: 7.3, UseType.LIBRARY: 7.2, UseType.CANTEEN: 5.0}


def _left_on(scene: Scene) -> LabelledFault:
    """Lights and air conditioning after closing time, of a room, a floor or a whole building; overnight or over a weekend."""
    scope = str(scene.rng.choice(["room", "floor", "floor", "building"]))
    weekly = (UseType.TEACHING, UseType.LABORATORY)
    uses = weekly if scope == "building" or scene.rng.random() < 0.3 else (*weekly, UseType.LIBRARY, UseType.CANTEEN)
    meter = scene.pick("em-", *uses, level="-building" if scope == "building" else "-floor")
    space = scene.space(meter)
    saturdays = [day for day in scene.days if date_of(day).weekday() == 5]
    weekend = space.use in weekly and bool(saturdays) and scene.rng.random() < 0.35
    day = saturdays[int(scene.rng.integers(len(saturdays)))] if weekend else scene.day(DayKind.TERM)
    start = moment(day, (17.6 if weekend else _CLOSES_H[space.use]) * 60 + scene.between(0, 20))
    end = moment(day + (2 if weekend else 1), _OPENS_H[space.use] * 60 - scene.between(0, 10))
    watts = left_on_w(space, scope, scene.between(0.45, 1, 2))
    return labelled("elec.left_on", meter, start, (end - start).total_seconds() / 3600, power_w=watts, scope=scope)


def left_on_w(space: Space, scope: str, share: float) -> float:
    """Lights and climate of that share of a floor; of one room with its own unit; or a building's lobby and air handling."""
    if scope == "room":
        return round(lights_w(space) * 0.2 + 1000 + 900 * share, 0)
    if scope == "floor":
        return round((lights_w(space) + climate_w(space)) * share, 0)
    return round(6000 + 14_000 * share, 0)


# name, share, W low-high, seconds low-high in all, seconds on, seconds off (0: not switching), after tracebase p10-p90
_APPLIANCES: tuple[tuple[str, float, tuple[float, float], tuple[float, float], tuple[float, float]], ...] = (
    ("kettle", 0.48, (1500, 2200), (63, 248), (0, 0)),
    ("heater", 0.20, (1000, 2200), (3600, 9000), (420, 240)),
    ("immersion_heater", 0.12, (950, 1200), (300, 600), (0, 0)),
    ("cooking_plate", 0.08, (827, 898), (332, 657), (0, 0)),
    ("coffee_maker", 0.04, (880, 960), (240, 420), (0, 0)),
    ("iron", 0.05, (1400, 1524), (360, 700), (28, 26)),
    ("toaster", 0.03, (666, 718), (96, 156), (0, 0)),
)


def _heating_appliance(scene: Scene) -> LabelledFault:
    shares = np.array([row[1] for row in _APPLIANCES])
    name, _, watts, seconds, cycle = _APPLIANCES[int(scene.rng.choice(len(_APPLIANCES), p=shares / shares.sum()))]
    hour = scene.between(6.6, 7.4, 3) if scene.rng.random() < 0.2 else scene.between(17.6, 22.3, 3)
    start = moment(scene.day(DayKind.TERM, DayKind.WEEKEND), hour * 60)
    duration_h = scene.between(*seconds, 0) / 3600
    parameters: dict[str, float | str] = {"appliance": name, "power_w": scene.between(*watts, 0)}
    if cycle[1]:
        parameters |= {"on_s": round(cycle[0] * scene.between(0.7, 1.4, 2)), "off_s": round(cycle[1] * scene.between(0.7, 1.4, 2))}
    return labelled("elec.heating_appliance", scene.pick("em-", level="-room"), start, duration_h, **parameters)


def _frozen(scene: Scene) -> LabelledFault:
    if scene.rng.random() < 0.7:
        meter = scene.pick("em-", level=str(scene.rng.choice(["-floor", "-floor", "-building"])))
    else:
        meter = scene.pick("wm-", UseType.DORMITORY, level="-floor")
    start = moment(scene.day(), scene.between(420, 1300))
    return labelled("meter.frozen", meter, start, scene.between(26, 90), catch_up=float(scene.rng.random() < 0.6))


def _dead(scene: Scene) -> LabelledFault:
    device = scene.pick(str(scene.rng.choice(["em-", "wm-", "door-"])))
    return labelled("device.dead", device, moment(scene.day(), scene.between(0, 1439)), scene.between(8, 60))


def _register_reset(scene: Scene) -> LabelledFault:
    meter = scene.pick(str(scene.rng.choice(["em-", "wm-"])), level=str(scene.rng.choice(["-floor", "-building"])))
    return labelled("meter.register_reset", meter, moment(scene.day(), round(scene.between(480, 1260))), 1.0)


def _door(kind: str, low_min: float, high_min: float) -> Draw:
    def draw(scene: Scene) -> LabelledFault:
        hour = scene.between(0, 5.5, 3) if kind == "door.forced" and scene.rng.random() < 0.6 else scene.between(8, 23, 3)
        return labelled(kind, scene.pick("door-"), moment(scene.day(), hour * 60), scene.between(low_min, high_min) / 60)

    return draw


def _fire(kind: str, prefix: str, low_min: float, high_min: float) -> Draw:
    def draw(scene: Scene) -> LabelledFault:
        return labelled(
            kind, scene.pick(prefix), moment(scene.day(), scene.between(0, 1439)), scene.between(low_min, high_min) / 60
        )

    return draw


def _hydrant_pressure(scene: Scene) -> LabelledFault:
    start = moment(scene.day(), scene.between(0, 1439))
    return labelled("fire.hydrant_pressure", scene.pick("hydrant-"), start, scene.between(2, 9), pressure_kpa=scene.between(40, 85))


def _battery_low(scene: Scene) -> LabelledFault:
    device = scene.pick(str(scene.rng.choice(["smoke-", "heat-", "co-", "gas-", "door-"])))
    start = moment(scene.day(), scene.between(0, 1439))
    return labelled("device.battery_low", device, start, scene.between(20, 90), level_pct=14.0, pct_per_h=0.8)


# how often in four weeks, and how each is drawn; long ones first, since they leave the least room
_RATES: tuple[tuple[float, Draw], ...] = (
    (4, _toilet_leak),
    (4, _frozen),
    (5, _dead),
    (4, _battery_low),
    (9, _left_on),
    (4, _burst),
    (3, _register_reset),
    (8, _running_tap),
    (2, _fire("fire.device_silent", "smoke-", 300, 1500)),
    (3, _hydrant_pressure),
    (26, _heating_appliance),
    (5, _door("door.forced", 1, 8)),
    (6, _door("door.held_open", 3, 20)),
    (4, _fire("fire.smoke", "smoke-", 4, 20)),
    (2, _fire("fire.heat", "heat-", 5, 20)),
    (2, _fire("fire.co", "co-", 10, 40)),
    (2, _fire("fire.gas", "gas-", 5, 30)),
    (2, _fire("fire.call_point", "call-point-", 3, 15)),
)


def schedule(
    campus: Campus, start: datetime, end: datetime, seed: int, *, warm_up: timedelta = timedelta(days=5)
) -> tuple[LabelledFault, ...]:
    """Labelled faults of every kind at a real campus's rates, all ended before `end`, none before `start + warm_up`."""
    span_days = (end - start).total_seconds() / 86_400
    first, last = day_of(start + warm_up) + 1, day_of(end) - 1
    if last <= first:
        return ()
    taken: list[LabelledFault] = []
    for number, (per_four_weeks, draw) in enumerate(_RATES):
        rng = stream(seed, "schedule", number)
        for _ in range(max(1, round(per_four_weeks * span_days / 28))):
            scene = Scene(campus=campus, days=range(first, last + 1), rng=rng)
            place(campus, draw, scene, taken, end - timedelta(hours=6))
    return tuple(sorted(taken, key=lambda fault: (fault.start, fault.device_id)))


def place(campus: Campus, draw: Draw, scene: Scene, taken: list[LabelledFault], end: datetime) -> None:
    """Draws until a fault fits; after many tries the span is full and this one does not happen."""
    for _ in range(_TRIES):
        fault = draw(scene)
        if fault.end <= end and not any(_clashes(campus, fault, other) for other in taken):
            taken.append(fault)
            return


def _clashes(campus: Campus, one: LabelledFault, other: LabelledFault) -> bool:
    brief = one.kind == other.kind == "elec.heating_appliance"
    margin = _BRIEF_MARGIN if brief else _MARGIN
    if one.start - margin >= other.end or other.start - margin >= one.end:
        return False
    return other.device_id in _chain(campus, one.device_id) or one.device_id in _chain(campus, other.device_id)


def _chain(campus: Campus, device_id: str) -> Sequence[str]:
    """The device and the meters that feed it: those it may hide in, or be hidden by."""
    steps = [device_id]
    while upstream := campus.registry.devices[steps[-1]].upstream_id:
        steps.append(upstream)
    return steps


def demo_schedule(campus: Campus, start: datetime, end: datetime, seed: int) -> tuple[LabelledFault, ...]:
    """The demo's history: faults of every kind that ended, and a few of the last days that are still there and go on live."""
    lasting = _still_there(end)
    names = {name for fault in lasting for name in _chain(campus, fault.device_id)[:2]}
    ended = [fault for fault in schedule(campus, start, end, seed) if not names & set(_chain(campus, fault.device_id))]
    quiet_from = end - timedelta(hours=30)
    return tuple(sorted((*_until(ended, quiet_from), *lasting), key=lambda fault: (fault.start, fault.device_id)))


def _until(faults: Iterable[LabelledFault], latest: datetime) -> list[LabelledFault]:
    return [fault for fault in faults if fault.end <= latest]


def _still_there(end: datetime) -> tuple[LabelledFault, ...]:
    week = timedelta(days=7)
    leak = labelled("water.toilet_leak", "wm-dorm-b-f3", end - timedelta(hours=66), 0, flow_l_per_h=15.5)
    frozen = labelled("meter.frozen", "em-teach-1-f3", end - timedelta(hours=49), 0, catch_up=1.0)
    dead = labelled("device.dead", "wm-library-f2", end - timedelta(hours=31), 0)
    battery = labelled("device.battery_low", "smoke-lab-f2-2", end - timedelta(hours=9), 0, level_pct=14.0, pct_per_h=0.4)
    return tuple(replace(fault, end=(end + week).replace(microsecond=0)) for fault in (leak, frozen, dead, battery))
