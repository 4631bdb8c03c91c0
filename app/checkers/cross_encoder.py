"""Any cross-encoder of sentence-transformers as second check, if it was trained to tell what follows from a text."""

import math
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from app.checkers.base import SecondCheck
from kb.errors import ModelError, ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

# What models call the answer "yes, it follows".
_FOLLOWS = re.compile(r"entail|support|consistent", re.I)
_NEGATED = re.compile(r"\bnot|^non|^un|^in|refut|contra", re.I)


class Config(BaseModel):
    """Settings of the `cross_encoder` check."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(
        min_length=1, description="A folder, or a name on the model hub that is on this machine already."
    )
    supported_above: float = Field(default=0.5, ge=0, le=1, description="From which score on a sentence is shown.")
    max_tokens: int = Field(
        default=512, ge=32, description="Longest pair of section and sentence; the rest is not read."
    )
    device: str | None = Field(default=None, description="`cpu`, `cuda`, `mps`; default: the best there is.")


def build(config: Config, *, data_dir: Path) -> SecondCheck:  # same arguments as every check
    """The check; its weights load at the first claim."""
    return CrossEncoderCheck(config)


class CrossEncoderCheck:
    """One claim at a time, from whatever thread."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._weights: CrossEncoder | None = None
        self._turn = threading.Lock()
        self.name = Path(config.model).name
        self.supported_above = config.supported_above

    def score(self, claim: str, evidence: str) -> float:
        """How surely the evidence carries the claim, 0…1. Raises ModelError."""
        with self._turn:
            if self._weights is None:
                self._weights = self._load()
            try:
                (scores,) = self._weights.predict([(evidence, claim)], show_progress_bar=False, convert_to_numpy=True)
            except (RuntimeError, ValueError, IndexError) as exc:
                raise ModelUnavailable(f"the check {self.name} failed ({type(exc).__name__})") from exc
            labels = [str(label) for _, label in sorted(self._weights.config.id2label.items())]
        if len(labels) == 1:
            score = float(scores)
            return score if 0 <= score <= 1 else 1 / (1 + math.exp(-score))
        return _shares([float(score) for score in scores])[_following(labels)]

    def _load(self) -> "CrossEncoder":
        """Nothing is fetched, no code of the model's is run, and weights in pickle files are refused."""
        # Seconds to import, and only sentences of a chat model need it.
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
                f"cannot load the check {self._config.model}: put its files on this machine, or set [checker] kind "
                'to "none"'
            ) from exc
        labels = [str(label) for _, label in sorted(weights.config.id2label.items())]
        if len(labels) > 1 and _following(labels) < 0:
            raise ModelError(f"{self._config.model} has no label for what follows from a text: {', '.join(labels)}")
        return weights


def _shares(scores: list[float]) -> list[float]:
    """Probabilities. Models whose files name no activation give numbers of any size."""
    if all(0 <= score <= 1 for score in scores) and math.isclose(sum(scores), 1, abs_tol=1e-3):
        return scores
    exponents = [math.exp(score - max(scores)) for score in scores]
    return [exponent / sum(exponents) for exponent in exponents]


def _following(labels: list[str]) -> int:
    """Which label says that the claim follows; -1: none does, or several."""
    found = [place for place, label in enumerate(labels) if _FOLLOWS.search(label) and not _NEGATED.search(label)]
    return found[0] if len(found) == 1 else -1
