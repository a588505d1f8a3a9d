"""Cold start by peers: what a new meter expects from others of its kind, and when that ends."""

from collections.abc import Mapping

import numpy as np
import pytest

from analytics.arrays import HOUR_MS, Floats
from analytics.book import known_hours
from analytics.finding import Basis, FindingKind
from analytics.hourly import Hourly, on_grid
from analytics.meter import Meter
from analytics.peers import Kin
from analytics.view import Account, View, look
from analytics.watch import Watch
from devices.model import SpaceKind, UseType
from tests.fakes.meters import SITE, START_MS, meter, usual

DAYS = 28
NEW_DAY = 21
"""The new meter begins here: a Tuesday."""


def floor(name: str, quantity: str = "water", people: int | None = 40, **more: object) -> Meter:
    return meter(quantity, device_id=name, space_id=name, people=people, **more)


def hours(one: Meter, *, first_day: int = 0, size: float = 1.0, seed: int = 1) -> Hourly:
    used = size * usual(one, days=DAYS, closed=0.02, opened=0.4, seed=seed)[first_day * 24 :]
    at = START_MS + HOUR_MS * (first_day * 24 + np.arange(used.size))
    return on_grid(at, used, np.zeros(used.size, np.uint8))


def neighbours(count: int = 4, **more: object) -> dict[str, Meter]:
    return {f"old-{number}": floor(f"old-{number}", **more) for number in range(count)}


def seen(new: Meter, others: Mapping[str, Meter], own: Hourly | None = None, sizes: Floats | None = None) -> View:
    """The new meter's view beside the others', each `sizes` times as large in its use."""
    own = hours(new, first_day=NEW_DAY, seed=9) if own is None else own
    sizes = np.ones(len(others)) if sizes is None else sizes
    known = {name: hours(one, size=size, seed=3) for (name, one), size in zip(others.items(), sizes, strict=True)}
    kin = Kin({new.device_id: new, **others}, {new.device_id: own, **known})
    return look(Account(hourly=own, kin=kin), new, SITE)


def test_the_first_days_come_from_peers_and_the_meters_own_past_takes_over() -> None:
    view = seen(floor("new"), neighbours())
    peers = view.normal.peers.reshape(-1, 24)
    assert (peers[:3] == 4).all()
    assert not peers[3:].any()
    assert np.isfinite(view.normal.expected).all()
    assert view.normal.expected[10] == pytest.approx(0.4, rel=0.1)


def test_what_peers_take_is_scaled_by_heads_for_water_and_by_area_for_electricity() -> None:
    small = seen(floor("new", people=20), neighbours())
    assert small.normal.expected[10] == pytest.approx(0.2, rel=0.1)
    large = seen(floor("new", "electricity", area_m2=600.0), neighbours(quantity="electricity", area_m2=300.0))
    assert large.normal.expected[10] == pytest.approx(0.8, rel=0.1)


def test_the_more_peers_differ_the_wider_the_spread_and_few_are_trusted_less() -> None:
    alike, apart = (seen(floor("new"), neighbours(), sizes=np.array(sizes)) for sizes in ((1, 1, 1, 1), (0.5, 0.8, 1.2, 2)))
    assert apart.normal.spread[10] > 3 * alike.normal.spread[10]
    three = seen(floor("new"), neighbours(3), sizes=np.array((0.5, 1, 2)))
    nine = seen(floor("new"), neighbours(9), sizes=np.repeat((0.5, 1, 2), 3))
    assert three.normal.spread[10] > nine.normal.spread[10]
    assert (apart.normal.top >= apart.normal.high).all()


def test_one_peer_with_a_fault_does_not_move_the_median() -> None:
    healthy, faulty = (seen(floor("new"), neighbours(5), sizes=np.array(sizes)) for sizes in ((1, 1, 1, 1, 1), (1, 1, 1, 1, 3.5)))
    assert faulty.normal.expected[10] == pytest.approx(healthy.normal.expected[10], rel=0.02)


def test_the_low_end_stays_unknown_and_base_and_night_are_the_meters_own() -> None:
    view = seen(floor("new", "electricity", area_m2=300.0), neighbours(quantity="electricity", area_m2=300.0))
    assert np.isnan(view.normal.low[:72]).all()
    assert np.isnan(view.base.share[:72]).all()
    assert np.isnan(view.base.usual[:72]).all()


