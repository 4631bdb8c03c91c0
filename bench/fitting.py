"""Small models and their measures: logistic regression with signs, a listwise ranking, boosted trees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.answering.weights import LinearModel, Tree, TreeModel

Matrix = NDArray[np.float64]
CLIPPED_AT = 4.0


def auroc(is_yes: NDArray[np.bool_], scores: Matrix) -> float:
    """Chance that a yes scores above a no; ties count half."""
    _, ranks, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    yes, no = int(is_yes.sum()), int((~is_yes).sum())
    return float((mean_rank[ranks][is_yes].sum() - yes * (yes + 1) / 2) / (yes * no))


def macro_f1(is_yes: NDArray[np.bool_], said_yes: NDArray[np.bool_]) -> float:
    """The mean of both classes' F1."""
    scores = []
    for each in (True, False):
        right = np.sum((is_yes == each) & (said_yes == each))
        scores.append(2 * right / max(1, np.sum(is_yes == each) + np.sum(said_yes == each)))
    return float(np.mean(scores))


@dataclass(frozen=True, kw_only=True)
class Standard:
    """How features are brought to one scale."""

    means: Matrix
    scales: Matrix

    @classmethod
    def of(cls, rows: Matrix) -> "Standard":
        return cls(means=rows.mean(0), scales=rows.std(0) + 1e-6)

    def apply(self, rows: Matrix) -> Matrix:
        clipped: Matrix = np.clip((rows - self.means) / self.scales, -CLIPPED_AT, CLIPPED_AT)
        return clipped

    def linear(self, names: Sequence[str], weights: Matrix, bias: float) -> LinearModel:
        """A model over the features whose weight is not zero."""
        kept = [place for place in range(len(names)) if abs(weights[place]) > 1e-4]
        return LinearModel(
            names=tuple(names[place] for place in kept),
            means=tuple(round(float(self.means[place]), 5) for place in kept),
            scales=tuple(round(float(self.scales[place]), 5) for place in kept),
            weights=tuple(round(float(weights[place]), 4) for place in kept),
            bias=round(float(bias), 4),
        )


