"""An embedder without a model, for tests: words and word pairs hashed into a fixed space. Not for answering people."""

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from kb.embedders.base import Embedder, Vectors
from kb.http import HttpClients

_WORD = re.compile(r"\w+")


class Config(BaseModel):
    """Settings of the `hashing` embedder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: int = Field(default=256, ge=8, le=4096, description="Length of the vectors.")
    max_tokens: int = Field(default=256, ge=16, description="Longest passage, in words.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> Embedder:  # same arguments as every embedder
    """The embedder."""
    return HashingEmbedder(config)


class HashingEmbedder:
    """Texts that share words are near each other. A token is a word."""

    def __init__(self, config: Config) -> None:
        self.dimension = config.dimension
        self.max_tokens = config.max_tokens
        self.name = "hashing"
        self.identity = f"hashing-1-{config.dimension}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(_WORD.findall(text)) for text in texts]

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 unit vectors, shape (len(texts), dimension)."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self._embed(text) for text in texts])

    async def embed_query(self, text: str) -> Vectors:
        """Float32 unit vector, shape (dimension,)."""
        return self._embed(text)

    async def verify(self) -> str:
        """There is no file."""
        return "hashing: nothing to verify"

    async def close(self) -> None:
        """Nothing to free."""

    def _embed(self, text: str) -> Vectors:
        words = [word.lower() for word in _WORD.findall(text)] or [text]
        vector = np.zeros(self.dimension, dtype=np.float32)
        for feature in [*words, *(f"{left} {right}" for left, right in pairwise(words))]:
            digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest()
            place = int.from_bytes(digest[:4]) % self.dimension
            vector[place] += 1.0 if digest[4] & 1 else -1.0
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            # Features that cancel each other out; any fixed direction is as good.
            vector[0] = length = 1.0
        return vector / np.float32(length)
