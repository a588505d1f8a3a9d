"""Given these hours, expect these episodes: the detectors of lasting faults and of meters that count wrongly."""

from dataclasses import replace

import numpy as np
import pytest

from analytics.arrays import Floats
from analytics.catalog import HOURLY
from analytics.detectors import (
    balance,
    creeping_base,
    creeping_leak,
    drip,
    frozen,
    left_on,
    no_load,
    phase_loss,
    register_jump,
    reversed_flow,
    spike,
    wrong_unit,
)
from analytics.episodes import Episode
from analytics.finding import FindingKind
from analytics.hourly import Hourly
from analytics.lowest import lowest_only
from analytics.notes import LedgerNote, NoteKind
from analytics.view import Account, View, look
from devices.model import SpaceKind, UseType
from tests.fakes.meters import SITE, START_MS, at, changed, meter, ms, usual, view

WEEKS = 70
"""Days of history, into November."""
LAB = meter(use=UseType.LABORATORY)
HOME = meter("water", use=UseType.DORMITORY)


def lab_hours() -> Floats:
    """A place that never falls below 2 kW."""
    return usual(LAB, days=WEEKS, closed=2.0, opened=6.0)


def home_hours() -> Floats:
    """Water of one flat: nothing at night."""
    return usual(HOME, days=WEEKS, closed=0.0, opened=0.05)


def times(hours: Floats, first: int, last: int, factor: float) -> Floats:
    result = hours.copy()
    result[first:last] *= factor
    return result


def kinds(seen: View) -> set[FindingKind]:
    """What all detectors together say, each fault once."""
    found = [episode for detector in HOURLY for episode in detector.detect(seen)]
    return {episode.finding.kind for episode in lowest_only(found, {seen.meter.device_id: seen.meter})}


def raised_h(episode: Episode) -> int:
    return (episode.raised_ms - START_MS) // 3_600_000


def test_a_usual_place_says_nothing() -> None:
    assert kinds(view(LAB, lab_hours())) == set()
    assert kinds(view(HOME, home_hours())) == set()


class TestPartOfTheLoad:
    def test_a_lost_phase_is_told_within_two_days(self) -> None:
        [episode] = phase_loss.detect(view(LAB, times(lab_hours(), at(55, 10), at(60, 10), 2 / 3)))
        assert at(55, 10) < raised_h(episode) <= at(57, 10)
        assert episode.finding.facts["percent"] == pytest.approx(67, abs=3)

    def test_two_lost_phases_have_another_cause(self) -> None:
        one, two = (phase_loss.detect(view(LAB, times(lab_hours(), at(55, 10), at(60, 10), part)))[0] for part in (2 / 3, 1 / 3))
        assert one.finding.cause != two.finding.cause

    def test_a_quiet_week_is_none(self) -> None:
        hours = lab_hours()
        hours[at(55, 0) : at(60, 0)] = np.minimum(hours[at(55, 0) : at(60, 0)], 2.1)
        assert phase_loss.detect(view(LAB, hours)) == []

    def test_the_end_of_what_had_run_for_weeks_is_none(self) -> None:
        assert phase_loss.detect(view(LAB, times(lab_hours(), at(35, 10), at(56, 10), 1.3))) == []

    def test_it_persists_when_it_has_become_normal(self) -> None:
        seen = view(LAB, times(lab_hours(), at(55, 10), at(70, 0), 2 / 3))
        [episode] = phase_loss.detect(seen)
        assert phase_loss.persists(seen, episode.finding)
        assert not phase_loss.persists(view(LAB, lab_hours()), episode.finding)

    @pytest.mark.parametrize("factor", [1000.0, 3.6, 3.412, 2.0, 0.1])
    def test_a_wrong_unit(self, factor: float) -> None:
        [episode] = wrong_unit.detect(view(LAB, times(lab_hours(), at(60, 0), at(66, 0), factor)))
        assert episode.finding.facts["times"] == pytest.approx(factor, rel=0.08)
        assert episode.finding.score == 0.8

    def test_no_load_is_told_after_two_hours_and_not_where_nothing_is_normal(self) -> None:
        hours = lab_hours()
        hours[at(60, 3) : at(60, 20)] = 0.05
        [episode] = no_load.detect(view(LAB, hours))
        assert raised_h(episode) == at(60, 5)
        teaching = usual(meter(), days=WEEKS, closed=0.0)
        assert no_load.detect(view(meter(), teaching)) == []


class TestCreeping:
    def test_a_base_that_rises_for_good(self) -> None:
        hours = changed(lab_hours(), {(at(50, 0), at(69, 0)): 0.6})
        [episode] = creeping_base.detect(view(LAB, hours))
        assert at(53, 0) <= raised_h(episode) <= at(56, 0)
        assert episode.finding.waste.kwh_per_day == pytest.approx(0.6 * 24, rel=0.3)

    def test_a_night_left_on_is_none(self) -> None:
        hours = changed(lab_hours(), {(at(50, 20), at(51, 8)): 3.0})
        seen = view(LAB, hours)
        assert creeping_base.detect(seen) == []
        assert len(left_on.detect(seen)) == 1

    def test_a_leak_that_grows_day_by_day(self) -> None:
        hours = home_hours()
        hours[at(50, 0) : at(65, 0)] += np.linspace(0.002, 0.06, 15 * 24)
        seen = view(HOME, hours)
        [episode] = creeping_leak.detect(seen)
        assert raised_h(episode) <= at(56, 0)
        assert FindingKind.WATER_CREEPING_LEAK in kinds(seen)


