"""How often a password may be tried: given attempts, now, expect."""

from datetime import timedelta

from api.rates import FROM_ALL_ADDRESSES, ON_ALL_ACCOUNTS, REMEMBERED, SignInLimiter
from tests.fixtures_api import NOW


def _second(n: float) -> timedelta:
    return timedelta(seconds=n)


def test_the_sixth_attempt_waits_for_the_first_to_be_a_minute_old() -> None:
    limiter = SignInLimiter()
    assert [limiter.retry_after("a", "here", NOW + _second(n)) for n in range(5)] == [None] * 5
    assert limiter.retry_after("a", "here", NOW + _second(10)) == 51
    assert limiter.retry_after("a", "here", NOW + _second(59)) == 2
    assert limiter.retry_after("a", "here", NOW + _second(60)) is None
    assert limiter.retry_after("a", "here", NOW + _second(60)) == 2, "the second attempt is not a minute old yet"


def test_others_are_not_held_up() -> None:
    limiter = SignInLimiter()
    for _ in range(6):
        limiter.retry_after("a", "here", NOW)
    assert limiter.retry_after("a", "there", NOW) is None
    assert limiter.retry_after("b", "here", NOW) is None


def test_many_machines_guessing_together_are_held_up() -> None:
    limiter = SignInLimiter()
    answers = [limiter.retry_after("a", f"10.0.0.{n}", NOW) for n in range(FROM_ALL_ADDRESSES + 1)]
    assert answers == [None] * FROM_ALL_ADDRESSES + [61]


def test_one_machine_cannot_try_every_name() -> None:
    limiter = SignInLimiter()
    answers = [limiter.retry_after(f"user {n}", "here", NOW) for n in range(ON_ALL_ACCOUNTS + 1)]
    assert answers == [None] * ON_ALL_ACCOUNTS + [61]


def test_a_success_clears_its_count() -> None:
    limiter = SignInLimiter()
    for _ in range(4):
        limiter.retry_after("a", "here", NOW)
    limiter.clear("a", "here")
    assert [limiter.retry_after("a", "here", NOW) for _ in range(5)] == [None] * 5


def test_memory_is_bounded() -> None:
    limiter = SignInLimiter()
    for n in range(REMEMBERED):
        limiter.retry_after(f"user {n}", f"address {n}", NOW)
    assert len(limiter._tries) <= REMEMBERED
