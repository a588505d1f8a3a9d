"""Dormitories at night: how many residents are not back, never who."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.calendar import Calendar
from analytics.detectors import not_back
from analytics.detectors.not_back import NotBackState, Passed
from analytics.finding import Finding, FindingKind
from analytics.lookout import Lookout
from devices.model import Device, DeviceKind, Event, Space, SpaceKind, UseType
from devices.registry import Registry

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar()
MIDNIGHT = round(datetime(2026, 3, 9, 16, tzinfo=UTC).timestamp() * 1000)  # Tuesday 10 March begins in Shanghai
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
CURFEW = MIDNIGHT + round(23.5 * HOUR_MS)


def door(device_id: str, **attributes: str) -> Device:
    return Device(
        id=device_id, kind=DeviceKind.DOOR_CONTROLLER, profile_id="door", space_id="d", name="", name_zh="", attributes=attributes
    )


DOORS = {"d": door("d-in", direction="in")}


def came(day: int, hour: float, *, inwards: bool = True, person: str = "p-1") -> Passed:
    return Passed(building="d", person=person, ts_ms=MIDNIGHT + day * DAY_MS + round(hour * HOUR_MS), inwards=inwards)


def after(*passed: Passed) -> NotBackState:
    state = NotBackState()
    for one in passed:
        state = not_back.step(state, one, ZONE)
    return state


LIVES = (came(-3, 20), came(-2, 20), came(-1, 20))


@pytest.mark.parametrize(
    ("passed", "count"),
    [
        pytest.param((*LIVES, came(0, 21)), 0, id="in tonight"),
        pytest.param((*LIVES, came(0, 19), came(0, 21, inwards=False)), 1, id="went out last"),
        pytest.param((*LIVES, came(0, 21, inwards=False), came(0, 23)), 0, id="out and back"),
        pytest.param(LIVES, 1, id="no card since the evening before"),
        pytest.param((*LIVES[:2], came(-1, 23.75)), 0, id="came in after the last curfew and stayed"),
        pytest.param((came(-1, 20), came(0, 9), came(0, 21, inwards=False)), 0, id="a visitor"),
        pytest.param((*LIVES, came(0, 21), came(0, 20, inwards=False)), 0, id="an older event comes late"),
        pytest.param((came(-12, 8), came(-11, 8), came(-10, 8)), 0, id="moved out"),
    ],
)
def test_who_counts(passed: tuple[Passed, ...], count: int) -> None:
    _, found = not_back.tick(after(*passed), CURFEW, DOORS, CALENDAR)
    assert [finding.facts["count"] for finding in found] == ([count] if count else [])


@pytest.mark.parametrize(("hour", "said"), [(23.4, False), (23.5, True), (23.9, True), (24.0, False)])
def test_it_is_asked_between_the_curfew_and_midnight(hour: float, *, said: bool) -> None:
    _, found = not_back.tick(after(*LIVES), MIDNIGHT + round(hour * HOUR_MS), DOORS, CALENDAR)
    assert bool(found) is said


def test_once_a_night_and_over_in_the_morning() -> None:
    state, found = not_back.tick(after(*LIVES), CURFEW, DOORS, CALENDAR)
    assert len(found) == 1
    state, again = not_back.tick(state, CURFEW + 60_000, DOORS, CALENDAR)
    assert again == []
    restarted = not_back.resume(NotBackState(), found[0], DOORS["d"])
    for one in (state, restarted):
        _, ended = not_back.tick(one, MIDNIGHT + 30 * HOUR_MS, DOORS, CALENDAR)
        assert [finding.active for finding in ended] == [False]


def test_nobody_is_asked_about_in_holidays() -> None:
    away = Calendar(closed=frozenset({datetime.fromtimestamp(CURFEW / 1000, ZONE).date()}))
    assert not_back.tick(after(*LIVES), CURFEW, DOORS, away)[1] == []


def night(*doors: Device, use: UseType = UseType.DORMITORY) -> list[Finding]:
    """Somebody who comes in on three evenings and goes out on the fourth, as the lookout sees it."""
    site = Space(id="site", kind=SpaceKind.SITE, name="", name_zh="", use=UseType.CAMPUS)
    building = Space(id="d", kind=SpaceKind.BUILDING, name="", name_zh="", parent_id="site", use=use)
    lookout = Lookout(Registry((site, building), doors))
    for day, hour, device_id in ((-3, 20, "d-in"), (-2, 20, "d-in"), (-1, 20, "d-in"), (0, 20, "d-out")):
        ts_ms = MIDNIGHT + day * DAY_MS + hour * HOUR_MS
        lookout.take(Event(device_id=device_id, type="access.granted", ts_ms=ts_ms, attributes={"person": "p-secret"}))
    return [finding for finding in lookout.tick(CURFEW) if finding.kind is FindingKind.DOOR_NOT_BACK]


def test_the_lookout_tells_a_count_and_never_who() -> None:
    (finding,) = night(door("d-in", direction="in"), door("d-out", direction="out"))
    assert (finding.facts["count"], finding.device_id, finding.active) == (1, "d-in", True)
    assert "p-secret" not in repr(finding)
    assert "1 residents" in finding.message % finding.facts


@pytest.mark.parametrize(
    ("doors", "use"),
    [
        ((door("d-in"), door("d-out")), UseType.DORMITORY),
        ((door("d-in", direction="in"), door("d-out")), UseType.DORMITORY),
        ((door("d-in", direction="in"), door("d-out", direction="out")), UseType.TEACHING),
    ],
    ids=["no door tells", "no way out", "nobody lives there"],
)
def test_nothing_is_said(doors: tuple[Device, ...], use: UseType) -> None:
    assert night(*doors, use=use) == []


_PASSED = st.builds(
    Passed,
    building=st.sampled_from(["d", "e"]),
    person=st.sampled_from(["p-1", "p-2", "p-3"]),
    ts_ms=st.integers(MIDNIGHT - 10 * DAY_MS, MIDNIGHT + 40 * DAY_MS),
    inwards=st.booleans(),
)


@given(st.lists(_PASSED, max_size=40))
def test_counts_stay_within_the_people_seen_and_no_pseudonym_is_told(passed: list[Passed]) -> None:
    state, found = not_back.tick(after(*passed), CURFEW, DOORS, CALENDAR)
    people = {one.person for one in passed if one.building == "d"}
    assert all(1 <= int(finding.facts["count"]) <= len(people) for finding in found)
    assert len(found) <= 1
    assert "p-" not in repr(found)
    assert not_back.tick(state, CURFEW, DOORS, CALENDAR)[1] == []


@pytest.mark.parametrize(
    ("month", "day", "told"), [(4, 2, True), (4, 3, False), (4, 6, False), (4, 7, True)], ids=["before", "eve", "last day", "after"]
)
def test_holidays_and_their_eve_are_left_out(month: int, day: int, *, told: bool) -> None:
    """Qingming is 4 to 6 April: people leave on the third and come back on the sixth."""
    at_ms = round(datetime(2026, month, day, 23, 30, tzinfo=ZONE).timestamp() * 1000)
    days_on = (at_ms - CURFEW) // DAY_MS
    lives = [came(days_on + back, 20) for back in (-3, -2, -1)]
    _, found = not_back.tick(after(*lives), at_ms, DOORS, CALENDAR)
    assert bool(found) is told


@given(
    st.lists(st.tuples(st.integers(-6, 0), st.floats(6, 23), st.booleans(), st.sampled_from("ab")), max_size=20), st.integers(0, 20)
)
def test_recalled_and_heard_together_know_what_one_that_heard_all_knows(rows: list[tuple[int, float, bool, str]], cut: int) -> None:
    """In whatever order, and where both know the same."""
    walks = {one.ts_ms: one for one in (came(day, hour, inwards=way, person=person) for day, hour, way, person in rows)}
    passed = list(walks.values())
    whole = after(*sorted(passed, key=lambda one: one.ts_ms))
    joined = not_back.joined(after(*passed[cut:]), not_back.recalled(passed[: cut + 3], ZONE))
    assert joined.people == whole.people
