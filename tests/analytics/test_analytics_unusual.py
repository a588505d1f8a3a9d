"""Novelty of streams without a rule of their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.detectors.unusual import scores

LEARN = 600
ROWS = 2000


def daily(seed: int) -> np.ndarray:
    """96 rows a day, 5 % noise."""
    rng = np.random.default_rng(seed)
    return 50 + 20 * np.sin(np.arange(ROWS) / 96 * 2 * np.pi) + rng.standard_normal(ROWS)


def alarms(value: np.ndarray) -> list[int]:
    return np.flatnonzero(scores(value, LEARN) >= 0.5).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_what_repeats_is_not_unusual(seed: int) -> None:
    assert len(alarms(daily(seed))) <= 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda v: np.concatenate((v[:1200], v[1200:] + 60)), id="a step"),
        pytest.param(lambda v: np.concatenate((v[:1200], np.full(100, 50.0), v[1300:] * 1.0)), id="a day that is flat"),
        pytest.param(lambda v: np.concatenate((v[:1200], [400.0], v[1201:])), id="a spike"),
        pytest.param(lambda v: np.concatenate((v[:1200], v[1200:1300] + 30 * (-1.0) ** np.arange(100), v[1300:])), id="a flutter"),
    ],
)
def test_something_new_is_told_soon_and_once(fault: object) -> None:
    found = [row for row in alarms(fault(daily(5))) if row >= 1200]  # type: ignore[operator]
    assert found
    assert found[0] <= 1320
    assert len(found) <= 3


def test_a_flat_stream_that_moves_is_unusual() -> None:
    value = np.full(ROWS, 5.0)
    value[1500:] = 6.0
    assert alarms(value)[0] in range(1500, 1600)


def test_no_unit_matters() -> None:
    value = daily(4)
    value[1400:1500] += 80
    assert alarms(value) == alarms(value * 1000) == alarms(value + 12345)


def test_what_is_said_of_a_row_does_not_depend_on_later_rows() -> None:
    value = daily(6)
    value[1400:1500] += 80
    assert (scores(value, LEARN)[:1450] == scores(value[:1450], LEARN)).all()


@settings(max_examples=25)
@given(arrays.arrays(np.float64, st.integers(0, 300), elements=st.floats(-1e6, 1e6) | st.just(np.nan)), st.integers(0, 120))
def test_any_series_goes_through(value: np.ndarray, learn_rows: int) -> None:
    found = scores(value, learn_rows)
    assert found.size == value.size
    assert ((found >= 0) & (found <= 1)).all()
