"""What else happens on a campus: rarer faults, and things that only look like faults (`normal.*`), each with its label."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devices.model import FIRE_KINDS, DeviceKind, UseType
from simulators.campus import Campus, stream
from simulators.faults import Draw, LabelledFault, Scene, labelled, place
from simulators.meter_scenarios import meter_scenarios
from simulators.safety_scenarios import safety_scenarios
from simulators.timetable import DayKind, day_of, moment

NORMAL = "normal."
"""Kinds that begin so are no faults: whatever is told of them alone is a false alarm."""


def scenarios(
    campus: Campus, start: datetime, end: datetime, seed: int, *, taken: Sequence[LabelledFault], warm_up: timedelta
) -> tuple[LabelledFault, ...]:
    """Further labels that fit between those that are `taken`; the same seed gives the same ones."""
    first, last = day_of(start + warm_up) + 1, day_of(end) - 1
    if last <= first:
        return ()
    span_days = (end - start).total_seconds() / 86_400
    found = list(taken)
    for number, (per_four_weeks, draw) in enumerate(_RATES):
        rng = stream(seed, "scenarios", number)
        for _ in range(max(1, round(per_four_weeks * span_days / 28))):
            place(campus, draw, Scene(campus=campus, days=range(first, last + 1), rng=rng), found, end - timedelta(hours=6))
    outage = _outage_between(Scene(campus=campus, days=range(first, last + 1), rng=stream(seed, "outage")), found)
    found += [outage] if outage else []
    first_ones = [one for drawn in found[len(taken) :] for one in (drawn, *_with(campus, drawn))]
    more = safety_scenarios(campus, start, end, seed, taken=(*taken, *first_ones), warm_up=warm_up)
    of_meters = meter_scenarios(campus, start, end, seed, taken=(*taken, *first_ones, *more), warm_up=warm_up)
    return (*first_ones, *more, *of_meters)


def _door(kind: str, minutes: float, low_h: float, high_h: float, prefix: str = "door-") -> Draw:
    def draw(scene: Scene) -> LabelledFault:
        start = moment(scene.day(DayKind.TERM), 60 * scene.between(low_h, high_h, 3))
        return labelled(kind, scene.pick(prefix, level="door"), start, minutes / 60, seed=float(scene.rng.integers(1, 10_000)))

    return draw


def _after_hours(scene: Scene) -> LabelledFault:
    start = moment(scene.day(), 60 * scene.between(1, 4.5, 3))
    return labelled("door.after_hours", scene.pick("door-", UseType.TEACHING, UseType.LABORATORY, UseType.LIBRARY), start, 0.05)


def _elsewhere(scene: Scene) -> LabelledFault:
    """One card in two buildings: the label is at the second door."""
    door = scene.pick("door-dorm-")
    other = scene.pick("door-teach-")
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 20, 3))
    return labelled("door.impossible_travel", door, start, 0.05, other=other)


def _other_door(scene: Scene) -> LabelledFault:
    door = scene.pick("door-dorm-")
    building = door.rpartition("-")[0]
    other = f"{building}-rear" if not door.endswith("-rear") else f"{building}-main"
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 20, 3))
    return labelled("door.card_shared", door, start, 0.05, other=other)


def _class_bell(scene: Scene) -> LabelledFault:
    start = moment(scene.day(DayKind.TERM), float(scene.rng.choice([475, 525, 735, 835, 885])))
    return labelled("normal.class_bell", scene.pick("door-teach-1-main"), start, 0.17, seed=float(scene.rng.integers(1, 10_000)))


def _release(scene: Scene) -> LabelledFault:
    """Smoke in a building: its doors are released and people run out (labels of the doors: `normal.fire_release`)."""
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 19, 3))
    return labelled("fire.smoke", scene.pick("smoke-"), start, 0.2, release=1.0)


def _smouldering(scene: Scene) -> LabelledFault:
    """Half an hour of rising smoke before the detector trips; the label begins with the alarm."""
    start = moment(scene.day(), scene.between(0, 1439))
    return labelled("fire.smoke", scene.pick("smoke-"), start, 0.3, rise_s=1800.0)


def _smoke(kind: str, percent_m: float, minutes: float, prefix: str = "smoke-") -> Draw:
    def draw(scene: Scene) -> LabelledFault:
        start = moment(scene.day(), scene.between(0, 1439))
        return labelled(kind, scene.pick(prefix), start, minutes / 60, percent_m=percent_m)

    return draw


def _long(kind: str, prefix: str, low_days: float, high_days: float, **parameters: float | str) -> Draw:
    def draw(scene: Scene) -> LabelledFault:
        start = moment(scene.day(), scene.between(0, 1439))
        return labelled(kind, scene.pick(prefix), start, 24 * scene.between(low_days, high_days), **parameters)

    return draw


def _pump_test(scene: Scene) -> LabelledFault:
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 16, 3))
    return labelled("normal.pump_test", scene.pick("hydrant-"), start, 0.15, pressure_kpa=scene.between(180, 260))


def _outage(scene: Scene) -> LabelledFault:
    """The network of the whole site is away: everything has a gap at once. Fire devices rightly say so, each for its room
    (GB 50166); nothing else may. The label is at the ring main's sensor, `witnesses` are the other fire devices."""
    start = moment(scene.day(), scene.between(0, 1300))
    witnesses = ",".join(device.id for device in scene.campus.devices if device.kind in FIRE_KINDS)
    ring = f"hydrant-{scene.campus.site_id}-1"
    return labelled("fire.device_silent", ring, start, scene.between(2, 5), outage=1.0, witnesses=witnesses)


