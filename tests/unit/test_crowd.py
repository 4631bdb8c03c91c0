"""The crowd: a question is taken, or told when to come back; nobody waits in vain."""

from contextlib import ExitStack, suppress

import pytest

from app.crowd import FEWEST, Crowd
from kb.errors import ServerBusy


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def answered(crowd: Crowd, clock: Clock, *, seconds: float, times: int) -> None:
    for _ in range(times):
        with crowd.question():
            clock.now += seconds


def let_in(crowd: Crowd, at_work: ExitStack) -> int:
    """How many questions, until one is told to come back."""
    count = 0
    with suppress(ServerBusy):
        while True:
            at_work.enter_context(crowd.question())
            count += 1
    return count


@pytest.mark.parametrize(("seconds", "fewest", "most"), [(0.05, 300, 500), (2.0, FEWEST, 14)])
def test_a_server_that_answers_fast_lets_many_in_and_a_slow_one_few(
    clock: Clock, seconds: float, fewest: int, most: int
) -> None:
    crowd = Crowd(most_seconds=20, clock=clock)
    answered(crowd, clock, seconds=seconds, times=100)
    with ExitStack() as at_work:
        assert fewest <= let_in(crowd, at_work) <= most
        with pytest.raises(ServerBusy) as refused:
            at_work.enter_context(crowd.question())
    assert 5 <= refused.value.retry_after <= 20


def test_a_few_are_let_in_however_slow_the_server_is(clock: Clock) -> None:
    crowd = Crowd(most_seconds=1, clock=clock)
    answered(crowd, clock, seconds=60, times=50)
    with ExitStack() as at_work:
        for _ in range(FEWEST):
            at_work.enter_context(crowd.question())
        with pytest.raises(ServerBusy):
            at_work.enter_context(crowd.question())


def fail(crowd: Crowd, clock: Clock) -> None:
    with crowd.question():
        clock.now += 0.1
        raise RuntimeError


def test_who_fails_makes_room_and_a_quiet_night_is_no_slow_answer(clock: Clock) -> None:
    crowd = Crowd(most_seconds=5, clock=clock)
    for _ in range(30):
        clock.now += 3600
        with pytest.raises(RuntimeError):
            fail(crowd, clock)
    assert crowd.predicted_seconds < 0.2


def test_one_long_answer_turns_nobody_away(clock: Clock) -> None:
    crowd = Crowd(most_seconds=20, clock=clock)
    answered(crowd, clock, seconds=15, times=1)
    with ExitStack() as at_work:
        assert let_in(crowd, at_work) > 100
