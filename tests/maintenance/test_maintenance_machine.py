"""The order machine and who may do what, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import BadInput, CaretakerError, IllegalTransition
from maintenance.machine import SYSTEM, TRANSITIONS, WHO, EffectKind, OrderRequest, advance, allowed_events
from maintenance.model import FINAL_STATES, OrderEvent, OrderState, Priority, Trade, WorkOrder
from maintenance.sla import WorkingCalendar

CALENDAR = WorkingCalendar(zone=ZoneInfo("Asia/Shanghai"))
T0 = datetime(2026, 3, 2, 2, tzinfo=UTC)  # Monday, 10:00
S, E = OrderState, OrderEvent


def order(state: OrderState = S.RAISED, **more: object) -> WorkOrder:
    made = WorkOrder(
        problem="water_leak",
        space_id="dorm-1",
        device_id="wm-1",
        trade=Trade.PLUMBING,
        priority=Priority.P3,
        state=state,
        message="m",
        raised_at=T0,
        updated_at=T0,
        respond_due=T0 + timedelta(days=1),
        resolve_due=T0 + timedelta(days=21),
        assignee="wang",
        reporter="mei",
        id=4,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def ask(event: OrderEvent, actor: str = "root", roles: frozenset[str] = frozenset({"admin"}), **more: object) -> OrderRequest:
    fields: dict[str, object] = {"note": "because", "assignee": "zhao", "duplicate_of": 3}
    return OrderRequest(event=event, actor=actor, roles=roles, **(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_the_table_is_all_there_is(state: OrderState, event: OrderEvent) -> None:
    given_order = order(state, hold_reason="parts")
    if (state, event) not in TRANSITIONS:
        with pytest.raises(IllegalTransition, match=r"is not possible; root can do now: "):
            advance(given_order, ask(event), T0, CALENDAR)
        return
    after, _, entry = advance(given_order, ask(event), T0, CALENDAR)
    closes = event is E.ACCEPT_REPAIR  # a person raised this order
    assert after.state is (S.CLOSED if closes else TRANSITIONS[state, event])
    assert (entry.from_state, entry.to_state, entry.actor) == (state, after.state, "root")


def test_final_states_have_no_way_out() -> None:
    assert not {state for state, _ in TRANSITIONS} & FINAL_STATES


PEOPLE = {
    "crew assigned": ("wang", frozenset({"crew"})),
    "other crew": ("zhao", frozenset({"crew"})),
    "reporter": ("mei", frozenset({"reporter"})),
    "dispatcher": ("li", frozenset({"dispatcher"})),
    "guard": ("guard", frozenset({"security"})),
}
MAY = [
    (S.RAISED, None, "dispatcher", {E.TRIAGE, E.CANCEL, E.MARK_DUPLICATE}),
    (S.RAISED, None, "reporter", {E.CANCEL}),
    (S.RAISED, None, "guard", set()),
    (S.TRIAGED, None, "dispatcher", {E.TRIAGE, E.ASSIGN, E.CANCEL, E.MARK_DUPLICATE}),
    (S.ASSIGNED, None, "crew assigned", {E.ACCEPT, E.DECLINE}),
    (S.ASSIGNED, None, "other crew", set()),
    (S.ASSIGNED, None, "reporter", set()),
    (S.ACCEPTED, None, "crew assigned", {E.START, E.LOG, E.DECLINE, E.DEFER}),
    (S.IN_PROGRESS, None, "crew assigned", {E.LOG, E.DEFER, E.FINISH}),
    (S.IN_PROGRESS, "parts", "dispatcher", {E.TRIAGE, E.ASSIGN, E.LOG, E.DEFER, E.APPROVE_DEFERRAL, E.CANCEL, E.MARK_DUPLICATE}),
    (S.IN_PROGRESS, "parts", "crew assigned", {E.LOG, E.DEFER, E.FINISH}),
    (S.ON_HOLD, "parts", "crew assigned", {E.RESUME}),
    (S.DONE, None, "reporter", {E.ACCEPT_REPAIR, E.SEND_BACK}),
    (S.DONE, None, "dispatcher", {E.SEND_BACK, E.CLOSE}),
    (S.DONE, None, "crew assigned", set()),
    (S.CLOSED, None, "dispatcher", set()),
]


@pytest.mark.parametrize(("state", "hold", "who", "expected"), MAY)
def test_who_may_do_what(state: OrderState, hold: str | None, who: str, expected: set[OrderEvent]) -> None:
    username, roles = PEOPLE[who]
    assert set(allowed_events(order(state, hold_reason=hold), username, roles)) == expected


def test_a_sensor_order_is_accepted_by_the_dispatcher() -> None:
    done = order(S.DONE, reporter=None, alert_id=8)
    assert set(allowed_events(done, "li", {"dispatcher"})) == {E.ACCEPT_REPAIR, E.SEND_BACK, E.CLOSE}
    after, _, _ = advance(done, ask(E.ACCEPT_REPAIR, "li", frozenset({"dispatcher"})), T0, CALENDAR)
    assert after.state is S.ACCEPTED_BY_REPORTER


def test_what_is_allowed_is_what_advance_accepts() -> None:
    for state in S:
        for username, roles in PEOPLE.values():
            given_order = order(state, hold_reason="parts")
            allowed = allowed_events(given_order, username, roles)
            for event in E:
                try:
                    advance(given_order, ask(event, username, roles), T0, CALENDAR)
                    accepted = True
                except IllegalTransition:
                    accepted = False
                assert accepted is (event in allowed), (state, username, event)


def test_three_actions_of_the_crew_and_one_of_the_reporter() -> None:
    current = order(S.ASSIGNED)
    for event, actor in ((E.ACCEPT, "wang"), (E.LOG, "wang"), (E.FINISH, "wang"), (E.ACCEPT_REPAIR, "mei")):
        current, effects, _ = advance(current, ask(event, actor, frozenset(), rating=5), T0, CALENDAR)
    assert (current.state, current.rating, current.closed_at) == (S.CLOSED, 5, T0)
    assert [effect.kind for effect in effects] == []


MISSING = [
    (S.ASSIGNED, ask(E.DECLINE, note=" "), "note"),
    (S.IN_PROGRESS, ask(E.DEFER, note=""), "note"),
    (S.IN_PROGRESS, ask(E.LOG, note=""), "note"),
    (S.DONE, ask(E.SEND_BACK, note=""), "note"),
    (S.RAISED, ask(E.CANCEL, note=""), "note"),
    (S.TRIAGED, ask(E.ASSIGN, assignee=None), "crew member"),
    (S.TRIAGED, ask(E.MARK_DUPLICATE, duplicate_of=None), "repeats"),
    (S.TRIAGED, ask(E.MARK_DUPLICATE, duplicate_of=4), "repeats"),
    (S.DONE, ask(E.ACCEPT_REPAIR, rating=6), "1 to 5"),
    (S.DONE, ask(E.CLOSE, verdict="perhaps"), "false_alarm"),
    (S.DONE, ask(E.CLOSE, note=""), "reporter has not accepted"),
    (S.ACCEPTED_BY_REPORTER, ask(E.CLOSE, note="", sensor_recovered=False), "sensor has not recovered"),
]


@pytest.mark.parametrize(("state", "request_", "says"), MISSING)
def test_what_is_missing_is_said(state: OrderState, request_: OrderRequest, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        advance(order(state), request_, T0, CALENDAR)


CLOSES = [
    (S.ACCEPTED_BY_REPORTER, {"note": "", "sensor_recovered": True}),
    (S.ACCEPTED_BY_REPORTER, {"note": "sensor is broken", "sensor_recovered": False, "verdict": "false_alarm"}),
    (S.DONE, {"note": "", "sensor_recovered": True}),
    (S.DONE, {"note": "reporter has moved out", "sensor_recovered": None}),
]


@pytest.mark.parametrize(("state", "more"), CLOSES)
def test_closing_settles_the_alert(state: OrderState, more: dict[str, object]) -> None:
    after, effects, _ = advance(order(state, alert_id=8, reporter=None), ask(E.CLOSE, **more), T0, CALENDAR)
    assert (after.state, after.verdict) == (S.CLOSED, more.get("verdict"))
    assert EffectKind.SETTLE_ALERT in {effect.kind for effect in effects}


def test_deferral_is_asked_approved_and_gives_the_time_back() -> None:
    asked, _, _ = advance(order(S.IN_PROGRESS), ask(E.DEFER, "wang", frozenset(), note="parts are ordered"), T0, CALENDAR)
    assert (asked.state, asked.hold_reason) == (S.IN_PROGRESS, "parts are ordered")
    with pytest.raises(IllegalTransition, match="dispatcher"):
        advance(asked, ask(E.APPROVE_DEFERRAL, "wang", frozenset({"crew"})), T0, CALENDAR)
    held, _, _ = advance(asked, ask(E.APPROVE_DEFERRAL, "li", frozenset({"dispatcher"})), T0, CALENDAR)
    resumed, _, _ = advance(held, ask(E.RESUME, "wang", frozenset()), T0 + timedelta(days=2), CALENDAR)
    assert (resumed.state, resumed.hold_reason) == (S.IN_PROGRESS, None)
    assert resumed.resolve_due == held.resolve_due + timedelta(days=2)


def test_nothing_is_approved_that_nobody_asked_for() -> None:
    with pytest.raises(IllegalTransition):
        advance(order(S.IN_PROGRESS), ask(E.APPROVE_DEFERRAL), T0, CALENDAR)


def test_rework_is_counted_and_urgency_moves_the_due_times() -> None:
    back, _, _ = advance(order(S.DONE, done_at=T0), ask(E.SEND_BACK), T0, CALENDAR)
    assert (back.state, back.rework, back.done_at) == (S.IN_PROGRESS, 1, None)
    urgent, _, _ = advance(order(S.ASSIGNED), ask(E.TRIAGE, "policy", SYSTEM, priority=Priority.P1), T0, CALENDAR)
    assert (urgent.state, urgent.assignee, urgent.respond_due) == (S.ASSIGNED, "wang", T0 + timedelta(minutes=30))


def test_declining_frees_the_order() -> None:
    after, effects, _ = advance(order(S.ASSIGNED), ask(E.DECLINE, "wang", frozenset({"crew"})), T0, CALENDAR)
    assert (after.state, after.assignee) == (S.TRIAGED, None)
    assert EffectKind.FIND_ASSIGNEE in {effect.kind for effect in effects}


def test_every_event_has_somebody_who_may() -> None:
    assert set(WHO) == set(E)


@given(st.lists(st.tuples(st.sampled_from(list(E)), st.sampled_from(list(PEOPLE)), st.integers(0, 9999)), max_size=40))
def test_whatever_people_do_the_order_stays_lawful(steps: list[tuple[OrderEvent, str, int]]) -> None:
    current, now = order(assignee=None), T0
    for event, who, seconds in steps:
        now += timedelta(seconds=seconds)
        username, roles = PEOPLE[who]
        try:
            after, _, entry = advance(current, ask(event, username, roles), now, CALENDAR)
        except CaretakerError:
            continue
        assert after.updated_at >= current.updated_at
        assert current.state not in FINAL_STATES
        assert (after.closed_at is not None) == (after.state is S.CLOSED)
        assert entry.to_state is after.state
        assert after.rework >= current.rework
        current = after
