"""A fire alarm opens the doors of its building while it lasts, and excuses nothing else."""

import pytest

from analytics.finding import FindingKind
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from devices.registry import Registry
from ingest.decoded import Decoded, Happening, Sample
from runtime.roles.alerts_lane import FastLane, Moment

T0_MS = 1_772_600_000_000


def device(name: str, kind: DeviceKind, profile: str, space: str) -> Device:
    return Device(id=name, kind=kind, profile_id=profile, space_id=space, name=name, name_zh="")


def building(name: str) -> Space:
    return Space(id=name, kind=SpaceKind.BUILDING, name=name, name_zh="", parent_id="site", use=UseType.DORMITORY)


REGISTRY = Registry(
    [Space(id="site", kind=SpaceKind.SITE, name="", name_zh=""), building("a"), building("b")],
    [
        device("door-a", DeviceKind.DOOR_CONTROLLER, "door", "a"),
        device("door-b", DeviceKind.DOOR_CONTROLLER, "door", "b"),
        device("smoke-a", DeviceKind.SMOKE_DETECTOR, "smoke", "a"),
        device("smoke-a2", DeviceKind.SMOKE_DETECTOR, "smoke", "a"),
    ],
)


class Night:
    """One lane by the second."""

    def __init__(self) -> None:
        self.lane = FastLane(REGISTRY, {}, self.at(0))
        self.forced: list[str] = []

    def at(self, seconds: float) -> Moment:
        return Moment(T0_MS + round(1000 * seconds), 500.0 + seconds)

    def burn(self, first_s: int, last_s: int, detector: str = "smoke-a", *, ends: bool = True) -> None:
        """Its telemetry each half minute, as detectors do."""
        for second in range(first_s, last_s, 30):
            self.lane.take(Decoded(detector, samples=(Sample(None, {"smoke": 1.0}),)), self.at(second))
        if ends:
            self.lane.take(Decoded(detector, samples=(Sample(None, {"smoke": 0.0}),)), self.at(last_s))

    def say(self, door: str, kind: str, second: float) -> None:
        happened = Happening(kind, T0_MS + round(1000 * second), {})
        self.lane.take(Decoded(door, happenings=(happened,)), self.at(second))

    def opened(self, door: str, second: float) -> bool:
        """Whether that opening is told as forced."""
        self.say(door, "door.closed", second - 0.5)
        self.say(door, "door.opened", second)
        said = [item.finding for tick_s in (3.2, 4, 5) for item in self.lane.tick(self.at(second + tick_s))]
        return any(one.kind is FindingKind.DOOR_FORCED and one.active and one.device_id == door for one in said)


@pytest.mark.parametrize(
    ("door", "second", "told"),
    [
        pytest.param("door-a", 10, False, id="just after the alarm"),
        pytest.param("door-a", 2400, False, id="forty minutes later, the alarm still on"),
        pytest.param("door-a", 2760, False, id="a minute after it was cleared, people still walk out"),
        pytest.param("door-a", 3000, True, id="five minutes after it was cleared, within half an hour of the alarm's end"),
        pytest.param("door-b", 10, True, id="another building"),
    ],
)
def test_what_an_alarm_excuses(door: str, second: float, *, told: bool) -> None:
    night = Night()
    night.burn(0, min(int(second), 2700), ends=second > 2700)
    assert night.opened(door, second) is told


def test_a_door_opened_before_the_alarm_is_told() -> None:
    night = Night()
    night.say("door-a", "door.closed", 0)
    night.say("door-a", "door.opened", 10)
    night.burn(14, 20, ends=False)
    said = [item.finding for item in night.lane.tick(night.at(21))]
    assert [(one.kind, one.device_id) for one in said if one.kind.startswith("door.")] == [(FindingKind.DOOR_FORCED, "door-a")]


def test_two_alarms_hold_the_doors_until_both_are_over() -> None:
    night = Night()
    night.burn(0, 60, "smoke-a2", ends=False)
    night.burn(61, 120)
    assert night.opened("door-a", 600) is False
    night.burn(610, 620, "smoke-a2")
    assert night.opened("door-a", 900) is True


def test_an_alarm_whose_end_nobody_tells_holds_no_door_for_ever() -> None:
    night = Night()
    night.burn(0, 60, ends=False)
    assert night.opened("door-a", 1700) is False
    assert night.opened("door-a", 2000) is True


def test_one_released_door_excuses_no_other_and_a_locked_one_nothing() -> None:
    night = Night()
    night.say("door-a", "door.released", 10)
    assert night.opened("door-a", 30) is False
    assert night.opened("door-b", 40) is True
    night.say("door-a", "door.locked", 50)
    assert night.opened("door-a", 400) is True


def test_after_a_restart_a_burning_building_still_excuses_its_doors() -> None:
    night = Night()
    said = night.lane.take(Decoded("smoke-a", samples=(Sample(None, {"smoke": 1.0}),)), night.at(0))
    active = {(item.finding.kind, item.finding.device_id): item.finding for item in said}
    night.lane = FastLane(REGISTRY, active, night.at(20))
    assert night.opened("door-a", 25) is False
    assert night.opened("door-b", 35) is True
