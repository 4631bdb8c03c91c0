"""Measures of a ranking against judgements (ir-measures computes them), and of the difference between two runs."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from kb.errors import ConfigError

_ROUNDS = 2000
_INTERVAL = 0.95
# ir-measures' names of what is measured: https://ir-measur.es/en/latest/measures.html
_MEASURES = {"ndcg_10": "nDCG@10", "recall_5": "R@5", "recall_20": "R@20", "mrr_10": "RR@10"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingMeasures:
    """One ranking, 0…1 each. `ndcg_10`: gain is linear in the grade, as trec_eval has it."""

    ndcg_10: float
    recall_5: float
    recall_20: float
    mrr_10: float


def require_library() -> None:
    """Raises ConfigError where ir-measures is not installed: known before minutes are spent on what is measured."""
    if not find_spec("ir_measures"):
        raise ConfigError("measuring retrieval needs the extra `eval`: pip install 'footnote-kb[eval]'")


def measure_ranking(ranked: Sequence[str], judged: Mapping[str, int]) -> RankingMeasures:
    """How good the order is: `ranked` best first, each once; `judged`: id → grade, above 0 where it is right.

    Raises ConfigError where ir-measures is not installed.
    """
    require_library()
    from ir_measures import Qrel, ScoredDoc, iter_calc, parse_measure

    judgements = [Qrel("", each, grade) for each, grade in judged.items()]
    # The measures order by score: a place in the ranking becomes a score without ties.
    run = [ScoredDoc("", each, float(-place)) for place, each in enumerate(ranked)]
    wanted = {parse_measure(name): field for field, name in _MEASURES.items()}
    values = {wanted[found.measure]: float(found.value) for found in iter_calc(list(wanted), judgements, run)}
    return RankingMeasures(**{field: values.get(field, 0.0) for field in _MEASURES})


def mean(values: Sequence[float]) -> float:
    """0 for no values."""
    return sum(values) / len(values) if values else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0…1) of the values do not exceed; 0 for no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Mean difference of paired values, and the interval that holds it with 95 % confidence."""

    mean: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Is zero outside the interval?"""
        return self.low > 0 or self.high < 0


def paired_difference(before: Sequence[float], after: Sequence[float], *, seed: int = 1) -> Difference:
    """after − before with its percentile bootstrap interval over the pairs (Efron & Tibshirani 1993).

    Raises ValueError if the two are not of one length, or empty.
    """
    if len(before) != len(after) or not before:
        raise ValueError("paired values come in pairs")
    changes = [new - old for old, new in zip(before, after, strict=True)]
    draw = random.Random(seed)  # noqa: S311  # resampling, not secrecy
    means = sorted(mean(draw.choices(changes, k=len(changes))) for _ in range(_ROUNDS))
    tail = round((1 - _INTERVAL) / 2 * _ROUNDS)
    return Difference(mean=mean(changes), low=means[tail], high=means[-tail - 1])
