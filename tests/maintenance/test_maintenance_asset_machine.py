"""The life of an asset: what each state allows, whom, and that nobody approves what they asked for."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.asset import Acquisition, Asset, AssetEvent, AssetState, Condition, CountLine, CountResult, PendingKind, Stocktake
from devices.errors import BadInput, IllegalTransition
from maintenance.asset_machine import TRANSITIONS, AssetRequest, advance, allowed_events, register
from maintenance.stocktake import Count, closed, correction_of, counted, expected, tally
from tests.fakes.assets import plain_asset

NOW = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 18)
ROLES = {"keeper": {"dispatcher"}, "head": {"logistics_head"}, "admin": {"admin"}, "crew": {"crew"}, "teacher": {"reporter"}}
E = AssetEvent


def asset(**changes: Any) -> Asset:
    return plain_asset(**{"space_id": "lab-1", "id": 1, **changes})


def do(thing: Asset, event: AssetEvent, who: str = "keeper", **more: Any) -> Asset:
    request = AssetRequest(event=event, actor=who, roles=ROLES[who], **{"note": "why", **more})
    return advance(thing, request, NOW + timedelta(hours=1), TODAY)[0]


def in_use(**changes: Any) -> Asset:
    return asset(state=AssetState.IN_USE, accepted_on=date(2026, 1, 5), custodian="teacher", **changes)


def test_from_purchase_to_disposal() -> None:
    thing = do(asset(), E.ACCEPT, on=date(2026, 3, 2))
    assert (thing.state, thing.accepted_on, thing.accepted_by) == (AssetState.IN_STORE, date(2026, 3, 2), "keeper")
    thing = do(thing, E.ISSUE, custodian="teacher", space_id="dorm-1")
    assert (thing.state, thing.custodian, thing.space_id) == (AssetState.IN_USE, "teacher", "dorm-1")
    thing = do(thing, E.LEND, custodian="Chen", due_back=date(2026, 12, 1))
    thing = do(thing, E.RETURN)
    assert (thing.state, thing.custodian, thing.due_back) == (AssetState.IN_STORE, "", None)
    thing = do(thing, E.REQUEST_SCRAPPING)
    thing = do(thing, E.APPROVE, "head")
    assert (thing.state, thing.written_off_on, thing.pending) == (AssetState.SCRAPPED, TODAY, None)
    thing = do(thing, E.DISPOSE, proceeds_cents=1250)
    assert (thing.state, thing.proceeds_cents, thing.disposed_on) == (AssetState.DISPOSED, 1250, TODAY)
    assert allowed_events(thing, "admin", ROLES["admin"]) == ()


@pytest.mark.parametrize(
    ("event", "more", "kind", "after"),
    [
        (E.REQUEST_TRANSFER, {"space_id": "dorm-1"}, PendingKind.TRANSFER, {"space_id": "dorm-1", "state": AssetState.IN_USE}),
        (E.REQUEST_TRANSFER, {"custodian": "Chen"}, PendingKind.TRANSFER, {"custodian": "Chen", "space_id": "lab-1"}),
        (E.REPORT_LOSS, {}, PendingKind.LOSS, {"state": AssetState.MISSING, "written_off_on": TODAY}),
        (E.REQUEST_SCRAPPING, {}, PendingKind.SCRAPPING, {"state": AssetState.SCRAPPED, "condition": Condition.POOR}),
    ],
)
@pytest.mark.parametrize("asks", ["keeper", "head", "admin"])
def test_what_is_asked_for_waits_for_somebody_else(
    event: AssetEvent, more: dict[str, Any], kind: PendingKind, after: dict[str, Any], asks: str
) -> None:
    before = in_use()
    asked = do(before, event, asks, **more)
    assert asked.pending is not None
    assert (asked.pending.kind, asked.pending.by) == (kind, asks)
    for who in {"keeper", asks}:
        with pytest.raises(IllegalTransition, match="another person than the one who asked"):
            do(asked, E.APPROVE, who)
    with pytest.raises(IllegalTransition, match="request of"):
        do(asked, E.RETURN, "admin")
    other = "admin" if asks == "head" else "head"
    approved = do(asked, E.APPROVE, other)
    assert {name: getattr(approved, name) for name in after} == after
    assert approved.pending is None
    for event_back, who in ((E.REFUSE, other), (E.WITHDRAW, asks)):
        back = do(asked, event_back, who)
        assert replace(back, updated_at=before.updated_at) == before


def test_a_repair_leads_back_to_where_it_came_from_and_a_refused_scrapping_into_the_workshop() -> None:
    sick = do(in_use(), E.SEND_TO_REPAIR, "crew")
    assert (sick.state, sick.condition) == (AssetState.UNDER_REPAIR, Condition.POOR)
    kept = do(do(sick, E.REQUEST_SCRAPPING), E.REFUSE, "head")
    assert kept.state is AssetState.UNDER_REPAIR
    well = do(kept, E.REPAIRED, "crew")
    assert (well.state, well.condition, well.back_to) == (AssetState.IN_USE, Condition.GOOD, None)


def test_a_loss_that_is_found_comes_back_on_the_books() -> None:
    lost = do(do(in_use(), E.REPORT_LOSS), E.APPROVE, "head")
    found = do(do(lost, E.REPORT_FOUND, space_id="dorm-1"), E.APPROVE, "head")
    assert (found.state, found.written_off_on, found.space_id, found.custodian) == (AssetState.IN_STORE, None, "dorm-1", "")


def test_a_surplus_is_accepted_by_another_person_than_the_one_who_entered_it() -> None:
    surplus = asset(acquired=Acquisition.SURPLUS, created_by="head")
    for who in ("keeper", "head"):
        with pytest.raises(IllegalTransition):
            do(surplus, E.ACCEPT, who)
    assert do(surplus, E.ACCEPT, "admin").state is AssetState.IN_STORE


@pytest.mark.parametrize(
    ("event", "more", "place"),
    [
        (E.LEND, {}, "custodian"),
        (E.REQUEST_TRANSFER, {"space_id": "lab-1"}, "space_id"),
        (E.REPORT_LOSS, {"note": " "}, "note"),
        (E.ASSESS, {}, "condition"),
        (E.LINK, {}, "device_id"),
        (E.EDIT, {}, "edit"),
    ],
)
def test_what_is_missing_is_named(event: AssetEvent, more: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput) as refusal:
        do(in_use(), event, **more)
    assert refusal.value.place == place


def test_who_answers_for_it_may_report_but_not_move_it() -> None:
    assert allowed_events(in_use(), "teacher", ROLES["teacher"]) == (E.SEND_TO_REPAIR, E.ASSESS, E.REPORT_LOSS)
    assert allowed_events(replace(in_use(), custodian=""), "teacher", ROLES["teacher"]) == ()


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, AssetState.PURCHASED),
        ({"accepted_on": TODAY}, AssetState.IN_STORE),
        ({"accepted_on": TODAY, "custodian": "x"}, AssetState.IN_USE),
    ],
)
def test_how_an_asset_is_entered(changes: dict[str, Any], state: AssetState) -> None:
    made, entry = register(asset(**changes), NOW)
    assert (made.state, entry.to_state, entry.from_state) == (state, state, None)


REQUESTS = st.builds(
    lambda event, who, **more: AssetRequest(event=event, actor=who, roles=ROLES[who], **more),
    st.sampled_from(AssetEvent),
    st.sampled_from(sorted(ROLES)),
    note=st.sampled_from(["", "why"]),
    space_id=st.sampled_from([None, "lab-1", "dorm-1"]),
    custodian=st.sampled_from(["", "teacher"]),
    condition=st.sampled_from([None, *Condition]),
    device_id=st.sampled_from([None, "wm-1"]),
)


@given(st.lists(REQUESTS, max_size=40))
def test_no_course_of_events_leaves_the_machine(requests: list[AssetRequest]) -> None:
    thing = asset()
    for request in requests:
        try:
            changed, entry = advance(thing, request, NOW, TODAY)
        except (IllegalTransition, BadInput):
            continue
        assert request.event in allowed_events(thing, request.actor, request.roles)
        assert (entry.from_state, entry.to_state) == (thing.state, changed.state)
        assert (thing.state, request.event) in TRANSITIONS
        if thing.pending and request.event is E.APPROVE:
            assert thing.pending.by != request.actor
        assert (changed.written_off_on is not None) == (
            changed.state in {AssetState.MISSING, AssetState.SCRAPPED, AssetState.DISPOSED}
        ) or (changed.state is AssetState.SCRAPPING_REQUESTED)
        thing = changed


OPEN = Stocktake(name="Winter", opened_at=NOW, opened_by="keeper", id=3)


def line(**changes: Any) -> CountLine:
    plain = CountLine(stocktake_id=3, tag="T-1", name="Meter", name_zh="水表", asset_id=1, expected_space_id="lab-1", id=7)
    return replace(plain, **changes)


def test_only_what_the_school_has_is_looked_for() -> None:
    states = {state: asset(state=state, tag=state.value) for state in AssetState}
    tags = {one.tag for one in expected(OPEN, states.values())}
    assert tags == {"in_store", "in_use", "on_loan", "under_repair", "scrapping_requested"}


@pytest.mark.parametrize(
    ("before", "space_id", "result"),
    [
        (line(), None, CountResult.FOUND),
        (line(), "lab-1", CountResult.FOUND),
        (line(), "dorm-1", CountResult.ELSEWHERE),
        (line(result=CountResult.ELSEWHERE, found_space_id="dorm-1"), "lab-1", CountResult.FOUND),
        (line(asset_id=None, expected_space_id=None), "lab-1", CountResult.SURPLUS),
    ],
)
def test_what_a_count_means(before: CountLine, space_id: str | None, result: CountResult) -> None:
    after = counted(OPEN, before, Count(tag="T-1", by="crew", at=NOW, space_id=space_id))
    assert (after.result, after.counted_by) == (result, "crew")


def test_the_end_makes_uncounted_things_missing_and_only_then_the_ledger_is_corrected() -> None:
    lines = [line(), line(id=8, result=CountResult.FOUND)]
    ended, missing = closed(OPEN, lines, "keeper", NOW)
    assert [(one.id, one.result) for one in missing] == [(7, CountResult.MISSING)]
    assert tally([*missing, lines[1]])[CountResult.MISSING] == 1
    for act in (lambda: closed(ended, lines, "keeper", NOW), lambda: counted(ended, line(), Count(tag="T-1", by="x", at=NOW))):
        with pytest.raises(IllegalTransition, match="is closed"):
            act()
    with pytest.raises(IllegalTransition, match="close the stocktake first"):
        correction_of(missing[0], in_use(), OPEN, "keeper", ["dispatcher"])


@pytest.mark.parametrize(
    ("counted_line", "thing", "event"),
    [
        (line(result=CountResult.MISSING), in_use(), E.REPORT_LOSS),
        (line(result=CountResult.ELSEWHERE, found_space_id="dorm-1"), in_use(), E.REQUEST_TRANSFER),
        (line(result=CountResult.ELSEWHERE, found_space_id="lab-1"), in_use(), None),
        (line(result=CountResult.FOUND, found_space_id="lab-1"), asset(state=AssetState.MISSING), E.REPORT_FOUND),
        (line(result=CountResult.FOUND, found_space_id="lab-1"), in_use(), None),
    ],
)
def test_what_the_ledger_is_corrected_by(counted_line: CountLine, thing: Asset, event: AssetEvent | None) -> None:
    request = correction_of(counted_line, thing, replace(OPEN, closed_at=NOW), "keeper", ["dispatcher"])
    assert (request.event if request else None) is event
    assert request is None or request.line_id == 7
