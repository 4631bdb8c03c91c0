"""Do the passages hold the answer? An estimated probability, before any model is asked."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from app.answering.evidence import Evidence
from app.answering.kinds import kinds_asked
from app.answering.types import Passage
from app.answering.weights import linear_model, probability
from app.answering.words import Words, grams, stem, words_of

# How many of the best units the features look at.
_BEST_UNITS = 3
# Log-odds: with the coarse misses sorted out by what is spoken of, the other model need not be as strict.
RELIEF = 1.5
# A page that explains the very word that is asked for holds the answer, in whatever words it does.
_EXPLAINED = 0.95
# Beginnings this long that agree make two words forms of one, for a word that is missing.
_SAME_START = 4

_NEGATION = re.compile(
    r"\b(?:not|no|never|without|except|cannot|neither|nor|unless|failed?|refus\w+|lack\w*|un(?:able|available|likely))\b"
    r"|n['’]t\b",
    re.I,
)
_EXTREME = re.compile(
    r"\b(?:only|most|least|first|last|best|worst|\w{3,}est|all|every|always|never|main|primary|original)\b", re.I
)
_OPPOSITES = """
    before/after more/less increase/decrease high/low north/south east/west begin/end start/end open/close
    above/below gain/lose win/lose old/new early/late large/small buy/sell rich/poor import/export enter/leave
    first/last public/private internal/external male/female day/night allow/forbid support/oppose success/fail
    attack/defend summer/winter long/short minimum/maximum join/leave accept/reject strong/weak positive/negative
""".split()


def gate_features(question: str, evidence: Sequence[Evidence], passages: Sequence[Passage]) -> dict[str, float]:
    """The features of a question with its evidence, best first (at least one), and the passages it came from."""
    best = evidence[0]
    window = _window(evidence)
    return (
        {f"best_{name}": value for name, value in best.features.items()}
        | _score_features(evidence)
        | _dense_features(best, passages)
        | _missing_features(question, best, window, passages)
        | _wording_features(question, " ".join(each.unit.text for each in window))
    )


def answerable_probability(features: dict[str, float]) -> float:
    """Estimated probability (0…1) that the passages hold the answer: they speak of what is asked, and say it.

    A logistic model each. The first needs the embedder's pieces; without them the second decides alone.
    """
    said = _said_probability(features)
    return max(said, _EXPLAINED) if features.get("best_defines") else said


def _said_probability(features: dict[str, float]) -> float:
    says_it = linear_model("gate").score(features)
    speaks_of_it = linear_model("spoken")
    if not features.keys() >= set(speaks_of_it.names):
        return probability(says_it)
    return probability(speaks_of_it.score(features)) * probability(says_it + RELIEF)


def _score_features(evidence: Sequence[Evidence]) -> dict[str, float]:
    """How clearly the best unit and its passage stand out among all."""
    best = evidence[0]
    shares = [math.exp(each.score - best.score) for each in evidence]
    total = sum(shares)
    same_passage = sum(share for share, each in zip(shares, evidence, strict=True) if each.place == best.place)
    cosines = sorted((each.features["cosine"] for each in evidence), reverse=True)
    top = evidence[:_BEST_UNITS]
    return {
        "score": best.score,
        "margin": best.score - evidence[1].score if len(evidence) > 1 else 0.0,
        "unit_share": 1 / total,
        "passage_share": same_passage / total,
        "most_cosine": cosines[0],
        "mean_cosine": sum(cosines[:5]) / len(cosines[:5]),
        "fits_time": max(each.features["fits_time"] for each in top),
        "fits_number": max(each.features["fits_number"] for each in top),
        "fits_name": max(each.features["fits_name"] for each in top),
    }


def _dense_features(best: Evidence, passages: Sequence[Passage]) -> dict[str, float]:
    dense = sorted((passage.dense for passage in passages), reverse=True)
    return {
        "dense": dense[0],
        "dense_gap": dense[0] - dense[1] if len(dense) > 1 else dense[0],
        "dense_gap_third": dense[0] - dense[2] if len(dense) > 2 else dense[0],
        "dense_here": best.passage.dense,
    }


def _missing_features(
    question: str, best: Evidence, window: Sequence[Evidence], passages: Sequence[Passage]
) -> dict[str, float]:
    """Asked words, and names and numbers among them, that the window, the section or all passages lack."""
    asked = words_of(question)
    near = _stems_of(window)
    section = _passage_stems(best.passage)
    everywhere = frozenset().union(*(_passage_stems(passage) for passage in passages))
    named = asked.names | asked.numbers
    lost = _lost(asked, near)
    return {
        "words_missing_near": min(len(asked.stems - near), 5) / 5,
        "words_missing_section": min(len(asked.stems - section), 4) / 4,
        "words_missing_everywhere": min(len(asked.stems - everywhere), 3) / 3,
        "words_lost_near": min(len(lost), 4) / 4,
        "words_lost_section": min(len(_lost(asked, section)), 3) / 3,
        "longest_lost": max((min(len(stem), 10) / 10 for stem in lost), default=0.0),
        "names_missing_near": min(len(named - near), 3) / 3,
        "names_missing_section": min(len(named - section), 3) / 3,
        "names_missing_everywhere": min(len(named - everywhere), 2) / 2,
        "opposite_near": 1.0 if any(_opposites().get(word, set()) & near for word in asked.stems - near) else 0.0,
    }


def _wording_features(question: str, window_text: str) -> dict[str, float]:
    is_negated = bool(_NEGATION.search(question))
    extremes = set(_EXTREME.findall(question.lower())) - set(_EXTREME.findall(window_text.lower()))
    letters = grams(question)
    return {
        "question_negated": 1.0 if is_negated else 0.0,
        "negation_missing": 1.0 if is_negated and not _NEGATION.search(window_text) else 0.0,
        "extreme_missing": 1.0 if extremes else 0.0,
        "grams_near": len(letters & grams(window_text)) / len(letters),
        "question_length": len(question.split()) / 20,
        "kind_unknown": 0.0 if kinds_asked(question) else 1.0,
    }


def _window(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best unit with its neighbours, in reading order."""
    best = evidence[0]
    around = [
        each for each in evidence if each.place == best.place and abs(each.unit.position - best.unit.position) <= 1
    ]
    return sorted(around, key=lambda each: each.unit.position)


def _stems_of(window: Sequence[Evidence]) -> frozenset[str]:
    heading = words_of(window[0].passage.heading_line).stems
    return heading.union(*(words_of(f"{each.unit.context}\n{each.unit.text}").stems for each in window))


def _passage_stems(passage: Passage) -> frozenset[str]:
    return words_of(passage.text).stems | words_of(passage.heading_line).stems


def _lost(asked: Words, held: frozenset[str]) -> list[str]:
    """The asked words that are missing in every form."""
    starts = {word[:_SAME_START] for word in held}
    return [word for word in asked.stems - held if word[:_SAME_START] not in starts]


@lru_cache(maxsize=1)
def _opposites() -> dict[str, set[str]]:
    """Each stem's opposites."""
    opposites: dict[str, set[str]] = {}
    for pair in _OPPOSITES:
        one, other = (stem(word) for word in pair.split("/"))
        opposites.setdefault(one, set()).add(other)
        opposites.setdefault(other, set()).add(one)
    return opposites
