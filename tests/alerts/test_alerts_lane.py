"""The fast lane without sockets: which messages are news, which are memory; silence; restarts."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.calendar import Calendar
from analytics.finding import Finding, FindingKind
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from devices.registry import Registry
from ingest.decoded import Decoded, Happening, Rejected, Sample
from runtime.roles.alerts_lane import FastLane, Moment, Said

T0_MS = 1_772_600_000_000
HOUR_S, DAY_S = 3600, 86_400
SMOKE, SILENT = FindingKind.FIRE_SMOKE, FindingKind.FIRE_DEVICE_SILENT
NONE_ACTIVE: Mapping[tuple[FindingKind, str], Finding] = {}


def registry(detectors: int = 2) -> Registry:
    site = Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园")
    made = [_device(f"sd-{number}", DeviceKind.SMOKE_DETECTOR, "smoke") for number in range(detectors)]
    return Registry(
        [site], [*made, _device("door-1", DeviceKind.DOOR_CONTROLLER, "door"), _device("wm-1", DeviceKind.WATER_METER, "wm-site")]
    )


def _device(name: str, kind: DeviceKind, profile: str) -> Device:
    return Device(id=name, kind=kind, profile_id=profile, space_id="campus", name=name, name_zh=name)


def at(seconds: float) -> Moment:
    return Moment(T0_MS + round(1000 * seconds), 500.0 + seconds)


def lane(detectors: int = 2, active: Mapping[tuple[FindingKind, str], Finding] = NONE_ACTIVE) -> FastLane:
    return FastLane(registry(detectors), active, at(0))


def event(kind: str, told_s: float, device: str = "sd-0") -> Decoded:
    return Decoded(device, happenings=(Happening(kind, T0_MS + round(1000 * told_s), {}),))


def values(told_s: float | None, device: str = "sd-0", **named: float) -> Decoded:
    ts_ms = None if told_s is None else T0_MS + round(1000 * told_s)
    return Decoded(device, samples=(Sample(ts_ms, {name.replace("_", "."): value for name, value in named.items()}),))


def kinds(said: list[Said]) -> list[tuple[str, bool, bool]]:
    return [(item.finding.kind, item.finding.active, item.late) for item in said]


NEWS, MEMORY = [(SMOKE, True, False)], [(SMOKE, True, True), (SMOKE, False, True)]

AGES = [
    # what, how old is the alarm by its own time, retained, expected
    ("just now", 0.2, False, NEWS),
    ("two minutes in a gateway", 119, False, NEWS),
    ("ten minutes in a gateway", 600, False, MEMORY),
    ("the broker remembers an old one", 3600, True, MEMORY),
    ("the broker remembers a new one", 5, True, NEWS),
    ("a clock that is fast", -3600, False, NEWS),
    ("a clock that was never set", 56 * 365 * DAY_S, False, NEWS),
    ("remembered, with a clock that was never set", 56 * 365 * DAY_S, True, MEMORY),
]


@pytest.mark.parametrize(("age_s", "retained", "expected"), [case[1:] for case in AGES], ids=[case[0] for case in AGES])
def test_only_news_alarms_but_all_is_recorded(age_s: float, retained: bool, expected: list[tuple[str, bool, bool]]) -> None:
    assert kinds(lane().take(event("alarm.smoke", 100 - age_s), at(100), retained=retained)) == expected


def test_a_late_alarm_says_how_late() -> None:
    late, over = lane().take(event("alarm.smoke", -500), at(100))
    assert late.finding.facts["late_s"] == 600
    assert not over.finding.active


def test_a_clock_that_is_always_an_hour_slow_still_alarms_in_time() -> None:
    watched = lane()
    for second in range(0, 120, 30):
        assert watched.take(values(second - HOUR_S, smoke=0), at(second)) == []
    (said,) = watched.take(event("alarm.smoke", 121 - HOUR_S), at(121))
    assert (said.late, said.finding.kind) == (False, SMOKE)
    assert said.finding.started.timestamp() * 1000 == T0_MS + 121_000, "our time, where the device's is plainly wrong"


def test_a_backlog_is_not_taken_for_a_slow_clock() -> None:
    watched = lane()
    for second in range(0, 90, 30):
        watched.take(values(second, smoke=0), at(second))
    backlog = [watched.take(values(600 + second, smoke=float(second == 30)), at(1800)) for second in range(0, 300, 30)]
    assert [kinds(said) for said in backlog if said and said[0].finding.kind is SMOKE] == [MEMORY]


def test_a_fast_clock_set_right_loses_no_alarm() -> None:
    watched = lane()
    watched.take(values(100, smoke=0), at(0))
    assert kinds(watched.take(values(7, smoke=1), at(7))) == NEWS


def test_a_message_without_time_counts_from_now() -> None:
    assert kinds(lane().take(values(None, smoke=1), at(5))) == NEWS


def test_the_alarm_carries_the_density_of_its_own_message() -> None:
    (said,) = lane().take(Decoded("sd-0", samples=(Sample(T0_MS, {"smoke": 1.0, "smoke.density": 8.5}),)), at(0.1))
    assert said.finding.facts["value"] == 8.5


@pytest.mark.parametrize("decoded", [Rejected("broken"), event("alarm.smoke", 0, "sd-99"), event("alarm.smoke", 0, "wm-1")])
def test_what_is_not_ours_is_left_alone(decoded: Decoded | Rejected) -> None:
    assert lane().take(decoded, at(0)) == []


def silences(watched: FastLane, until_s: int, speaking: frozenset[str] = frozenset()) -> list[tuple[int, Said]]:
    said = []
    for second in range(until_s + 1):
        if second % 30 == 0:
            for device in sorted(speaking):
                watched.take(values(second, device, smoke=0), at(second))
        said += [(second, item) for item in watched.tick(at(second))]
    return said


def test_a_silent_fire_device_is_told_within_100_s_and_once() -> None:
    ((second, said),) = silences(lane(10), 300, frozenset(f"sd-{number}" for number in range(9)))
    assert (said.finding.kind, said.finding.device_id) == (SILENT, "sd-9")
    assert 90 <= second <= 100
    assert "suspect" not in said.finding.facts


def test_when_many_are_silent_each_is_told_and_the_network_is_suspected() -> None:
    said = silences(lane(10), 120, frozenset({"sd-0", "sd-1", "sd-2", "sd-3", "sd-4", "sd-5"}))
    assert sorted(item.finding.device_id for _, item in said) == ["sd-6", "sd-7", "sd-8", "sd-9"]
    assert all(item.finding.facts["suspect"] == "network?" for _, item in said)


def test_it_answers_again() -> None:
    watched = lane()
    silences(watched, 100)
    assert kinds(watched.take(values(101, smoke=0), at(101))) == [(SILENT, False, False)]


def test_the_broker_s_memory_is_no_sign_of_life() -> None:
    watched = lane()
    watched.take(values(80, smoke=0), at(80), retained=True)
    assert [item.finding.device_id for item in watched.tick(at(91))] == ["sd-0", "sd-1"]


def test_our_clock_may_jump_without_silencing_or_alarming() -> None:
    watched = lane()
    watched.take(values(10, smoke=0), at(10))
    jumped = Moment(T0_MS + HOUR_S * 1000, 500.0 + 20)
    assert watched.tick(jumped) == []


@pytest.mark.parametrize("jump_s", [3600, -3600, 90])
def test_an_alarm_after_our_clock_was_set_is_news(jump_s: int) -> None:
    """The devices are right all the time; ours was wrong until second 100."""
    watched = lane()

    def ours(second: float) -> Moment:
        return Moment(T0_MS + round(1000 * (second - (jump_s if second < 100 else 0))), 500.0 + second)

    for second in range(0, 100, 30):
        watched.take(values(second, smoke=0), ours(second))
    (said,) = watched.take(event("alarm.smoke", 101), ours(101))
    assert not said.late


def test_an_alarm_during_the_silence_of_others_is_told_at_once() -> None:
    watched = lane(10)
    silences(watched, 120)
    assert (SMOKE, True, False) in kinds(watched.take(event("alarm.smoke", 121, "sd-3"), at(121)))


def test_after_a_restart_what_was_going_on_ends_when_it_ends() -> None:
    (said,) = lane().take(event("alarm.smoke", 0), at(0))
    restarted = lane(active={(SMOKE, "sd-0"): said.finding})
    ended = restarted.take(values(60, smoke=0), at(60))
    assert kinds(ended) == [(SMOKE, False, False)]
    (silent,) = [item for item in lane().tick(at(95)) if item.finding.device_id == "sd-1"]
    restarted = lane(active={(SILENT, "sd-1"): silent.finding})
    assert kinds(restarted.take(values(1, "sd-1", smoke=0), at(1))) == [(SILENT, False, False)]


def test_a_late_repetition_does_not_end_what_is_going_on() -> None:
    watched = lane()
    watched.take(event("alarm.smoke", 100), at(100))
    assert watched.take(event("alarm.smoke", -900), at(101)) == []


def test_a_door_is_judged_by_time() -> None:
    watched = lane()
    watched.take(event("door.closed", 0, "door-1"), at(0))
    watched.take(event("door.opened", 10, "door-1"), at(10))
    said = [item for second in range(11, 20) for item in watched.tick(at(second))]
    assert kinds(said) == [(FindingKind.DOOR_FORCED, True, False)]


def test_a_door_whose_clock_is_slow_is_not_judged_too_soon() -> None:
    watched = lane()
    watched.take(event("access.granted", 8 - 90, "door-1"), at(8))
    watched.take(event("door.opened", 10 - 90, "door-1"), at(10))
    said = [item for second in range(11, 69) for item in watched.tick(at(second))]
    assert said == []
    said = [item for second in range(69, 73) for item in watched.tick(at(second))]
    assert kinds(said) == [(FindingKind.DOOR_HELD_OPEN, True, False)]


@pytest.mark.parametrize(("timezone", "closed"), [("Asia/Shanghai", False), ("America/New_York", True)])
def test_closed_hours_are_those_of_the_site(timezone: str, closed: bool) -> None:
    """The card is used at 04:53 UTC: past noon in Shanghai, before midnight in New York."""
    spaces = [
        Space(id="campus", kind=SpaceKind.SITE, name="Campus", name_zh="校园"),
        Space(id="hall", kind=SpaceKind.BUILDING, name="Hall", name_zh="教学楼", parent_id="campus", use=UseType.TEACHING),
    ]
    door = Device(id="door-1", kind=DeviceKind.DOOR_CONTROLLER, profile_id="door", space_id="hall", name="door-1", name_zh="door-1")
    watched = FastLane(Registry(spaces, [door]), NONE_ACTIVE, at(0), Calendar(timezone=timezone))
    used = Decoded("door-1", happenings=(Happening("access.granted", T0_MS, {"person": "p-1", "direction": "in"}),))
    said = [one.finding.kind for one in watched.take(used, at(0))]
    assert (FindingKind.DOOR_AFTER_HOURS in said) is closed


def test_new_devices_are_watched_from_now_on_and_states_stay() -> None:
    watched = lane(1)
    watched.take(event("alarm.smoke", 0), at(0))
    watched.set_registry(registry(2), at(50))
    assert watched.device_ids == {"sd-0", "sd-1", "door-1"}
    assert [item.finding.device_id for item in watched.tick(at(91))] == ["sd-0"]
    assert kinds(watched.take(values(92, smoke=0), at(92))) == [(SILENT, False, False), (SMOKE, False, False)]


def test_a_low_battery_is_told() -> None:
    watched = lane()
    said = [
        item for second in (0, 30) for item in watched.take(Decoded("sd-0", (Sample(None, {"battery.level": 12.0}),)), at(second))
    ]
    assert kinds(said) == [(FindingKind.DEVICE_BATTERY_LOW, True, False)]


times = st.one_of(st.none(), st.integers(-(10**15), 10**15), st.integers(T0_MS - 10**6, T0_MS + 10**6))
names = st.sampled_from(["smoke", "smoke.density", "battery.level", "door.open", "water.pressure", "x.other"])
types = st.sampled_from(["alarm.smoke", "alarm.smoke.cleared", "door.opened", "door.closed", "door.forced", "access.granted", "x"])
numbers = st.floats(allow_nan=False, allow_infinity=False)
messages = st.builds(
    Decoded,
    st.sampled_from(["sd-0", "sd-1", "door-1", "wm-1", "nobody"]),
    samples=st.lists(st.builds(Sample, times, st.dictionaries(names, numbers, max_size=4)), max_size=3),
    happenings=st.lists(st.builds(Happening, types, times, st.just({})), max_size=3),
)


@given(st.lists(st.tuples(messages, st.floats(0, 100), st.booleans()), max_size=20))
def test_whatever_devices_say_the_lane_goes_on_and_every_text_can_be_filled(steps: list[tuple[Decoded, float, bool]]) -> None:
    watched, seconds = lane(), 0.0
    for message, later_s, retained in steps:
        seconds += later_s
        for item in [*watched.take(message, at(seconds), retained=retained), *watched.tick(at(seconds))]:
            assert item.finding.message % item.finding.facts
            assert item.finding.started.tzinfo is not None
