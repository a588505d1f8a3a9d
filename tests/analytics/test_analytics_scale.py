"""A wrong factor told by the meters around it: their balance, not the weather or the habits of a place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analytics.arrays import Floats
from analytics.causes import by_cause
from analytics.detectors import no_load, phase_loss, wrong_unit
from analytics.finding import Finding, FindingKind
from analytics.hourly import Hourly
from analytics.meter import Meter
from analytics.view import View
from analytics.watch import Watch
from devices.model import SpaceKind
from tests.fakes.meters import SITE, START_MS, at, meter, usual, view

DAYS = 29
FLOORS = ("f-1", "f-2", "f-3")


def hourly(hours: Floats) -> Hourly:
    return Hourly(start_ms=START_MS, consumption=hours, quality=np.zeros(hours.size, np.uint8), least=hours)


def building(counted: dict[str, Floats], main: Floats) -> Watch:
    meters: dict[str, Meter] = {name: meter(device_id=name) for name in counted}
    meters["main"] = meter(device_id="main", level=SpaceKind.BUILDING, below=frozenset(counted))
    watch = Watch(meters, SITE)
    for name, hours in {**counted, "main": main}.items():
        watch.books[name] = replace(watch.books[name], hourly=hourly(hours))
    return watch


def floors(*, warm_from: int = DAYS) -> dict[str, Floats]:
    """Three floors whose heating falls away on that day: by day and night they then draw half."""
    flowing = {name: usual(meter(), days=DAYS, closed=0.5, opened=4.0, seed=n) for n, name in enumerate(FLOORS)}
    for hours in flowing.values():
        hours[at(warm_from, 0) :] *= 0.55
    return flowing


def of(watch: Watch, name: str) -> View:
    [found] = [one for one in watch.views(START_MS + DAYS * 24 * 3_600_000) if one.meter.device_id == name]
    return found


def kinds(watch: Watch) -> list[tuple[FindingKind, str]]:
    found = watch.episodes(START_MS + DAYS * 24 * 3_600_000)
    return sorted((one.finding.kind, one.finding.device_id) for one in found)


def scaled(hours: Floats, first: int, factor: float) -> Floats:
    out = hours.copy()
    out[first : first + 7 * 24] *= factor
    return out


def test_a_lost_phase_in_a_thaw_is_told_within_a_day_and_a_half() -> None:
    flowing = floors(warm_from=19)
    main = np.sum(list(flowing.values()), axis=0) + 1.0
    counted = flowing | {"f-2": scaled(flowing["f-2"], at(20, 10), 2 / 3)}
    watch = building(counted, main)
    assert kinds(watch) == [(FindingKind.ELEC_PHASE_LOSS, "f-2")]
    [episode] = phase_loss.detect(of(watch, "f-2"))
    assert episode.raised_ms - START_MS <= 3_600_000 * (at(20, 10) + 36)
    assert episode.finding.facts["percent"] == pytest.approx(67, abs=4)


def test_a_floor_that_is_really_used_less_closes_its_balance() -> None:
    flowing = floors()
    flowing["f-2"] = scaled(flowing["f-2"], at(20, 10), 2 / 3)
    watch = building(flowing, np.sum(list(flowing.values()), axis=0) + 1.0)
    assert kinds(watch) == []


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_wrong_ratio_is_told_as_such_and_not_as_no_load(factor: float) -> None:
    flowing = floors()
    main = np.sum(list(flowing.values()), axis=0) + 1.0
    counted = flowing | {"f-3": scaled(flowing["f-3"], at(20, 10), factor)}
    watch = building(counted, main)
    assert kinds(watch) == [(FindingKind.METER_WRONG_UNIT, "f-3")]
    [episode] = wrong_unit.detect(of(watch, "f-3"))
    assert episode.finding.facts["times"] == pytest.approx(factor, rel=0.1)


def test_two_wrong_floors_at_once_are_both_told() -> None:
    flowing = floors()
    main = np.sum(list(flowing.values()), axis=0) + 1.0
    wrong = {"f-1": scaled(flowing["f-1"], at(20, 10), 10.0), "f-3": scaled(flowing["f-3"], at(20, 12), 0.1)}
    found = kinds(building(flowing | wrong, main))
    assert {device for kind, device in found if kind is FindingKind.METER_WRONG_UNIT} == {"f-1", "f-3"}


def test_without_meters_around_it_there_is_no_scale() -> None:
    assert view(meter(), usual(meter())).scale is None
    lonely = building({"f-1": floors()["f-1"]}, floors()["f-1"] + 1.0)
    assert of(lonely, "f-1").scale is None


def test_no_load_is_a_supply_that_went_off_not_a_course_that_goes_on_small() -> None:
    lab = meter()
    hours = usual(lab, days=DAYS, closed=2.0, opened=6.0)
    off, small = hours.copy(), scaled(hours, at(15, 10), 0.09)
    off[at(15, 22) : at(17, 9)] = 0.01
    [episode] = no_load.detect(view(lab, off))
    assert episode.raised_ms == START_MS + 3_600_000 * at(16, 0)
    assert episode.finding.facts["hours"] == 34
    assert no_load.detect(view(lab, small)) == []


def test_a_meter_that_is_right_again_is_not_wrong_the_other_way_round() -> None:
    def told(start_day: int, days: int, times: float) -> Finding:
        started = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=start_day)
        return Finding(
            kind=FindingKind.METER_WRONG_UNIT,
            device_id="f-1",
            space_id="f",
            active=False,
            score=0.5,
            started=started,
            seen=started + timedelta(days=days),
            message="",
            facts={"times": times},
        )

    wrong, again, later = told(0, 7, 10.0), told(9, 1, 0.2), told(60, 3, 0.2)
    assert by_cause(again, (wrong, again), ())
    assert not by_cause(wrong, (wrong, again), ())
    assert not by_cause(later, (wrong, later), ())
