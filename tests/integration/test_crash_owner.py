"""kill -9 of the index's owner at random moments of writing: what was acknowledged is there, and whole."""

import asyncio
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from kb.index.base import Index
from tests.contract.indexes import make_page
from tests.integration.owners import open_edge, owner_of

pytestmark = pytest.mark.integration

KILLS = 10
PAGES = 8
CHUNKS = 12


class Writer:
    """Writes revision after revision, and remembers what the index has acknowledged."""

    def __init__(self, index: Index, *, seed: int) -> None:
        self._index = index
        self._random = random.Random(seed)
        self.acknowledged = {f"wiki:{number}": 0 for number in range(PAGES)}
        self.begun: set[tuple[str, int]] = set()

    async def write_on(self) -> None:
        while True:
            page = self._random.choice(sorted(self.acknowledged))
            revision = self.acknowledged[page] + 1
            self.begun.add((page, revision))
            texts = [f"holiday revision{revision} part{number}" for number in range(CHUNKS)]
            await self._index.upsert_revision(make_page(*texts, document_id=page, revision=revision))
            if self._random.random() < 0.3:
                await self._index.flush()
            self.acknowledged[page] = revision


async def test_an_owner_killed_at_random_moments_loses_nothing_and_tears_nothing(tmp_path: Path) -> None:
    chance = random.Random(4)
    index, reader = open_edge(tmp_path), open_edge(tmp_path)
    writer = Writer(index, seed=4)
    for _ in range(KILLS):
        pid = await owner_of(reader)
        writing = asyncio.create_task(writer.write_on())
        await asyncio.wait([writing], timeout=chance.uniform(0.05, 0.5))
        os.kill(pid, signal.SIGKILL)
        # The writer goes on with the next owner, as if nothing had happened.
        await owner_of(reader)
        await asyncio.wait([writing], timeout=chance.uniform(0, 0.2))
        assert not writing.done(), writing
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        counts = await reader.counts(tenant="acme")
        assert set(counts.values()) <= {CHUNKS}, "a revision is there whole or not at all"
        missing = [
            (page, revision)
            for page, latest in writer.acknowledged.items()
            for revision in range(1, latest + 1)
            if (page, revision) not in counts
        ]
        assert missing == []
        assert counts.keys() <= writer.begun
    await index.close()
    await reader.close()
