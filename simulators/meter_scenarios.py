"""Water and electricity: slow, small and rare faults of a campus, and what only looks like one, each with its label.

One cause is one label, however many detectors see something of it. Figures: dripping tap 15-25 L a day (Group Water Schemes),
mains of a small network 5-20 mm holes scaled to the campus (BattLeDIM), base load and solar by what such buildings have.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from devices.model import UseType
from simulators.campus import Campus, stream
from simulators.faults import Scene, labelled
from simulators.labels import LabelledFault, is_outage
from simulators.timetable import DayKind, day_kind, day_of, moment
from simulators.voltage import has_quality

Draws = Callable[[Scene], Sequence[LabelledFault]]
"""One happening with all its labels; empty where these days have none such."""

_LEARN_DAYS = 21
"""What is told against the weeks before begins no sooner: a leak of the first weeks is what is normal there."""
_MARGIN = timedelta(hours=5)
_TRIES = 80
_DAY_H = 24.0
_QUIET = (UseType.TEACHING, UseType.LABORATORY, UseType.LIBRARY)


def meter_scenarios(
    campus: Campus, start: datetime, end: datetime, seed: int, *, taken: Sequence[LabelledFault], warm_up: timedelta
) -> tuple[LabelledFault, ...]:
    """Labels beside those `taken`, from streams of their own. Faults of one chain may overlap, those of one meter do not."""
    first, last = day_of(start + warm_up) + 1, day_of(end) - 1
    learned = min(max(first, day_of(start) + _LEARN_DAYS), last)
    if last <= first:
        return ()
    span_days, found = (end - start).total_seconds() / 86_400, list(taken)
    for number, (per_four_weeks, slow, draws) in enumerate(_RATES):
        scene = Scene(campus=campus, days=range(learned if slow else first, last + 1), rng=stream(seed, "meters", number))
        for _ in range(max(1, round(per_four_weeks * span_days / 28))):
            found += _fitting(scene, draws, found, end - timedelta(hours=8))
    return tuple(found[len(taken) :])


def _fitting(scene: Scene, draws: Draws, found: Sequence[LabelledFault], end: datetime) -> Sequence[LabelledFault]:
    for _ in range(_TRIES):
        labels = draws(scene)
        if labels and all(one.end <= end for one in labels) and not any(_clash(one, other) for one in labels for other in found):
            return labels
    return ()


def _clash(one: LabelledFault, other: LabelledFault) -> bool:
    """One meter, or a site that is not heard while something brief is going on."""
    same = bool(_meters(one) & _meters(other))
    brief = one.end - one.start < timedelta(days=2)
    near = one.start - _MARGIN < other.end and other.start - _MARGIN < one.end
    return near and (same or (brief and is_outage(other)))


def _meters(fault: LabelledFault) -> set[str]:
    return {fault.device_id, *(str(fault.parameters[name]) for name in ("sub",) if name in fault.parameters)}


def _drip(scene: Scene) -> Sequence[LabelledFault]:
    """Several taps and joints of a quiet floor that weep: a register of one litre, looked at each quarter of an hour, tells from
    4 L/h on. In one of their nights a tap is left running, so that two faults lie on one meter."""
    meter = scene.pick("wm-", *_QUIET, level="-floor")
    start = moment(scene.day(), scene.between(300, 1400))
    drip = labelled("water.drip", meter, start, _DAY_H * scene.between(8, 11), flow_l_per_h=scene.between(5.5, 8))
    night = moment(day_of(start) + 5, scene.between(22.7 * 60, 24 * 60))
    tap = labelled("water.running_tap", meter, night, scene.between(2, 4), flow_l_per_h=scene.between(300, 700, 0))
    return drip, tap


def _one_tap(scene: Scene) -> Sequence[LabelledFault]:
    """A drop a second: 15-25 L a day, less than the last digit of the register counts in an hour."""
    meter = scene.pick("wm-", *_QUIET, level="-floor")
    start = moment(scene.day(), scene.between(300, 1400))
    return (labelled("beyond.drip", meter, start, _DAY_H * scene.between(8, 12), flow_l_per_h=scene.between(0.62, 1.04, 2)),)


def _creeping_leak(scene: Scene) -> Sequence[LabelledFault]:
    """A joint that opens over weeks."""
    ramp_h = _DAY_H * scene.between(8, 11)
    meter, start = scene.pick("wm-", *_QUIET, level="-floor"), moment(scene.day(), scene.between(0, 1439))
    flow = scene.between(60, 140, 0)
    return (labelled("water.creeping_leak", meter, start, ramp_h + scene.between(10, 40), flow_l_per_h=flow, ramp_h=ramp_h),)


def _network_leak(low_l_per_h: float, high_l_per_h: float, *, incipient: bool) -> Draws:
    """A main between the site's inlet and the buildings: no meter but the inlet's sees it."""

    def draws(scene: Scene) -> Sequence[LabelledFault]:
        start = moment(scene.day(), scene.between(0, 1439))
        hours = _DAY_H * (scene.between(12, 14) if incipient else scene.between(6, 8))
        ramp: dict[str, float | str] = {"ramp_h": hours * 0.6} if incipient else {}
        flow = scene.between(low_l_per_h, high_l_per_h, 0)
        return (labelled("water.network_leak", f"wm-{scene.campus.site_id}", start, hours, flow_l_per_h=flow, **ramp),)

    return draws


def _reversed(scene: Scene) -> Sequence[LabelledFault]:
    """A check valve fails at night: water of the floors above runs back through the meter."""
    start = moment(scene.day(), scene.between(0.2 * 60, 2 * 60))
    flow = -scene.between(80, 200, 0)
    meter = scene.pick("wm-", UseType.TEACHING, UseType.LIBRARY, level="-floor")
    return (labelled("meter.reversed", meter, start, scene.between(1.5, 3), flow_l_per_h=flow),)


def _slow_sub_meter(scene: Scene) -> Sequence[LabelledFault]:
    """A worn sub-meter counts part of what flows: the building's balance no longer closes."""
    sub = scene.pick("wm-", UseType.DORMITORY, level="-floor")
    start = moment(scene.day(), scene.between(0, 1439))
    main = scene.campus.registry.devices[sub].upstream_id or sub
    factor = scene.between(0.25, 0.4, 2)
    return (labelled("meter.balance", main, start, _DAY_H * scene.between(8, 11), sub=sub, factor=factor),)


