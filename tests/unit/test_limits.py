"""Limits: how many questions at once, how soon the next, and whose bucket it is."""

import pytest

from app.limits import Limiter
from kb.errors import TooManyRequests


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_is_there_at_once_and_then_it_trickles() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    assert [limiter.take("ada", per_minute=3).left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(TooManyRequests) as refused:
        limiter.take("ada", per_minute=3)
    assert refused.value.retry_after == 20
    clock.now = 20
    assert limiter.take("ada", per_minute=3).left == 0


def test_one_callers_questions_are_not_anothers() -> None:
    limiter = Limiter(clock=Clock())
    limiter.take("ada", per_minute=1)
    assert limiter.take("bob", per_minute=1).left == 0


def test_a_bucket_never_holds_more_than_a_minutes_worth() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    limiter.take("ada", per_minute=2)
    clock.now = 3600
    assert limiter.take("ada", per_minute=2).left == 1


def test_the_headers_say_what_is_left_and_when_it_is_full() -> None:
    headers = Limiter(clock=Clock()).take("ada", per_minute=30).headers
    assert headers == {"RateLimit-Policy": '"questions";q=30;w=60', "RateLimit": '"questions";r=29;t=2'}
