"""Savings after a repair: like with like, with an interval, weather taken out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analytics.saving import Days, saving


def weeks(fault: float, *, noise: float = 2.0, repaired: int = 21, size: int = 49, vacation: int = 49, seed: int = 1) -> Days:
    """100 kWh on school days, 40 on weekends, 20 in the vacation; `fault` more on each day from 7 until `repaired`."""
    rng = np.random.default_rng(seed)
    index = np.arange(size)
    day_class = np.where(index >= vacation, 3, np.where(index % 7 >= 5, 1, 0))
    use = np.array([100.0, 40.0, 40.0, 20.0])[day_class] + noise * rng.standard_normal(size)
    use[7:repaired] += fault
    return Days(use=use, day_class=day_class, celsius=np.full(size, np.nan))


def test_what_the_fault_took_is_what_its_repair_saves() -> None:
    found = saving(weeks(30.0), 7, 21)
    assert found is not None
    assert found.per_day == pytest.approx(30, abs=2)
    assert found.low < found.per_day < found.high
    assert found.proven
    assert found.days == 28


def test_a_holiday_after_the_repair_saves_nothing() -> None:
    found = saving(weeks(0.0, vacation=28), 7, 21)
    assert found is not None
    assert found.per_day == pytest.approx(0, abs=3)
    assert not found.proven
    assert found.days == 7  # the vacation has no day of the fault beside it


def test_two_days_are_too_few_to_say_anything_of_two_classes() -> None:
    assert saving(weeks(30.0, size=22), 7, 21) is None
    assert saving(weeks(30.0, size=23), 7, 21) is not None


def test_a_cold_spell_after_the_repair_does_not_hide_the_saving() -> None:
    rng = np.random.default_rng(2)
    celsius = np.concatenate((rng.uniform(10, 18, 25), rng.uniform(0, 8, 24)))
    use = 100 + 3 * np.maximum(18 - celsius, 0) + rng.standard_normal(49)
    use[:25] += 20
    found = saving(Days(use=use, day_class=np.zeros(49, np.int64), celsius=celsius), 0, 25)
    blind = saving(Days(use=use, day_class=np.zeros(49, np.int64), celsius=np.full(49, np.nan)), 0, 25)
    assert found is not None
    assert blind is not None
    assert blind.per_day < 5
    assert found.per_day > blind.per_day + 5


@settings(max_examples=50)
@given(
    arrays.arrays(np.float64, st.integers(0, 60), elements=st.floats(0, 1e6) | st.just(np.nan)),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_any_days_go_through(use: np.ndarray, started: int, repaired: int) -> None:
    days = Days(use=use, day_class=np.arange(use.size) % 3, celsius=np.linspace(-10, 35, use.size))
    found = saving(days, started, repaired)
    assert found is None or found.low <= found.per_day <= found.high
