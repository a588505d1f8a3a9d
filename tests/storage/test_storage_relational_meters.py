"""Meters and prices in the database, on SQLite and PostgreSQL."""

from datetime import UTC, date, datetime

import pytest

from analytics.amend import Entry, EntryKind
from analytics.notes import LedgerNote, NoteKind
from analytics.tariff import Factor, Period, Price, Rates
from analytics.virtual import Term, VirtualMeter
from devices.errors import Conflict, NotFound
from devices.model import UseType
from storage.database import Database
from storage.meter_store import MeterStore, Recount
from storage.price_store import PriceStore

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ENTRY = Entry(
    device_id="em-1", kind=EntryKind.VOID, ts_ms=5000, before=3.5, after=None, reason="why", entered_by="energy", entered_at=NOW
)


def test_entries_ask_for_their_hours_and_are_undone_once(any_database: Database) -> None:
    store = MeterStore(any_database)
    stored = store.enter(ENTRY, (4000, 6000))
    assert store.entries("em-1") == [stored]
    assert store.entries("other") == []
    undone = store.undo(stored.id, by="admin", at=NOW, span=(4000, 6000))
    assert (undone.undone_by, store.entry(stored.id)) == ("admin", undone)
    with pytest.raises(Conflict, match="admin"):
        store.undo(stored.id, by="admin", at=NOW, span=(4000, 6000))
    with pytest.raises(NotFound):
        store.entry(99)
    asked = store.recounts()
    assert [(one.device_id, one.from_ms, one.to_ms) for one in asked] == [("em-1", 4000, 6000)] * 2
    store.recounted([asked[0].id])
    assert store.recounts("em-1") == asked[1:]
    store.ask_recount([Recount(device_id="em-2", from_ms=1, to_ms=2)], NOW)
    assert [one.device_id for one in store.recounts()] == ["em-1", "em-2"]


def test_notes_are_replaced_and_forgotten(any_database: Database) -> None:
    store = MeterStore(any_database)
    gap = LedgerNote(kind=NoteKind.GAP, from_ms=10, to_ms=20, before=1, after=2, counted=1)
    reset = LedgerNote(kind=NoteKind.RESET, from_ms=30, to_ms=40, before=9, after=0)
    store.renote({}, {"em-1": [gap, reset], "em-2": [gap]})
    store.renote({}, {"em-1": [gap]})
    assert store.notes("em-1", 0, 100) == [gap, reset]
    assert store.notes("em-1", 21, 100) == [reset]
    store.renote({"em-1": [reset]}, {})
    assert store.notes_of_all(0) == {"em-1": [gap], "em-2": [gap]}
    assert store.forget_notes_before(25) == 2


def test_virtual_meters_are_kept(any_database: Database) -> None:
    store = MeterStore(any_database)
    parts = (Term(meter_id="a"), Term(meter_id="b", factor=-0.5))
    meter = VirtualMeter(id="v", quantity="water", space_id="s", name="V", name_zh="虚", terms=parts)
    store.save_virtual(meter, new=True)
    assert store.virtual() == {"v": meter}
    with pytest.raises(Conflict, match="'v' already"):
        store.save_virtual(meter, new=True)
    rest = VirtualMeter(id="v", quantity="water", space_id="s", name="V", name_zh="虚", rest_of="main")
    store.save_virtual(rest, new=False)
    assert store.virtual() == {"v": rest}
    store.remove_virtual("v")
    assert store.virtual() == {}


def test_prices_begin_with_the_settings_and_are_copied_at_the_first_change(any_database: Database) -> None:
    store = PriceStore(any_database, Rates())
    assert store.rates() == Rates()
    assert [one.id for one in store.prices("water")] == [-1]
    assert store.revision() == 0
    step = Price(valid_from=date(2026, 1, 1), price=0.8, hours=(1, 2), use=UseType.DORMITORY, above=2880, period=Period.YEAR)
    added = store.add_price("electricity", step)
    assert store.revision() == 1
    assert store.rates().electricity == (*Rates().electricity, step)
    assert PriceStore(any_database, Rates(electricity=(), water=())).rates().electricity == store.rates().electricity
    assert store.rates().water == Rates().water
    assert store.replace_price(added.id, "electricity", None).price == step
    with pytest.raises(NotFound):
        store.replace_price(added.id, "electricity", step)
    with pytest.raises(NotFound):
        store.replace_price(store.prices("electricity")[0].id, "water", step)


def test_factors_too(any_database: Database) -> None:
    store = PriceStore(any_database, Rates())
    young = Factor(valid_from=date(2026, 1, 1), kgco2e=0.5)
    added = store.add_factor("water", young)
    assert [one.factor for one in store.factors("water")] == [*Rates().carbon_water, young]
    assert store.remove_factor(added.id, "water").factor == young
    assert store.remove_factor(-1, "electricity").factor == Rates().carbon_electricity[0]
    assert store.rates().carbon_electricity == ()
    with pytest.raises(NotFound):
        store.remove_factor(77, "electricity")
