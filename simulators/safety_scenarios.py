"""Fire, doors, cold stores, dormitory rooms: rarer faults, look-alikes (`normal.*`), and what lies beyond a detector (`beyond.*`).

Decisions that the labels rest on:
- Smoke of toast, sprays and cooking stays below the alarm point here and is `normal.*`. Where such smoke trips a detector its alarm
  is a smoke alarm, rightly told; that it was toast is the verdict of whoever went to look.
- A test of the panel: what trips meanwhile is labelled `fire.smoke` and must be told like any other. EN 54-2 (clause 10) lets zones
  be put into test only with an indication of it, and GB 50166 wants each detector's alarm seen: a test is marked, never hidden.
- One detector of a loop that falls silent is `fire.device_silent` for each (its room is not watched), beside `fire.loop_fault`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devices.model import FIRE_KINDS, UseType
from simulators.annex import DRYER_ROOM, GATE_IN, MINUTE_ROOM, PEOPLE, QUARTER_ROOM, SHARED_ROOM, panel, room_meter, tank
from simulators.campus import Campus, stream
from simulators.faults import Scene, labelled
from simulators.labels import LabelledFault, is_outage
from simulators.timetable import LESSONS, DayKind, day_kind, day_of, moment

BEYOND = "beyond."
"""Kinds that begin so are true faults that no shipped detector claims to find; counted apart, so that a miss is shown."""

Draws = Callable[[Scene], Sequence[LabelledFault]]
"""One happening with all its labels; empty where these days have none such."""

_MARGIN = timedelta(hours=4)
_AROUND = timedelta(minutes=75)
_TRIES = 60


def safety_scenarios(
    campus: Campus, start: datetime, end: datetime, seed: int, *, taken: Sequence[LabelledFault], warm_up: timedelta
) -> tuple[LabelledFault, ...]:
    """Labels beside those `taken`, from streams of their own."""
    days = range(day_of(start + warm_up) + 1, day_of(end))
    if len(days) < 2:
        return ()
    span_days, found = (end - start).total_seconds() / 86_400, list(taken)
    for number, (per_four_weeks, draws) in enumerate(_RATES):
        scene = Scene(campus=campus, days=days, rng=stream(seed, "safety", number))
        for _ in range(max(1, round(per_four_weeks * span_days / 28))):
            found += _fitting(scene, draws, found, end - timedelta(hours=10))
    return tuple(found[len(taken) :])


def _fitting(scene: Scene, draws: Draws, found: Sequence[LabelledFault], end: datetime) -> Sequence[LabelledFault]:
    for _ in range(_TRIES):
        labels = draws(scene)
        if labels and all(one.end <= end for one in labels) and not any(_clash(scene.campus, a, b) for a in labels for b in found):
            return labels
    return ()


def _clash(campus: Campus, one: LabelledFault, other: LabelledFault) -> bool:
    """One device, or doors of a building in which there is an alarm, or a site that is not heard."""
    near = one.start - _AROUND < other.end and other.start - _AROUND < one.end
    if is_outage(other):
        return near
    if one.device_id == other.device_id:
        return one.start - _MARGIN < other.end and other.start - _MARGIN < one.end
    brief = other.end - other.start < timedelta(hours=20)
    kinds = (one.kind.partition(".")[0], other.kind.partition(".")[0])
    return near and brief and kinds in _TOGETHER and _building(campus, one) == _building(campus, other)


_TOGETHER = frozenset({("fire", "fire"), ("fire", "door"), ("door", "fire"), ("normal", "fire"), ("fire", "normal")})


def _building(campus: Campus, fault: LabelledFault) -> str:
    building = campus.registry.building(campus.registry.devices[fault.device_id].space_id)
    return building.id if building else campus.site_id


def _floor_mates(scene: Scene, device_id: str, prefix: str) -> list[str]:
    space = scene.campus.registry.devices[device_id].space_id
    return [one.id for one in scene.campus.devices if one.space_id == space and one.id.startswith(prefix)]


# Fire


def _flaming(scene: Scene) -> Sequence[LabelledFault]:
    """Smoke within a minute, and the second detector of the floor follows the first."""
    first = scene.pick("smoke-")
    second = next(one for one in _floor_mates(scene, first, "smoke-") if one != first)
    start, later = moment(scene.day(), scene.between(0, 1439)), timedelta(seconds=scene.between(40, 90))
    fire = labelled("fire.smoke", first, start, 0.25, rise_s=60.0, growth_s=150.0)
    beside = replace(fire, device_id=second, start=(fire.start + later).replace(microsecond=0))
    return fire, beside, replace(beside, kind="fire.confirmed", parameters={})


def _smoke_that_passes(
    kind: str, percent_m: tuple[float, float], minutes: tuple[float, float], hours: tuple[float, float]
) -> Draws:
    def draws(scene: Scene) -> Sequence[LabelledFault]:
        prefix = "smoke-canteen-" if kind == "normal.cooking" else "smoke-dorm-"
        start = moment(scene.day(), 60 * scene.between(*hours, 3))
        return [labelled(kind, scene.pick(prefix), start, scene.between(*minutes) / 60, percent_m=scene.between(*percent_m, 2))]

    return draws


def _kitchen_heat(scene: Scene) -> Sequence[LabelledFault]:
    """Under the ceiling of a kitchen at noon; class A2 detectors there trip at 54-70 °C, common ones at 57."""
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(10.5, 11.2, 3))
    return [
        labelled("normal.kitchen_heat", scene.pick("heat-canteen-"), start, scene.between(1.2, 2), peak_c=scene.between(44, 52))
    ]


def _still(*prefixes: str, covered: bool = False) -> Draws:
    def draws(scene: Scene) -> Sequence[LabelledFault]:
        device = scene.pick(prefixes[int(scene.rng.integers(len(prefixes)))])
        start = moment(scene.day(), scene.between(0, 1439))
        return [labelled("fire.sensor_stuck", device, start, scene.between(50, 80), covered=float(covered))]

    return draws


def _loop_fault(scene: Scene) -> Sequence[LabelledFault]:
    """All detectors on two floors of a building are silent at once; the panel says so."""
    building = str(scene.rng.choice(["dorm-a", "teach-1", "teach-2", "lab", "library"]))
    floor = int(scene.rng.integers(1, 4))
    spaces = {f"{building}-f{floor}", f"{building}-f{floor + 1}"}
    silent = [one.id for one in scene.campus.devices if one.kind in FIRE_KINDS and one.space_id in spaces]
    start, hours = moment(scene.day(), scene.between(0, 1300)), scene.between(1, 3)
    told = labelled("fire.loop_fault", panel(scene.campus.site_id), start, hours)
    return [told, *(labelled("fire.device_silent", one, start, hours, loop=1.0) for one in silent)]


def _test_day(scene: Scene) -> Sequence[LabelledFault]:
    """A technician smokes four detectors of a building, one floor after the other."""
    building = str(scene.rng.choice(["dorm-b", "teach-1", "teach-2", "lab", "library"]))
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(9, 15, 3))
    mode = labelled("normal.test_day", panel(scene.campus.site_id), start, 1.5)
    tested = [f"smoke-{building}-f{floor}-{number}" for floor in (1, 2) for number in (1, 2)]
    return [
        mode,
        *(
            labelled("fire.smoke", one, start + timedelta(minutes=8 + 18 * number), 0.1, test=1.0)
            for number, one in enumerate(tested)
        ),
    ]


def _tank(scene: Scene) -> Sequence[LabelledFault]:
    start = moment(scene.day(), scene.between(0, 1439))
    fall_h = scene.between(2, 5)
    return [
        labelled(
            "fire.tank_level", tank(scene.campus.site_id), start, scene.between(10, 20), fall_h=fall_h, to_m=scene.between(1, 2)
        )
    ]


def _humidity(scene: Scene) -> Sequence[LabelledFault]:
    start = moment(scene.day(), scene.between(0, 1439))
    return [labelled("cold.humidity", "cold-lab-f2-1", start, scene.between(4, 9), rise_rh=scene.between(18, 24))]


# Doors


def _tailgating(scene: Scene) -> Sequence[LabelledFault]:
    _, ends = LESSONS[int(scene.rng.integers(len(LESSONS)))]
    start = moment(scene.day(DayKind.TERM), ends + scene.between(1, 7))
    return [labelled("door.tailgating", scene.pick("door-teach-"), start, 0.02)]


def _bell_rush(scene: Scene) -> Sequence[LabelledFault]:
    begins, _ = LESSONS[int(scene.rng.integers(len(LESSONS)))]
    return [labelled("normal.bell_rush", scene.pick("door-teach-2-main"), moment(scene.day(DayKind.TERM), begins - 6.0), 0.05)]


def _reader_dead(scene: Scene) -> Sequence[LabelledFault]:
    """People use the exit button and are let in by others; nobody's card is read."""
    door = scene.pick("door-", UseType.DORMITORY, UseType.LIBRARY, UseType.TEACHING)
    if not door.endswith("-main"):
        return ()
    start = moment(scene.day(DayKind.TERM), 60 * scene.between(6.5, 8, 3))
    return [labelled("door.reader_dead", door, start, 24 * scene.between(1.4, 2.2))]


