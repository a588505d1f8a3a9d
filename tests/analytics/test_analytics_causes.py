"""One cause, one finding: what a finding of another kind explains, and what it does not."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.causes import by_cause
from analytics.finding import Finding, FindingKind

T0 = datetime(2026, 4, 1, tzinfo=UTC)
BALANCE, BASE, LEFT_ON = FindingKind.METER_BALANCE, FindingKind.ELEC_CREEPING_BASE, FindingKind.ELEC_LEFT_ON


def told(kind: FindingKind, first_h: float, last_h: float, **facts: float) -> Finding:
    return Finding(
        kind=kind,
        device_id="m-1",
        space_id="s",
        active=False,
        score=0.5,
        started=T0 + timedelta(hours=first_h),
        seen=T0 + timedelta(hours=last_h),
        message="",
        facts=facts,
    )


@pytest.mark.parametrize(
    ("finding", "own", "below", "explained"),
    [
        pytest.param(told(BALANCE, 0, 96), [], [told(FindingKind.METER_FROZEN, 0, 60)], True, id="a frozen sub-meter"),
        pytest.param(
            told(BALANCE, 0, 96),
            [],
            [told(FindingKind.METER_FROZEN, 0, 30), told(FindingKind.METER_FROZEN, 50, 80)],
            True,
            id="two frozen sub-meters one after the other",
        ),
        pytest.param(
            told(BALANCE, 0, 96), [], [told(FindingKind.WATER_TOILET_LEAK, 0, 96)], False, id="a leak that both meters count"
        ),
        pytest.param(
            told(BALANCE, 0, 96), [told(FindingKind.WATER_NETWORK_LEAK, 0, 96, unmetered=400.0)], [], True, id="a network leak"
        ),
        pytest.param(
            told(FindingKind.WATER_TOILET_LEAK, 20, 96),
            [told(FindingKind.WATER_NETWORK_LEAK, 0, 96, unmetered=400.0)],
            [],
            True,
            id="a network leak looks like a cistern at its inlet",
        ),
        pytest.param(told(LEFT_ON, 10, 20, kw=1.4), [told(BASE, 0, 200, kw=1.3)], [], True, id="the base at night"),
        pytest.param(told(LEFT_ON, 10, 20, kw=6.0), [told(BASE, 0, 200, kw=1.3)], [], False, id="much more than the base"),
        pytest.param(
            told(BASE, 0, 96, kw=4.0),
            [],
            [told(LEFT_ON, 2, 12, kw=9.0), told(LEFT_ON, 26, 36, kw=9.0), told(LEFT_ON, 50, 60, kw=6.0)],
            True,
            id="three nights of four",
        ),
        pytest.param(told(BASE, 0, 240, kw=4.0), [], [told(LEFT_ON, 2, 12, kw=9.0)], False, id="one night of ten"),
        pytest.param(
            told(BASE, 0, 96, kw=4.0),
            [],
            [told(FindingKind.METER_WRONG_UNIT, -16 * 24, -9 * 24, times=0.1)],
            True,
            id="compared with days that were counted too low",
        ),
        pytest.param(
            told(FindingKind.ELEC_NO_LOAD, 10, 14), [told(FindingKind.METER_WRONG_UNIT, 0, 96, times=0.1)], [], True, id="a tenth"
        ),
        pytest.param(told(FindingKind.ELEC_NO_LOAD, 10, 14), [], [], False, id="nothing else"),
        pytest.param(
            told(FindingKind.METER_WRONG_UNIT, 200, 300, times=0.19),
            [told(FindingKind.METER_WRONG_UNIT, 0, 96, times=10.0)],
            [],
            True,
            id="right again",
        ),
        pytest.param(
            told(FindingKind.ELEC_PHASE_LOSS, 100, 300, times=0.6),
            [told(FindingKind.METER_WRONG_UNIT, 0, 96, times=1.7)],
            [],
            True,
            id="put right looks like a lost phase",
        ),
        pytest.param(
            told(FindingKind.ELEC_PHASE_LOSS, 400, 600, times=0.67),
            [told(FindingKind.METER_WRONG_UNIT, 0, 96, times=10.0)],
            [],
            False,
            id="a phase lost two weeks later",
        ),
    ],
)
def test_what_explains_it(finding: Finding, own: list[Finding], below: list[Finding], explained: bool) -> None:
    assert by_cause(finding, [finding, *own], below) is explained
