"""Given these hours, expect these episodes: one table per hourly detector, with what must not be taken for it."""

import numpy as np
import pytest

from analytics.arrays import HOUR_MS
from analytics.detectors import burst, frozen, leak, left_on, register_reset, running_tap
from analytics.episodes import Episode
from analytics.finding import FindingKind
from analytics.ledger import LedgerNote, NoteKind
from devices.model import SpaceKind, UseType
from tests.fakes.meters import at, changed, meter, ms, usual, view

ELECTRIC, WATER = meter(), meter("water")
DORM_WATER = meter("water", use=UseType.DORMITORY)
QUIET_WATER = usual(WATER, closed=0.0, opened=0.2)


def spans(episodes: list[Episode]) -> list[tuple[int, int, bool]]:
    """(first hour, hour after the last, active) of each episode, as indices."""
    first_ms = ms(0)

    def index(moment_s: float) -> int:
        return int((moment_s * 1000 - first_ms) // HOUR_MS)

    found = [e.finding for e in episodes]
    return [(index(f.started.timestamp()), index(f.seen.timestamp()), f.active) for f in found]


class TestLeftOn:
    @pytest.mark.parametrize(
        ("added", "expected"),
        [
            pytest.param({}, [], id="nothing"),
            pytest.param({(at(24, 22), at(25, 6)): 3.0}, [(at(24, 22), at(25, 6), False)], id="overnight"),
            pytest.param({(at(24, 22), at(24, 23)): 3.0}, [], id="one hour of cleaning"),
            pytest.param({(at(24, 10), at(24, 16)): 3.0}, [], id="open hours"),
            pytest.param({(at(24, 22), at(25, 6)): 0.2}, [], id="too little"),
            pytest.param({(at(27, 22), at(28, 0)): 3.0}, [(at(27, 22), at(28, 0), True)], id="still on"),
        ],
    )
    def test_use_in_closed_hours(self, added: dict[tuple[int, int], float], expected: list[tuple[int, int, bool]]) -> None:
        assert spans(left_on.detect(view(ELECTRIC, changed(usual(ELECTRIC), added)))) == expected

    def test_says_what_it_wastes(self) -> None:
        [episode] = left_on.detect(view(ELECTRIC, changed(usual(ELECTRIC), {(at(24, 22), at(25, 6)): 3.0})))
        finding = episode.finding
        assert finding.facts["kw"] == pytest.approx(3.0, abs=0.1)
        assert finding.waste.kwh_per_day == pytest.approx(3.0 * 10, rel=0.2)
        assert finding.waste.cost_per_day > 0
        assert finding.evidence is not None
        assert finding.evidence.expected
        assert "night" in finding.cause
        assert episode.raised_ms == ms(at(25, 0))

    def test_a_dormitory_is_never_closed(self) -> None:
        dorm = meter(use=UseType.DORMITORY)
        assert left_on.detect(view(dorm, changed(usual(dorm), {(at(24, 0), at(24, 5)): 9.0}))) == []


class TestFrozen:
    def test_a_stand_still_that_should_have_counted(self) -> None:
        hours = usual(ELECTRIC)
        hours[at(23, 10) : at(25, 10)] = 0.0
        [episode] = frozen.detect(view(ELECTRIC, hours))
        assert spans([episode]) == [(at(23, 10), at(25, 10), False)]
        assert episode.raised_ms <= ms(at(23, 18))

    def test_an_empty_night_is_none(self) -> None:
        assert frozen.detect(view(WATER, QUIET_WATER)) == []

    def test_a_stand_still_that_was_caught_up_is_still_told(self) -> None:
        note = LedgerNote(kind=NoteKind.CATCH_UP, from_ms=ms(at(23, 10)), to_ms=ms(at(25, 10)), before=1.0, after=90.0)
        assert spans(frozen.detect(view(ELECTRIC, usual(ELECTRIC), notes=(note,)))) == [(at(23, 10), at(25, 10), False)]


class TestLeak:
    def test_a_day_that_never_falls_quiet(self) -> None:
        hours = changed(QUIET_WATER, {(at(20, 8), at(23, 8)): 0.012})
        [episode] = leak.detect(view(WATER, hours))
        began, over, active = spans([episode])[0]
        assert began == at(20, 7)  # an open hour before it may have been the leak's too
        assert over == at(23, 22)  # the first quiet hour after the repair
        assert not active
        assert episode.raised_ms == ms(at(21, 7))
        assert episode.finding.waste.m3_per_day == pytest.approx(0.012 * 24, rel=0.1)

    def test_a_short_one_is_none(self) -> None:
        assert leak.detect(view(WATER, changed(QUIET_WATER, {(at(20, 8), at(21, 4)): 0.012}))) == []

    def test_a_leak_lasts_until_an_hour_is_quiet_though_it_becomes_usual(self) -> None:
        leaking = {(at(20, 8), at(50, 8)): 0.012}
        [episode] = leak.detect(view(WATER, changed(usual(WATER, closed=0.0, opened=0.2, days=60), leaking)))
        assert spans([episode])[0][1] == at(50, 22)
        assert episode.finding.facts["litres"] == pytest.approx(12, abs=0.5)

    def test_night_use_is_told_from_a_leak_by_its_pauses(self) -> None:
        hours = changed(QUIET_WATER, {(at(20, 8), at(23, 8)): 0.012})
        assert leak.detect(view(WATER, hours, least=np.zeros(hours.size))) == []

    def test_a_coarse_register_needs_more(self) -> None:
        hours = changed(QUIET_WATER, {(at(20, 8), at(23, 8)): 0.012})
        assert leak.detect(view(WATER, hours, digit=0.01)) == []


class TestTapAndBurst:
    @pytest.mark.parametrize(
        ("flow", "tap", "break_"),
        [pytest.param(0.1, 0, 0, id="little"), pytest.param(0.5, 1, 0, id="tap"), pytest.param(6.0, 0, 1, id="burst")],
    )
    def test_by_size_in_the_night(self, flow: float, tap: int, break_: int) -> None:
        seen = view(WATER, changed(QUIET_WATER, {(at(24, 1), at(24, 4)): flow}))
        assert (len(running_tap.detect(seen)), len(burst.detect(seen))) == (tap, break_)

    @pytest.mark.parametrize(("hours", "found"), [pytest.param(4, 1, id="a break"), pytest.param(1, 0, id="somebody cleans")])
    def test_a_lesser_break_by_day_lasts(self, hours: int, found: int) -> None:
        seen = view(WATER, changed(QUIET_WATER, {(at(24, 10), at(24, 10 + hours)): 0.9}))
        assert len(burst.detect(seen)) == found

    def test_irrigation_at_the_site_is_no_tap(self) -> None:
        site = meter("water", level=SpaceKind.SITE, use=UseType.CAMPUS)
        hours = changed(usual(site, closed=0.3, opened=5.0), {(at(24, 2), at(24, 3)): 3.0})
        assert running_tap.detect(view(site, hours)) == []

    def test_catching_up_after_a_stand_still_is_neither(self) -> None:
        hours = usual(DORM_WATER, closed=0.1, opened=0.3)
        missed = hours[at(22, 8) : at(24, 1)].sum()
        hours[at(22, 8) : at(24, 1)] = 0.0
        hours[at(24, 1)] += missed
        seen = view(DORM_WATER, hours)
        assert running_tap.detect(seen) == []
        assert burst.detect(seen) == []
        assert len(frozen.detect(seen)) == 1


def test_a_reset_is_shown_for_a_day() -> None:
    note = LedgerNote(kind=NoteKind.RESET, from_ms=ms(at(20, 9)) - 1, to_ms=ms(at(20, 9)), before=5000.0, after=0.1)
    late = LedgerNote(kind=NoteKind.RESET, from_ms=ms(at(27, 20)) - 1, to_ms=ms(at(27, 20)), before=5000.0, after=0.1)
    old, fresh = register_reset.detect(view(ELECTRIC, usual(ELECTRIC), notes=(note, late)))
    assert (old.finding.active, fresh.finding.active) == (False, True)
    assert old.finding.kind is FindingKind.METER_REGISTER_RESET


@pytest.mark.parametrize("detect", [burst.detect, frozen.detect, leak.detect, left_on.detect, running_tap.detect])
def test_nothing_later_changes_what_was_said(detect: object) -> None:
    """Causal: cut the series anywhere, and what was raised before the cut was raised at the same hour."""
    one = WATER if detect in (burst.detect, leak.detect, running_tap.detect) else ELECTRIC
    rng = np.random.default_rng(5)
    hours = usual(one, closed=0.05, opened=0.4)
    for _ in range(12):
        first = int(rng.integers(10 * 24, 27 * 24))
        hours[first : first + int(rng.integers(3, 40))] += float(rng.choice([0.015, 0.5, 4.0]))
    hours[at(22, 9) : at(23, 9)] = 0.0
    whole = detect(view(one, hours))  # type: ignore[operator]
    for cut in range(11 * 24, 28 * 24, 37):
        part = detect(view(one, hours[:cut]))  # type: ignore[operator]
        assert [e.raised_ms for e in part] == [e.raised_ms for e in whole if e.raised_ms <= ms(cut)]


class TestPersists:
    """What lasts for weeks becomes normal, but does not end for that."""

    def test_a_leak(self) -> None:
        hours = changed(QUIET_WATER, {(at(20, 8), at(28, 0)): 0.012})
        [episode] = leak.detect(view(WATER, hours))
        assert leak.persists(view(WATER, hours), episode.finding)
        assert not leak.persists(view(WATER, QUIET_WATER), episode.finding)

    def test_a_stand_still(self) -> None:
        hours = usual(ELECTRIC)
        hours[at(20, 10) :] = 0.0
        [episode] = frozen.detect(view(ELECTRIC, hours))
        assert frozen.persists(view(ELECTRIC, hours), episode.finding)
        assert not frozen.persists(view(ELECTRIC, usual(ELECTRIC)), episode.finding)
