"""The whole path of a question: retrieve, gate, one model call, check every sentence, cite; or say not found."""

import asyncio
import logging
import secrets
import time
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.answering.beside import SideThread
from app.answering.checking import SentenceChecker, carries
from app.answering.citing import FootnoteList
from app.answering.evidence import Evidence, EvidenceFinder
from app.answering.gate import answerable_probability, gate_features
from app.answering.ports import Retriever
from app.answering.prompting import SentenceStream, build_messages, pack, parse_sentence, says_not_found
from app.answering.selecting import select_evidence
from app.answering.types import (
    Answer,
    AnswerEvent,
    ClosestPage,
    Mode,
    ModelUsed,
    Passage,
    Question,
    SearchScope,
    Sentence,
    SentenceReady,
    SourcesFound,
    Status,
    Timings,
)
from app.chat_models.base import ChatModel
from app.settings import AnsweringTable
from kb.access import Principal
from kb.errors import CatalogueError, IndexFailure, InvalidQuestion, KnowledgeBaseError, ModelError

logger = logging.getLogger(__name__)
CLOSEST_PAGES = 3


class Answerer:
    """Answers questions for a principal from what that principal may read."""

    def __init__(
        self,
        retriever: Retriever,
        finder: EvidenceFinder,
        chat_model: ChatModel,
        *,
        settings: AnsweringTable,
        max_question_bytes: int,
    ) -> None:
        self._retriever = retriever
        self._finder = finder
        self._chat_model = chat_model
        self._checker = SentenceChecker()
        self._beside = SideThread()
        self._settings = settings
        self._max_question_bytes = max_question_bytes

    async def search(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> Sequence[Passage]:
        """The passages alone."""
        text = readable_question(query, max_bytes=self._max_question_bytes)
        return await self._retriever.retrieve(text, principal, scope=scope, count=count)

    async def answer(self, question: Question, principal: Principal) -> Answer:
        """The answer to a question; see `stream`."""
        async with aclosing(self.stream(question, principal)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a stream ends with an answer")

    async def stream(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """SourcesFound, a SentenceReady for each checked sentence, then the Answer."""
        text = readable_question(question.text, max_bytes=self._max_question_bytes)
        draft = _Draft(question=question, mode=question.mode or self._settings.mode)
        try:
            draft.passages = await self._retriever.retrieve(
                text, principal, scope=question.scope, count=self._settings.sections
            )
            draft.retrieved()
            yield SourcesFound(passages=tuple(draft.passages))
            evidence = await self._finder.find(text, draft.passages)
        except (IndexFailure, CatalogueError, ModelError) as exc:
            logger.warning("question could not be searched", extra={"error": type(exc).__name__})
            yield draft.finish("unavailable", reason=_unavailable(exc))
            return
        if not await self._beside.run(self._is_answerable, text, evidence, draft.passages):
            yield draft.finish("not_found", reason="the pages found do not answer this question")
            return
        async with aclosing(self._sentences(text, evidence, draft)) as sentences:
            async for ready in sentences:
                yield ready
        yield draft.finish("answered", reason=draft.reason, model_used=self._model_used(draft))

    def _is_answerable(self, text: str, evidence: Sequence[Evidence], passages: Sequence[Passage]) -> bool:
        if not evidence:
            return False
        features = gate_features(text, evidence, passages)
        return answerable_probability(features) >= self._settings.answerable_above

    async def _sentences(
        self, text: str, evidence: Sequence[Evidence], draft: "_Draft"
    ) -> AsyncGenerator[SentenceReady, None]:
        chosen = await self._beside.run(select_evidence, text, evidence, most=self._settings.max_sentences)
        if draft.mode == "sources":
            for each in _one_a_passage(evidence):
                draft.footnotes.cite("", each.passage, each.unit)
            return
        if draft.mode == "grounded":
            async with aclosing(self._grounded(text, chosen, draft)) as sentences:
                async for ready in sentences:
                    yield ready
            if not draft.sentences:
                draft.mode = "strict"
        for each in chosen:
            # What the model said well enough is not said twice; what it left out is quoted.
            if not draft.footnotes.is_cited(each.passage, each.unit):
                yield draft.add(each.unit.text, each)

    async def _grounded(
        self, text: str, chosen: Sequence[Evidence], draft: "_Draft"
    ) -> AsyncGenerator[SentenceReady, None]:
        """The model's sentences that pass: each carries a piece of the chosen evidence, with its numbers and names."""
        stream = SentenceStream()
        draft.reason = "the pages' own sentences: none that the model wrote passed the check"
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                packed = await pack(
                    draft.passages, budget_tokens=self._settings.prompt_tokens, chat_model=self._chat_model
                )
                messages = build_messages(text, packed, tone=self._settings.tone)
                pieces = self._chat_model.stream(messages, max_tokens=self._settings.answer_tokens)
                async with aclosing(pieces):
                    async for piece in pieces:
                        if written := stream.feed(piece):
                            for ready in await self._beside.run(self._checked, written, chosen, draft):
                                yield ready
                for ready in await self._beside.run(self._checked, stream.close(), chosen, draft):
                    yield ready
        except (ModelError, TimeoutError) as exc:
            logger.warning("chat model failed", extra={"error": type(exc).__name__})
            draft.reason = "the chat model is busy or did not answer; these are the pages' own sentences"
        if draft.sentences:
            draft.reason = None

    def _checked(self, written: Sequence[str], chosen: Sequence[Evidence], draft: "_Draft") -> list[SentenceReady]:
        ready: list[SentenceReady] = []
        for sentence in written:
            plain, _ = parse_sentence(sentence)
            if not plain or says_not_found(plain) or len(draft.sentences) >= self._settings.max_sentences:
                continue
            support = self._supporting(plain, chosen, draft)
            if support is not None:
                ready.append(draft.add(plain, support))
        return ready

    def _supporting(self, claim: str, chosen: Sequence[Evidence], draft: "_Draft") -> Evidence | None:
        for each in chosen:
            if draft.footnotes.is_cited(each.passage, each.unit):
                continue
            support = self._checker.check_sentence(claim, each.passage.text, about=each.passage.heading_line)
            is_about_it = support.unit is not None and support.unit.quote == each.unit.quote
            if not (support.is_supported and is_about_it and carries(claim, each.unit)):
                continue
            if support.is_quoted or not self._is_quoted_elsewhere(claim, each.passage, draft):
                return each
        return None

    def _is_quoted_elsewhere(self, claim: str, passage: Passage, draft: "_Draft") -> bool:
        """Does another passage say it word for word? Then it is of that one, and this is no place to cite for it."""
        others = (other for other in draft.passages if other is not passage)
        return any(
            self._checker.check_sentence(claim, other.text, about=other.heading_line).is_quoted for other in others
        )

    def _model_used(self, draft: "_Draft") -> ModelUsed | None:
        if draft.mode != "grounded":
            return None
        return ModelUsed(name=self._chat_model.name, sha256=self._chat_model.sha256)


@dataclass(kw_only=True)
class _Draft:
    """An answer being made."""

    question: Question
    mode: Mode
    passages: list[Passage] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    footnotes: FootnoteList = field(default_factory=FootnoteList)
    reason: str | None = None
    started: float = field(default_factory=time.perf_counter)
    retrieve_ms: float = 0
    first_sentence_ms: float = 0

    def retrieved(self) -> None:
        self.retrieve_ms = self._elapsed_ms()

    def add(self, text: str, evidence: Evidence) -> SentenceReady:
        known = len(self.footnotes.citations)
        sentence = self.footnotes.cite(text, evidence.passage, evidence.unit)
        if not self.sentences:
            self.first_sentence_ms = self._elapsed_ms()
        self.sentences.append(sentence)
        return SentenceReady(sentence=sentence, new_citations=self.footnotes.citations[known:])

    def finish(self, status: Status, *, reason: str | None, model_used: ModelUsed | None = None) -> Answer:
        return Answer(
            answer_id=f"a_{secrets.token_hex(12)}",
            conversation_id=self.question.conversation_id or f"c_{secrets.token_hex(12)}",
            status=status,
            mode=self.mode,
            reason=reason,
            sentences=tuple(self.sentences),
            citations=self.footnotes.citations,
            closest=closest_pages(self.passages) if status == "not_found" else (),
            model_used=model_used,
            timings_ms=Timings(
                retrieve=self.retrieve_ms, first_sentence=self.first_sentence_ms, total=self._elapsed_ms()
            ),
        )

    def _elapsed_ms(self) -> float:
        return round((time.perf_counter() - self.started) * 1000, 1)


def readable_question(text: str, *, max_bytes: int) -> str:
    """The question without control characters and surplus space. Raises InvalidQuestion: nothing left, or too much."""
    size = len(text.encode("utf-8", "replace"))
    if size > max_bytes:
        raise InvalidQuestion(f"the question is {size:,} bytes long; the most is {max_bytes:,}: ask it shorter")
    visible = "".join(" " if char.isspace() else char for char in unicodedata.normalize("NFC", text))
    visible = "".join(char for char in visible if unicodedata.category(char)[0] != "C")
    cleaned = " ".join(visible.split())
    if not any(char.isalnum() for char in cleaned):
        raise InvalidQuestion("the question is empty: ask it in words")
    return cleaned


def closest_pages(passages: Sequence[Passage]) -> tuple[ClosestPage, ...]:
    """The first few different pages of the passages."""
    pages = {passage.document_id: ClosestPage(title=passage.title, url=passage.url) for passage in reversed(passages)}
    order = list(dict.fromkeys(passage.document_id for passage in passages))
    return tuple(pages[document_id] for document_id in order[:CLOSEST_PAGES])


def _one_a_passage(evidence: Sequence[Evidence]) -> list[Evidence]:
    best: dict[int, Evidence] = {}
    for each in evidence:
        best.setdefault(each.place, each)
    return [best[place] for place in sorted(best)]


def _unavailable(error: KnowledgeBaseError) -> str:
    part = {IndexFailure: "index", CatalogueError: "catalogue"}
    name = next((name for kind, name in part.items() if isinstance(error, kind)), "embedder")
    return f"the {name} did not answer; try again in a moment"
