"""What an embedder is: two verbs, a fixed dimension, and an identity that changes when its vectors would."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]


class Embedder(Protocol):
    """Turns text into unit vectors. Building one is cheap; the weights load at the first embedding."""

    @property
    def identity(self) -> str:
        """Changes whenever the vectors would: weights digest, prompts, precision class, length limit."""

    @property
    def name(self) -> str:
        """For people: the model's name."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    @property
    def max_tokens(self) -> int:
        """Longest passage in tokens; more would be cut off silently, so chunking must stay below it."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model would see it, special tokens included."""

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 unit vectors, shape (len(texts), dimension). Raises ModelError."""

    async def embed_query(self, text: str) -> Vectors:
        """Float32 unit vector, shape (dimension,). Raises ModelError."""

    async def verify(self) -> str:
        """What was verified, for people. Raises ModelError if the files are not what they must be."""

    async def close(self) -> None:
        """Free the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A text as the model reads it. `spans`: where each piece begins and ends in the text; `vectors`: a float32 unit
    vector each, shape (len(spans), dimension), made of the piece among its neighbours."""

    spans: tuple[tuple[int, int], ...]
    vectors: Vectors


@runtime_checkable
class PieceEmbedder(Protocol):
    """An embedder that also gives the vectors it averages: what a text says, piece by piece."""

    async def embed_pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """The pieces of each text, without prompts, cut at the longest passage. Raises ModelError."""
