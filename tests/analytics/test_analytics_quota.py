"""Which quota holds for a room, where the room stands, and what is told of it."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analytics.quota import Per, Quota
from analytics.quota_standing import day_edges_ms, over_quota, rooms_under, standings
from devices.model import Device, DeviceKind, Space, SpaceKind, UseType
from devices.registry import Registry

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)
HOUSE = Quota(space_id="d", quantity="electricity", per=Per.HEAD, amount=10.0, entered_by="energy", entered_at=NOW, id=1)
FLOOR = replace(HOUSE, space_id="d-f1", per=Per.ROOM, amount=25.0, id=2)
WINTER = replace(FLOOR, month=11, amount=50.0, id=3)


def campus(people: int | None = 4) -> Registry:
    def space(name: str, kind: SpaceKind, parent: str | None = None, inside: int | None = None) -> Space:
        return Space(id=name, kind=kind, name=name, name_zh=name, parent_id=parent, use=UseType.DORMITORY, people=inside)

    def meter(name: str, space_id: str, kind: DeviceKind = DeviceKind.ELECTRICITY_METER) -> Device:
        return Device(
            id=name, kind=kind, profile_id="em-room", space_id=space_id, name=name, name_zh=name, measures_space=True
        )  # fmt: skip

    spaces = [
        space("site", SpaceKind.SITE),
        space("d", SpaceKind.BUILDING, "site"),
        space("d-f1", SpaceKind.FLOOR, "d"),
        space("d-f2", SpaceKind.FLOOR, "d"),
        space("d-101", SpaceKind.ROOM, "d-f1", people),
        space("d-201", SpaceKind.ROOM, "d-f2", people),
    ]
    return Registry(spaces, [meter("em-101", "d-101"), meter("em-201", "d-201"), meter("em-f1", "d-f1")])


@pytest.mark.parametrize(
    ("quotas", "month", "expected"),
    [
        ([], 11, {}),
        ([HOUSE], 11, {"em-101": 1, "em-201": 1}),
        ([HOUSE, FLOOR], 11, {"em-101": 2, "em-201": 1}),
        ([HOUSE, FLOOR, WINTER], 11, {"em-101": 3, "em-201": 1}),
        ([HOUSE, FLOOR, WINTER], 12, {"em-101": 2, "em-201": 1}),
        ([replace(HOUSE, quantity="water")], 11, {}),
        ([replace(HOUSE, space_id="gone")], 11, {}),
    ],
)
def test_the_nearest_quota_of_the_month_holds_for_rooms_only(quotas: list[Quota], month: int, expected: dict[str, int]) -> None:
    assert {device.id: quota.id for device, quota in rooms_under(quotas, campus(), month)} == expected


def test_days_are_those_of_the_site() -> None:
    edges = day_edges_ms(NOW, ZONE)
    assert [datetime.fromtimestamp(edge / 1000, ZONE).isoformat() for edge in edges] == [
        "2026-11-01T00:00:00+08:00",
        "2026-11-02T00:00:00+08:00",
        "2026-11-03T00:00:00+08:00",
        "2026-11-03T10:30:00+08:00",
    ]
    assert day_edges_ms(datetime(2026, 10, 31, 16, 0, tzinfo=UTC), ZONE)[0] == edges[0], "the month begins at local midnight"


def test_a_room_that_used_more_is_told_with_the_day_it_went_over() -> None:
    registry = campus()
    used = {"em-101": [15.0, 15.0, 15.0], "em-201": [5.0, 5.0, 5.0]}
    found = standings(rooms_under([HOUSE], registry, 11), registry, used)
    assert [(one.device_id, one.allowed, one.used, one.over) for one in found] == [
        ("em-101", 40.0, 45.0, 5.0),
        ("em-201", 40.0, 15.0, 0),
    ]
    told, silent = (over_quota(one, NOW, ZONE) for one in found)
    assert silent is None
    assert told is not None
    assert told.started == datetime(2026, 11, 3, tzinfo=ZONE)
    assert told.facts["day"] == "2026-11-03"
    assert told.evidence is not None
    assert [value for _, value in told.evidence.observed] == [15.0, 30.0, 45.0]
    assert len(told.evidence.expected) == 30


def test_nobody_is_accused_where_nobody_counted_the_people() -> None:
    registry = campus(people=None)
    found = standings(rooms_under([HOUSE], registry, 11), registry, {"em-101": [900.0]})
    assert [one.allowed for one in found] == [None, None]
    assert [one.share for one in found] == [None, None]
    assert all(over_quota(one, NOW, ZONE) is None for one in found)
