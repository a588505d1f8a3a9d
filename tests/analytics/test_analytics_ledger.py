"""The ledger's laws: nothing lost, nothing invented, no matter the order; each thing a register does told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.arrays import HOUR_MS
from analytics.ledger import HourlyLedger, NoteKind, consume
from devices.model import Quality
from devices.profiles import Register

REGISTER = Register(modulus=1000.0, max_per_hour=10.0)
START = 1_790_002_800_000 // HOUR_MS * HOUR_MS
QUARTER = HOUR_MS // 4


def ledger(points: list[tuple[int, float]], flags: dict[int, int] | None = None) -> HourlyLedger:
    """Of (quarter hours after START, register value) points."""
    ts_ms = np.array([START + quarter * QUARTER for quarter, _ in points], np.int64)
    value = np.array([value for _, value in points], np.float64)
    quality = np.array([(flags or {}).get(quarter, 0) for quarter, _ in points], np.int64)
    return consume(ts_ms, value, quality, REGISTER)


def kinds(result: HourlyLedger) -> list[NoteKind]:
    return [note.kind for note in result.notes]


def test_plain_hours_are_differences() -> None:
    result = ledger([(quarter, 100 + quarter) for quarter in range(9)])
    assert result.hours.tolist() == [START, START + HOUR_MS]
    assert result.consumption.tolist() == [4.0, 4.0]
    assert result.quality.tolist() == [0, 0]
    assert result.least.tolist() == [4.0, 4.0]
    assert result.digit == 1.0


@pytest.mark.parametrize(
    ("points", "total", "expected"),
    [
        pytest.param([(0, 998.0), (1, 999.0), (2, 0.5), (3, 1.0), (4, 2.0)], 4.0, [NoteKind.ROLLOVER], id="rollover"),
        pytest.param([(0, 500.0), (1, 501.0), (2, 0.5), (3, 1.0), (4, 2.0), (5, 3.0)], 4.0, [NoteKind.RESET], id="reset"),
        pytest.param([(0, 500.0), (1, 501.0), (2, 0.0), (3, 502.0), (4, 503.0)], 3.0, [NoteKind.ZERO_GLITCH], id="zero glitch"),
        pytest.param([(0, 500.0), (1, 501.0), (2, 900.0), (3, 502.0), (4, 503.0)], 3.0, [NoteKind.SPIKE], id="spike"),
        pytest.param([(0, 500.0), (1, 400.0), (2, 401.0), (3, 402.0), (4, 403.0)], 3.0, [NoteKind.DROP], id="corrected"),
        pytest.param([(0, 5.0), (1, 6.0), (2, 700.0), (3, 701.0), (4, 702.0)], 3.0, [NoteKind.JUMP], id="swapped for a higher one"),
        pytest.param([(0, 5.0), (1, 6.0), (12, 6.0 + 8.0), (13, 15.0)], 10.0, [NoteKind.GAP], id="gap"),
    ],
)
def test_what_a_register_does_is_told_apart(points: list[tuple[int, float]], total: float, expected: list[NoteKind]) -> None:
    result = ledger(points)
    assert result.consumption.sum() == pytest.approx(total)
    assert kinds(result) == expected


def test_a_catch_up_is_spread_over_the_stand_still() -> None:
    points = [(quarter, 10.0) for quarter in range(40)]
    result = ledger([*points, (40, 50.0), (41, 51.0), (42, 52.0), (43, 53.0), (44, 54.0)])
    assert kinds(result) == [NoteKind.CATCH_UP]
    assert result.consumption[:10].tolist() == pytest.approx([4.0] * 10)
    assert result.quality[5] & Quality.ESTIMATED


def test_a_gap_is_spread_evenly_and_flagged() -> None:
    result = ledger([(0, 0.0), (4, 1.0), (20, 9.0), (24, 10.0)])
    assert result.consumption.tolist() == pytest.approx([1.0, 2.0, 2.0, 2.0, 2.0, 1.0])
    assert [bool(flag & Quality.ESTIMATED) for flag in result.quality] == [False, True, True, True, True, False]


def test_a_partial_hour_is_incomplete() -> None:
    result = ledger([(1, 0.0), (2, 1.0), (4, 2.0), (6, 3.0)])
    assert [bool(flag & Quality.INCOMPLETE) for flag in result.quality] == [True, True]


def test_an_unexplained_last_reading_waits_for_others() -> None:
    assert ledger([(0, 500.0), (1, 501.0), (2, 0.0)]).consumption.sum() == pytest.approx(1.0)


def test_implausible_readings_are_left_out() -> None:
    result = ledger([(0, 0.0), (1, 1.0), (2, 1.5), (3, 3.0), (4, 4.0)], {2: int(Quality.IMPLAUSIBLE)})
    assert result.consumption.sum() == pytest.approx(4.0)


def test_hours_between_rare_readings_are_interpolated() -> None:
    result = ledger([(2, 0.0), (6, 4.0), (10, 8.0)])
    assert result.consumption.tolist() == pytest.approx([2.0, 4.0, 2.0])


steps = st.lists(st.tuples(st.integers(1, 8), st.floats(0, 2)), min_size=1, max_size=60)


def series(draws: list[tuple[int, float]]) -> list[tuple[int, float]]:
    quarter, value, points = 0, 50.0, [(0, 50.0)]
    for wait, used in draws:
        quarter, value = quarter + wait, value + used
        points.append((quarter, value))
    return points


@given(steps)
def test_hours_sum_to_the_register_difference(draws: list[tuple[int, float]]) -> None:
    points = series(draws)
    assert ledger(points).consumption.sum() == pytest.approx(points[-1][1] - points[0][1], abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1500)), max_size=60), st.randoms(use_true_random=False))
def test_arrival_order_does_not_matter_and_nothing_is_negative(points: list[tuple[int, float]], random: object) -> None:
    shuffled = points.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = ledger(points), ledger(shuffled)
    assert one.consumption.tolist() == other.consumption.tolist()
    assert one.notes == other.notes
    assert (one.consumption >= 0).all()
    assert np.isfinite(one.consumption).all()


@given(steps, st.integers(1, 59))
def test_a_rollover_loses_nothing(draws: list[tuple[int, float]], start: int) -> None:
    points = [(quarter, (value - 50 + 1000 - start / 10) % 1000) for quarter, value in series(draws)]
    used = sum(amount for _, amount in draws)
    result = ledger(points)
    if result.hours.size and not set(kinds(result)) & {NoteKind.GLITCH, NoteKind.RESET, NoteKind.DROP}:
        held_back = points[-1][1] < points[0][1] and NoteKind.ROLLOVER not in kinds(result)
        assert held_back or result.consumption.sum() == pytest.approx(used, abs=1e-6)


def test_a_register_that_ran_back_and_then_stood_has_a_note_of_the_fall_alone() -> None:
    quarter = HOUR_MS // 4
    value = np.array([10.0, 10.1, 10.2, 10.15, 10.1, 10.05, *[10.05] * 20, 10.2, 10.3, 10.4, 10.5])
    ledger = consume(quarter * np.arange(1, value.size + 1) + START, value, np.zeros(value.size, np.int64), REGISTER)
    [note] = [note for note in ledger.notes if note.kind is NoteKind.REVERSED]
    assert (note.before, note.after) == (10.2, 10.05)
    assert (note.to_ms - note.from_ms) // quarter == 3
