"""The chat model's queue: in turns, bounded by the wait it predicts, and never stuck."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from app.chat_models.backoff import LONGEST_SECONDS, Backoff
from app.chat_models.turns import FIRST_GUESS_SECONDS, Turns
from kb.errors import ModelRateLimited


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_as_many_go_at_once_as_are_allowed() -> None:
    turns = Turns(parallel=2, queue_seconds=60)
    async with turns.turn("a"), turns.turn("a"):
        third = asyncio.create_task(turns.turn("a").__aenter__())
        await settle()
        assert not third.done()
    await third


async def test_askers_take_turns_however_many_questions_one_has() -> None:
    turns, order = Turns(parallel=1, queue_seconds=600), []

    async def ask(asker: str) -> None:
        async with turns.turn(asker):
            order.append(asker)
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(turns.turn("first"))
        tasks = [asyncio.create_task(ask(asker)) for asker in ("busy", "busy", "busy", "calm")]
        await settle()
    await asyncio.gather(*tasks)
    assert order == ["busy", "calm", "busy", "busy"]


async def test_a_question_that_would_wait_too_long_is_refused_at_once_with_the_time_to_come_again() -> None:
    turns = Turns(parallel=1, queue_seconds=2 * FIRST_GUESS_SECONDS)
    async with turns.turn("a"):
        waiting = [asyncio.create_task(turns.turn(str(number)).__aenter__()) for number in range(2)]
        await settle()
        with pytest.raises(ModelRateLimited) as refused:
            await turns.turn("b").__aenter__()
        assert refused.value.retry_after == 3 * FIRST_GUESS_SECONDS
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_hangs_up_while_waiting_leaves_no_gap() -> None:
    turns = Turns(parallel=1, queue_seconds=60)
    async with turns.turn("a"):
        gone = asyncio.create_task(turns.turn("b").__aenter__())
        await settle()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert turns.waiting_count == 0
    async with asyncio.timeout(1), turns.turn("c"):
        pass


async def test_a_turn_given_to_one_who_hangs_up_in_the_same_moment_is_passed_on() -> None:
    turns = Turns(parallel=1, queue_seconds=60)
    async with turns.turn("a"):
        gone = asyncio.create_task(turns.turn("b").__aenter__())
        await settle()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(1), turns.turn("c"):
        pass


async def test_the_wait_is_predicted_from_what_questions_took() -> None:
    clock = Clock()
    turns = Turns(parallel=1, queue_seconds=600, clock=clock)
    for _ in range(80):
        async with turns.turn("a"):
            clock.now += 10
    async with turns.turn("a"):
        assert turns.predicted_seconds("b") == pytest.approx(10, rel=0.01)


async def test_an_answer_that_failed_frees_its_turn() -> None:
    turns = Turns(parallel=1, queue_seconds=60)
    with pytest.raises(RuntimeError):
        async with turns.turn("a"):
            raise RuntimeError
    assert turns.predicted_seconds("b") == 0


def test_a_process_that_dies_again_and_again_is_started_less_and_less_often() -> None:
    clock = Clock()
    backoff = Backoff(clock=clock)
    waits = []
    for _ in range(12):
        backoff.died()
        waits.append(backoff.wait_seconds)
        clock.now += backoff.wait_seconds
    assert waits[:6] == [0, 0, 1, 2, 4, 8]
    assert waits[-1] == LONGEST_SECONDS


def test_after_a_success_a_death_is_a_first_one_again() -> None:
    backoff = Backoff(clock=Clock())
    for _ in range(9):
        backoff.died()
    backoff.succeeded()
    backoff.died()
    assert backoff.wait_seconds == 0


async def test_it_is_quiet_from_the_last_answers_end_to_the_next_question() -> None:
    clock = Clock()
    turns = Turns(parallel=1, queue_seconds=60, clock=clock)
    assert turns.quiet_seconds > 3600
    async with turns.turn("a"):
        clock.now += 5
        assert turns.quiet_seconds == 0
    clock.now += 2
    assert turns.quiet_seconds == 2
