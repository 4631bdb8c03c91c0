"""Any cross-encoder of sentence-transformers as reranker: better order, at the price of one forward pass a section."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from app.rerankers.base import Reranker
from kb.errors import ModelError, ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

# Sections in one forward pass.
_BATCH = 8


class Config(BaseModel):
    """Settings of the `cross_encoder` reranker."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(
        min_length=1, description="A folder, or a name on the model hub that is on this machine already."
    )
    candidates: int = Field(default=16, ge=2, le=100, description="Sections it is shown; its time grows with them.")
    max_tokens: int = Field(
        default=512, ge=32, description="Longest pair of question and section; the rest is not read."
    )
    device: str | None = Field(default=None, description="`cpu`, `cuda`, `mps`; default: the best there is.")


def build(config: Config, *, data_dir: Path) -> Reranker:  # same arguments as every reranker
    """The reranker; its weights load at the first query."""
    return CrossEncoderReranker(config)


class CrossEncoderReranker:
    """One query at a time, on a thread."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._weights: CrossEncoder | None = None
        self._turn = asyncio.Lock()
        self.name = Path(config.model).name
        self.candidate_count = config.candidates

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers to the query, 0…1. Raises ModelError."""
        if not texts:
            return []
        async with self._turn:
            return await asyncio.to_thread(self._score, query, texts)

    async def close(self) -> None:
        """Free the weights."""
        async with self._turn:
            self._weights = None

    def _score(self, query: str, texts: Sequence[str]) -> list[float]:
        if self._weights is None:
            self._weights = self._load()
        pairs = [(query, text) for text in texts]
        try:
            scores = self._weights.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        except (RuntimeError, ValueError, IndexError) as exc:
            raise ModelUnavailable(f"the reranker {self.name} failed ({type(exc).__name__})") from exc
        plain = [float(score) for score in scores]
        # Models whose files name no activation give numbers of any size.
        return plain if all(0 <= score <= 1 for score in plain) else [1 / (1 + math.exp(-score)) for score in plain]

    def _load(self) -> "CrossEncoder":
        """Nothing is fetched, no code of the model's is run, and weights in pickle files are refused."""
        # Seconds to import, and only queries need it.
        from sentence_transformers import CrossEncoder
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            weights = CrossEncoder(
                self._config.model,
                device=self._config.device,
                max_length=self._config.max_tokens,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError, KeyError) as exc:
            raise ModelError(
                f"cannot load the reranker {self._config.model}: put its files on this machine, or set [reranker] kind "
                'to "none"'
            ) from exc
        if weights.config.num_labels != 1:
            raise ModelError(
                f"{self._config.model} gives {weights.config.num_labels} scores a pair; a reranker gives one"
            )
        return weights
