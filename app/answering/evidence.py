"""The sentences of the passages that bear on the question, best first. No chat model is asked."""

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.answering.types import Passage
from app.answering.units import Unit, units_of
from app.answering.words import Words, words_of
from kb.embedders.base import Embedder, Vectors

MOST_UNITS = 64
_CACHED_VECTORS = 20_000

_WANTS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|often|old|far|big|large|fast|soon|high|low|late|early|deep|heavy|wide)\b"
    r"|\b(?:what|which) (?:\w+ ){0,3}?(?:number|percentage|rate|limit|size|amount|cost|price|fee|budget|maximum|"
    r"minimum|threshold|version|port|salary|range|weight|capacity|temperature|interval|deadline|allowance)\b",
    re.I,
)
_WANTS_TIME = re.compile(
    r"\bwhen\b|\bwhat (?:date|day|time|year|month)\b|\bby when\b|\bhow (?:long|soon|often)\b", re.I
)
_WANTS_PERSON = re.compile(r"\bwho\b|\bwhom\b|\bwhose\b|\bwhich (?:team|person|role)\b", re.I)
_HAS_TIME = re.compile(
    r"\d{4}-\d\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|\b(?:january|february|march|april|may|june|july|august|"
    r"september|october|november|december)\b|\d{1,2}:\d\d|\b(?:second|minute|hour|day|week|month|quarter|year)s?\b|\b20\d\d\b",
    re.I,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A unit of a passage with what speaks for it. `place`: the passage's position in the list given.

    `cosine`: to the question; `coverage`: idf-weighted share of the question's content words in the unit, its context
    and its headings; `fits_type`: 1 if it holds the kind of thing asked for, 0.5 if no kind was recognised, 0 if not.
    """

    place: int
    passage: Passage
    unit: Unit
    score: float
    cosine: float
    coverage: float
    own_coverage: float
    fits_type: float


class EvidenceFinder:
    """Scores the units of passages against a question with the embedder and the words."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()

    async def find(self, question: str, passages: Sequence[Passage]) -> list[Evidence]:
        """Evidence of all passages, best first."""
        asked = words_of(question)
        weights = idf_weights(asked, passages)
        drafts = _draft(question, passages, weights)
        texts = [f"{passages[draft.place].heading_line}: {draft.unit.text}" for draft in drafts]
        cosines = await self.similarities(question, texts)
        scored = [_score(draft, cosine) for draft, cosine in zip(drafts, cosines, strict=True)]
        return sorted(scored, key=lambda evidence: (-evidence.score, evidence.place, evidence.unit.position))

    async def similarities(self, question: str, texts: Sequence[str]) -> list[float]:
        """Cosine of the question to each text, in order."""
        if not texts:
            return []
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            vectors = await self._embedder.embed_passages(missing)
            self._vectors.update(zip(missing, vectors, strict=True))
        query = await self._embedder.embed_query(question)
        cosines = (np.stack([self._vectors[text] for text in texts]) @ query).tolist()
        while len(self._vectors) > _CACHED_VECTORS:
            self._vectors.popitem(last=False)
        return [float(cosine) for cosine in cosines]


def idf_weights(asked: Words, passages: Sequence[Passage]) -> Mapping[str, float]:
    """Weight of each content word asked: rarer among the passages found is heavier; names and numbers count more.

    Only passages the asker may read are counted, so a weight tells nothing about the others.
    """
    counts: Counter[str] = Counter()
    for passage in passages:
        counts.update(asked.stems & _words_with_headings(passage))
    total = len(passages)
    weights = {stem: math.log(1 + (total + 1) / (counts[stem] + 0.5)) for stem in asked.stems}
    for stem in asked.names | asked.numbers:
        if stem in weights:
            weights[stem] *= 1.5
    return weights


def covered(weights: Mapping[str, float], stems: frozenset[str]) -> float:
    """Weighted share of the asked words that are in `stems`; 0 if nothing was asked."""
    total = sum(weights.values())
    return sum(weight for stem, weight in weights.items() if stem in stems) / total if total else 0.0


def fits_type(question: str, unit: Unit) -> float:
    """Does the unit hold the kind of thing asked for: a number, a time, a name? 0.5 where no kind was recognised."""
    wants: list[bool] = []
    if _WANTS_TIME.search(question):
        wants.append(bool(_HAS_TIME.search(unit.text)))
    if _WANTS_NUMBER.search(question):
        wants.append(bool(words_of(unit.text).numbers))
    if _WANTS_PERSON.search(question):
        wants.append(bool(words_of(unit.text).names))
    if not wants:
        return 0.5
    return 1.0 if any(wants) else 0.0


def _draft(question: str, passages: Sequence[Passage], weights: Mapping[str, float]) -> list[Evidence]:
    drafts = []
    for place, passage in enumerate(passages):
        headings = words_of(passage.heading_line).stems
        for unit in units_of(passage.text):
            own = words_of(unit.text).stems
            around = own | headings | words_of(unit.context).stems
            drafts.append(
                Evidence(
                    place=place,
                    passage=passage,
                    unit=unit,
                    score=0,
                    cosine=0,
                    coverage=covered(weights, around),
                    own_coverage=covered(weights, own),
                    fits_type=fits_type(question, unit),
                )
            )
    drafts.sort(key=lambda draft: (-(draft.coverage + draft.own_coverage), draft.place, draft.unit.position))
    return drafts[:MOST_UNITS]


def _score(draft: Evidence, cosine: float) -> Evidence:
    passage = draft.passage
    score = (
        0.45 * cosine
        + 0.20 * draft.coverage
        + 0.15 * draft.own_coverage
        + 0.10 * draft.fits_type
        + 0.25 * passage.score
    )
    return Evidence(
        place=draft.place,
        passage=passage,
        unit=draft.unit,
        score=score,
        cosine=cosine,
        coverage=draft.coverage,
        own_coverage=draft.own_coverage,
        fits_type=draft.fits_type,
    )


def _words_with_headings(passage: Passage) -> frozenset[str]:
    return words_of(passage.text).stems | words_of(passage.heading_line).stems