@pytest.mark.parametrize(
    ("new", "others"),
    [
        (floor("new"), neighbours(2)),
        (floor("new"), neighbours(use=UseType.DORMITORY)),
        (floor("new"), neighbours(level=SpaceKind.ROOM)),
        (floor("new", people=None), neighbours()),
        (floor("new", people=400), neighbours()),
        (floor("new", use=UseType.CAMPUS), neighbours(use=UseType.CAMPUS)),
        (floor("new", level=SpaceKind.SITE), neighbours(level=SpaceKind.SITE)),
        (floor("new", below=frozenset({"old-0", "old-1"})), neighbours()),
    ],
    ids=["too few", "another use", "another level", "no size", "far larger", "no use said", "sites", "above them"],
)
def test_without_peers_a_new_meter_knows_nothing(new: Meter, others: dict[str, Meter]) -> None:
    assert np.isnan(seen(new, others).normal.expected[:72]).all()


def test_rooms_without_any_size_are_alike() -> None:
    view = seen(floor("new", people=None, level=SpaceKind.ROOM), neighbours(people=None, level=SpaceKind.ROOM))
    assert view.normal.expected[10] == pytest.approx(0.4, rel=0.1)


def test_peers_that_began_at_the_same_time_know_nothing_either() -> None:
    new, others = floor("new"), neighbours()
    kin = Kin({"new": new, **others}, {name: hours(one) for name, one in {"new": new, **others}.items()})
    assert np.isnan(look(Account(hourly=hours(new), kin=kin), new, SITE).normal.expected[:72]).all()


def test_what_peers_do_later_changes_nothing_now() -> None:
    new, others = floor("new"), neighbours()
    whole = seen(new, others)
    cut = {name: hours(one, seed=3) for name, one in others.items()}
    end = (NEW_DAY + 1) * 24
    cut = {
        name: Hourly(start_ms=one.start_ms, consumption=one.consumption[:end], quality=one.quality[:end], least=one.least[:end])
        for name, one in cut.items()
    }
    own = hours(new, first_day=NEW_DAY, seed=9)
    early = look(Account(hourly=own, kin=Kin({"new": new, **others}, {"new": own, **cut})), new, SITE)
    assert (early.normal.expected[:24] == whole.normal.expected[:24]).all()


def watched(new: Meter, others: Mapping[str, Meter]) -> Watch:
    watch = Watch({new.device_id: new, **others}, SITE)
    for name, one in others.items():
        watch.books[name] = known_hours(watch.books[name], hours(one, seed=3))
    return watch


def test_a_burst_on_day_one_is_told_live_though_the_meter_has_told_nothing_yet() -> None:
    watch = watched(floor("new"), neighbours())
    end_ms = START_MS + DAYS * 24 * HOUR_MS
    flow = [(end_ms + second * 1000, 4.5) for second in range(0, 200, 10)]
    assert watch.sample("new", flow) == []  # without anything learned, only far more is sure
    watch.learn(end_ms)
    [finding] = watch.sample("new", [(at + 3_600_000, value) for at, value in flow])
    assert finding.kind is FindingKind.WATER_BURST
    assert finding.evidence is not None
    assert (finding.evidence.basis, finding.evidence.peers) == (Basis.PEERS, 4)


def test_a_burst_of_an_hour_on_day_one_says_from_how_many_peers_it_was_told() -> None:
    new = floor("new")
    watch = watched(new, neighbours())
    own = hours(new, first_day=NEW_DAY)
    own.consumption[30] += 4.0
    watch.books["new"] = known_hours(watch.books["new"], own)
    [episode] = [one for one in watch.episodes(own.end_ms) if one.finding.kind is FindingKind.WATER_BURST]
    assert episode.finding.evidence is not None
    assert (episode.finding.evidence.basis, episode.finding.evidence.peers) == (Basis.PEERS, 4)


def test_an_ordinary_new_meter_is_accused_of_nothing() -> None:
    new, others = floor("new"), neighbours()
    watch = watched(new, others)
    watch.books["new"] = known_hours(watch.books["new"], hours(new, first_day=NEW_DAY, size=1.3, seed=5))
    assert [one for one in watch.episodes(START_MS + DAYS * 24 * HOUR_MS) if one.finding.device_id == "new"] == []
