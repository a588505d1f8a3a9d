"""Residents of dormitories are recalled from stored grants: a restart loses no night, and no name is kept for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analytics.calendar import Calendar
from analytics.finding import FindingKind
from devices.model import Device, DeviceKind, Event, Space, SpaceKind, UseType
from devices.registry import Registry
from ingest.decoded import Decoded, Happening
from runtime.pseudonyms import PseudonymousEvents, pseudonymous
from runtime.roles.alerts_lane import FastLane, Moment, Said
from runtime.roles.alerts_past import RecalledPast
from storage.database import Database
from storage.event_store import EventStore

KEY = b"k" * 32
ZONE = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 3, 9, 16, tzinfo=UTC)  # begins in Shanghai
CURFEW = TUESDAY + timedelta(hours=23.5)


def door(device_id: str, direction: str) -> Device:
    return Device(
        id=device_id,
        kind=DeviceKind.DOOR_CONTROLLER,
        profile_id="door",
        space_id="d",
        name="",
        name_zh="",
        attributes={"direction": direction},
    )


SPACES = (
    Space(id="site", kind=SpaceKind.SITE, name="", name_zh=""),
    Space(id="d", kind=SpaceKind.BUILDING, name="", name_zh="", parent_id="site", use=UseType.DORMITORY),
)
REGISTRY = Registry(SPACES, (door("gate-in", "in"), door("gate-out", "out")))


def at(moment: datetime) -> Moment:
    return Moment(round(moment.timestamp() * 1000), moment.timestamp())


def went(hours: float, way: str, person: str) -> Event:
    ts_ms = round((TUESDAY + timedelta(hours=hours)).timestamp() * 1000)
    return Event(device_id=f"gate-{way}", type="access.granted", ts_ms=ts_ms, attributes={"person": person})


LIVES = [went(24 * day + hour, "in", person) for day in (-3, -2, -1) for person, hour in (("Zhang", 20), ("Li", 20.1))]
TONIGHT = [went(19, "out", "Zhang"), went(21, "in", "Li")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'c.db'}")
    made.migrate()
    yield made
    made.close()


def lane_at(moment: datetime, *, await_past: bool) -> FastLane:
    hide = partial(pseudonymous, key=KEY)
    return FastLane(REGISTRY, {}, at(moment), Calendar(), hide=hide, await_past=await_past)


def heard(lane: FastLane, events: list[Event], *, late: bool = False) -> None:
    for one in sorted(events, key=lambda event: event.ts_ms):
        happened = Happening(one.type, one.ts_ms, dict(one.attributes))
        now_ms = one.ts_ms + (1_800_000 if late else 0)
        lane.take(Decoded(one.device_id, happenings=(happened,)), Moment(now_ms, now_ms / 1000))


def missing(said: list[Said]) -> list[object]:
    return [item.finding.facts["count"] for item in said if item.finding.kind is FindingKind.DOOR_NOT_BACK]


def test_a_restart_loses_no_night(database: Database) -> None:
    PseudonymousEvents(EventStore(database).append, KEY).append([*LIVES, *TONIGHT])
    steady = lane_at(TUESDAY - timedelta(days=4), await_past=False)
    heard(steady, [*LIVES, *TONIGHT])
    restarted = lane_at(CURFEW - timedelta(minutes=1), await_past=True)
    past = RecalledPast(database, ZONE).news(REGISTRY, CURFEW)
    assert past is not None
    restarted.recall(past)
    assert missing(steady.tick(at(CURFEW))) == missing(restarted.tick(at(CURFEW))) == [1]


def test_nobody_is_asked_about_before_the_past_is_known(database: Database) -> None:
    PseudonymousEvents(EventStore(database).append, KEY).append([*LIVES, *TONIGHT])
    lane = lane_at(CURFEW, await_past=True)
    assert missing(lane.tick(at(CURFEW))) == []
    past = RecalledPast(database, ZONE).news(REGISTRY, CURFEW)
    assert past is not None
    lane.recall(past)
    assert missing(lane.tick(at(CURFEW + timedelta(minutes=5)))) == [1]


def test_what_came_while_we_were_away_counts_too(database: Database) -> None:
    """The broker hands it over late; ingest may not have stored it yet."""
    PseudonymousEvents(EventStore(database).append, KEY).append([*LIVES, TONIGHT[0]])
    lane = lane_at(CURFEW - timedelta(minutes=30), await_past=True)
    heard(lane, [TONIGHT[1], went(22, "in", "Zhang")], late=True)
    past = RecalledPast(database, ZONE).news(REGISTRY, CURFEW)
    assert past is not None
    lane.recall(past)
    assert missing(lane.tick(at(CURFEW))) == []


def test_the_past_is_read_once_in_pages_and_names_nobody(database: Database) -> None:
    PseudonymousEvents(EventStore(database).append, KEY).append([*LIVES, *TONIGHT])
    recalled = RecalledPast(database, ZONE, page=2)
    past = recalled.news(REGISTRY, CURFEW)
    assert past is not None
    assert {len(one.days) for one in past.people["d"].values()} == {3}
    assert not any(name in str(past) for name in ("Zhang", "Li"))
    assert recalled.news(REGISTRY, CURFEW) is None
    assert recalled.news(Registry(SPACES, ()), CURFEW) is not None
