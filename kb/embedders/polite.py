"""Questions first: what embeds in the background waits while one is under way."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from kb.embedders.base import Embedder, Vectors

# Texts embedded between two looks at whether anybody asks: one forward pass, which is what a question waits for. Four
# passes in a row kept its own passes waiting in between.
SLICE_TEXTS = 8
# The longest that one slice waits: with questions all day long a sync still goes on, at this pace.
LONGEST_WAIT_SECONDS = 0.5


class Courtesy:
    """Who is asking at the moment."""

    def __init__(self) -> None:
        self._asking = 0
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    @contextmanager
    def question(self) -> Iterator[None]:
        """A question is under way inside."""
        self._asking += 1
        self._is_quiet.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._is_quiet.set()

    async def wait(self, *, most_seconds: float = LONGEST_WAIT_SECONDS) -> None:
        """Until nobody asks; no longer than so many seconds."""
        try:
            await asyncio.wait_for(self._is_quiet.wait(), most_seconds)
        except TimeoutError:
            return


class PoliteEmbedder:
    """An embedder for syncs: the same vectors, in slices between questions."""

    def __init__(self, inner: Embedder, courtesy: Courtesy) -> None:
        self._inner = inner
        self._courtesy = courtesy
        self.identity = inner.identity
        self.name = inner.name
        self.dimension = inner.dimension
        self.max_tokens = inner.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As the embedder counts them."""
        return self._inner.count_tokens(texts)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 unit vectors, shape (len(texts), dimension). Raises ModelError."""
        # Texts of like length together: within a slice, what is shorter is padded.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(order), SLICE_TEXTS):
            await self._courtesy.wait()
            places = order[start : start + SLICE_TEXTS]
            vectors[places] = await self._inner.embed_passages([texts[place] for place in places])
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        """Float32 unit vector, shape (dimension,). Raises ModelError."""
        return await self._inner.embed_query(text)

    async def verify(self) -> str:
        """What was verified. Raises ModelError."""
        return await self._inner.verify()

    async def close(self) -> None:
        """Free the model."""
        await self._inner.close()
