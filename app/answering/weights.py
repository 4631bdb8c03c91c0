"""The trained models of answering: a few kilobytes of JSON beside this file, made by `python -m bench.training`."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

# A leaf is a number; a branch is [feature's place, threshold, below, not below].
Tree: TypeAlias = float | list[Any]  # Any: JSON lists nest without end

_CLIPPED_AT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """A weighted sum of standardised features, each clipped so that no single one decides."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def score(self, features: Mapping[str, float]) -> float:
        """The sum; log-odds where the model was trained on yes and no. Raises KeyError: a feature is missing."""
        total = self.bias
        for name, mean, scale, weight in zip(self.names, self.means, self.scales, self.weights, strict=True):
            total += weight * min(_CLIPPED_AT, max(-_CLIPPED_AT, (features[name] - mean) / scale))
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeModel:
    """Boosted trees."""

    names: tuple[str, ...]
    bias: float
    trees: tuple[Tree, ...]

    def score(self, features: Mapping[str, float]) -> float:
        """Log-odds. Raises KeyError: a feature is missing."""
        values = [features[name] for name in self.names]
        return self.bias + sum(_leaf(tree, values) for tree in self.trees)


@lru_cache(maxsize=8)
def linear_model(name: str) -> LinearModel:
    """The linear model stored as `name`.json."""
    stored = _stored(name)
    return LinearModel(
        names=tuple(stored["names"]),
        means=tuple(stored["means"]),
        scales=tuple(stored["scales"]),
        weights=tuple(stored["weights"]),
        bias=stored["bias"],
    )


@lru_cache(maxsize=8)
def trained_with(name: str) -> str:
    """The identity of the embedder whose vectors the model stored as `name`.json weighs; no other's mean the same."""
    return str(_stored(name)["embedder"])


@lru_cache(maxsize=8)
def tree_model(name: str) -> TreeModel:
    """The boosted trees stored as `name`.json."""
    stored = _stored(name)
    return TreeModel(names=tuple(stored["names"]), bias=stored["bias"], trees=tuple(stored["trees"]))


def probability(log_odds: float) -> float:
    """0…1."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, log_odds))))


def _leaf(tree: Tree, values: Sequence[float]) -> float:
    while isinstance(tree, list):
        place, threshold, below, other = tree
        tree = below if values[place] < threshold else other
    return tree


# Our own file, made by our own script.
def _stored(name: str) -> dict[str, Any]:
    text = files("app.answering").joinpath(f"{name}.json").read_text(encoding="utf-8")
    stored: dict[str, Any] = json.loads(text)
    return stored
