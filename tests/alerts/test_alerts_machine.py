"""The alert machine as tables of given, event, expect; then its laws as properties."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.machine import (
    TRANSITIONS,
    Acknowledge,
    AlertEvent,
    Cleared,
    EffectKind,
    Observed,
    Reason,
    Resolve,
    Tick,
    advance,
    begin,
    continues,
)
from alerts.model import Alert, AlertState, Severity
from alerts.rules import LIFE_SAFETY, RULES
from analytics.finding import Finding, FindingKind
from devices.errors import BadInput, IllegalTransition

T0 = datetime(2026, 3, 4, 4, tzinfo=UTC)
LATER = T0 + timedelta(seconds=4)
PEND, OPEN, ACKN, OVER = AlertState.PENDING, AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED


def finding(
    kind: FindingKind = FindingKind.WATER_BURST, *, active: bool = True, started: datetime = T0, number: int = 1
) -> Finding:
    return Finding(
        kind=kind, device_id="d-1", space_id="s-1", active=active, score=1, started=started, seen=started, message="m", id=number
    )


def alert(kind: FindingKind, state: AlertState, **more: object) -> Alert:
    made = replace(begin(finding(kind), T0)[0], state=state, id=9, version=3, raised_at=T0)
    if state is OVER:
        made = replace(made, resolved_at=T0, resolution=Reason.CAUSE_CLEARED)
    if state is ACKN:
        made = replace(made, acknowledged_at=T0, acknowledged_by="guard")
    return replace(made, **more)  # type: ignore[arg-type]


SMOKE, BURST, DEAD, FORCED = FindingKind.FIRE_SMOKE, FindingKind.WATER_BURST, FindingKind.DEVICE_DEAD, FindingKind.DOOR_FORCED
QUIET: dict[str, object] = {"facts": {"cleared": "2026-03-04T04:00:00+00:00"}}

Step = tuple[FindingKind, AlertState, dict[str, object], AlertEvent, int, AlertState, EffectKind | None, Reason | None]

STEPS: list[Step] = [
    # kind, state, what else holds, event, seconds later → state, effect, reason
    (DEAD, PEND, {}, Observed(finding=finding(DEAD)), 59, PEND, None, None),
    (DEAD, PEND, {}, Observed(finding=finding(DEAD)), 60, OPEN, EffectKind.ALERT_OPENED, Reason.HOLD_OVER),
    (DEAD, PEND, {}, Tick(), 59, PEND, None, None),
    (DEAD, PEND, {}, Tick(), 61, OPEN, EffectKind.ALERT_OPENED, Reason.HOLD_OVER),
    (DEAD, PEND, {}, Cleared(finding=finding(DEAD)), 5, OVER, EffectKind.ALERT_RESOLVED, Reason.CLEARED_WHILE_PENDING),
    (BURST, OPEN, {}, Observed(finding=finding()), 5, OPEN, None, None),
    (BURST, OPEN, {}, Observed(finding=finding(number=2)), 5, OPEN, EffectKind.ALERT_UPDATED, Reason.NEW_FINDING),
    (BURST, OPEN, {}, Acknowledge(by="guard"), 5, ACKN, EffectKind.ALERT_ACKNOWLEDGED, Reason.BY_PERSON),
    (BURST, OPEN, {}, Cleared(finding=finding()), 5, OVER, EffectKind.ALERT_RESOLVED, Reason.CAUSE_CLEARED),
    (BURST, OPEN, {}, Resolve(by="li", reason="test flow"), 5, OVER, EffectKind.ALERT_RESOLVED, Reason.BY_PERSON),
    (BURST, ACKN, {}, Cleared(finding=finding()), 5, OVER, EffectKind.ALERT_RESOLVED, Reason.CAUSE_CLEARED),
    (BURST, ACKN, {}, Tick(), 5, ACKN, None, None),
    (BURST, OVER, {}, Observed(finding=finding()), 3600, OPEN, EffectKind.ALERT_REOPENED, Reason.SEEN_AGAIN),
    (BURST, OVER, {}, Cleared(finding=finding()), 5, OVER, None, None),
    (BURST, OVER, {"resolution": "by hand"}, Observed(finding=finding()), 5, OVER, None, None),
    (BURST, OVER, {"resolution": "by hand"}, Observed(finding=finding(started=LATER)), 5, OPEN, EffectKind.ALERT_REOPENED,
     Reason.SEEN_AGAIN),
    (DEAD, OVER, {"resolution": Reason.CLEARED_WHILE_PENDING}, Observed(finding=finding(DEAD)), 5, PEND, EffectKind.ALERT_PENDING,
     Reason.SEEN_AGAIN),
    (SMOKE, OPEN, {}, Cleared(finding=finding(SMOKE)), 5, OPEN, EffectKind.ALERT_CLEARED, Reason.AWAITS_ACKNOWLEDGEMENT),
    (SMOKE, OPEN, QUIET, Cleared(finding=finding(SMOKE)), 5, OPEN, None, None),
    (SMOKE, OPEN, QUIET, Observed(finding=finding(SMOKE)), 5, OPEN, EffectKind.ALERT_UPDATED, Reason.SEEN_AGAIN),
    (SMOKE, OPEN, QUIET, Acknowledge(by="guard"), 5, ACKN, EffectKind.ALERT_ACKNOWLEDGED, Reason.BY_PERSON),
    (SMOKE, ACKN, QUIET, Tick(), 5, OVER, EffectKind.ALERT_RESOLVED, Reason.CAUSE_CLEARED),
    (SMOKE, ACKN, {}, Cleared(finding=finding(SMOKE)), 5, OVER, EffectKind.ALERT_RESOLVED, Reason.CAUSE_CLEARED),
    (SMOKE, ACKN, {"drill": True}, Observed(finding=finding(SMOKE)), 5, OPEN, EffectKind.ALERT_REOPENED, Reason.REAL_DURING_DRILL),
    (SMOKE, ACKN, {"drill": True}, Observed(finding=finding(SMOKE), drill=True), 5, ACKN, None, None),
    (SMOKE, OVER, {"resolution": "false"}, Observed(finding=finding(SMOKE)), 5, OPEN, EffectKind.ALERT_REOPENED, Reason.SEEN_AGAIN),
    (FORCED, OPEN, {}, Cleared(finding=finding(FORCED)), 5, OPEN, EffectKind.ALERT_CLEARED, Reason.AWAITS_ACKNOWLEDGEMENT),
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_each_step(step: Step) -> None:
    kind, state, more, event, later_s, to, effect, reason = step
    before = alert(kind, state, **more)
    after, effects = advance(before, event, T0 + timedelta(seconds=later_s))
    assert after.state is to
    assert [(e.kind, e.reason) for e in effects] == ([(effect, reason)] if effect else [])
    assert after is before or effects, "nothing to do is the very same object"


REFUSED = [
    (BURST, PEND, Acknowledge(by="guard")),
    (BURST, ACKN, Acknowledge(by="guard")),
    (BURST, OVER, Acknowledge(by="guard")),
    (BURST, OVER, Resolve(by="li", reason="again")),
    (SMOKE, OPEN, Resolve(by="li", reason="nobody looked yet")),
]


@pytest.mark.parametrize(("kind", "state", "event"), REFUSED)
def test_what_the_table_does_not_hold_is_refused_with_what_is_possible(
    kind: FindingKind, state: AlertState, event: AlertEvent
) -> None:
    with pytest.raises(IllegalTransition, match="possible"):
        advance(alert(kind, state), event, T0)


def test_resolving_by_hand_needs_a_reason() -> None:
    with pytest.raises(BadInput, match="reason"):
        advance(alert(BURST, OPEN), Resolve(by="li", reason="  "), T0)


def test_a_real_alarm_in_a_drill_is_real_again_and_unacknowledged() -> None:
    after, _ = advance(alert(SMOKE, ACKN, drill=True), Observed(finding=finding(SMOKE)), T0)
    assert (after.drill, after.acknowledged_by, after.reopened) == (False, None, 1)


def test_reopening_starts_afresh_and_counts() -> None:
    again = finding(number=5, started=T0 + timedelta(minutes=1))
    after, _ = advance(alert(BURST, OVER, acknowledged_by="guard"), Observed(finding=again), T0 + timedelta(minutes=1))
    assert (after.reopened, after.acknowledged_by, after.resolved_at, after.finding_id) == (1, None, None, 5)


def test_what_comes_back_before_anybody_looked_is_counted() -> None:
    kettle = FindingKind.ELEC_HEATING_APPLIANCE
    quiet, _ = advance(alert(kettle, OPEN), Cleared(finding=finding(kettle)), T0)
    again, _ = advance(quiet, Observed(finding=finding(kettle, number=2)), T0 + timedelta(hours=1))
    assert (quiet.reopened, again.reopened, again.state, "cleared" in again.facts) == (0, 1, OPEN, False)


WINDOW_S = RULES[BURST].reopen_s
AFTER = [
    (0, Reason.CAUSE_CLEARED, T0, True),
    (WINDOW_S, Reason.CAUSE_CLEARED, T0, True),
    (WINDOW_S + 1, Reason.CAUSE_CLEARED, T0, False),
    (WINDOW_S + 1, "by hand", T0, True),  # the very episode that a person has ended
    (WINDOW_S + 1, "by hand", T0 + timedelta(seconds=1), False),
]


@pytest.mark.parametrize(("later_s", "resolution", "started", "expected"), AFTER)
def test_which_finding_still_belongs_to_a_resolved_alert(
    later_s: float, resolution: str, started: datetime, expected: bool
) -> None:
    ended = alert(BURST, OVER, resolution=resolution)
    assert continues(ended, finding(started=started), T0 + timedelta(seconds=later_s)) is expected


def test_every_kind_has_a_rule_and_life_safety_never_waits() -> None:
    assert set(RULES) == set(FindingKind)
    assert {"fire.smoke", "fire.heat", "fire.co", "fire.gas", "fire.call_point", "fire.confirmed"} == LIFE_SAFETY
    for kind in LIFE_SAFETY:
        assert RULES[kind].severity is Severity.LIFE_SAFETY
        assert (RULES[kind].hold_s, RULES[kind].latches) == (0, True)


kinds = st.sampled_from(list(FindingKind))
events = st.one_of(
    st.builds(Observed, finding=st.builds(finding, kinds, number=st.integers(1, 3)), drill=st.booleans()),
    st.builds(Cleared, finding=st.builds(finding, kinds)),
    st.builds(Acknowledge, by=st.just("guard")),
    st.builds(Resolve, by=st.just("li"), reason=st.sampled_from(["false alarm", "repaired"])),
    st.just(Tick()),
)


@given(kinds, st.lists(st.tuples(events, st.integers(-5, 5000)), max_size=30))
def test_the_machine_never_leaves_its_states_and_time_never_runs_backwards(
    kind: FindingKind, steps: list[tuple[AlertEvent, int]]
) -> None:
    current, _ = begin(finding(kind), T0)
    now = T0
    for event, later_s in steps:
        now += timedelta(seconds=later_s)
        try:
            after, effects = advance(current, event, now)
        except IllegalTransition:
            continue
        assert after.state in AlertState
        assert after.updated_at >= current.updated_at
        assert after.reopened >= current.reopened
        assert bool(effects) == (after is not current)
        assert (after.state is OVER) == (after.resolved_at is not None)
        assert kind not in LIFE_SAFETY or after.state is not PEND
        if kind in LIFE_SAFETY and after.state is OVER:
            assert after.acknowledged_by is not None, "life safety ends only after somebody has seen it"
        current = after


@given(kinds, st.booleans())
def test_life_safety_is_open_at_once(kind: FindingKind, drill: bool) -> None:
    made, _ = begin(finding(kind), T0, drill=drill)
    assert made.drill is drill
    assert made.state is (PEND if RULES[kind].hold_s else OPEN)
    if kind in LIFE_SAFETY:
        assert made.state is OPEN


def test_every_row_of_the_table_is_walked_by_the_steps_above() -> None:
    walked = {(state, type(event), to) for _, state, _, event, _, to, _, _ in STEPS}
    trivial = {(OPEN, Tick, OPEN), (OVER, Tick, OVER), (ACKN, Observed, ACKN), (OPEN, Observed, OPEN)}
    missing = {(row.state, row.event, row.to) for row in TRANSITIONS} - walked - trivial
    assert missing <= {(PEND, Resolve, OVER), (ACKN, Resolve, OVER), (OPEN, Cleared, OPEN)}
