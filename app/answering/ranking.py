"""How well a section answers to a query: its meaning, its words, and whether the asked words stand together in it."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from app.answering.defining import explains, term_asked
from app.answering.querying import Query
from kb.catalogue.records import SectionKey, StoredSection
from kb.index.base import Hit
from kb.terms import detect_languages, query_languages, terms_of

# Shares of a score, measured on eight collections at once (docs/evaluation.md); one set of weights for all.
DENSE_WEIGHT = 0.64
SPARSE_WEIGHT = 0.24
TOGETHER_WEIGHT = 0.12
# Words in quotation marks are meant literally: a section that has them goes before those that do not.
PHRASE_WEIGHT = 0.2
# An identifier is a rare word as well, so BM25 has weighed it already; more than this costs order elsewhere.
IDENTIFIER_WEIGHT = 0.05
# A section that explains the very word that is asked for goes before those that only use it.
DEFINING_WEIGHT = 0.2
# An outdated page should lose to a current one that says the same, and still be found when it is alone.
OUTDATED_PENALTY = 0.07
# What each further section of the same page loses: five of one page leave no room for the right one of another.
SAME_PAGE_PENALTY = 0.03
# Two asked words with at most this many words between them stand together.
_MOST_BETWEEN = 1
_CACHED_SECTIONS = 8192


@dataclass(frozen=True, slots=True)
class Fused:
    """A section's score from the index alone, and the cosine of its best chunk."""

    score: float
    dense: float


def fuse_hits(hits: Sequence[Hit]) -> dict[SectionKey, Fused]:
    """The score of each section found: that of its best chunk, by cosine and by BM25 ÷ the best BM25 of this search.

    A chunk that only the words found gets the lowest cosine seen: it is no nearer than that.
    """
    best_sparse = max((hit.sparse for hit in hits if hit.sparse is not None), default=0.0) or 1.0
    floor = min((hit.dense for hit in hits if hit.dense is not None), default=0.0)
    best: dict[SectionKey, tuple[float, float]] = {}
    for hit in hits:
        dense = floor if hit.dense is None else hit.dense
        score = DENSE_WEIGHT * dense + SPARSE_WEIGHT * (hit.sparse or 0.0) / best_sparse
        key = SectionKey(hit.document_id, hit.revision, hit.section_ordinal)
        known = best.get(key)
        best[key] = (score, dense) if known is None else (max(score, known[0]), max(dense, known[1]))
    return {key: Fused(*scores) for key, scores in best.items()}


class SectionScorer:
    """Adds to fused scores what only a section's text shows. Remembers the terms of sections read before."""

    def __init__(self, *, language: str) -> None:
        self._language = language
        self._read: OrderedDict[SectionKey, tuple[str, tuple[str, ...]]] = OrderedDict()

    def score(self, query: Query, section: StoredSection, fused: Fused) -> float:
        """Higher is better; 0…1 but for sections that hold the query's phrases literally, or explain its word."""
        language, terms = self._terms(section)
        asked = asked_terms(query.all_words, language=language, default=self._language)
        score = fused.score + TOGETHER_WEIGHT * share_together(asked, terms)
        if query.phrases:
            score += PHRASE_WEIGHT * share_literal(query.phrases, section)
        if query.identifiers:
            score += IDENTIFIER_WEIGHT * share_literal(query.identifiers, section)
        term = term_asked(query.words)
        if term is not None and explains(term, section.text):
            score += DEFINING_WEIGHT
        return score - OUTDATED_PENALTY if is_outdated(section) else score

    def _terms(self, section: StoredSection) -> tuple[str, tuple[str, ...]]:
        key = SectionKey(document_id=section.document_id, revision=section.revision, section_ordinal=section.ordinal)
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        language = (*detect_languages(section.text), self._language)[0]
        headings = " ".join((section.title, *section.heading_path))
        # Nothing stands together with what is on the other side of the gap.
        gap = [""] * (_MOST_BETWEEN + 1)
        terms = (*terms_of(headings, language=language), *gap, *terms_of(section.text, language=language))
        self._read[key] = language, terms
        if len(self._read) > _CACHED_SECTIONS:
            self._read.popitem(last=False)
        return language, terms


@lru_cache(maxsize=256)
def asked_terms(words: str, *, language: str, default: str) -> tuple[str, ...]:
    """The query's terms in reading order, in the forms they have in a section of this language."""
    # Remembered, because every section of a search asks for the same.
    spoken = query_languages(words, language=default)
    return tuple(terms_of(words, language=language if language in spoken else spoken[0]))


def share_together(asked: Sequence[str], terms: Sequence[str]) -> float:
    """Share of the asked neighbours that stand together among the terms, in the same order; 0…1.

    Two words can name what neither does: `Joshua trees`, `prior authorization`, `roll back`.
    """
    pairs = {pair for pair in pairwise(asked) if pair[0] != pair[1]}
    if not pairs:
        return 0.0
    wanted = set(asked)
    places = [(place, term) for place, term in enumerate(terms) if term in wanted]
    found: set[tuple[str, str]] = set()
    for number, (place, term) in enumerate(places):
        for later, other in places[number + 1 : number + 2 + _MOST_BETWEEN]:
            if later - place > 1 + _MOST_BETWEEN:
                break
            found.add((term, other))
    return len(pairs & found) / len(pairs)


def share_literal(literals: Sequence[str], section: StoredSection) -> float:
    """Share of these words (in lower case) that the section or its headings hold as they were typed."""
    text = " ".join((section.title, *section.heading_path, section.text)).lower()
    plain = " ".join(text.split())
    return sum(_holds(plain, literal) for literal in literals) / len(literals)


def is_outdated(section: StoredSection) -> bool:
    """Its page says that it no longer holds, or that another took its place."""
    return section.status == "outdated" or section.superseded_by is not None


def _holds(text: str, literal: str) -> bool:
    """Is it there as a whole: `K3`, and not in `K30`?"""
    return literal in text and re.search(rf"(?<!\w){re.escape(literal)}(?!\w)", text) is not None
