"""Trains whether a question's matter is spoken of at all: the first half of the gate, on pieces of the embedder.

Its negatives are questions that have an answer elsewhere: of other collections, and of the same one with the passages
that hold the answer taken away. Near misses are among its rows too, and weigh less. The unit looked at is the one that
the ranking puts first.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from app.answering.evidence import Evidence, heard_texts
from app.answering.spoken import spoken_features
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
STEP_AT, STEEPNESS = 0.07, 12.0
FOLDS = 5
_BATCH = 32


async def spoken_rows(best: Sequence[tuple[Asking, Evidence]], embedder: PieceEmbedder) -> list[dict[str, float]]:
    """The features of each question with its best evidence, as the gate sees them. Raises ModelError."""
    texts = {text for asking, each in best for text in (asking.question, *heard_texts(each))}
    ordered = sorted(texts, key=lambda text: (len(text), text))
    pieces: dict[str, Pieces] = {}
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        made = await embedder.embed_pieces(batch)
        # Half as long: a hundred thousand pieces are kept.
        halves = [Pieces(spans=each.spans, vectors=each.vectors.astype(np.float16)) for each in made]
        pieces.update(zip(batch, halves, strict=True))
    return [_row(asking, each, pieces) for asking, each in best]


def _row(asking: Asking, best: Evidence, pieces: dict[str, Pieces]) -> dict[str, float]:
    unit, section = heard_texts(best)
    three = [
        Pieces(spans=each.spans, vectors=each.vectors.astype(np.float32))
        for each in (pieces[asking.question], pieces[unit], pieces[section])
    ]
    found = spoken_features(asking.question, three[0], three[1], three[2], section)
    return {f"best_{name}": value for name, value in found.items()}


def train_spoken(
    names: Sequence[str], askings: Sequence[Asking], rows: Sequence[dict[str, float]]
) -> tuple[LinearModel, Matrix]:
    """The model, trained on all rows, and the log-odds of each row by one that saw nothing of its group.

    `names`: which set each row is of.
    """
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
        scores = standard.apply(matrix) @ weights[:-1] + weights[-1]
        step = float(np.quantile(scores[is_small_yes & seen], STEP_AT))
        return standard.linear(columns, STEEPNESS * weights[:-1], STEEPNESS * (weights[-1] - step))

    def held_out(is_held: np.ndarray) -> Matrix:
        return score_rows(fit(~is_held), [row for row, held in zip(rows, is_held, strict=True) if held])

    # A passage of one set is a passage of its other half: they are held out together.
    groups = [f"{name.split()[0]} {asking.group}" for name, asking in zip(names, askings, strict=True)]
    return fit(np.ones(len(rows), bool)), cross_validated(groups, FOLDS, held_out, seed=0)