class TestDrip:
    def test_one_drop_a_second_is_told_after_three_days(self) -> None:
        hours = changed(home_hours(), {(at(50, 0), at(60, 0)): 0.001})
        [episode] = drip.detect(view(HOME, hours, digit=0.0001))
        assert at(52, 0) <= raised_h(episode) <= at(54, 0)
        assert episode.finding.facts["litres"] == pytest.approx(1.0, abs=0.1)
        assert "dripping" in episode.finding.cause

    def test_a_coarse_register_cannot_tell(self) -> None:
        hours = changed(home_hours(), {(at(50, 0), at(60, 0)): 0.001})
        assert drip.detect(view(HOME, hours, digit=0.01)) == []

    def test_a_tap_of_an_hour_does_not_hide_it(self) -> None:
        hours = changed(home_hours(), {(at(50, 0), at(60, 0)): 0.001, (at(55, 2), at(55, 4)): 0.5})
        assert {FindingKind.WATER_DRIP, FindingKind.WATER_RUNNING_TAP} <= kinds(view(HOME, hours, digit=0.0001))


class TestFrozen:
    def test_a_value_that_is_only_repeated(self) -> None:
        hours = lab_hours()
        hours[at(60, 9) : at(61, 9)] = hours[at(60, 9)]
        hours[at(40, 1)] = hours[at(40, 0)]  # it does happen by chance
        [episode] = frozen.detect(view(LAB, hours))
        assert "very same" in episode.finding.message
        assert raised_h(episode) <= at(60, 20)

    def test_longer_than_ever(self) -> None:
        quiet = meter("water", use=UseType.DORMITORY, level=SpaceKind.ROOM)
        rng = np.random.default_rng(4)
        hours = np.where(rng.random(WEEKS * 24) < 0.08, 0.02, 0.0)  # used by chance, a day and more apart at times
        hours[at(60, 0) : at(66, 0)] = 0.0
        longest = max(len(run) for run in "".join("x" if one else "." for one in hours[: at(60, 0)]).split("x"))
        found = frozen.detect(view(quiet, hours))
        assert longest < 96
        assert len(found) == 1

    def test_a_holiday_is_none(self) -> None:
        school = meter("water")
        hours = usual(school, days=45, closed=0.0, opened=0.2)
        hours[at(29, 22) : at(37, 7)] = 0.0  # 1-7 October
        assert frozen.detect(view(school, hours)) == []


class TestSpike:
    def test_an_hour_of_three_times_the_usual(self) -> None:
        [episode] = spike.detect(view(LAB, times(lab_hours(), at(60, 14), at(60, 16), 3.0)))
        assert raised_h(episode) == at(60, 15)

    def test_a_busy_morning_and_a_room_are_none(self) -> None:
        assert spike.detect(view(LAB, times(lab_hours(), at(60, 9), at(60, 12), 1.25))) == []
        room = replace(LAB, level=SpaceKind.ROOM)
        assert spike.detect(view(room, times(lab_hours(), at(60, 14), at(60, 16), 3.0))) == []

    def test_what_is_left_on_is_said_once(self) -> None:
        assert kinds(view(LAB, changed(lab_hours(), {(at(60, 22), at(61, 6)): 9.0}))) == {FindingKind.ELEC_LEFT_ON}


@pytest.mark.parametrize(
    ("detector", "kind", "after"),
    [
        (register_jump, NoteKind.JUMP, 99_000.0),
        (register_jump, NoteKind.DROP, 4_000.0),
        (reversed_flow, NoteKind.REVERSED, 4_990.0),
    ],
)
def test_what_the_ledger_noted_is_shown_for_a_day(detector: object, kind: NoteKind, after: float) -> None:
    note = LedgerNote(kind=kind, from_ms=ms(at(20, 9)) - 1, to_ms=ms(at(20, 9)), before=5000.0, after=after)
    [episode] = detector.detect(view(LAB, lab_hours(), notes=(note,)))  # type: ignore[attr-defined]
    assert not episode.finding.active
    assert episode.finding.message % dict(episode.finding.facts)


def main_view(main: Floats, parts: tuple[Floats, ...]) -> View:
    def hourly(hours: Floats) -> Hourly:
        return Hourly(start_ms=START_MS, consumption=hours, quality=np.zeros(hours.size, np.uint8), least=hours)

    account = Account(hourly=hourly(main), below=tuple(hourly(part) for part in parts))
    return look(account, replace(LAB, level=SpaceKind.BUILDING, below=frozenset({"a", "b"})), SITE)


class TestBalance:
    parts = (lab_hours(), usual(LAB, days=WEEKS, closed=1.0, opened=9.0, seed=2))

    def test_what_adds_up_says_nothing(self) -> None:
        assert balance.detect(main_view(sum(self.parts) * 1.04, self.parts)) == []

    def test_a_branch_that_nobody_meters(self) -> None:
        main = changed(sum(self.parts) * 1.04, {(at(50, 0), at(62, 0)): 2.5})
        [episode] = balance.detect(main_view(main, self.parts))
        assert episode.finding.facts["changed"] == pytest.approx(60, rel=0.15)
        assert raised_h(episode) == at(54, 0)

    def test_parts_cannot_be_more_than_the_whole(self) -> None:
        [episode] = balance.detect(main_view(sum(self.parts) * 0.7, self.parts))
        assert "sub-meters" in episode.finding.message
        assert raised_h(episode) == at(4, 0)

    def test_a_day_with_a_gap_is_left_out(self) -> None:
        main = sum(self.parts) * 1.04
        part = self.parts[1].copy()
        part[at(50, 0) : at(60, 0)] = np.nan
        assert balance.detect(main_view(main, (self.parts[0], part))) == []