def _creeping_base(scene: Scene) -> Sequence[LabelledFault]:
    """Fans, heaters and cookers that come on one after the other and then run for ever."""
    ramp_h = _DAY_H * scene.between(4, 7)
    meter = scene.pick("em-", UseType.LABORATORY, UseType.CANTEEN, level="-floor")
    start = moment(scene.day(), scene.between(0, 1439))
    watts = scene.between(1000, 1600, 0)
    return (labelled("elec.creeping_base", meter, start, ramp_h + _DAY_H * scene.between(7, 9), power_w=watts, ramp_h=ramp_h),)


def _solar(scene: Scene) -> Sequence[LabelledFault]:
    """Solar cells on the canteen's roof feed the upper floor: its import-only register falls behind at noon, or stands still."""
    days = scene.days
    start = moment(days[0] + int(scene.rng.integers(max(len(days) // 3, 1))), 360)
    hours = (days[-1] - day_of(start)) * _DAY_H - 12
    return (
        (labelled("normal.solar", "em-canteen-f2", start, hours, power_w=-scene.between(2800, 4200, 0), sun=1.0),)
        if hours > 0
        else ()
    )


def _no_load(scene: Scene) -> Sequence[LabelledFault]:
    """The current transformers' cable comes off: the meter hangs at noise level while everything runs on."""
    start = moment(scene.day(), scene.between(0, 1439))
    meter = scene.pick("em-", UseType.LABORATORY, UseType.CANTEEN, level="-floor")
    return (labelled("elec.no_load", meter, start, scene.between(7, 14), factor=scene.between(0.01, 0.03, 3)),)


def _spike(scene: Scene) -> Sequence[LabelledFault]:
    """Pulses counted several times for an hour or two: the register keeps them."""
    start = moment(scene.day(DayKind.TERM), scene.between(9 * 60, 15 * 60))
    meter = scene.pick("em-", UseType.TEACHING, UseType.LABORATORY, UseType.LIBRARY, level="-floor")
    return (labelled("meter.spike", meter, start, scene.between(1.2, 2.2, 2), factor=scene.between(4, 7)),)


def _jump(scene: Scene) -> Sequence[LabelledFault]:
    """Another meter under the same address, or an index typed in wrongly: far up or far down, but not to zero."""
    start = moment(scene.day(DayKind.TERM), scene.between(9 * 60, 16 * 60, 0))
    meter = scene.pick("em-", level="-floor")
    jump = scene.between(5000, 9000, 0) * (1 if scene.rng.random() < 0.7 else -0.08)
    return (labelled("meter.register_jump", meter, start, 1.0, jump=round(jump)),)


def _glitch(scene: Scene) -> Sequence[LabelledFault]:
    """A reading of nought and one far too high, and the register goes on as before."""
    start = moment(scene.day(), scene.between(0, 1380, 0))
    return (labelled("normal.glitch", scene.pick(str(scene.rng.choice(["em-", "wm-"])), level="-floor"), start, 0.75),)


def _packets(kind: str) -> Draws:
    """A backlog that comes later, in its own time; a clock that is an hour ahead for a while (daylight saving)."""

    def draws(scene: Scene) -> Sequence[LabelledFault]:
        start = moment(scene.day(DayKind.TERM), scene.between(480, 900))
        return (labelled(kind, scene.pick("em-", level="-floor"), start, scene.between(6, 20)),)

    return draws


def _quality(scene: Scene) -> Sequence[LabelledFault]:
    """An overloaded transformer, a tap set too high, a loose neutral, or a capacitor bank that failed."""
    fault = str(scene.rng.choice(["low", "high", "apart", "factor"]))
    measured = [device.id for device in scene.campus.devices if has_quality(device)]
    meter = measured[int(scene.rng.integers(len(measured)))]
    start = moment(scene.day(DayKind.TERM), scene.between(8 * 60, 17 * 60))
    return (labelled("elec.power_quality", meter, start, scene.between(1.5, 6), fault=fault),)


def _in_a_holiday(scene: Scene) -> Sequence[LabelledFault]:
    """Nobody is there to hear the tap."""
    days = [day for day in scene.days if day_kind(day) in (DayKind.HOLIDAY, DayKind.VACATION)]
    if not days:
        return ()
    start = moment(days[int(scene.rng.integers(len(days)))], scene.between(0, 1200))
    meter, flow = scene.pick("wm-", UseType.TEACHING, level="-floor"), scene.between(300, 900, 0)
    return (labelled("water.running_tap", meter, start, scene.between(3, 8), flow_l_per_h=flow),)


_RATES: tuple[tuple[float, bool, Draws], ...] = (
    (0.5, True, _network_leak(350, 700, incipient=True)),
    (0.5, True, _network_leak(250, 500, incipient=False)),
    (0.7, True, _creeping_leak),
    (1, True, _drip),
    (0.5, True, _one_tap),
    (1, True, _creeping_base),
    (0.7, True, _slow_sub_meter),
    (0.2, True, _solar),
    (1, True, _no_load),
    (1, True, _spike),
    (1, False, _reversed),
    (1, False, _jump),
    (2, False, _quality),
    (1, False, _glitch),
    (1, False, _packets("normal.backlog")),
    (1, False, _packets("normal.clock_shift")),
    (0.5, True, _in_a_holiday),
)
"""How often in four weeks, whether only against learned weeks, and how each is drawn; long ones first."""
