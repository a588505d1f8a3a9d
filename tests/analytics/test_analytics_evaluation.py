"""Findings against labels: what is true, what is found, how late, how many false alarms."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.evaluation import Alarm, Label, evaluate
from analytics.finding import FindingKind

T0 = datetime(2026, 3, 2, tzinfo=UTC)
BURST, LOW = FindingKind.WATER_BURST, FindingKind.FIRE_HYDRANT_PRESSURE


def label(start_h: float, end_h: float, device_id: str = "w-1") -> Label:
    start, end = T0 + timedelta(hours=start_h), T0 + timedelta(hours=end_h)
    return Label(kind=BURST, device_id=device_id, start=start, end=end, symptoms=frozenset({(LOW, "h-1")}))


def alarm(raised_h: float, end_h: float, device_id: str = "w-1", kind: FindingKind = BURST) -> Alarm:
    raised = T0 + timedelta(hours=raised_h)
    return Alarm(kind=kind, device_id=device_id, raised=raised, started=raised, ended=T0 + timedelta(hours=end_h))


@pytest.mark.parametrize(
    ("alarms", "found", "false"),
    [
        pytest.param([], 0, 0, id="nothing said"),
        pytest.param([alarm(10.5, 12)], 1, 0, id="found"),
        pytest.param([alarm(10.5, 11), alarm(11.5, 12)], 1, 0, id="said twice is found once and not false"),
        pytest.param([alarm(30, 31)], 0, 1, id="another time"),
        pytest.param([alarm(10.5, 12, "w-2")], 0, 1, id="another meter"),
        pytest.param([alarm(10.5, 12, kind=FindingKind.WATER_RUNNING_TAP)], 0, 1, id="another kind"),
        pytest.param([alarm(10.5, 12, "h-1", LOW)], 0, 0, id="a symptom is neither found nor false"),
    ],
)
def test_matching(alarms: list[Alarm], found: int, false: int) -> None:
    result = evaluate([label(10, 12)], alarms, devices=10, days=30.4)
    assert (result.overall.found, result.overall.false_alarms) == (found, false)
    assert len(result.missed) == 1 - found
    assert result.overall.false_per_device_month == pytest.approx(false / 10)


def test_delay_is_the_median_of_first_alarms() -> None:
    labels = [label(0, 5), label(24, 29), label(48, 53)]
    alarms = [alarm(1, 5), alarm(2, 5), alarm(26, 29), alarm(51, 53)]
    assert evaluate(labels, alarms, devices=1, days=3).overall.delay_s == 2 * 3600


def test_kinds_are_counted_apart() -> None:
    result = evaluate([label(10, 12)], [alarm(10.5, 12), alarm(40, 41, "h-9", LOW)], devices=1, days=3)
    by_kind = {score.kind: score for score in result.by_kind}
    assert (by_kind[BURST].precision, by_kind[BURST].recall) == (1.0, 1.0)
    assert (by_kind[LOW].precision, by_kind[LOW].recall) == (0.0, None)


def test_a_detector_that_nobody_labelled_is_listed_and_not_perfect() -> None:
    result = evaluate([label(10, 12)], [alarm(10.5, 12)], devices=1, days=3, shipped=(BURST, FindingKind.DOOR_NOT_BACK))
    by_kind = {score.kind: score for score in result.by_kind}
    assert set(by_kind) == {BURST, FindingKind.DOOR_NOT_BACK}
    assert (by_kind[FindingKind.DOOR_NOT_BACK].recall, by_kind[FindingKind.DOOR_NOT_BACK].precision) == (None, None)
