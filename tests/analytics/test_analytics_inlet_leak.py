"""A leak behind the inlet of a building, told live from the hours of the inlet."""

from datetime import UTC, datetime

import numpy as np
import pytest

from analytics.arrays import HOUR_MS, Floats
from analytics.catalog import HOURLY
from analytics.detectors import inlet_leak
from analytics.episodes import Episode
from analytics.finding import Finding, FindingKind
from analytics.hourly import Hourly
from analytics.lowest import explained
from analytics.meter import Meter
from analytics.site import Site
from analytics.view import Account, View, look
from devices.model import SpaceKind, UseType
from devices.profiles import Register

START_MS = round(datetime(2026, 3, 1, 16, tzinfo=UTC).timestamp() * 1000)  # midnight of Monday 2 March in Shanghai
DAYS, LEAK_DAY = 30, 20


def inlet(level: SpaceKind = SpaceKind.BUILDING, below: frozenset[str] = frozenset({"floor"})) -> Meter:
    return Meter(
        device_id="inlet",
        space_id="t",
        quantity="water",
        level=level,
        use=UseType.TEACHING,
        register=Register(modulus=1e6, max_per_hour=100),
        interval_s=3600,
        below=below,
    )


def flow(leak_m3_per_h: float, *, until: int = DAYS) -> Floats:
    """m3 an hour: a day's course of weekdays and weekends, 3 % noise, a leak from LEAK_DAY 06:00 on."""
    rng = np.random.default_rng(5)
    hour = np.arange(DAYS * 24)
    course = 2 + np.sin((hour % 24 - 8) / 24 * 2 * np.pi)
    hours = course * np.where(hour // 24 % 7 >= 5, 0.6, 1.0) * (1 + 0.03 * rng.standard_normal(hour.size))
    hours[LEAK_DAY * 24 + 6 : until * 24] += leak_m3_per_h
    return hours


def seen(hours: Floats, meter: Meter | None = None, days: int | None = None) -> View:
    hourly = Hourly(start_ms=START_MS, consumption=hours, quality=np.zeros(hours.size, np.uint8), least=np.full(hours.size, np.nan))
    return look(Account(hourly=hourly), meter or inlet(), Site(), days=days)


def told(hours: Floats, meter: Meter | None = None) -> list[Episode]:
    return inlet_leak.detect(seen(hours, meter))


def test_a_leak_is_told_after_its_third_day_with_its_size_evidence_and_waste() -> None:
    (episode,) = told(flow(0.4))
    finding = episode.finding
    assert finding.active
    assert abs(finding.started.timestamp() * 1000 - START_MS - (LEAK_DAY * 24 + 6) * HOUR_MS) <= 24 * HOUR_MS
    assert episode.raised_ms == START_MS + (LEAK_DAY + 3) * 24 * HOUR_MS
    assert float(finding.facts["litres"]) == pytest.approx(400, rel=0.25)
    assert finding.waste.m3_per_day == pytest.approx(9.6, rel=0.25)
    assert finding.waste.cost_per_day > 0
    assert finding.evidence is not None
    assert finding.evidence.observed
    assert finding.evidence.expected
    assert "L/h" in finding.message % finding.facts


def test_it_ends_when_the_leak_ends_and_nothing_is_said_without_one() -> None:
    assert [episode.finding.active for episode in told(flow(0.4, until=26))] == [False]
    assert told(flow(0.0)) == []


@pytest.mark.parametrize(
    "meter",
    [inlet(SpaceKind.FLOOR), inlet(below=frozenset())],
    ids=["a floor is no inlet", "nothing hangs behind it"],
)
def test_only_inlets_are_judged(meter: Meter) -> None:
    assert told(flow(0.4), meter) == []


def test_a_day_with_a_gap_is_unknown_and_does_not_end_the_leak() -> None:
    hours = flow(0.4)
    hours[24 * 23 + 5] = np.nan
    (episode,) = told(hours)
    assert episode.finding.active


def test_the_last_days_alone_say_the_same_and_it_persists() -> None:
    view = seen(flow(0.4), days=3)
    (episode,) = inlet_leak.detect(view)
    assert inlet_leak.persists(view, episode.finding)
    assert not inlet_leak.persists(seen(flow(0.4, until=26), days=3), episode.finding)


def test_water_that_runs_at_a_meter_below_explains_it() -> None:
    (episode,) = told(flow(0.4))
    finding = episode.finding
    tap = Finding(
        kind=FindingKind.WATER_RUNNING_TAP,
        device_id="floor",
        space_id="f",
        active=False,
        score=0.5,
        started=finding.started,
        seen=finding.started,
        message="m",
    )
    meters = {"inlet": inlet()}
    assert explained(finding, meters, lambda device_id: [tap] if device_id == "floor" else [])
    assert not explained(finding, meters, lambda _: [])


def test_it_is_in_the_catalog() -> None:
    assert any(detector.kind is FindingKind.WATER_NETWORK_LEAK for detector in HOURLY)


def metered(leak_m3_per_h: float) -> list[Episode]:
    """With a sub-meter that counts all but the leak and a constant rest."""
    whole, part = flow(leak_m3_per_h) + 0.05, flow(0.0)
    hours = [
        Hourly(start_ms=START_MS, consumption=one, quality=np.zeros(one.size, np.uint8), least=np.full(one.size, np.nan))
        for one in (whole, part)
    ]
    return inlet_leak.detect(look(Account(hourly=hours[0], below=(hours[1],)), inlet(), Site()))


def test_where_sub_meters_count_the_balance_tells_a_leak_after_two_days() -> None:
    (episode,) = metered(0.3)
    assert episode.finding.facts["unmetered"] == pytest.approx(300, rel=0.05)
    assert episode.raised_ms <= START_MS + (LEAK_DAY + 3) * 24 * HOUR_MS
    assert not explained(episode.finding, {"inlet": inlet()}, lambda _device: [leak_on("floor", FindingKind.WATER_TOILET_LEAK)])


def test_a_sub_meter_that_counts_too_little_is_no_leak_since_its_rest_follows_the_day() -> None:
    course = np.where(np.arange(24) < 6, 0.0, 1.5)
    whole = np.tile(course, DAYS) + 0.05
    part = np.tile(course, DAYS)
    part[LEAK_DAY * 24 :] *= 0.5
    hours = [
        Hourly(start_ms=START_MS, consumption=one, quality=np.zeros(one.size, np.uint8), least=np.full(one.size, np.nan))
        for one in (whole, part)
    ]
    assert inlet_leak.detect(look(Account(hourly=hours[0], below=(hours[1],)), inlet(), Site())) == []


def leak_on(device_id: str, kind: FindingKind) -> Finding:
    at = datetime(2026, 3, 22, tzinfo=UTC)
    return Finding(kind=kind, device_id=device_id, space_id="t", active=True, score=0.5, started=at, seen=at, message="")


def test_a_day_on_which_nothing_is_drawn_is_no_error_and_no_leak() -> None:
    hours = flow(0.0)
    hours[LEAK_DAY * 24 : (LEAK_DAY + 4) * 24] = 0.0  # the building stands empty
    assert told(hours) == []
