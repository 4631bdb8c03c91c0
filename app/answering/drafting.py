"""An answer being made: what was found and said so far, how, and how long it took."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.answering.citing import FootnoteList
from app.answering.conflicts import Conflict
from app.answering.evidence import Evidence
from app.answering.notices import notices_of, unanswered_notices
from app.answering.types import (
    Answer,
    AnswerRecord,
    ClosestPage,
    Mode,
    ModelUsed,
    Passage,
    Question,
    RetrievedSection,
    Sentence,
    SentenceReady,
    Status,
    Timings,
)
from app.answering.weighing import Part
from app.chat_models.base import ChatMessage

CLOSEST_PAGES = 3


@dataclass(kw_only=True)
class Draft:
    """An answer being made. `stale_after_days`: see the setting."""

    question: Question
    asker: str
    mode: Mode
    stale_after_days: int
    passages: list[Passage] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    footnotes: FootnoteList = field(default_factory=FootnoteList)
    conflicts: tuple[Conflict, ...] = ()
    lead_in: str = ""
    standalone: str = ""
    unanswered: list[str] = field(default_factory=list)
    reason: str | None = None
    answerable: float | None = None
    prompt_sha256: str | None = None
    started: float = field(default_factory=time.perf_counter)
    retrieve_ms: float = 0
    first_sentence_ms: float = 0

    def retrieved(self, passages: Sequence[Passage]) -> None:
        """These were found, just now."""
        self.passages = list(passages)
        self.retrieve_ms = self._elapsed_ms()

    def weighed(self, part: Part, *, at_least: float) -> bool:
        """Is a part of the question likely enough to be answered? What is not is named in a notice."""
        is_answered = part.answerable is not None and part.answerable >= at_least
        if part.answerable is not None:
            self.answerable = max(self.answerable or 0.0, part.answerable)
        if not is_answered:
            self.unanswered.append(part.asked.words)
        return is_answered

    def prompted(self, messages: Sequence[ChatMessage]) -> None:
        """This is what the model is asked; only its digest is kept."""
        texts = "\0".join(f"{message.role}\0{message.text}" for message in messages)
        self.prompt_sha256 = hashlib.sha256(texts.encode()).hexdigest()

    def add(self, text: str, evidence: Evidence) -> SentenceReady:
        """A sentence that the evidence carries."""
        known = len(self.footnotes.citations)
        sentence = self.footnotes.cite(text, evidence.passage, evidence.unit)
        if not self.sentences:
            self.first_sentence_ms = self._elapsed_ms()
        self.sentences.append(sentence)
        return SentenceReady(sentence=sentence, new_citations=self.footnotes.citations[known:])

    def quote(self, evidence: Evidence) -> SentenceReady:
        """A sentence in the page's own words. The line before a list is said with its first item only."""
        unit = evidence.unit
        lead_in = unit.context if unit.kind == "item" and unit.text.startswith(f"{unit.context} ") else ""
        words = unit.text.removeprefix(f"{lead_in} ") if lead_in and lead_in == self.lead_in else unit.text
        self.lead_in = lead_in
        return self.add(words, evidence)

    def finish(self, status: Status, *, reason: str | None, now: datetime, model_used: ModelUsed | None) -> Answer:
        """The answer. `now`: what pages' ages are counted from."""
        pairs = [(self.footnotes.citation(each.newer), self.footnotes.citation(each.older)) for each in self.conflicts]
        notices = notices_of(self.footnotes.citations, pairs, now=now, stale_after_days=self.stale_after_days)
        if status == "answered":
            notices += unanswered_notices(self.unanswered)
        return Answer(
            answer_id=f"a_{secrets.token_hex(12)}",
            conversation_id=self.question.conversation_id or f"c_{secrets.token_hex(12)}",
            status=status,
            mode=self.mode,
            reason=reason,
            sentences=tuple(self.sentences),
            citations=self.footnotes.citations,
            notices=notices,
            closest=closest_pages(self.passages) if status == "not_found" else (),
            model_used=model_used,
            record=AnswerRecord(
                retrieved=tuple(_retrieved(passage) for passage in self.passages),
                answerable=self.answerable,
                prompt_sha256=self.prompt_sha256,
                asked=self.standalone,
                scope=self.question.scope,
            ),
            timings_ms=Timings(
                retrieve=self.retrieve_ms, first_sentence=self.first_sentence_ms, total=self._elapsed_ms()
            ),
        )

    def _elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 1)


def closest_pages(passages: Sequence[Passage]) -> tuple[ClosestPage, ...]:
    """The first few different pages of the passages."""
    pages = {passage.document_id: ClosestPage(title=passage.title, url=passage.url) for passage in reversed(passages)}
    order = list(dict.fromkeys(passage.document_id for passage in passages))
    return tuple(pages[document_id] for document_id in order[:CLOSEST_PAGES])


def _retrieved(passage: Passage) -> RetrievedSection:
    return RetrievedSection(
        document_id=passage.document_id,
        revision=passage.revision,
        section_ordinal=passage.section_ordinal,
        score=round(passage.score, 4),
    )
