"""The asset ledger and its stocktakes on SQLite and PostgreSQL: numbers given once, versions, the sealed history."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from devices.asset import (
    Asset,
    AssetEvent,
    AssetLogEntry,
    AssetState,
    Correction,
    CountLine,
    CountResult,
    Pending,
    PendingKind,
    Stocktake,
)
from devices.errors import Conflict, NotFound
from storage.asset_store import AssetFilter, AssetStore
from storage.database import Database
from storage.stocktake_store import StocktakeStore
from tests.fakes.assets import plain_asset

NOW = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)


def asset(**changes: Any) -> Asset:
    bought = {"tag": "", "space_id": "lab-1", "purchased_on": date(2026, 3, 2), "price_cents": 36000}
    return plain_asset(**{**bought, **changes})


def entry(event: AssetEvent = AssetEvent.REGISTER, **changes: Any) -> AssetLogEntry:
    plain = AssetLogEntry(at=NOW, event=event, actor="keeper", from_state=None, to_state=AssetState.PURCHASED)
    return replace(plain, **changes)


@pytest.fixture
def store(any_database: Database) -> AssetStore:
    return AssetStore(any_database)


def test_what_is_stored_comes_back(store: AssetStore) -> None:
    pending = Pending(kind=PendingKind.LOSS, by="x", at=NOW, reason="gone", from_state=AssetState.IN_USE, line_id=None)
    made = store.insert(asset(pending=pending, device_id="wm-1", accepted_on=date(2026, 3, 5)), entry())
    assert made.tag == "A02100000-2026-0001"
    assert store.get(made.tag) == store.get(made.tag.lower()) == made
    assert store.list(AssetFilter(waiting=True)) == [made]
    with pytest.raises(NotFound):
        store.get("NOTHING")


def test_numbers_given_by_hand_are_skipped(store: AssetStore) -> None:
    store.insert(asset(tag="A02100000-2026-0002"), entry())
    tags = [made.tag for made in store.insert_all([(asset(), entry())] * 2)]
    assert tags == ["A02100000-2026-0001", "A02100000-2026-0003"]


def test_hundreds_without_a_number_get_each_the_next_of_their_class(store: AssetStore) -> None:
    store.insert(asset(tag="A02100000-2026-0700"), entry())
    mixed = [(asset(class_code="A02100000" if number % 3 else "A05010000"), entry()) for number in range(1200)]
    by_hand = (asset(tag="A02100000-2026-0003"), entry())
    tags = [made.tag for made in store.insert_all([*mixed, by_hand])]
    desks = [tag for tag in tags[:-1] if tag.startswith("A05010000")]
    assert desks == [f"A05010000-2026-{number:04d}" for number in range(1, 401)]
    others = [tag for tag in tags[:-1] if tag.startswith("A02100000")]
    assert others == [f"A02100000-2026-{number:04d}" for number in range(1, 803) if number not in {3, 700}]
    assert store.insert(asset(), entry()).tag == "A02100000-2026-0803"


def test_a_number_or_a_device_is_taken_once_and_then_nothing_is_stored(store: AssetStore) -> None:
    store.insert(asset(tag="T-1", device_id="wm-1"), entry())
    for other in (asset(tag="T-1"), asset(tag="T-2", device_id="wm-1")):
        with pytest.raises(Conflict, match="is taken"):
            store.insert_all([(asset(tag="T-9"), entry()), (other, entry())])
    assert store.tags() == {"T-1"}


def test_an_update_needs_the_version_it_was_read_with(store: AssetStore) -> None:
    made = store.insert(asset(), entry())
    changed = store.update(replace(made, custodian="a"), entry(AssetEvent.ISSUE))
    assert (changed.version, store.get(made.tag)) == (1, changed)
    with pytest.raises(Conflict, match="read it again"):
        store.update(replace(made, custodian="b"), entry(AssetEvent.ISSUE))
    assert [line.event for line in store.log(made.id)] == [AssetEvent.REGISTER, AssetEvent.ISSUE]


def test_the_history_is_sealed(store: AssetStore, any_database: Database) -> None:
    made = store.insert(asset(), entry(note="invoice 7"))
    store.update(made, entry(AssetEvent.ACCEPT))
    assert store.verify_chain(made.id)
    for statement in ("UPDATE asset_log SET note = 'x'", "DELETE FROM asset_log"):
        with pytest.raises(Exception, match="append-only"), any_database.begin() as connection:
            connection.execute(text(statement))
    with any_database.begin() as connection:
        connection.execute(text("UPDATE asset SET log_hash = :other"), {"other": "0" * 64})
    assert not store.verify_chain(made.id)


def test_filters(store: AssetStore) -> None:
    first = store.insert(asset(serial="SN_1", custodian="Li", warranty_until=date(2026, 12, 1)), entry())
    second = store.insert(asset(class_code="A05010203", space_id=None, state=AssetState.IN_USE), entry())
    for wanted, found in (
        (AssetFilter(), [first, second]),
        (AssetFilter(q="sn_"), [first]),
        (AssetFilter(q="snx"), []),
        (AssetFilter(class_prefix="A05"), [second]),
        (AssetFilter(space_ids=["lab-1"]), [first]),
        (AssetFilter(space_ids=[]), []),
        (AssetFilter(states=[AssetState.IN_USE]), [second]),
        (AssetFilter(custodian="Li"), [first]),
        (AssetFilter(warranty_before=date(2026, 12, 2)), [first]),
        (AssetFilter(after=first.tag), [second]),
        (AssetFilter(limit=1), [first]),
    ):
        assert store.list(wanted) == found


def test_a_stocktake_learns_what_became_of_its_lines(store: AssetStore, any_database: Database) -> None:
    stocktakes = StocktakeStore(any_database)
    made = store.insert(asset(), entry())
    campaign = stocktakes.open(
        Stocktake(name="Winter", opened_at=NOW, opened_by="keeper"),
        [CountLine(stocktake_id=0, tag=made.tag, name="Meter", name_zh="水表", asset_id=made.id)],
    )
    line = stocktakes.line(campaign.id, made.tag)
    assert line is not None
    pending = Pending(kind=PendingKind.LOSS, by="x", at=NOW, reason="gone", from_state=AssetState.IN_USE, line_id=line.id)
    asked = store.update(replace(made, pending=pending), entry(AssetEvent.REPORT_LOSS))
    store.update(replace(asked, pending=None), entry(AssetEvent.APPROVE))
    assert stocktakes.lines(campaign.id)[0].correction is Correction.APPROVED


def test_a_count_between_reading_and_closing_stands(any_database: Database) -> None:
    stocktakes = StocktakeStore(any_database)
    plain = CountLine(stocktake_id=0, tag="T-1", name="a", name_zh="a")
    campaign = stocktakes.open(Stocktake(name="W", opened_at=NOW, opened_by="k"), [plain, replace(plain, tag="T-2")])
    lines = stocktakes.lines(campaign.id)
    stocktakes.put(replace(lines[0], result=CountResult.FOUND))
    ended = replace(campaign, closed_at=NOW, closed_by="k")
    stocktakes.close(ended, [replace(line, result=CountResult.MISSING) for line in lines])
    assert [line.result for line in stocktakes.lines(campaign.id)] == [CountResult.FOUND, CountResult.MISSING]
    assert stocktakes.list() == [ended] == [stocktakes.get(campaign.id)]
    with pytest.raises(Conflict, match="closed meanwhile"):
        stocktakes.close(ended, [])
    assert stocktakes.put(replace(lines[0], note="again")).id == lines[0].id
    with pytest.raises(NotFound):
        stocktakes.get(99)
