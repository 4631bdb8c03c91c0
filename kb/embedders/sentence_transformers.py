"""The default embedder: a sentence-transformers model here, in the fastest precision that keeps its vectors."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from kb.embedders.base import Embedder, Pieces, Vectors
from kb.embedders.latest import Latest
from kb.embedders.sentence_transformers_files import ModelFiles, locate
from kb.embedders.sentence_transformers_runner import Runner
from kb.errors import ModelError
from kb.http import HttpClients

# Tokens in one forward pass, padding included: measured best of 1k to 8k on two cores.
BATCH_TOKENS = 1536
_CACHED_QUERIES = 256
# Texts whose pieces are remembered: at most 400 kB each, and usually a quarter of that.
_CACHED_PIECES = 1024
Made = TypeVar("Made")


class Config(BaseModel):
    """Settings of the `sentence_transformers` embedder."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(default="starter", min_length=1, description="`starter`, a folder, or a name on the model hub.")
    query_prompt: str | None = Field(
        default=None, description="Put before a question. Default: what the model says, or what its family needs."
    )
    passage_prompt: str | None = Field(default=None, description="Put before a passage. Default: as for questions.")
    max_tokens: int | None = Field(default=None, ge=16, description="Longest passage. Default: what the model takes.")
    dtype: Literal["auto", "bfloat16", "float32"] = Field(
        default="auto", description="`auto`: bfloat16 where the hardware has the instructions, else float32."
    )
    device: str = Field(default="auto", description="`auto`, `cpu`, `cuda`, `cuda:1`, `mps`.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> Embedder:  # same arguments as every embedder
    """The embedder; its weights load at the first embedding. Raises ConfigError, ModelError."""
    files = locate(config.model, query_prompt=config.query_prompt, passage_prompt=config.passage_prompt)
    return SentenceTransformersEmbedder(files, config)


class SentenceTransformersEmbedder:
    """One forward pass runs at a time, on a thread; a question waits for at most one batch of a sync."""

    def __init__(self, files: ModelFiles, config: Config) -> None:
        self._files = files
        self._config = config
        self._runner: Runner | None = None
        # Waiters are served in order, and a sync queues again for each batch.
        self._turn = asyncio.Lock()
        # Answering needs the vector of one question several times.
        self._queries: Latest[Vectors] = Latest(_CACHED_QUERIES)
        # Many questions are answered from the same sections.
        self._pieces: Latest[Pieces] = Latest(_CACHED_PIECES)
        self.name = files.name
        self.dimension = files.dimension
        self.max_tokens = min(config.max_tokens or files.max_tokens, files.max_tokens)
        self.identity = files.identity(max_tokens=self.max_tokens)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with the passage prompt, special tokens included."""
        return self._files.count_tokens([self._files.passage_prompt + text for text in texts])

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 unit vectors, shape (len(texts), dimension). Raises ModelError."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        prompted = [self._files.passage_prompt + text for text in texts]
        tokens = await asyncio.to_thread(self._files.tokens, prompted, longest=self.max_tokens)
        for batch in batches_by_length([len(ids) for ids in tokens]):
            vectors[batch] = await self._embed([prompted[place] for place in batch], [tokens[place] for place in batch])
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        """Float32 unit vector, shape (dimension,). Raises ModelError."""
        return await self._remembered(self._queries, text, self._forward_query)

    async def embed_pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """The pieces of each text, without prompts, cut at the longest passage. Raises ModelError."""
        # Each text alone: beside others it would be padded, and its numbers would depend on theirs.
        return [await self._remembered(self._pieces, text, self._forward_pieces) for text in texts]

    async def _remembered(self, latest: Latest[Made], text: str, make: Callable[[str], Made]) -> Made:
        """What is made of the text. Many who ask for the same at once wait for one of them."""
        if (known := latest.get(text)) is not None:
            return known
        async with self._turn:
            if (known := latest.get(text)) is not None:
                return known
            made = await asyncio.to_thread(make, text)
            latest.put(text, made)
            return made

    async def verify(self) -> str:
        """The weights' digest, compared with the pinned one. Raises ModelError."""
        await asyncio.to_thread(self._files.verify)
        pinned = "as pinned" if self._files.pinned_sha256 else "not pinned"
        return f"{self.name}: sha256 {self._files.sha256} ({pinned})"

    async def close(self) -> None:
        """Free the weights."""
        async with self._turn:
            self._runner = None

    async def _embed(self, texts: Sequence[str], tokens: Sequence[Sequence[int]]) -> Vectors:
        async with self._turn:
            return await asyncio.to_thread(self._forward, texts, tokens)

    def _loaded(self) -> Runner:
        if self._runner is None:
            self._files.verify()
            self._runner = Runner.load(
                self._files, max_tokens=self.max_tokens, dtype=self._config.dtype, device=self._config.device
            )
        return self._runner

    def _forward_query(self, text: str) -> Vectors:
        prompted = self._files.query_prompt + text
        vector: Vectors = self._forward([prompted], self._files.tokens([prompted], longest=self.max_tokens))[0]
        return vector

    def _forward_pieces(self, text: str) -> Pieces:
        tokens = self._files.tokens([text], longest=self.max_tokens)
        spans = self._files.spans([text], longest=self.max_tokens)
        return _pieces(self._loaded().forward_pieces([text], tokens)[0], spans[0])

    def _forward(self, texts: Sequence[str], tokens: Sequence[Sequence[int]]) -> Vectors:
        vectors = self._loaded().forward(texts, tokens)
        if vectors.shape[1] != self.dimension:
            raise ModelError(
                f"{self.name} makes vectors of {vectors.shape[1]} numbers and its files say {self.dimension}: "
                "the model's folder is damaged"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
            raise ModelError("the embedder made a vector that is zero or not a number: verify its files")
        unit: Vectors = vectors / lengths
        return unit


def _pieces(vectors: Vectors, spans: Sequence[tuple[int, int]]) -> Pieces:
    kept = [place for place, (start, end) in enumerate(spans) if end > start]
    own = vectors[kept]
    unit: Vectors = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
    return Pieces(spans=tuple(spans[place] for place in kept), vectors=unit)


def batches_by_length(counts: Sequence[int]) -> list[list[int]]:
    """Places of texts of like length together, longest first, each batch within BATCH_TOKENS when padded."""
    batches: list[list[int]] = []
    width = 0
    for place in sorted(range(len(counts)), key=lambda place: -counts[place]):
        if not batches or width * (len(batches[-1]) + 1) > BATCH_TOKENS:
            batches.append([])
            width = max(1, counts[place])
        batches[-1].append(place)
    return batches
