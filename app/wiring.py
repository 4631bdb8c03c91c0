"""The one place of the answering side that picks concrete classes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.answering.answerer import Answerer
from app.answering.calibration import read_calibration
from app.answering.checking import SentenceChecker
from app.answering.evidence import EvidenceFinder
from app.answering.ports import QuestionAnswerer, Retriever
from app.answering.retrieval import DEFAULT_LANGUAGE, HybridRetriever
from app.chat_models.base import ChatModel
from app.checkers.base import SecondCheck
from app.rerankers.base import Reranker
from app.settings import NO_CHECKER, NO_RERANKER, Settings
from app.spans import TracedAnswerer, TracedChecker, TracedFinder, TracedModel, TracedRetriever, Tracer, traced_base
from app.tracing_start import tracing
from kb.http import HttpClients
from kb.plugins import configure, load
from kb.wiring import KnowledgeBase, open_knowledge_base


@dataclass(slots=True, kw_only=True)
class AnswerSide:
    """Everything a channel needs. A running server replaces knowledge base and answerer when another generation of the
    index goes live: ask for them at each request. The catalogue stays the same."""

    knowledge_base: KnowledgeBase
    chat_model: ChatModel
    answerer: QuestionAnswerer
    settings: Settings
    tracer: Tracer | None = None


@asynccontextmanager
async def open_answer_side(settings: Settings) -> AsyncIterator[AnswerSide]:
    """The answerer over an opened knowledge base; models load when first used. Raises ConfigError and its siblings."""
    chat_model = build_chat_model(settings)
    try:
        async with tracing(settings.tracing) as tracer, open_knowledge_base(settings) as knowledge_base:
            yield assemble(knowledge_base, chat_model, settings, tracer=tracer)
    finally:
        await chat_model.close()


def assemble(
    knowledge_base: KnowledgeBase, chat_model: ChatModel, settings: Settings, *, tracer: Tracer | None = None
) -> AnswerSide:
    """An answerer from its parts. `tracer`: sees each part of an answer begin and end. Raises ConfigError."""
    used = _calibrated(settings, knowledge_base.embedder.identity)
    answerer = _traced(knowledge_base, chat_model, used, tracer) if tracer else _plain(knowledge_base, chat_model, used)
    return AnswerSide(
        knowledge_base=knowledge_base, chat_model=chat_model, answerer=answerer, settings=settings, tracer=tracer
    )


def _calibrated(settings: Settings, embedder: str) -> Settings:
    """The settings with the gate's threshold as calibrated for this embedder, if it was."""
    calibration = read_calibration(settings.data_dir, embedder=embedder)
    if calibration is None:
        return settings
    threshold = calibration.threshold(settings.answering.answerable_above)
    answering = settings.answering.model_copy(update={"answerable_above": threshold})
    return settings.model_copy(update={"answering": answering})


def _plain(knowledge_base: KnowledgeBase, chat_model: ChatModel, settings: Settings) -> QuestionAnswerer:
    return Answerer(
        build_retriever(knowledge_base, settings),
        EvidenceFinder(knowledge_base.embedder),
        chat_model,
        settings=settings.answering,
        max_question_bytes=settings.server.max_question_bytes,
        checker=SentenceChecker(build_second_check(settings)),
    )


def _traced(
    knowledge_base: KnowledgeBase, chat_model: ChatModel, settings: Settings, tracer: Tracer
) -> QuestionAnswerer:
    base = traced_base(knowledge_base, tracer)
    # Whatever else the chat model has is handed on, which no type says.
    model: Any = TracedModel(chat_model, tracer)
    answerer = Answerer(
        TracedRetriever(build_retriever(base, settings), tracer),
        TracedFinder(base.embedder, tracer),
        model,
        settings=settings.answering,
        max_question_bytes=settings.server.max_question_bytes,
        checker=TracedChecker(tracer, build_second_check(settings)),
    )
    return TracedAnswerer(answerer, tracer)


def build_retriever(knowledge_base: KnowledgeBase, settings: Settings) -> Retriever:
    """What finds sections."""
    return HybridRetriever(
        knowledge_base.catalogue,
        knowledge_base.index,
        knowledge_base.embedder,
        link_base=settings.server.link_base,
        language=str(settings.index.plugin_values.get("language", DEFAULT_LANGUAGE)),
        reranker=build_reranker(settings),
    )


def build_reranker(settings: Settings) -> Reranker | None:
    """The reranker the settings name, if any. Building is cheap: nothing is loaded yet."""
    table = settings.reranker
    if table.kind == NO_RERANKER:
        return None
    plugin = load("app.rerankers", table.kind)
    config = configure(plugin, table.plugin_values, where="[reranker]")
    reranker: Reranker = plugin.build(config, data_dir=settings.data_dir)
    return reranker


def build_second_check(settings: Settings) -> SecondCheck | None:
    """The check the settings name beside the built-in one, if any. Building is cheap: nothing is loaded yet."""
    table = settings.checker
    if table.kind == NO_CHECKER:
        return None
    plugin = load("app.checkers", table.kind)
    config = configure(plugin, table.plugin_values, where="[checker]")
    check: SecondCheck = plugin.build(config, data_dir=settings.data_dir)
    return check


def build_chat_model(settings: Settings) -> ChatModel:
    """The chat model the settings name. Building is cheap: nothing is loaded yet."""
    table = settings.chat_model
    plugin = load("app.chat_models", table.kind)
    config = configure(plugin, table.plugin_values, where="[chat_model]")
    chat_model: ChatModel = plugin.build(config, data_dir=settings.data_dir, http=HttpClients())
    return chat_model
