"""Work beside the event loop: in turn, with the caller's ids, and none of it twice."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from app.answering.beside import SideThread
from app.answering.evidence import EvidenceFinder
from kb.embedders.base import Vectors
from kb.errors import ModelUnavailable
from kb.logs import request_id
from tests.fakes.answering import LEAVE, make_embedder, make_passage


async def test_the_event_loop_goes_on_while_something_is_weighed() -> None:
    may_end = threading.Event()
    beside = SideThread()
    weighing = asyncio.create_task(beside.run(may_end.wait, 10))
    await asyncio.sleep(0)
    may_end.set()  # this runs only if the loop is free
    assert await weighing


async def test_one_thing_is_done_after_the_other() -> None:
    under_way, most = 0, 0
    turn = threading.Lock()

    def work() -> None:
        nonlocal under_way, most
        with turn:
            under_way += 1
            most = max(most, under_way)
        with turn:
            under_way -= 1

    beside = SideThread()
    await asyncio.gather(*(beside.run(work) for _ in range(50)))
    assert most == 1


async def test_the_requests_id_is_known_there_and_errors_come_back() -> None:
    beside = SideThread()
    token = request_id.set("r1")
    try:
        assert await beside.run(request_id.get) == "r1"
    finally:
        request_id.reset(token)
    with pytest.raises(ZeroDivisionError):
        await beside.run(lambda: 1 // 0)


class SlowEmbedder:
    """Waits to be let on, counts what it embeds, and may fail first."""

    def __init__(self, *, failures: int = 0) -> None:
        self._inner = make_embedder()
        self.may_go_on = asyncio.Event()
        self.embedded: list[str] = []
        self._failures = failures

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        await self.may_go_on.wait()
        if self._failures:
            self._failures -= 1
            raise ModelUnavailable("not now")
        self.embedded += texts
        return await self._inner.embed_passages(texts)


PASSAGES = [make_passage(LEAVE)]


async def test_many_who_ask_at_once_have_the_same_texts_embedded_once() -> None:
    slow = SlowEmbedder()
    finder = EvidenceFinder(slow)  # type: ignore[arg-type]  # hands on the rest
    asking = [
        asyncio.create_task(finder.find("How many days of annual leave do staff in Gdańsk receive?", PASSAGES))
        for _ in range(20)
    ]
    await asyncio.sleep(0.05)
    slow.may_go_on.set()
    found = await asyncio.gather(*asking)
    assert len({tuple(each.unit.text for each in evidence) for evidence in found}) == 1
    assert len(slow.embedded) == len(set(slow.embedded)) == len(found[0])


@pytest.mark.parametrize("leaves", [True, False])
async def test_whoever_waited_for_anothers_embedding_is_answered_when_that_one_fails_or_leaves(leaves: bool) -> None:
    slow = SlowEmbedder(failures=0 if leaves else 1)
    finder = EvidenceFinder(slow)  # type: ignore[arg-type]  # hands on the rest
    first = asyncio.create_task(finder.find("How many days of annual leave do staff in Gdańsk receive?", PASSAGES))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(finder.find("How many days of annual leave do staff in Gdańsk receive?", PASSAGES))
    await asyncio.sleep(0.05)
    if leaves:
        first.cancel()
    slow.may_go_on.set()
    assert (await second)[0].unit.text.startswith("Full-time staff in Gdańsk receive 26 days")
    assert isinstance(
        (await asyncio.gather(first, return_exceptions=True))[0], ModelUnavailable | asyncio.CancelledError
    )
