"""Measures answers against gold questions: contained, refused, cited, quoted."""

import json
import statistics
import unicodedata
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.answering.ports import QuestionAnswerer
from app.answering.types import Answer, Passage, Question, SearchScope
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.errors import ConfigError

# How far down the gold section is looked for.
FOUND_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldQuestion:
    """A question with what a right answer holds. `page`: path or title of the page, `heading`: where on it."""

    question: str
    answers: tuple[str, ...]
    page: str | None
    heading: str | None
    is_answerable: bool
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one gold question. `section_rank`, `page_rank`: of the gold section and page among the first
    sections found, 1 for the best; None: not among them, or the question names none."""

    question: str
    status: str
    mode: str
    is_answerable: bool
    is_contained: bool
    is_page_cited: bool
    citation_count: int
    invalid_quotes: int
    broken_links: int
    text: str
    milliseconds: float
    names_page: bool
    page_rank: int | None
    section_rank: int | None

    @property
    def is_right(self) -> bool:
        """Answered with a gold answer, or refused where there is none."""
        return self.is_contained if self.is_answerable else self.status == "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Shares are 0…1; times are milliseconds."""

    questions: int
    answerable: int
    gold_contained: float
    page_cited: float
    page_recall_5: float
    section_recall_5: float
    not_found_when_unanswerable: float
    false_refusals: float
    grounded: float
    citations: int
    invalid_quotes: int
    broken_links: int
    p50_ms: float
    p95_ms: float


def read_gold(path: Path) -> list[GoldQuestion]:
    """The gold questions of a JSON-lines file. Raises ConfigError naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    gold = [_gold(line, where=f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not gold:
        raise ConfigError(f"{path} holds no question")
    return gold


async def judge(
    gold: Iterable[GoldQuestion], answerer: QuestionAnswerer, catalogue: Catalogue, *, tenant: str
) -> AsyncIterator[Verdict]:
    """A verdict for each question, asked as the person it names (default: anyone)."""
    for each in gold:
        principal = await catalogue.access.principal(tenant, each.email)
        answer = await answerer.answer(Question(text=each.question), principal)
        invalid, broken = await _citation_faults(answer, catalogue, principal)
        found = await answerer.search(each.question, principal, scope=SearchScope(), count=FOUND_DEPTH)
        yield Verdict(
            question=each.question,
            status=answer.status,
            mode=answer.mode,
            is_answerable=each.is_answerable,
            is_contained=contains_any(answer.text, each.answers),
            is_page_cited=any(_is_page(each.page, citation.document_id) for citation in answer.citations),
            citation_count=len(answer.citations),
            invalid_quotes=invalid,
            broken_links=broken,
            text=answer.text,
            milliseconds=answer.timings_ms.total,
            names_page=each.page is not None,
            page_rank=_first(_is_page(each.page, passage.document_id) for passage in found),
            section_rank=_first(_is_section(each, passage) for passage in found),
        )


def score(verdicts: Sequence[Verdict]) -> Scores:
    """The shares and counts over all verdicts."""
    answerable = [verdict for verdict in verdicts if verdict.is_answerable]
    others = [verdict for verdict in verdicts if not verdict.is_answerable]
    answered = [verdict for verdict in verdicts if verdict.status == "answered"]
    times = sorted(verdict.milliseconds for verdict in verdicts)
    return Scores(
        questions=len(verdicts),
        answerable=len(answerable),
        gold_contained=_share(verdict.is_contained for verdict in answerable),
        page_cited=_share(verdict.is_page_cited for verdict in answerable),
        page_recall_5=_share(_is_among(5, verdict.page_rank) for verdict in answerable if verdict.names_page),
        section_recall_5=_share(_is_among(5, verdict.section_rank) for verdict in answerable if verdict.names_page),
        not_found_when_unanswerable=_share(verdict.status == "not_found" for verdict in others),
        false_refusals=_share(verdict.status == "not_found" for verdict in answerable),
        grounded=_share(verdict.mode == "grounded" for verdict in answered),
        citations=sum(verdict.citation_count for verdict in verdicts),
        invalid_quotes=sum(verdict.invalid_quotes for verdict in verdicts),
        broken_links=sum(verdict.broken_links for verdict in verdicts),
        p50_ms=statistics.median(times),
        p95_ms=times[min(len(times) - 1, int(len(times) * 0.95))],
    )


def contains_any(text: str, answers: Iterable[str]) -> bool:
    """Is one of the gold answers in the text, apart from case, spacing and typography?"""
    plain = _plain(text)
    return any(_plain(answer) in plain for answer in answers)


def to_json(scores: Scores, verdicts: Sequence[Verdict]) -> str:
    """Scores and every verdict, for machines."""
    return json.dumps({"scores": asdict(scores), "verdicts": [asdict(each) for each in verdicts]}, indent=2)


async def _citation_faults(answer: Answer, catalogue: Catalogue, principal: Principal) -> tuple[int, int]:
    """(quotes that are no substring of a stored section, links that lead to no stored section)."""
    invalid = broken = 0
    audience_ids = await catalogue.access.readable(principal)
    for citation in answer.citations:
        sections = await catalogue.documents.live_sections(
            principal.tenant, citation.document_id, audience_ids=audience_ids
        )
        linked = [section for section in sections if citation.url.endswith(section.url)]
        broken += not linked
        invalid += not any(citation.quote in section.text for section in linked)
    return invalid, broken


# A line of a foreign file: its shape is checked here.
def _gold(line: str, *, where: str) -> GoldQuestion:
    try:
        record: Mapping[str, Any] = json.loads(line)
        return GoldQuestion(
            question=str(record["question"]),
            answers=tuple(str(answer) for answer in record["answers"]),
            page=record.get("page"),
            heading=record.get("heading"),
            is_answerable=bool(record["answerable"]),
            email=record.get("as"),
        )
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f'{where}: a gold question is a JSON object with "question", "answers" (a list) and "answerable"'
        ) from None


def _is_page(page: str | None, document_id: str) -> bool:
    return page is not None and document_id.partition(":")[2].removesuffix(".md") == page.removesuffix(".md")


def _is_section(gold: GoldQuestion, passage: Passage) -> bool:
    """Is it the gold page's section under the gold heading? Without a heading any of its sections is."""
    headings = {_plain(heading) for heading in (passage.title, *passage.heading_path)}
    return _is_page(gold.page, passage.document_id) and (gold.heading is None or _plain(gold.heading) in headings)


def _first(outcomes: Iterable[bool]) -> int | None:
    return next((rank for rank, is_right in enumerate(outcomes, start=1) if is_right), None)


def _is_among(most: int, rank: int | None) -> bool:
    return rank is not None and rank <= most


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("–", "-").replace("`", "")
    return " ".join(text.split())


def _share(outcomes: Iterable[bool]) -> float:
    counted = list(outcomes)
    return sum(counted) / len(counted) if counted else 0.0
