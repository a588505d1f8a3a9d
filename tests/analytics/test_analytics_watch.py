"""One fault, one finding: at the lowest meter that sees it, streaming or hourly."""

import numpy as np

from analytics.arrays import HOUR_MS
from analytics.detectors import dead
from analytics.episodes import Episode, moment, runs
from analytics.finding import Finding, FindingKind
from analytics.lowest import lowest_only
from analytics.watch import HOLD_MS, Watch
from devices.model import Device, DeviceKind, SpaceKind
from devices.profiles import PROFILES
from tests.fakes.meters import SITE, START_MS, meter

FLOOR = meter("water", device_id="w-floor")
BUILDING = meter("water", device_id="w-building", level=SpaceKind.BUILDING, below=frozenset({"w-floor"}))
METERS = {"w-floor": FLOOR, "w-building": BUILDING}


def samples(from_s: int, to_s: int, flow: float) -> list[tuple[int, float]]:
    return [(START_MS + second * 1000, flow) for second in range(from_s, to_s, 10)]


def test_the_building_waits_for_its_floors() -> None:
    watch = Watch(METERS, SITE)
    assert watch.sample("w-building", samples(0, 200, 12.0)) == []
    [finding] = watch.sample("w-floor", samples(30, 200, 12.0))
    assert (finding.device_id, finding.active) == ("w-floor", True)
    assert watch.release(START_MS + 200_000 + HOLD_MS) == []


def test_a_burst_that_no_floor_sees_is_the_buildings() -> None:
    watch = Watch(METERS, SITE)
    watch.sample("w-building", samples(0, 200, 12.0))
    assert watch.release(START_MS + 100_000) == []
    [finding] = watch.release(START_MS + 300_000)
    assert finding.device_id == "w-building"
    [ended] = watch.sample("w-building", samples(200, 600, 0.0))
    assert not ended.active


def test_a_building_that_spoke_first_withdraws() -> None:
    watch = Watch(METERS, SITE)
    watch.sample("w-building", samples(0, 200, 12.0))
    watch.release(START_MS + 300_000)
    told = watch.sample("w-floor", samples(300, 500, 12.0))
    assert [(finding.device_id, finding.active) for finding in told] == [("w-floor", True), ("w-building", False)]


def finding(kind: FindingKind, device_id: str, first: int, last: int, *, active: bool = False) -> Finding:
    return Finding(
        kind=kind,
        device_id=device_id,
        space_id="s",
        active=active,
        score=0.5,
        started=moment(START_MS + first * HOUR_MS),
        seen=moment(START_MS + last * HOUR_MS),
        message="",
    )


def kept(*findings: Finding) -> list[tuple[FindingKind, str]]:
    episodes = [Episode(finding=one, raised_ms=0) for one in findings]
    return [(e.finding.kind, e.finding.device_id) for e in lowest_only(episodes, METERS)]


def test_hourly_findings_belong_to_the_lowest_meter_and_the_worst_kind() -> None:
    tap, break_, leak = FindingKind.WATER_RUNNING_TAP, FindingKind.WATER_BURST, FindingKind.WATER_TOILET_LEAK
    assert kept(finding(tap, "w-building", 0, 5), finding(tap, "w-floor", 1, 5)) == [(tap, "w-floor")]
    assert kept(finding(tap, "w-floor", 0, 5), finding(break_, "w-floor", 1, 3)) == [(break_, "w-floor")]
    assert kept(finding(leak, "w-building", 0, 99), finding(tap, "w-floor", 200, 205)) == [
        (leak, "w-building"),
        (tap, "w-floor"),
    ]
    assert kept(finding(tap, "w-building", 50, 55), finding(leak, "w-floor", 1, 3, active=True)) == [(leak, "w-floor")]


def test_runs_are_sure_late_and_over_when_known_to_be() -> None:
    suspicious = np.array([0, 1, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1], np.bool_)
    known = np.array([1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1], np.bool_)
    [first, second] = runs(suspicious, at_least=2, clear_after=2, known=known)
    assert (first.first, first.last, first.sure, first.open) == (3, 7, 4, False)
    assert (second.first, second.last, second.sure, second.open) == (10, 11, 11, True)


class TestDead:
    DOOR = Device(id="d", kind=DeviceKind.DOOR_CONTROLLER, profile_id="door", space_id="s", name="", name_zh="")
    SMOKE = Device(id="f", kind=DeviceKind.SMOKE_DETECTOR, profile_id="smoke", space_id="s", name="", name_zh="")
    NOW = START_MS + 48 * HOUR_MS

    def found(
        self, last_ms: int | None, *, site_ms: int = NOW, since_ms: int = NOW - HOUR_MS, before_ms: int | None = None
    ) -> bool:
        silence = dead.Silence(last_ms=last_ms, site_ms=site_ms, listening_since_ms=since_ms, before_ms=before_ms)
        return dead.check(self.DOOR, PROFILES["door"], silence) is not None

    def test_silence_beyond_the_profile(self) -> None:
        assert self.found(self.NOW - 301_000)
        assert not self.found(self.NOW - 299_000)

    def test_never_heard(self) -> None:
        assert self.found(None)
        assert not self.found(None, since_ms=self.NOW - 200_000)

    def test_not_judged_just_after_a_start_unless_long_dead_before(self) -> None:
        start = self.NOW - 60_000
        assert not self.found(start - HOUR_MS, since_ms=start, before_ms=start - HOUR_MS)
        assert self.found(start - 24 * HOUR_MS, since_ms=start, before_ms=start)

    def test_when_the_whole_site_is_silent_nothing_is_said(self) -> None:
        assert not self.found(self.NOW - HOUR_MS, site_ms=self.NOW - HOUR_MS, since_ms=START_MS)

    def test_fire_equipment_has_its_own_rule(self) -> None:
        silence = dead.Silence(last_ms=START_MS, site_ms=self.NOW, listening_since_ms=START_MS, before_ms=None)
        assert dead.check(self.SMOKE, PROFILES["smoke"], silence) is None


def test_power_quality_is_told_and_taken_up_after_a_restart() -> None:
    one = meter(device_id="em")
    watch = Watch({"em": one}, SITE)
    low = [(START_MS + minute * 60_000, 190.0) for minute in range(15)]
    [finding] = watch.gauge("em", "elec.voltage", low)
    assert finding.kind is FindingKind.ELEC_POWER_QUALITY
    after = Watch({"em": one}, SITE)
    after.resume([finding])
    [ended] = after.gauge("em", "elec.voltage", [(START_MS + minute * 60_000, 221.0) for minute in range(20, 50)])
    assert (ended.active, ended.started) == (False, finding.started)
