"""Questions go before syncs: what embeds in the background lets them pass between any two passes of the model."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kb.embedders import hashing
from kb.embedders.base import Vectors
from kb.embedders.polite import SLICE_TEXTS, Courtesy, PoliteEmbedder
from kb.http import HttpClients

TEXTS = [f"text {number} " * (number % 7 + 1) for number in range(3 * SLICE_TEXTS + 1)]


class Counting:
    """The embedder of hashed words. `passes`: how many texts each call had."""

    def __init__(self, home: Path) -> None:
        self._inner = hashing.build(hashing.Config(), data_dir=home, http=HttpClients())
        self.passes: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.passes.append(len(texts))
        return await self._inner.embed_passages(texts)


async def test_the_vectors_are_the_same_in_order(tmp_path: Path) -> None:
    inner = Counting(tmp_path)
    made = await PoliteEmbedder(inner, Courtesy()).embed_passages(TEXTS)  # type: ignore[arg-type]  # __getattr__
    assert np.array_equal(made, await inner.embed_passages(TEXTS))
    assert max(inner.passes[:-1]) == SLICE_TEXTS


async def test_no_pass_begins_while_a_question_is_under_way_and_all_go_on_after_it(tmp_path: Path) -> None:
    inner, courtesy = Counting(tmp_path), Courtesy()
    with courtesy.question():
        work = asyncio.create_task(PoliteEmbedder(inner, courtesy).embed_passages(TEXTS))  # type: ignore[arg-type]
        for _ in range(20):
            await asyncio.sleep(0)
        assert inner.passes == []
    assert (await work).shape[0] == len(TEXTS)


async def test_questions_without_end_slow_a_sync_down_and_do_not_stop_it(tmp_path: Path) -> None:
    inner, courtesy = Counting(tmp_path), Courtesy()
    with courtesy.question():
        work = PoliteEmbedder(inner, courtesy).embed_passages(TEXTS[:2])  # type: ignore[arg-type]
        assert (await asyncio.wait_for(work, 30)).shape[0] == 2
