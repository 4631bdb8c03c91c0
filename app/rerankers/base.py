"""What a reranker is: it reads the query and a section together, and says how well the one answers to the other."""

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """Puts the best sections in a better order. Building one is cheap; the weights load at the first query."""

    @property
    def name(self) -> str:
        """For people: the model's name."""

    @property
    def candidate_count(self) -> int:
        """How many of the best sections it is shown."""

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers to the query, 0…1. Raises ModelError."""

    async def close(self) -> None:
        """Free the model."""
