"""Measures answers against gold questions: found, answered, refused, cited, quoted; and why one went wrong."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.answering.checking import SentenceChecker
from app.answering.ports import QuestionAnswerer
from app.answering.types import Answer, Citation, Passage, Question, SearchScope
from app.gold import GoldQuestion, contains_any, share_said
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredSection

# How far down the gold section is looked for, and how many of the sections found are kept in a verdict.
FOUND_DEPTH = 20
FOUND_KEPT = 8

Outcome: TypeAlias = Literal["ok", "not_retrieved", "refused", "without_gold", "false_answer", "unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSection:
    """One of the sections found, best first. `heading`: `Title › Heading`; `score`: fused, higher is better."""

    rank: int
    heading: str
    url: str
    score: float
    is_gold: bool
    is_gold_page: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCitation:
    """A citation looked up again. `is_linked`: its link leads to a stored section that this asker may read;
    `is_quoted`: its quote is a substring of that section."""

    number: int
    heading: str
    url: str
    quote: str
    is_gold: bool
    is_gold_page: bool
    is_linked: bool
    is_quoted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSentence:
    """A sentence of the answer. `is_supported`: one of the sections it cites says it, or the check finds it there."""

    text: str
    citations: tuple[int, ...]
    is_supported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one gold question.

    `section_rank`, `page_rank`: of the gold section and page among the first sections found, 1 for the best; None: not
    among them, or the question names none. `is_retrieved`: the gold section was among those the answer was made from;
    True if none is named. `share_said`: of the content words of the gold answer said best, 0…1. `answerable`: the
    gate's estimate, 0…1; None: nothing was weighed. Times in milliseconds.
    """

    question: str
    email: str | None
    is_answerable: bool
    gold: tuple[str, ...]
    gold_place: str | None
    status: str
    mode: str
    reason: str | None
    text: str
    sentences: tuple[CheckedSentence, ...]
    citations: tuple[CheckedCitation, ...]
    found: tuple[FoundSection, ...]
    answerable: float | None
    is_contained: bool
    share_said: float
    page_rank: int | None
    section_rank: int | None
    is_retrieved: bool
    retrieve_ms: float
    total_ms: float

    @property
    def is_right(self) -> bool:
        """Answered with a gold answer, or refused where there is none."""
        return self.outcome == "ok"

    @property
    def is_page_cited(self) -> bool:
        """Does a citation lead to the gold page?"""
        return any(citation.is_gold_page for citation in self.citations)

    @property
    def is_section_cited(self) -> bool:
        """Does a citation lead to the gold section?"""
        return any(citation.is_gold for citation in self.citations)

    @property
    def outcome(self) -> Outcome:
        """Right, or the first thing on the way that went wrong."""
        if self.status == "unavailable":
            return "unavailable"
        is_answered = self.status == "answered"
        if not self.is_answerable:
            return "false_answer" if is_answered else "ok"
        if is_answered and self.is_contained:
            return "ok"
        if not self.is_retrieved:
            return "not_retrieved"
        return "without_gold" if is_answered else "refused"


async def judge(
    gold: Iterable[GoldQuestion], answerer: QuestionAnswerer, catalogue: Catalogue, *, tenant: str
) -> AsyncIterator[Verdict]:
    """A verdict for each question, asked as the person it names (default: anyone)."""
    for each in gold:
        principal = await catalogue.access.principal(tenant, each.email)
        answer = await answerer.answer(Question(text=each.question), principal)
        cited = {citation.number: await _cited_section(citation, catalogue, principal) for citation in answer.citations}
        passages = await answerer.search(each.question, principal, scope=SearchScope(), count=FOUND_DEPTH)
        found = [found_section(each, passage, rank=rank) for rank, passage in enumerate(passages, start=1)]
        yield Verdict(
            question=each.question,
            email=each.email,
            is_answerable=each.is_answerable,
            gold=each.answers,
            gold_place=each.place,
            status=answer.status,
            mode=answer.mode,
            reason=answer.reason,
            text=answer.text,
            sentences=_sentences(answer, cited),
            citations=tuple(_citation(each, citation, cited[citation.number]) for citation in answer.citations),
            found=tuple(found[:FOUND_KEPT]),
            answerable=answer.record.answerable,
            is_contained=contains_any(answer.text, each.answers),
            share_said=round(share_said(answer.text, each.answers), 4),
            page_rank=next((section.rank for section in found if section.is_gold_page), None),
            section_rank=next((section.rank for section in found if section.is_gold), None),
            is_retrieved=each.page is None or _is_retrieved(answer, passages, found),
            retrieve_ms=answer.timings_ms.retrieve,
            total_ms=answer.timings_ms.total,
        )


async def _cited_section(citation: Citation, catalogue: Catalogue, principal: Principal) -> StoredSection | None:
    """The stored section that a citation's link leads to, the one with the quote first; read as the asker may."""
    audience_ids = await catalogue.access.readable(principal)
    sections = await catalogue.documents.live_sections(
        principal.tenant, citation.document_id, audience_ids=audience_ids
    )
    linked = [section for section in sections if citation.url.endswith(section.url)]
    return max(linked, key=lambda section: citation.quote in section.text, default=None)


def _is_retrieved(answer: Answer, passages: Sequence[Passage], found: Sequence[FoundSection]) -> bool:
    gold = {
        (passage.document_id, passage.section_ordinal)
        for passage, section in zip(passages, found, strict=True)
        if section.is_gold
    }
    return any((each.document_id, each.section_ordinal) in gold for each in answer.record.retrieved)


def found_section(gold: GoldQuestion, passage: Passage, *, rank: int) -> FoundSection:
    """A passage as a report shows it, and whether it is where the gold answer stands."""
    return FoundSection(
        rank=rank,
        heading=passage.heading_line,
        url=passage.url,
        score=round(passage.score, 4),
        is_gold=gold.is_section(passage.document_id, passage.title, passage.heading_path),
        is_gold_page=gold.is_page(passage.document_id),
    )


def _citation(gold: GoldQuestion, citation: Citation, section: StoredSection | None) -> CheckedCitation:
    return CheckedCitation(
        number=citation.number,
        heading=" › ".join((citation.title, *citation.heading_path)),
        url=citation.url,
        quote=citation.quote,
        is_gold=gold.is_section(citation.document_id, citation.title, citation.heading_path),
        is_gold_page=gold.is_page(citation.document_id),
        is_linked=section is not None,
        is_quoted=section is not None and citation.quote in section.text,
    )


def _sentences(answer: Answer, cited: dict[int, StoredSection | None]) -> tuple[CheckedSentence, ...]:
    sections = {number: section for number, section in cited.items() if section is not None}
    return tuple(
        CheckedSentence(
            text=sentence.text,
            citations=sentence.citations,
            is_supported=_is_supported(
                sentence.text, [sections[number] for number in sentence.citations if number in sections]
            ),
        )
        for sentence in answer.sentences
    )


def _is_supported(text: str, sections: Sequence[StoredSection]) -> bool:
    checker = SentenceChecker()
    return any(
        text in section.text
        or checker.check(text, section.text, about="\n".join((section.title, *section.heading_path))).is_supported
        for section in sections
    )
