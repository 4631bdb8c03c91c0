"""The whole path of a question: retrieve, gate, one model call, check every sentence, cite; or say not found."""

import asyncio
import logging
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from app.answering.beside import SideThread
from app.answering.checking import SentenceChecker, carries
from app.answering.drafting import Draft
from app.answering.evidence import Evidence, EvidenceFinder
from app.answering.grammar import output_grammar
from app.answering.ports import Retriever, answer_of
from app.answering.prompting import SentenceStream, build_messages, code_in, pack, parse_sentence, says_not_found
from app.answering.querying import without_filters
from app.answering.rewording import make_standalone
from app.answering.types import (
    Answer,
    AnswerEvent,
    ModelUsed,
    Passage,
    Question,
    SearchScope,
    SentenceReady,
    SourcesFound,
    Status,
)
from app.answering.weighing import Part, look_up, passages_of, settle_parts, weigh
from app.answering.wording import stands_for
from app.chat_models.base import ChatModel
from app.settings import AnsweringTable
from kb.access import Principal
from kb.errors import CatalogueError, IndexFailure, InvalidQuestion, KnowledgeBaseError, ModelError

logger = logging.getLogger(__name__)


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
        checker: SentenceChecker | None = None,
    ) -> None:
        self._retriever = retriever
        self._finder = finder
        self._chat_model = chat_model
        self._checker = checker or SentenceChecker()
        self._beside = SideThread()
        self._settings = settings
        self._max_question_bytes = max_question_bytes

    async def search(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> Sequence[Passage]:
        """The passages alone."""
        text = readable_question(query, max_bytes=self._max_question_bytes)
        return await self._retriever.retrieve(text, principal, scope=scope, count=count)

    async def answer(self, question: Question, principal: Principal) -> Answer:
        """The answer to a question; see `stream`."""
        return await answer_of(self.stream(question, principal))

    async def stream(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """SourcesFound, a SentenceReady for each checked sentence, then the Answer."""
        text = readable_question(question.text, max_bytes=self._max_question_bytes)
        draft = Draft(
            question=question,
            asker=principal.email or "",
            mode=question.mode or self._settings.mode,
            stale_after_days=self._settings.stale_after_days,
        )
        try:
            text, typed = await self._standalone(text, question), text
            draft.standalone = text if text != typed else ""
            parts = await look_up(text, principal, self._retriever, scope=question.scope, count=self._settings.sections)
            draft.retrieved(passages_of(parts))
            yield SourcesFound(passages=tuple(draft.passages))
            parts = await weigh(parts, self._finder, self._beside)
        except (IndexFailure, CatalogueError, ModelError) as exc:
            logger.warning("question could not be searched", extra={"error": type(exc).__name__})
            yield self._finish(draft, "unavailable", reason=_unavailable(exc))
            return
        answered = [part for part in parts if draft.weighed(part, at_least=self._settings.answerable_above)]
        if not answered:
            yield self._finish(draft, "not_found", reason="the pages found do not answer this question")
            return
        async with aclosing(self._sentences(without_filters(text), answered, draft)) as sentences:
            async for ready in sentences:
                yield ready
        yield self._finish(draft, "answered", reason=draft.reason)

    async def _standalone(self, text: str, question: Question) -> str:
        """The question with what it leaves out, if there are questions before it."""
        return await make_standalone(
            text,
            question.earlier,
            chat_model=self._chat_model if self._settings.follow_ups == "chat_model" else None,
            deadline_seconds=self._settings.deadline_seconds / 4,
        )

    def _finish(self, draft: Draft, status: Status, *, reason: str | None) -> Answer:
        is_models = status == "answered" and draft.mode == "grounded"
        used = ModelUsed(name=self._chat_model.name, sha256=self._chat_model.sha256) if is_models else None
        return draft.finish(status, reason=reason, now=datetime.now(UTC), model_used=used)

    async def _sentences(self, text: str, parts: Sequence[Part], draft: Draft) -> AsyncGenerator[SentenceReady, None]:
        if draft.mode == "sources":
            for each in _one_a_passage([each for part in parts for each in part.evidence]):
                draft.footnotes.cite("", each.passage, each.unit)
            return
        settled = await self._beside.run(settle_parts, parts, most=self._settings.max_sentences)
        draft.conflicts = settled.conflicts
        # What pages disagree about is theirs to say: the newest first.
        for conflict in settled.conflicts:
            yield draft.quote(conflict.newer)
            yield draft.quote(conflict.older)
        if draft.mode == "grounded":
            async with aclosing(self._written(text, settled.others, draft)) as sentences:
                async for ready in sentences:
                    yield ready
        for each in settled.others:
            # What the model said well enough is not said twice; what it left out is quoted.
            if not draft.footnotes.is_cited(each.passage, each.unit):
                yield draft.quote(each)

    async def _written(
        self, text: str, chosen: Sequence[Evidence], draft: Draft
    ) -> AsyncGenerator[SentenceReady, None]:
        """The model's sentences that pass. If there are none the mode is `strict`, and the reason says why."""
        quoted = len(draft.sentences)
        draft.reason = "the pages disagree, so these are their own sentences"
        if chosen:
            async with aclosing(self._grounded(text, chosen, draft)) as sentences:
                async for ready in sentences:
                    yield ready
        if len(draft.sentences) > quoted:
            draft.reason = None
        else:
            draft.mode = "strict"

    async def _grounded(
        self, text: str, chosen: Sequence[Evidence], draft: Draft
    ) -> AsyncGenerator[SentenceReady, None]:
        """The model's sentences that pass: each carries a piece of the chosen evidence, with its numbers and names."""
        stream = SentenceStream()
        draft.reason = "the pages' own sentences: none that the model wrote passed the check"
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                packed = await pack(
                    draft.passages, budget_tokens=self._settings.prompt_tokens, chat_model=self._chat_model
                )
                messages = build_messages(text, packed, tone=self._settings.tone, language=self._settings.language)
                draft.prompted(messages)
                pieces = self._chat_model.stream(
                    messages,
                    max_tokens=self._settings.answer_tokens,
                    asker=draft.asker,
                    grammar=output_grammar(packed, most_sentences=self._settings.max_sentences),
                )
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

    def _checked(self, written: Sequence[str], chosen: Sequence[Evidence], draft: Draft) -> list[SentenceReady]:
        ready: list[SentenceReady] = []
        for sentence in written:
            if len(draft.sentences) >= self._settings.max_sentences:
                break
            if sentence.startswith("```"):
                ready += [draft.quote(each) for each in self._uncited(chosen, draft) if _is_code(each, sentence)][:1]
                continue
            plain, _ = parse_sentence(sentence)
            if not plain or says_not_found(plain):
                continue
            support = self._supporting(plain, chosen, draft)
            if support is not None:
                ready.append(draft.add(plain, support))
        return ready

    def _supporting(self, claim: str, chosen: Sequence[Evidence], draft: Draft) -> Evidence | None:
        for each in self._uncited(chosen, draft):
            # Code is shown byte for byte, never in other words.
            if each.unit.kind == "code":
                continue
            support = self._checker.check_sentence(
                claim, each.passage.text, about=each.passage.heading_line, asked=draft.question.text
            )
            is_about_it = support.unit is not None and support.unit.quote == each.unit.quote
            if not (
                support.is_supported and is_about_it and carries(claim, each.unit) and stands_for(claim, each.unit)
            ):
                continue
            if support.is_quoted or not self._is_quoted_elsewhere(claim, each.passage, draft):
                return each
        return None

    def _uncited(self, chosen: Sequence[Evidence], draft: Draft) -> list[Evidence]:
        return [each for each in chosen if not draft.footnotes.is_cited(each.passage, each.unit)]

    def _is_quoted_elsewhere(self, claim: str, passage: Passage, draft: Draft) -> bool:
        """Does another passage say it word for word? Then it is of that one, and this is no place to cite for it."""
        others = (other for other in draft.passages if other is not passage)
        return any(
            self._checker.check_sentence(claim, other.text, about=other.heading_line).is_quoted for other in others
        )


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


def _is_code(evidence: Evidence, written: str) -> bool:
    return evidence.unit.kind == "code" and evidence.unit.quote == code_in(written)


def _one_a_passage(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best piece of each passage, in the order of the passages' best pieces."""
    best: dict[tuple[str, int], Evidence] = {}
    for each in evidence:
        best.setdefault((each.passage.document_id, each.passage.section_ordinal), each)
    return sorted(best.values(), key=lambda each: each.place)


def _unavailable(error: KnowledgeBaseError) -> str:
    part = {IndexFailure: "index", CatalogueError: "catalogue"}
    name = next((name for kind, name in part.items() if isinstance(error, kind)), "embedder")
    return f"the {name} did not answer; try again in a moment"
