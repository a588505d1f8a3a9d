"""The contract of AlertStore, on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest

from alerts.model import AlertState, Severity
from devices.errors import Conflict, NotFound
from storage.alert_store import AlertStore
from storage.change import ChangeKind
from storage.change_store import ChangeStore
from storage.database import Database
from storage.finding_store import FindingStore
from tests.storage.relational_values import MINUTE, T0, alert, alert_entry, finding


@pytest.fixture
def store(any_database: Database) -> AlertStore:
    return AlertStore(any_database)


def test_what_was_inserted_comes_back_whole(store: AlertStore, any_database: Database) -> None:
    cause = FindingStore(any_database).record(finding(), now=T0)
    full = alert(
        finding_id=cause.id,
        acknowledged_at=T0 + MINUTE,
        acknowledged_by="li.wei",
        resolved_at=T0 + 2 * MINUTE,
        resolution="valve shut",
        reopened=2,
        drill=True,
        version=7,
        cause="x",
    )

    stored = store.insert(full, alert_entry())

    assert stored == replace(full, id=stored.id)
    assert store.get(stored.id) == stored
    assert store.latest("water.burst", "wm-1") == stored
    assert store.log(stored.id) == [alert_entry()]


def test_one_unresolved_per_kind_and_device(store: AlertStore) -> None:
    first = store.insert(alert(), alert_entry())
    with pytest.raises(Conflict, match=r"water\.burst is unresolved at wm-1"):
        store.insert(alert(), alert_entry())
    store.insert(alert(kind="meter.frozen"), alert_entry())
    store.insert(alert(device_id="wm-2"), alert_entry())

    store.update(replace(first, state=AlertState.RESOLVED), alert_entry("resolve", AlertState.RESOLVED))
    second = store.insert(alert(), alert_entry())

    assert store.latest("water.burst", "wm-1") == second
    with pytest.raises(Conflict, match="is unresolved at wm-1"):  # the resolved one cannot come back beside it
        store.update(replace(first, state=AlertState.OPEN, version=1), alert_entry("reopen"))


def test_an_update_needs_the_version_that_is_stored(store: AlertStore) -> None:
    read = store.insert(alert(), alert_entry())

    changed = store.update(replace(read, state=AlertState.ACKNOWLEDGED), alert_entry("acknowledge", AlertState.ACKNOWLEDGED))

    assert changed.version == read.version + 1
    assert store.get(read.id) == changed
    with pytest.raises(Conflict, match="was changed meanwhile"):
        store.update(replace(read, state=AlertState.RESOLVED), alert_entry("resolve"))
    assert store.get(read.id) == changed
    assert [entry.event for entry in store.log(read.id)] == ["open", "acknowledge"]


def test_what_does_not_exist_is_named(store: AlertStore) -> None:
    assert store.latest("water.burst", "wm-1") is None
    assert store.log(5) == []
    with pytest.raises(NotFound, match="no alert 5"):
        store.get(5)
    with pytest.raises(NotFound, match="no alert 5"):
        store.update(alert(id=5), alert_entry())
    with pytest.raises(NotFound):
        store.insert(alert(finding_id=99), alert_entry())


def test_worst_first_then_newest(store: AlertStore) -> None:
    minor = store.insert(alert(device_id="a", severity=Severity.MINOR, raised_at=T0 + 9 * MINUTE), alert_entry())
    old_fire = store.insert(alert(device_id="b", severity=Severity.LIFE_SAFETY, raised_at=T0), alert_entry())
    fire = store.insert(alert(device_id="c", severity=Severity.LIFE_SAFETY, raised_at=T0 + MINUTE), alert_entry())
    major = store.insert(alert(device_id="d", severity=Severity.MAJOR), alert_entry())

    assert store.list() == [fire, old_fire, major, minor]
    assert store.list(limit=2) == [fire, old_fire]


def test_filters_by_state_and_space(store: AlertStore) -> None:
    here = store.insert(alert(device_id="a", space_id="floor-1"), alert_entry())
    there = store.insert(alert(device_id="b", space_id="floor-2", state=AlertState.PENDING), alert_entry())

    assert store.list(states=[AlertState.OPEN]) == [here]
    assert store.list(states={AlertState.PENDING, AlertState.RESOLVED}) == [there]
    assert store.list(states=[]) == []
    assert store.list(space_ids=frozenset({"floor-2", "nowhere"})) == [there]
    assert store.list(space_ids=[]) == []


def test_every_change_is_in_the_tail_and_refused_ones_are_not(store: AlertStore, any_database: Database) -> None:
    changes = ChangeStore(any_database)
    assert changes.last_seq() == 0

    stored = store.insert(alert(), alert_entry())
    store.update(replace(stored, state=AlertState.RESOLVED, updated_at=T0 + MINUTE), alert_entry("resolve"))
    with pytest.raises(Conflict):
        store.update(stored, alert_entry())

    first, second = changes.after(0)
    assert (first.kind, first.entity_id, first.at) == (ChangeKind.ALERT, stored.id, T0)
    assert (second.kind, second.entity_id, second.at) == (ChangeKind.ALERT, stored.id, T0 + MINUTE)
    assert changes.after(first.seq) == [second]
    assert changes.after(0, limit=1) == [first]
    assert changes.after(changes.last_seq()) == []


@pytest.mark.parametrize("text", ["'; DROP TABLE alert; --", '"', "%", "\\", "𝕏水\n"], ids=repr)
def test_text_is_never_sql(store: AlertStore, text: str) -> None:
    stored = store.insert(alert(kind=text, device_id=text, space_id=text, message=text, facts={text: text}), alert_entry())

    assert store.latest(text, text) == stored
    assert store.list(space_ids=[text]) == [stored]


def test_a_time_without_zone_is_refused(store: AlertStore) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        store.insert(alert(raised_at=T0.replace(tzinfo=None)), alert_entry())
    assert store.list() == []


def test_old_changes_can_be_pruned_and_numbers_go_on(store: AlertStore, any_database: Database) -> None:
    changes = ChangeStore(any_database)
    for number in range(5):
        store.insert(alert(device_id=str(number)), alert_entry())
    last = changes.last_seq()

    assert changes.prune(2) == 3
    assert len(changes.after(0)) == 2
    assert changes.prune(0) == 2
    store.insert(alert(), alert_entry())
    assert changes.last_seq() > last
