"""Leaks told from the flow of an inlet alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.detectors import network_leak
from analytics.detectors.network_leak import detect

ROWS = 48
DAYS = 90


def network(seed: int, *, leak: tuple[int, int] | None = None, share: float = 0.0, ramp_rows: int = 1) -> np.ndarray:
    """A town's inflow in m3/h: a course by weekday, a season of +-20 %, 2 % noise a row, a leak of a share of the mean."""
    rng = np.random.default_rng(seed)
    hour = np.arange(DAYS * ROWS) / 2
    course = 1 + 0.5 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi) + 0.15 * np.sin((hour % 24) / 6 * 2 * np.pi)
    weekend = np.where(hour // 24 % 7 >= 5, 0.9, 1.0)
    season = 1 + 0.2 * np.sin(hour / 24 / 90 * 2 * np.pi)
    flow = 100 * course * weekend * season * (1 + 0.02 * rng.standard_normal(hour.size))
    if leak is not None:
        first, last = leak
        flow[first:last] += 100 * share * np.minimum(np.arange(last - first) / ramp_rows, 1.0)
    return flow


@pytest.mark.parametrize("seed", range(4))
def test_a_season_is_no_leak(seed: int) -> None:
    assert not detect(network(seed), ROWS).any()


@pytest.mark.parametrize(("share", "ramp_rows", "within_days"), [(0.3, 1, 0.1), (0.08, 1, 3), (0.15, 20 * ROWS, 12)])
def test_a_leak_is_told_until_it_ends(share: float, ramp_rows: int, within_days: float) -> None:
    first, last = 40 * ROWS + 17, 75 * ROWS + 30
    marks = detect(network(1, leak=(first, last), share=share, ramp_rows=ramp_rows), ROWS)
    told = np.flatnonzero(marks)
    assert first - 2 <= told[0] <= first + within_days * ROWS
    assert marks[told[0] : last - 2].all()
    assert not marks[last + ROWS :].any()


def test_a_leak_that_was_there_while_we_learned_is_unlearned_when_it_ends() -> None:
    flow = network(2, leak=(0, 30 * ROWS), share=0.3)
    flow[60 * ROWS : 80 * ROWS] += 30
    marks = detect(flow, ROWS).reshape(DAYS, ROWS).any(axis=1)
    assert not marks[:59].any()
    assert marks[60:80].all()


def test_what_is_said_of_a_day_does_not_depend_on_later_days() -> None:
    flow = network(3, leak=(40 * ROWS, 60 * ROWS), share=0.1)
    whole = detect(flow, ROWS)
    for days in (15, 41, 47, 61):
        assert (detect(flow[: days * ROWS], ROWS) == whole[: days * ROWS]).all()


def test_a_gap_keeps_what_was_said_before() -> None:
    flow = network(1, leak=(40 * ROWS, 60 * ROWS), share=0.2)
    flow[50 * ROWS : 51 * ROWS - 5] = np.nan
    marks = detect(flow, ROWS)
    assert marks[41 * ROWS : 60 * ROWS].all()
    assert not marks[61 * ROWS :].any()


def test_lost_readings_here_and_there_change_little() -> None:
    flow = network(1, leak=(40 * ROWS, 60 * ROWS), share=0.2)
    flow[np.random.default_rng(4).random(flow.size) < 0.02] = np.nan
    flow[5 * ROWS : 6 * ROWS] = np.nan  # a day away while it learns
    marks = detect(flow, ROWS)
    assert marks[41 * ROWS : 60 * ROWS - 2].all()
    assert not marks[: 40 * ROWS - 2].any()
    assert not marks[61 * ROWS :].any()


@given(
    arrays.arrays(np.float64, st.integers(0, 400), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)),
    st.integers(1, 24),
)
def test_any_series_goes_through(flow: np.ndarray, rows_per_day: int) -> None:
    with np.errstate(all="ignore"):
        assert detect(flow, rows_per_day).size == flow.size


@pytest.mark.parametrize("flow", [np.zeros(900), np.full(900, 7.0), np.arange(900.0), np.full(900, 1e300)])
def test_flat_and_huge_series_go_through(flow: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        assert detect(flow, 24, network_leak.PARAMS).size == flow.size
