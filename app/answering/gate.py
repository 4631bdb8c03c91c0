"""Do the passages hold the answer? An estimated probability, before any model is asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from app.answering.evidence import Evidence, covered, idf_weights
from app.answering.types import Passage
from app.answering.words import words_of

# How many of the best units and passages the features look at.
_BEST_UNITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFeatures:
    """What the probability is made of; every feature is in 0…1 and grows with being answerable.

    `cosine`, `coverage`, `fits_type`: of the best evidence. `section_coverage`: share of the asked words in the
    best evidence's whole section and headings. `rarest_found`: is the heaviest asked word there? `names_found`:
    share of the asked names and numbers there. `retrieval`: the best passage's cosine.
    """

    cosine: float
    coverage: float
    fits_type: float
    section_coverage: float
    rarest_found: float
    names_found: float
    retrieval: float


# Logistic weights, in the order above, and the bias.
WEIGHTS: Mapping[str, float] = {
    "cosine": 4.0,
    "coverage": 2.0,
    "fits_type": 0.8,
    "section_coverage": 3.0,
    "rarest_found": 1.0,
    "names_found": 1.5,
    "retrieval": 1.0,
}
BIAS = -6.8


def gate_features(question: str, evidence: Sequence[Evidence], passages: Sequence[Passage]) -> GateFeatures:
    """The features of a question with its evidence, best first, and the passages it came from."""
    if not evidence:
        return GateFeatures(**{field.name: 0.0 for field in fields(GateFeatures)})
    asked = words_of(question)
    weights = idf_weights(asked, passages)
    best = evidence[0]
    there = words_of(best.passage.text).stems | words_of(best.passage.heading_line).stems
    named = (asked.names | asked.numbers) & weights.keys()
    top = evidence[:_BEST_UNITS]
    return GateFeatures(
        cosine=_unit_interval(max(each.cosine for each in top)),
        coverage=max(each.coverage for each in top),
        fits_type=max(each.fits_type for each in top),
        section_coverage=covered(weights, there),
        rarest_found=1.0 if weights and max(weights, key=lambda stem: (weights[stem], stem)) in there else 0.0,
        names_found=len(named & there) / len(named) if named else 1.0,
        retrieval=_unit_interval(max(passage.dense for passage in passages)),
    )


def answerable_probability(features: GateFeatures) -> float:
    """Estimated probability (0…1) that the passages hold the answer: a logistic model of the features."""
    total = BIAS + sum(weight * getattr(features, name) for name, weight in WEIGHTS.items())
    return 1 / (1 + math.exp(-total))


def _unit_interval(value: float) -> float:
    return min(1.0, max(0.0, value))