def _outage_between(scene: Scene, taken: Sequence[LabelledFault]) -> LabelledFault | None:
    """Where no fault of less than a day is going on: it would hide it."""
    margin = timedelta(hours=2)
    for _ in range(300):
        one = _outage(scene)
        brief = (other for other in taken if other.end - other.start < timedelta(hours=22) or other.kind == "device.dead")
        if all(other.end + margin < one.start or one.end + margin < other.start for other in brief):
            return one
    return None


def _boiler(scene: Scene) -> LabelledFault:
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 16, 3))
    return labelled("normal.boiler_refill", scene.pick("wm-", level="-building"), start, 0.33, flow_l_per_h=1500.0)


def _sports_day(scene: Scene) -> LabelledFault:
    start = moment(scene.day(DayKind.WEEKEND), 60 * 8.5)
    return labelled("normal.sports_day", f"wm-{scene.campus.site_id}", start, 8, flow_l_per_h=1200.0)


def _flushing(scene: Scene) -> LabelledFault:
    """Mains are flushed by day through a hydrant, as water works do."""
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 11, 3))
    return labelled("normal.flushing", f"wm-{scene.campus.site_id}", start, 0.5, flow_l_per_h=4000.0)


def _phase_loss(scene: Scene) -> LabelledFault:
    start = moment(scene.day(DayKind.TERM), scene.between(480, 900))
    return labelled("elec.phase_loss", scene.pick("em-dorm-", level="-floor"), start, 24 * scene.between(6, 9), factor=2 / 3)


def _wrong_unit(scene: Scene) -> LabelledFault:
    """A transformer ratio set wrong at a visit."""
    start = moment(scene.day(DayKind.TERM), scene.between(480, 900))
    factor = float(scene.rng.choice([0.1, 10.0]))
    meter = scene.pick("em-teach-", level="-floor")
    return labelled("meter.wrong_unit", meter, start, 24 * scene.between(6, 9), factor=factor, main=meter.rpartition("-")[0])


def _swap(scene: Scene) -> LabelledFault:
    """A meter changed without a word: its register begins anew, rightly told as a reset."""
    start = moment(scene.day(DayKind.TERM), round(scene.between(540, 960)))
    return labelled("meter.register_reset", scene.pick("em-", level="-floor"), start, 1.0, swap=1.0)


def _packets(kind: str) -> Draw:
    """Duplicates; a backlog; a clock an hour wrong for a while (daylight saving in a country that has none)."""

    def draw(scene: Scene) -> LabelledFault:
        start = moment(scene.day(DayKind.TERM), scene.between(480, 900))
        return labelled(kind, scene.pick("em-", level="-floor"), start, scene.between(6, 20))

    return draw


def _back_again(scene: Scene) -> LabelledFault:
    start = moment(scene.day(), scene.between(22.7 * 60, 24 * 60))
    flow = scene.between(400, 900, 0)
    meter = scene.pick("wm-", UseType.TEACHING, UseType.LIBRARY, level="-floor")
    return labelled("water.running_tap", meter, start, scene.between(3, 5), flow_l_per_h=flow, again_h=48.0)


_RATES: tuple[tuple[float, Draw], ...] = (
    (0.5, _long("fire.detector_dusty", "smoke-", 11, 14, percent_m=2.1)),
    (0.5, _long("fire.pressure_loss", "hydrant-", 14, 18, drop_kpa=80.0)),
    (1, _long("cold.failing", "cold-", 1.6, 2.5, rise_c=3.2)),
    (1, _long("cold.limit", "cold-", 0.2, 0.4, jump_c=14.0)),
    (1, _long("cold.sensor_stuck", "cold-", 1, 2)),
    (1, _phase_loss),
    (1, _wrong_unit),
    (1, _swap),
    (2, _door("door.chattering", 6, 8, 22)),
    (2, _door("door.denied_burst", 1.5, 8, 22)),
    (1, _door("door.pass_back", 2, 9, 20)),
    (1, _door("door.lost_card", 1, 9, 20)),
    (1, _elsewhere),
    (1, _other_door),
    (2, _after_hours),
    (2, _class_bell),
    (1, _release),
    (1, _smouldering),
    (1, _long("fire.tamper", "smoke-", 0.1, 0.4)),
    (2, _smoke("normal.steam", 2.4, 12)),
    (2, _smoke("normal.insects", 1.8, 3)),
    (3, _pump_test),
    (2, _boiler),
    (1, _sports_day),
    (1, _flushing),
    (1, _packets("normal.duplicates")),
    (1, _back_again),
)
"""How often in four weeks; long ones first. Rates of doors, hydrants and cold stores: no source found, assumptions."""


def _with(campus: Campus, fault: LabelledFault) -> tuple[LabelledFault, ...]:
    """What comes with it."""
    if fault.number("again_h"):
        apart = timedelta(hours=fault.number("again_h"))
        return (replace(fault, start=fault.start + apart, end=fault.end + apart),)
    if not fault.number("release"):
        return ()
    building = campus.registry.building(campus.registry.devices[fault.device_id].space_id)
    doors = [device for device in campus.devices if device.kind is DeviceKind.DOOR_CONTROLLER]
    inside = [door for door in doors if campus.registry.building(door.space_id) == building]
    start = fault.start + timedelta(seconds=8)
    return tuple(labelled("normal.fire_release", door.id, start, 0.1) for door in inside)
