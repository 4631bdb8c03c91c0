"""Trains whether a question's matter is spoken of at all: the first half of the gate, on pieces of the embedder.

Its negatives are questions that have an answer elsewhere: of other collections, and of the same one with the passages
that hold the answer taken away. Near misses are among its rows too, and weigh less. It learns from the unit of the
highest standing, and is asked of all that lead: the most likely counts, as in `app.answering.evidence`.
"""

from collections.abc import Sequence, Set
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.answering.evidence import Evidence, heard_texts, leading_of, with_closeness
from app.answering.spoken import closeness_of, spoken_features
from app.answering.weights import LinearModel
from bench.fitting import Matrix, Standard, cross_validated, fit_signed, score_rows
from bench.training_sets import Asking
from kb.embedders.base import PieceEmbedder, Pieces

IMPORTANCE: Final = {
    "squad": 1.0,
    "nomiracl": 8.0,
    "foreign": 6.0,
    "squad without": 3.0,
    "handbook": 10.0,
    "handbook without": 10.0,
}
# The share of NoMIRACL's answerable questions that end up on the far side of the step, and how steep it is: what is
# asked is spoken of or not, and the other half of the gate tells apart where it is.
STEP_AT, STEEPNESS = 0.045, 12.0
FOLDS = 5
_BATCH = 32


async def spoken_rows(
    ranked: Sequence[tuple[Asking, Sequence[Evidence]]], embedder: PieceEmbedder
) -> list[list[dict[str, float]]]:
    """For each question with its evidence, by score, the features of what leads; of the highest standing first.

    Raises ModelError.
    """
    leading = [(asking, leading_of(evidence)) for asking, evidence in ranked]
    texts = {asking.question for asking, _ in leading}
    texts |= {heard_texts(each)[0] for _, evidence in leading for each in evidence}
    pieces = await _embedded(texts, embedder)
    best_first = [(asking, _by_standing(asking, evidence, pieces)) for asking, evidence in leading]
    pieces |= await _embedded({heard_texts(each)[1] for _, evidence in best_first for each in evidence}, embedder)
    return [[_row(asking, each, pieces) for each in evidence] for asking, evidence in best_first]


def _by_standing(asking: Asking, leading: Sequence[Evidence], pieces: dict[str, Pieces]) -> list[Evidence]:
    units = [_whole(pieces[heard_texts(each)[0]]) for each in leading]
    compared = with_closeness(leading, closeness_of(_whole(pieces[asking.question]), units))
    return sorted(compared, key=lambda each: -each.standing)


async def _embedded(texts: Set[str], embedder: PieceEmbedder) -> dict[str, Pieces]:
    ordered = sorted(texts, key=lambda text: (len(text), text))
    pieces: dict[str, Pieces] = {}
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        made = await embedder.embed_pieces(batch)
        # Half as long: a hundred thousand pieces are kept.
        halves = [Pieces(spans=each.spans, vectors=each.vectors.astype(np.float16)) for each in made]
        pieces.update(zip(batch, halves, strict=True))
    return pieces


def _whole(half: Pieces) -> Pieces:
    return Pieces(spans=half.spans, vectors=half.vectors.astype(np.float32))


def _row(asking: Asking, best: Evidence, pieces: dict[str, Pieces]) -> dict[str, float]:
    unit, section = heard_texts(best)
    asked, near, whole = (_whole(pieces[text]) for text in (asking.question, unit, section))
    found = spoken_features(asking.question, asked, near, whole, section)
    return {f"best_{name}": value for name, value in found.items()}


def train_spoken(
    names: Sequence[str], askings: Sequence[Asking], heard: Sequence[Sequence[dict[str, float]]]
) -> tuple[LinearModel, Matrix]:
    """The model, trained on all questions, and the log-odds of each by one that saw nothing of its group.

    `names`: which set each question is of; `heard`: as `spoken_rows` gives it.
    """
    rows = [each[0] for each in heard]
    columns = tuple(rows[0])
    matrix = np.array([[row[column] for column in columns] for row in rows])
    is_yes = np.array([asking.is_answerable for asking in askings])
    importance = np.array([IMPORTANCE[name] for name in names])
    is_small_yes = np.array([name == "nomiracl" for name in names]) & is_yes

    def fit(seen: np.ndarray) -> LinearModel:
        standard = Standard.of(matrix[seen])
        signs = [-1 if column.endswith("lost") else 1 for column in columns]
        weights = fit_signed(
            standard.apply(matrix[seen]), is_yes[seen] * 1.0, importance[seen], signs=signs, ridge=20.0
        )
        plain = standard.linear(columns, weights[:-1], weights[-1])
        step = float(np.quantile(_most(plain, heard, is_small_yes & seen), STEP_AT))
        return standard.linear(columns, STEEPNESS * weights[:-1], STEEPNESS * (weights[-1] - step))

    def held_out(is_held: np.ndarray) -> Matrix:
        return _most(fit(~is_held), heard, is_held)

    # A passage of one set is a passage of its other half: they are held out together.
    groups = [f"{name.split()[0]} {asking.group}" for name, asking in zip(names, askings, strict=True)]
    return fit(np.ones(len(rows), bool)), cross_validated(groups, FOLDS, held_out, seed=0)


def _most(model: LinearModel, heard: Sequence[Sequence[dict[str, float]]], is_meant: NDArray[np.bool_]) -> Matrix:
    """The log-odds of what is most likely of each question meant."""
    return np.array([score_rows(model, rows).max() for rows, meant in zip(heard, is_meant, strict=True) if meant])
