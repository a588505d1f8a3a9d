"""The contracts of RegistryStore, EventStore, HealthStore and DeadLetterStore, on SQLite and PostgreSQL."""

from dataclasses import replace
from typing import Any

import pytest

from devices.errors import BadInput
from devices.health import DeviceHealth, DiscoveredDevice
from devices.model import Device, DeviceKind, Event, Space, SpaceKind, UseType
from ingest.dead_letter import DeadLetter
from storage.database import Database
from storage.dead_letter_store import DeadLetterStore, LetterFilter
from storage.event_store import EventStore
from storage.health_store import HealthStore
from storage.registry_store import RegistryStore


def space(space_id: str, parent_id: str | None = None, **changes: Any) -> Space:
    return replace(Space(id=space_id, kind=SpaceKind.FLOOR, name=space_id, name_zh="楼层", parent_id=parent_id), **changes)


def meter(device_id: str, space_id: str = "site", **changes: Any) -> Device:
    plain = Device(id=device_id, kind=DeviceKind.WATER_METER, profile_id="wm-floor", space_id=space_id, name="m", name_zh="水表")
    return replace(plain, **changes)


SITE = space("site", kind=SpaceKind.SITE, use=UseType.CAMPUS, area_m2=120.5, people=4000)


class TestRegistry:
    def test_a_campus_comes_back_whole_in_any_order(self, any_database: Database) -> None:
        store = RegistryStore(any_database)
        spaces = [space("floor-10", "site"), space("floor-2", "site"), SITE]
        main = meter("wm-main", measures_space=True, attributes={"topic": "a/b"})
        store.save(spaces, [meter("wm-1", "floor-2", upstream_id="wm-main"), main])

        loaded = store.load()

        assert loaded.spaces == {one.id: one for one in spaces}
        assert list(loaded.spaces) == ["floor-2", "floor-10", "site"]
        assert loaded.devices["wm-main"] == main
        assert [one.id for one in loaded.sub_meters("wm-main")] == ["wm-1"]

    def test_saving_replaces_by_id_and_keeps_the_rest(self, any_database: Database) -> None:
        store = RegistryStore(any_database)
        store.save([SITE], [meter("a"), meter("b")])
        store.save([], [meter("a", name="first"), meter("a", name="last")])

        assert store.load().devices == {"a": meter("a", name="last"), "b": meter("b")}

    def test_the_revision_changes_when_the_registry_does(self, any_database: Database) -> None:
        store = RegistryStore(any_database)
        assert store.revision() == 0
        store.save([SITE], [])
        first = store.revision()
        store.save([SITE], [])
        assert store.revision() == first
        store.save([], [meter("a")])
        assert store.revision() != first

    @pytest.mark.parametrize(
        ("spaces", "devices", "message"),
        [
            ([space("a", "nowhere")], [], "its parent 'nowhere' does not exist"),
            ([space("a", "b"), space("b", "a")], [], "lies inside itself"),
            ([], [meter("m", "nowhere")], "its space 'nowhere' does not exist"),
            ([], [meter("m", upstream_id="nowhere")], "its upstream meter 'nowhere' does not exist"),
            ([], [meter("m", profile_id="toaster")], "no profile 'toaster'"),
        ],
    )
    def test_what_does_not_hang_together_is_not_saved(
        self, any_database: Database, spaces: list[Space], devices: list[Device], message: str
    ) -> None:
        store = RegistryStore(any_database)
        store.save([SITE], [])
        with pytest.raises(BadInput, match=message):
            store.save(spaces, devices)
        assert store.load().spaces == {"site": SITE}
        assert store.revision() == 1


def door(ts_ms: int, **changes: Any) -> Event:
    return replace(
        Event(device_id="door-1", type="door.denied", ts_ms=ts_ms, attributes={"card": "x", "n": 1.5, "ok": False}), **changes
    )


class TestEvents:
    def test_the_same_event_counts_once(self, any_database: Database) -> None:
        store = EventStore(any_database)
        assert store.append([]) == 0
        assert store.append([door(1), door(2), door(2)]) == 2
        assert store.append([door(2), door(3), door(2, type="door.open"), door(2, device_id="door-2")]) == 3
        assert store.append([door(number) for number in range(3000)]) == 2997

    def test_newest_first_within_the_time_asked(self, any_database: Database) -> None:
        store = EventStore(any_database)
        store.append([door(1), door(3), door(2), door(4, device_id="door-2", type="door.forced")])

        assert store.list(start_ms=1, end_ms=4) == [door(3), door(2), door(1)]
        assert store.list(start_ms=0, end_ms=9, limit=1) == [door(4, device_id="door-2", type="door.forced")]
        assert store.list(start_ms=0, end_ms=9, device_id="door-1", limit=2) == [door(3), door(2)]
        assert [one.ts_ms for one in store.list(start_ms=0, end_ms=9, types=["door.forced"])] == [4]
        assert store.list(start_ms=0, end_ms=9, types=[]) == []