def fit_logistic(rows: Matrix, is_yes: Matrix, importance: Matrix, *, ridge: float) -> Matrix:
    """Weights of standardised rows, the bias last."""
    rows = np.c_[rows, np.ones(len(rows))]
    weights = np.zeros(rows.shape[1])
    penalty = np.eye(rows.shape[1]) * ridge
    penalty[-1, -1] = 1e-6
    for _ in range(50):
        chances = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (importance * (chances - is_yes)) + penalty @ weights
        curve = (rows * (importance * chances * (1 - chances))[:, None]).T @ rows + penalty
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def fit_signed(rows: Matrix, is_yes: Matrix, importance: Matrix, *, signs: Sequence[int], ridge: float) -> Matrix:
    """Logistic weights, none negative where the sign is 1, none positive where it is -1.

    So a missing word never makes an answer likelier. Features of the wrong sign are dropped, the worst half first.
    """
    active = list(range(rows.shape[1]))
    while True:
        weights = fit_logistic(rows[:, active], is_yes, importance, ridge=ridge)
        wrong = [place for place, column in enumerate(active) if signs[column] * weights[place] < 0]
        if not wrong:
            break
        wrong.sort(key=lambda place: -abs(weights[place]))
        dropped = {active[place] for place in wrong[: max(1, len(wrong) // 2)]}
        active = [column for column in active if column not in dropped]
    whole = np.zeros(rows.shape[1] + 1)
    whole[active], whole[-1] = weights[:-1], weights[-1]
    return whole


def fit_listwise(lists: Sequence[tuple[Matrix, NDArray[np.bool_]]], *, ridge: float) -> Matrix:
    """Weights that give the right rows of each list the most of a softmax. Every list has a right row."""
    import torch

    width, longest = lists[0][0].shape[1], max(len(rows) for rows, _ in lists)
    rows_in, is_right = torch.zeros(len(lists), longest, width), torch.zeros(len(lists), longest)
    absent = torch.full((len(lists), longest), -1e9)
    for place, (rows, right) in enumerate(lists):
        rows_in[place, : len(rows)] = torch.tensor(rows)
        is_right[place, : len(rows)] = torch.tensor(right)
        absent[place, : len(rows)] = 0
    weights = torch.zeros(width, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=80)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        shares = torch.softmax(rows_in @ weights + absent, dim=1)
        value = -torch.log((shares * is_right).sum(1) + 1e-9).mean() + ridge * (weights**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return weights.detach().numpy().astype(np.float64)


@dataclass(kw_only=True)
class Boosting:
    """Gradient boosting of shallow trees over quantile bins; few features a tree, so that none decides alone."""

    trees: int = 80
    rate: float = 0.08
    depth: int = 3
    smallest_leaf: int = 20
    ridge: float = 5.0
    rows_share: float = 0.6
    columns_share: float = 0.3
    bins: int = 16
    seed: int = 0
    _edges: list[Matrix] = field(default_factory=list, init=False)

    def fit(self, rows: Matrix, is_yes: Matrix, importance: Matrix, names: Sequence[str]) -> TreeModel:
        """The fitted trees."""
        random = np.random.default_rng(self.seed)
        quantiles = np.linspace(0, 1, self.bins + 1)[1:-1]
        self._edges = [np.unique(np.round(np.quantile(column, quantiles), 4)) for column in rows.T]
        binned = np.stack(
            [np.searchsorted(edges, column, side="right") for edges, column in zip(self._edges, rows.T, strict=True)], 1
        )
        bias = float(np.log((importance * is_yes).sum() / (importance * (1 - is_yes)).sum()))
        scores = np.full(len(rows), bias)
        grown: list[Tree] = []
        for _ in range(self.trees):
            chances = 1 / (1 + np.exp(-scores))
            slope, curve = importance * (chances - is_yes), importance * chances * (1 - chances)
            sample = np.flatnonzero(random.random(len(rows)) < self.rows_share)
            columns = random.choice(rows.shape[1], max(1, int(rows.shape[1] * self.columns_share)), replace=False)
            tree = self._grow(binned, sample, (slope, curve), columns, self.depth)
            grown.append(tree)
            scores += _apply(tree, rows)
        return TreeModel(names=tuple(names), bias=round(bias, 4), trees=tuple(grown))

    def fit_bagged(self, rows: Matrix, is_yes: Matrix, names: Sequence[str], *, bags: int = 3) -> TreeModel:
        """The mean of several fits, each of its own samples: steadier than one of as many trees."""
        fits = [
            Boosting(**{**self._settings(), "seed": self.seed + bag}).fit(rows, is_yes, np.ones(len(rows)), names)
            for bag in range(bags)
        ]
        trees = tuple(_shrunk(tree, bags) for fit in fits for tree in fit.trees)
        return TreeModel(names=tuple(names), bias=fits[0].bias, trees=trees)

    def _settings(self) -> dict[str, float]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def _grow(
        self,
        binned: NDArray[np.int64],
        sample: NDArray[np.int64],
        steps: tuple[Matrix, Matrix],
        columns: Matrix,
        depth: int,
    ) -> Tree:
        slope, curve = steps[0][sample].sum(), steps[1][sample].sum()
        leaf = round(float(-self.rate * slope / (curve + self.ridge)), 4)
        if depth == 0 or len(sample) < 2 * self.smallest_leaf:
            return leaf
        best_gain, best_column, best_bin = 1e-6, -1, -1
        for column in columns:
            gains = self._gains(
                binned[sample, column], steps[0][sample], steps[1][sample], len(self._edges[column]) + 1
            )
            if len(gains) and gains.max() > best_gain:
                best_gain, best_column, best_bin = float(gains.max()), int(column), int(gains.argmax())
        if best_column < 0:
            return leaf
        is_below = binned[sample, best_column] <= best_bin
        below = self._grow(binned, sample[is_below], steps, columns, depth - 1)
        other = self._grow(binned, sample[~is_below], steps, columns, depth - 1)
        return [best_column, float(self._edges[best_column][best_bin]), below, other]

    def _gains(self, bins: NDArray[np.int64], slope: Matrix, curve: Matrix, size: int) -> Matrix:
        below_slope = np.bincount(bins, slope, size).cumsum()[:-1]
        below_curve = np.bincount(bins, curve, size).cumsum()[:-1]
        below_count = np.bincount(bins, minlength=size).cumsum()[:-1]
        whole, bend = slope.sum(), curve.sum()
        gains = (
            below_slope**2 / (below_curve + self.ridge)
            + (whole - below_slope) ** 2 / (bend - below_curve + self.ridge)
            - whole**2 / (bend + self.ridge)
        )
        is_allowed = (below_count >= self.smallest_leaf) & (len(bins) - below_count >= self.smallest_leaf)
        allowed: Matrix = np.where(is_allowed, gains, -1.0)
        return allowed


def score_rows(scorer: LinearModel | TreeModel, features: Sequence[Mapping[str, float]]) -> Matrix:
    """The scores of many rows, by the code that scores them in the product."""
    return np.array([scorer.score(each) for each in features])


def cross_validated(
    groups: Sequence[str], folds: int, fit_and_score: Callable[[NDArray[np.bool_]], Matrix], *, seed: int
) -> Matrix:
    """Scores of all rows, each by a fit that saw no row of its group. `fit_and_score`: held-out rows → scores."""
    shuffled = np.random.default_rng(seed).permutation(sorted(set(groups)))
    order = {str(group): place % folds for place, group in enumerate(shuffled)}
    fold_of = np.array([order[group] for group in groups])
    scores = np.zeros(len(groups))
    for fold in range(folds):
        scores[fold_of == fold] = fit_and_score(fold_of == fold)
    return scores


def _shrunk(tree: Tree, by: int) -> Tree:
    if not isinstance(tree, list):
        return round(tree / by, 4)
    column, threshold, below, other = tree
    return [column, threshold, _shrunk(below, by), _shrunk(other, by)]


def _apply(tree: Tree, rows: Matrix) -> Matrix:
    if not isinstance(tree, list):
        return np.full(len(rows), tree)
    column, threshold, below, other = tree
    made: Matrix = np.where(rows[:, column] < threshold, _apply(below, rows), _apply(other, rows))
    return made