def _power_cut(scene: Scene) -> Sequence[LabelledFault]:
    start = moment(scene.day(), scene.between(0, 1439))
    return [labelled("device.dead", scene.pick("door-", level="door"), start, scene.between(2, 7), power_cut=1.0)]


def _not_back(scene: Scene) -> Sequence[LabelledFault]:
    """Some of the residents stay out until the morning."""
    day = scene.day(DayKind.TERM)
    if day_kind(day + 1) is not DayKind.TERM or day - scene.days[0] < 1:
        return ()
    people = int(scene.rng.integers(1, 4))
    first = int(scene.rng.integers(PEOPLE - people))
    return [labelled("door.not_back", GATE_IN, moment(day, 23.5 * 60), 6.5, people=float(people), first=float(first))]


def _on(kind: str, day_kind_wanted: DayKind, hours: tuple[float, float], people: tuple[int, int], *prefixes: str) -> Draws:
    """People with cards at a door on a day of that kind; nothing where these weeks have none."""

    def draws(scene: Scene) -> Sequence[LabelledFault]:
        days = [day for day in scene.days if day_kind(day) is day_kind_wanted]
        if not days:
            return ()
        start = moment(days[int(scene.rng.integers(len(days)))], 60 * scene.between(*hours, 3))
        count = int(scene.rng.integers(*people))
        door = scene.pick(prefixes[int(scene.rng.integers(len(prefixes)))])
        return [labelled(kind, door, start, 0.003 * count + 0.05, people=float(count))]

    return draws