class TestHealth:
    def test_counters_add_up_and_the_last_sight_stands(self, any_database: Database) -> None:
        store = HealthStore(any_database)
        store.record([])
        store.record([DeviceHealth(device_id="a", last_seen_ms=50, received=1, stored=2, late=3, rejected=4, duplicate=5)])
        again = DeviceHealth(device_id="a", last_seen_ms=40, received=1, stored=1, late=1, rejected=1, duplicate=1)
        store.record([DeviceHealth(device_id="b", last_seen_ms=9), again, again])

        assert store.get("a") == DeviceHealth(device_id="a", last_seen_ms=50, received=3, stored=4, late=5, rejected=6, duplicate=7)
        assert store.all() == {"a": store.get("a"), "b": DeviceHealth(device_id="b", last_seen_ms=9)}
        assert store.get("c") is None

    def test_strangers_are_kept_until_they_are_forgotten(self, any_database: Database) -> None:
        store = HealthStore(any_database)
        first = DiscoveredDevice(device_id="x", first_seen_ms=10, last_seen_ms=10, topic="t/1", family="native", metrics=("b", "a"))
        later = DiscoveredDevice(device_id="x", first_seen_ms=20, last_seen_ms=20, topic="t/2", family="zigbee", metrics=("c",))
        store.discover([])
        store.discover([first])
        store.discover([later, replace(first, device_id="y")])

        merged = replace(later, first_seen_ms=10, metrics=("a", "b", "c"))
        assert store.discovered() == [merged, replace(first, device_id="y")]
        store.forget("x")
        store.forget("never seen")
        assert [one.device_id for one in store.discovered()] == ["y"]

    def test_strangers_are_ignored_until_they_are_noticed_or_adopted(self, any_database: Database) -> None:
        store = HealthStore(any_database)
        store.ignore(["x", "y", "x"], by="admin", at_ms=1)
        store.ignore(["x"], by="admin", at_ms=2)
        assert store.ignored() == {"x", "y"}
        store.notice("x")
        store.forget("y")
        assert store.ignored() == frozenset()


def letter(received_ms: int, **changes: Any) -> DeadLetter:
    return replace(
        DeadLetter(received_ms=received_ms, topic="a/b", payload=b"\x00\xff{", reason="not JSON", device_id="d"), **changes
    )


class TestDeadLetters:
    def test_they_come_back_as_they_came(self, any_database: Database) -> None:
        store = DeadLetterStore(any_database)
        store.append([])
        store.append([letter(1), letter(2, device_id=None), letter(3, payload=b"")])

        assert [one.letter for one in store.list()] == [letter(3, payload=b""), letter(2, device_id=None), letter(1)]
        assert [one.letter for one in store.list(1, device_id="d")] == [letter(3, payload=b"")]
        assert store.count() == 3

    def test_removing_and_pruning(self, any_database: Database) -> None:
        store = DeadLetterStore(any_database)
        store.append([letter(number) for number in range(10)])
        newest = store.list(1)[0]

        assert store.remove([newest.id, 999]) == 1
        assert store.remove([]) == 0
        assert store.prune(5) == 4
        assert [one.letter.received_ms for one in store.list()] == [8, 7, 6, 5, 4]
        assert store.prune(5, before_ms=6) == 2
        assert store.prune(100) == 0
        assert store.prune(0) == 3
        assert store.count() == 0

    def test_replays_are_asked_for_once_done_in_order_and_answered(self, any_database: Database) -> None:
        store = DeadLetterStore(any_database)
        store.append([letter(number) for number in range(4)])
        first, second, third, _ = store.ids(LetterFilter(), limit=10)

        assert store.request_replay([third, first, second, 999], by="admin", at_ms=50) == 3
        assert store.request_replay([first], by="admin", at_ms=51) == 1
        assert [one.id for one in store.wanted(2)] == [first, second]
        assert store.waiting() == 3
        store.settle([first], {second: "still not JSON"}, at_ms=60)

        assert store.replays([first, second, third]) == {second: True, third: False}
        assert store.get([second])[0].letter.reason == "still not JSON"
        assert [one.id for one in store.wanted(9)] == [third]
        store.request_replay([second], by="admin", at_ms=70)
        assert [one.id for one in store.wanted(9)] == [second, third]
        assert store.remove([second, third]) == 2
        assert store.waiting() == 0

    def test_they_are_found_by_what_they_are(self, any_database: Database) -> None:
        store = DeadLetterStore(any_database)
        store.append([letter(1, topic="a/100%"), letter(2, reason="bad key"), letter(3, device_id="e"), letter(4, device_id=None)])

        def found(**wanted: Any) -> list[int]:
            return [one.letter.received_ms for one in store.find(LetterFilter(**wanted))]

        assert found() == [4, 3, 2, 1]
        assert found(topic="100%") == [1]
        assert found(topic="a%") == []
        assert found(reason="key", device_id="d") == [2]
        assert found(start_ms=2, end_ms=4) == [3, 2]
        assert [
            one.letter.received_ms for one in store.find(LetterFilter(), limit=2, before_id=store.find(LetterFilter())[1].id)
        ] == [2, 1]
        assert store.reasons() == [("not JSON", 3), ("bad key", 1)]
