"""What speaks for a unit of a passage as the answer to a question: the features that rank evidence."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.answering.kinds import Kind, fit
from app.answering.types import Passage
from app.answering.units import Unit, units_of
from app.answering.words import content_stems, grams, words_of

_KINDS: tuple[Kind, ...] = ("time", "number", "name", "reason", "place", "code")
_NAME_WEIGHT = 1.5
_NEAR = 3
_LAST_POSITION = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A unit of the passage at `place`. `stems`: its words and those it depends on (its context and the headings)."""

    place: int
    unit: Unit
    own: frozenset[str]
    stems: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question's content words with their weights, and its pairs of neighbouring content words."""

    text: str
    weights: Mapping[str, float]
    pairs: tuple[tuple[str, str], ...]
    grams: frozenset[str]

    def covered(self, stems: frozenset[str]) -> float:
        """Weighted share (0…1) of the asked words that are in `stems`; 0 if nothing was asked."""
        total = sum(self.weights.values())
        return sum(weight for stem, weight in self.weights.items() if stem in stems) / total if total else 0.0


def candidates_of(passages: Sequence[Passage]) -> list[Candidate]:
    """The units of all passages, in reading order."""
    candidates: list[Candidate] = []
    for place, passage in enumerate(passages):
        headings = words_of(passage.heading_line).stems
        for unit in units_of(passage.text):
            own = words_of(unit.text).stems
            stems = own | headings | words_of(unit.context).stems
            candidates.append(Candidate(place=place, unit=unit, own=own, stems=stems))
    return candidates


def read_question(question: str, candidates: Sequence[Candidate]) -> Asked:
    """The question with its words weighed: rarer among the candidates is heavier; names and numbers count more.

    Only text that the asker may read is counted, so a weight tells nothing about the rest.
    """
    words = words_of(question)
    counts = Counter(stem for candidate in candidates for stem in words.stems & candidate.stems)
    heavy = words.names | words.numbers
    weights = {
        stem: math.log(1 + (len(candidates) + 1) / (counts[stem] + 0.5)) * (_NAME_WEIGHT if stem in heavy else 1)
        for stem in words.stems
    }
    sequence = content_stems(question)
    pairs = tuple(pairwise(sequence))
    return Asked(text=question, weights=weights, pairs=pairs, grams=grams(question))


def unit_features(
    asked: Asked, passages: Sequence[Passage], candidates: Sequence[Candidate], cosines: Sequence[float]
) -> list[dict[str, float]]:
    """The features of each candidate, by name; `cosines`: of the question to each."""
    best_dense = max((passage.dense for passage in passages), default=0.0)
    whole = [_section_stems(place, passages, candidates) for place in range(len(passages))]
    section_coverage = [asked.covered(stems) for stems in whole]
    rows: list[dict[str, float]] = []
    for number, candidate in enumerate(candidates):
        before = _neighbour(candidates, number, -1)
        after = _neighbour(candidates, number, 1)
        near = candidate.stems | (before.stems if before else frozenset())
        passage = passages[candidate.place]
        rows.append(
            {
                "cosine": cosines[number],
                "coverage": asked.covered(candidate.stems),
                "own_coverage": asked.covered(candidate.own),
                "near_coverage": asked.covered(near),
                "window_coverage": asked.covered(near | (after.stems if after else frozenset())),
                "section_coverage": section_coverage[candidate.place],
                "next_cosine": cosines[number + 1] if after else 0.0,
                "dense": passage.dense,
                "dense_behind": best_dense - passage.dense,
                "place": candidate.place / 5,
            }
            | _text_features(asked, candidate)
        )
    return rows


def _text_features(asked: Asked, candidate: Candidate) -> dict[str, float]:
    text = candidate.unit.text
    # The kinds a question asks for are -1, 0 or 1 each; see `fit`.
    kinds: dict[str, float] = {f"fits_{kind}": fit(kind, asked.text, text) for kind in _KINDS}
    return kinds | {
        "pairs": _pairs_held(asked, content_stems(text)),
        "grams": len(asked.grams & grams(text)) / len(asked.grams),
        "position": min(candidate.unit.position, _LAST_POSITION) / _LAST_POSITION,
        "length": math.log1p(len(content_stems(text))) / 4,
        "new_words": math.log1p(len(candidate.own - asked.weights.keys())) / 4,
        "leads_in": 1.0 if text.rstrip().endswith((":", "?")) else 0.0,
    }


def _pairs_held(asked: Asked, sequence: Sequence[str]) -> float:
    """Share of the question's neighbouring words that stand near each other in the unit too."""
    if not asked.pairs:
        return 0.0
    places: dict[str, list[int]] = {}
    for place, stem in enumerate(sequence):
        places.setdefault(stem, []).append(place)
    held = sum(
        any(abs(left - right) <= _NEAR for left in places.get(one, ()) for right in places.get(other, ()))
        for one, other in asked.pairs
    )
    return held / len(asked.pairs)


def _neighbour(candidates: Sequence[Candidate], number: int, step: int) -> Candidate | None:
    beside = number + step
    if 0 <= beside < len(candidates) and candidates[beside].place == candidates[number].place:
        return candidates[beside]
    return None


def _section_stems(place: int, passages: Sequence[Passage], candidates: Sequence[Candidate]) -> frozenset[str]:
    own = [candidate.stems for candidate in candidates if candidate.place == place]
    return words_of(passages[place].heading_line).stems.union(*own)
