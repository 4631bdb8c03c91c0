"""Where the time of a question goes: what takes part in an answer, each wrapped so that a tracer sees it begin and end.

Wrapped only if there is a tracer. Spans hold names, counts and durations, never what a person or a page wrote.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answering.checking import SentenceChecker, Support
from app.answering.evidence import Evidence, EvidenceFinder
from app.answering.ports import QuestionAnswerer, Retriever, answer_of
from app.answering.types import Answer, AnswerEvent, Passage, Question, SearchScope
from app.chat_models.base import ChatMessage, ChatModel
from app.checkers.base import SecondCheck
from kb.access import Principal
from kb.embedders.base import Embedder, PieceEmbedder, Pieces, Vectors
from kb.index.base import Hit, Index, IndexFilter
from kb.wiring import KnowledgeBase

Fact = str | int | float | bool
# Asked every few seconds by whoever watches us.
_QUIET_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


class Span(Protocol):
    """Something under way."""

    def note(self, **facts: Fact) -> None:
        """Add facts. A name's double underscore becomes a dot."""

    def current(self) -> AbstractContextManager[None]:
        """What begins inside is a part of this."""


class Tracer(Protocol):
    """Takes note of what begins and ends."""

    def span(self, name: str, *, parent: str = "", **facts: Fact) -> AbstractContextManager[Span]:
        """Something that takes as long as this context. Within an async generator it is not `current` by itself.

        `parent`: the `traceparent` header of whoever asked. An exception is noted by its class alone.
        """


class TracedRequests:
    """ASGI middleware: a span a request, continued from the caller's `traceparent`."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in _QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        parent = Headers(scope=scope).get("traceparent", "")
        with self._tracer.span("request", parent=parent, http__request__method=scope["method"]) as span:

            async def send_noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    # The route's pattern, not the path: what stands in the address may be anybody's words.
                    route = getattr(scope.get("route"), "path", "none")
                    span.note(http__route=route, http__response__status_code=message["status"])
                await send(message)

            with span.current():
                await self._app(scope, receive, send_noted)


class TracedAnswerer:
    """An answerer whose answers are spans."""

    def __init__(self, inner: QuestionAnswerer, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def answer(self, question: Question, principal: Principal) -> Answer:
        """See QuestionAnswerer."""
        return await answer_of(self.stream(question, principal))

    async def stream(self, question: Question, principal: Principal) -> AsyncGenerator[AnswerEvent, None]:
        """See QuestionAnswerer."""
        with self._tracer.span("answer") as span:
            async with aclosing(self._inner.stream(question, principal)) as events:
                while True:
                    with span.current():
                        event = await anext(events, None)
                    if event is None:
                        return
                    if isinstance(event, Answer):
                        _note_answer(span, event)
                    yield event

    async def search(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> Sequence[Passage]:
        """See QuestionAnswerer."""
        with self._tracer.span("search") as span, span.current():
            return await self._inner.search(query, principal, scope=scope, count=count)


class TracedRetriever:
    """A retriever whose searches are spans."""

    def __init__(self, inner: Retriever, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def retrieve(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> list[Passage]:
        """See Retriever."""
        with self._tracer.span("retrieval", gen_ai__operation__name="retrieval", top_k=count) as span, span.current():
            passages = await self._inner.retrieve(query, principal, scope=scope, count=count)
            span.note(passages=len(passages))
            return passages


class TracedFinder(EvidenceFinder):
    """A finder of evidence whose work is a span."""

    def __init__(self, embedder: Embedder, tracer: Tracer) -> None:
        super().__init__(embedder)
        self._tracer = tracer

    async def find(self, question: str, passages: Sequence[Passage]) -> list[Evidence]:
        """See EvidenceFinder."""
        with self._tracer.span("evidence", passages=len(passages)) as span, span.current():
            evidence = await super().find(question, passages)
            span.note(units=len(evidence))
            return evidence


class TracedChecker(SentenceChecker):
    """A check whose every look at a sentence and a section is a span."""

    def __init__(self, tracer: Tracer, second: SecondCheck | None = None) -> None:
        super().__init__(second)
        self._tracer = tracer

    def check_sentence(self, sentence: str, evidence: str, *, about: str, asked: str = "") -> Support:
        """See SentenceChecker."""
        with self._tracer.span("check") as span:
            support = super().check_sentence(sentence, evidence, about=about, asked=asked)
            span.note(supported=support.is_supported)
            return support


class TracedModel:
    """A chat model whose streams are spans."""

    def __init__(self, inner: ChatModel, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:  # whatever else it has
        return getattr(self._inner, name)

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """See ChatModel."""
        facts = {"gen_ai__operation__name": "chat", "gen_ai__request__model": self._inner.name}
        started, count = perf_counter(), 0
        with self._tracer.span("chat", gen_ai__request__max_tokens=max_tokens, **facts) as span:
            pieces_of = self._inner.stream(messages, max_tokens=max_tokens, asker=asker, grammar=grammar)
            async with aclosing(pieces_of) as pieces:
                async for piece in pieces:
                    if not count:
                        span.note(gen_ai__response__time_to_first_chunk=perf_counter() - started)
                    count += 1
                    yield piece
            span.note(pieces=count)


class TracedEmbedder:
    """An embedder whose work is spans."""

    def __init__(self, inner: Embedder, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer
        self._facts = {"gen_ai__operation__name": "embeddings", "gen_ai__request__model": inner.name}

    def __getattr__(self, name: str) -> Any:  # whatever else it has
        return getattr(self._inner, name)

    async def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        with self._tracer.span("embeddings", texts=len(texts), **self._facts):
            return await self._inner.embed_passages(texts)

    async def embed_query(self, text: str) -> Vectors:
        """See Embedder."""
        with self._tracer.span("embeddings", texts=1, **self._facts):
            return await self._inner.embed_query(text)


class TracedPieceEmbedder(TracedEmbedder):
    """The same of an embedder that also gives pieces: what it can do is looked for on its class, not handed on."""

    def __init__(self, inner: Any, tracer: Tracer) -> None:  # both protocols at once, which no type says
        super().__init__(inner, tracer)
        self._pieces: PieceEmbedder = inner

    async def embed_pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """See PieceEmbedder."""
        with self._tracer.span("embeddings", texts=len(texts), pieces=True, **self._facts):
            return await self._pieces.embed_pieces(texts)


class TracedIndex:
    """An index whose searches are spans."""

    def __init__(self, inner: Index, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:  # whatever else it has
        return getattr(self._inner, name)

    async def search(self, *, where: IndexFilter, vector: Vectors | None, text: str, k: int) -> list[Hit]:
        """See Index."""
        with self._tracer.span("index search", db__system__name="qdrant", k=k) as span:
            hits = await self._inner.search(where=where, vector=vector, text=text, k=k)
            span.note(hits=len(hits))
            return hits


def traced_base(base: KnowledgeBase, tracer: Tracer) -> KnowledgeBase:
    """The knowledge base with the parts that answering uses wrapped."""
    # Everything else of theirs is handed on, which no type says.
    kind = TracedPieceEmbedder if isinstance(base.embedder, PieceEmbedder) else TracedEmbedder
    embedder: Any = kind(base.embedder, tracer)
    index: Any = TracedIndex(base.index, tracer)
    return replace(base, embedder=embedder, index=index)


def _note_answer(span: Span, answer: Answer) -> None:
    span.note(
        answer_id=answer.answer_id,
        status=answer.status,
        mode=answer.mode,
        sentences=len(answer.sentences),
        citations=len(answer.citations),
    )
