"""Verdicts teach the smallest change that avoids false alarms and loses nothing real."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from analytics.finding import Finding, FindingKind
from analytics.suggestion import Judged, Rerun, again, suggest

HELD = FindingKind.DOOR_HELD_OPEN
AT = datetime(2026, 3, 2, tzinfo=UTC)


def _held(day: int, seconds: float) -> Finding:
    started = AT + timedelta(days=day)
    return Finding(
        kind=HELD,
        device_id="door",
        space_id="b",
        active=False,
        score=0.5,
        started=started,
        seen=started + timedelta(seconds=seconds),
        message="held",
        facts={"open_s": seconds},
    )


def _replay(openings: Sequence[float], asked: list[Mapping[str, float]] | None = None) -> Rerun:
    """A detector that tells each opening longer than `held_s`; one opening a day."""

    def raised(changes: Mapping[str, float]) -> list[Finding]:
        if asked is not None:
            asked.append(changes)
        return [_held(day, seconds) for day, seconds in enumerate(openings) if seconds > changes.get("held_s", 60.0)]

    return raised


@pytest.mark.parametrize(
    ("openings", "real", "after", "avoided"),
    [
        ([70, 80, 900], [False, False, True], 90.0, 2),
        ([70, 65, 64], [False, True, True], None, 0),
        ([70, 900], [True, True], None, 0),
        ([50, 900], [False, True], None, 0),
        ([70, 2000], [False, True], 75.0, 1),
    ],
    ids=["two avoided", "a real one would be lost", "nothing is wrong", "it is not told any more", "the smallest step"],
)
def test_the_smallest_change_that_loses_nothing(openings: list[float], real: list[bool], after: float | None, avoided: int) -> None:
    judged = [
        Judged(finding=_held(day, seconds), real=is_real) for day, (seconds, is_real) in enumerate(zip(openings, real, strict=True))
    ]
    found = suggest(HELD, {}, _replay(openings), judged)
    assert (found.after if found else None, found.avoided if found else 0) == (after, avoided)


def test_it_goes_on_from_the_rule_that_holds() -> None:
    def raised(changes: Mapping[str, float]) -> Sequence[Finding]:
        return _replay([130, 900])({"held_s": 100.0, **changes})

    judged = [Judged(finding=_held(0, 130), real=False), Judged(finding=_held(1, 900), real=True)]
    found = suggest(HELD, {"held_s": 100.0}, raised, judged)
    assert found is not None
    assert (found.before, found.after) == (100.0, 150.0)


def test_a_way_that_avoids_nothing_is_left_at_once() -> None:
    asked: list[Mapping[str, float]] = []
    suggest(HELD, {}, _replay([70, 900], asked), [Judged(finding=_held(0, 70), real=False)])
    assert len([one for one in asked if one.get("held_s", 60.0) < 60.0]) == 1


@pytest.mark.parametrize(("minutes", "same"), [(0, True), (9, True), (30, False)])
def test_the_same_happening_may_begin_a_little_later(minutes: int, same: bool) -> None:
    one = _held(0, 60)
    later = [
        Finding(**{**{n: getattr(one, n) for n in one.__dataclass_fields__}, "started": one.started + timedelta(minutes=minutes)})
    ]
    assert again(one, later) is same