# Rooms


def _appliance(
    kind: str, room: str, watts: tuple[float, float], seconds: tuple[float, float], hours: tuple[float, float], name: str
) -> Draws:
    def draws(scene: Scene) -> Sequence[LabelledFault]:
        day = scene.day(DayKind.TERM, DayKind.WEEKEND)
        start = moment(day, 60 * scene.between(*hours, 3))
        load = scene.between(*watts, 0)
        return [labelled(kind, room_meter(room), start, scene.between(*seconds, 0) / 3600, power_w=load, appliance=name)]

    return draws


_FORBIDDEN = "elec.heating_appliance"
_EVENING = (18.0, 22.3)

_RATES: tuple[tuple[float, Draws], ...] = (
    (1, _still("smoke-", covered=True)),
    (1, _still("smoke-", "heat-", "co-", "hydrant-")),
    (1, _tank),
    (1, _reader_dead),
    (1, _loop_fault),
    (1, _test_day),
    (1, _flaming),
    (1, _humidity),
    (2, _smoke_that_passes("normal.toast", (2.2, 3.0), (3, 6), (6.5, 22))),
    (2, _smoke_that_passes("normal.aerosol", (2.0, 3.1), (1, 2), (6.5, 23))),
    (2, _smoke_that_passes("normal.cooking", (1.6, 2.6), (15, 40), (10, 18))),
    (3, _kitchen_heat),
    (2, _tailgating),
    (2, _bell_rush),
    (1, _power_cut),
    (2, _not_back),
    (1, _on("door.after_hours", DayKind.HOLIDAY, (9, 16), (1, 3), "door-teach-", "door-lab-main")),
    (1, _on("normal.holiday_reader", DayKind.HOLIDAY, (9, 16), (1, 4), "door-library-main")),
    (1, _on("normal.exam_day", DayKind.WEEKEND, (8.1, 8.5), (25, 40), "door-teach-")),
    (2, _appliance(_FORBIDDEN, MINUTE_ROOM, (1500, 2200), (63, 248), _EVENING, "kettle")),
    (1, _appliance(_FORBIDDEN, MINUTE_ROOM, (1600, 2400), (420, 900), _EVENING, "power_strip")),
    (2, _appliance(_FORBIDDEN, SHARED_ROOM, (1500, 2200), (90, 248), _EVENING, "kettle")),
    (2, _appliance(_FORBIDDEN, DRYER_ROOM, (1000, 1300), (200, 360), (22.2, 23.6), "hair_dryer")),
    (3, _appliance("normal.hair_dryer", DRYER_ROOM, (1000, 1300), (120, 300), (7.2, 21.5), "hair_dryer")),
    (2, _appliance("beyond.blanket_150w", MINUTE_ROOM, (140, 160), (18_000, 27_000), (21.5, 22.5), "electric_blanket")),
    (2, _appliance("beyond.pot_300w", MINUTE_ROOM, (280, 320), (900, 1800), _EVENING, "low_power_pot")),
    (3, _appliance("beyond.kettle_by_quarters", QUARTER_ROOM, (1500, 2200), (63, 248), _EVENING, "kettle")),
    (2, _appliance("beyond.plate_by_quarters", QUARTER_ROOM, (827, 898), (332, 657), _EVENING, "cooking_plate")),
    (1, _appliance("beyond.heater_by_quarters", QUARTER_ROOM, (1400, 2200), (3600, 9000), (17.5, 20.5), "heater")),
)
"""How often in four weeks. No source for any of the rates; figures of appliances: tracebase."""
