"""Measures of a ranking against judgements, and of the difference between two runs."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ROUNDS = 2000
_INTERVAL = 0.95


def ndcg(ranked: Sequence[str], judged: Mapping[str, int], *, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`, 0…1, with linear gain as trec_eval computes it:
    sum of grade ÷ log2(rank + 1), divided by the same sum of the best order (Järvelin & Kekäläinen 2002)."""
    gained = sum(judged.get(each, 0) / math.log2(rank + 1) for rank, each in enumerate(ranked[:k], start=1))
    ideal = sorted(judged.values(), reverse=True)[:k]
    most = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(ideal, start=1))
    return gained / most if most else 0.0


def recall(ranked: Sequence[str], judged: Mapping[str, int], *, k: int) -> float:
    """Share of the relevant ones that are among the first `k`."""
    relevant = {each for each, grade in judged.items() if grade > 0}
    return len(relevant & set(ranked[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], judged: Mapping[str, int], *, k: int) -> float:
    """1 ÷ rank of the first relevant one among the first `k`; 0 if there is none."""
    ranks = (rank for rank, each in enumerate(ranked[:k], start=1) if judged.get(each, 0) > 0)
    first = next(ranks, None)
    return 1 / first if first else 0.0


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
