"""The contract of FindingStore, on SQLite and PostgreSQL."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.finding import Basis, Evidence, Finding, FindingKind
from devices.errors import NotFound
from storage.change_store import ChangeStore
from storage.database import Database
from storage.finding_store import FindingStore
from tests.storage.relational_values import MINUTE, T0, finding


@pytest.fixture
def store(any_database: Database) -> FindingStore:
    return FindingStore(any_database)


def test_a_new_one_comes_back_whole(store: FindingStore) -> None:
    stored = store.record(finding(), now=T0)

    assert stored == finding(id=stored.id)
    assert store.get(stored.id) == stored
    assert store.active() == {(FindingKind.WATER_BURST, "wm-1"): stored}
    with pytest.raises(NotFound, match="no finding 77"):
        store.get(77)


def test_the_same_while_active_is_one_row_with_its_first_start(store: FindingStore) -> None:
    first = store.record(finding(), now=T0)

    second = store.record(finding(started=T0 + MINUTE, seen=T0 + 5 * MINUTE, score=0.7, evidence=None), now=T0 + 5 * MINUTE)

    assert second == replace(first, seen=T0 + 5 * MINUTE, score=0.7)
    assert store.list() == [second]


def test_ending_keeps_what_was_said(store: FindingStore) -> None:
    first = store.record(finding(), now=T0)

    ended = store.record(finding(active=False, seen=T0 + MINUTE, message="", facts={}, score=0), now=T0 + MINUTE)

    assert ended == replace(first, active=False, seen=T0 + MINUTE)
    assert store.active() == {}
    assert store.get(first.id) == ended


def test_ending_what_is_not_active_stores_nothing(store: FindingStore, any_database: Database) -> None:
    never = finding(active=False)
    assert store.record(never, now=T0) == never
    assert store.list() == []

    store.record(finding(), now=T0)
    ended = store.record(finding(active=False), now=T0)
    before = ChangeStore(any_database).last_seq()

    assert store.record(finding(active=False, seen=T0 + MINUTE), now=T0) == ended
    assert ChangeStore(any_database).last_seq() == before


def test_after_the_end_a_new_one_begins(store: FindingStore) -> None:
    first = store.record(finding(), now=T0)
    store.record(finding(active=False), now=T0)

    second = store.record(finding(started=T0 + MINUTE), now=T0 + MINUTE)

    assert second.id > first.id
    assert second.started == T0 + MINUTE
    assert [one.active for one in store.list()] == [True, False]


def test_a_repetition_writes_nothing(store: FindingStore, any_database: Database) -> None:
    store.record(finding(), now=T0)
    before = ChangeStore(any_database).last_seq()

    store.record(finding(), now=T0 + MINUTE)

    assert ChangeStore(any_database).last_seq() == before


def test_filters(store: FindingStore) -> None:
    burst = store.record(finding(), now=T0)
    frozen = store.record(finding(kind=FindingKind.METER_FROZEN), now=T0)
    store.record(finding(device_id="wm-2"), now=T0)
    ended = store.record(finding(device_id="wm-2", active=False), now=T0)

    assert store.list(active=True) == [frozen, burst]
    assert store.list(active=False) == [ended]
    assert store.list(kind=FindingKind.METER_FROZEN) == [frozen]
    assert store.list(device_id="wm-1") == [frozen, burst]
    assert store.list(since_id=burst.id, limit=1) == [ended]


def test_a_gap_in_the_evidence_stays_a_gap(store: FindingStore) -> None:
    gap = Evidence(metric="water.flow", unit="m3/h", observed=((1, math.nan), (2, 1.0)))

    stored = store.get(store.record(finding(evidence=gap), now=T0).id)

    assert stored.evidence is not None
    assert math.isnan(stored.evidence.observed[0][1])
    assert stored.evidence.observed[1] == (2, 1.0)


@pytest.mark.parametrize(("basis", "peers"), [(None, 0), (Basis.OWN, 0), (Basis.PEERS, 5), (Basis.WEATHER, 0)])
def test_what_an_expectation_rests_on_is_kept(store: FindingStore, basis: Basis | None, peers: int) -> None:
    evidence = Evidence(metric="water.flow", unit="m3/h", observed=((1, 3.5), (2, 1.0)), basis=basis, peers=peers)

    stored = store.get(store.record(finding(evidence=evidence), now=T0).id)

    assert stored.evidence == evidence


def test_numbers_of_numpy_are_numbers(store: FindingStore) -> None:
    facts = {"flow": np.float64(3.5), "count": np.int64(4), "word": np.str_("x")}
    evidence = Evidence(metric="water.flow", unit="m3/h", observed=((np.int64(1), np.float64(2.5)),))  # type: ignore[arg-type]

    stored = store.get(store.record(finding(facts=facts, evidence=evidence, score=np.float64(0.5)), now=T0).id)

    assert stored.facts == {"flow": 3.5, "count": 4, "word": "x"}
    assert stored.evidence is not None
    assert stored.evidence.observed == ((1, 2.5),)
    assert stored.score == 0.5


def test_a_fact_that_cannot_be_kept_is_a_mistake_of_ours(store: FindingStore) -> None:
    with pytest.raises(NotImplementedError, match="cannot be stored"):
        store.record(finding(facts={"when": object()}), now=T0)
    assert store.list() == []


_STEPS = st.lists(
    st.tuples(st.sampled_from(["wm-1", "wm-2"]), st.booleans(), st.integers(0, 3)),
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_at_most_one_is_active_whatever_is_recorded(
    steps: list[tuple[str, bool, int]], sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("findings") / "caretaker.sqlite"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    store, expected = FindingStore(database), dict[str, Finding]()
    for device_id, active, minutes in steps:
        stored = store.record(finding(device_id=device_id, active=active, seen=T0 + minutes * MINUTE), now=T0)
        assert stored.active == active
        if active:
            assert device_id not in expected or expected[device_id].id == stored.id
            expected[device_id] = stored
        else:
            expected.pop(device_id, None)
        assert store.active() == {(one.kind, one.device_id): one for one in expected.values()}
        assert len(store.list(active=True)) == len(expected)
    database.close()
