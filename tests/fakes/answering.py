"""The answering side alone: passages from a list, a hashing embedder, and a chat model that says what it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.answering.answerer import Answerer
from app.answering.evidence import EvidenceFinder
from app.answering.ports import Retriever
from app.answering.types import Mode, Passage, Question, SearchScope
from app.chat_models.base import ChatModel
from app.chat_models.scripted import Config as Script
from app.chat_models.scripted import ScriptedModel
from app.settings import AnsweringTable
from kb.access import Principal
from kb.embedders.base import Embedder
from kb.embedders.hashing import Config, build
from kb.http import HttpClients

ANYONE = Principal(tenant="acme", email=None)
LEAVE = (
    "Full-time staff in Gdańsk receive 26 days of annual leave a year. "
    "Up to 5 days can be carried over until 31 March. Contractors are not entitled to annual leave."
)
PUMPS = "The pump stops at two metres. The alarm sounds at three metres."


def make_passage(
    text: str = LEAVE, *, title: str = "Annual leave", dense: float = 0.6, document_id: str = ""
) -> Passage:
    """A passage of the tenant `acme`."""
    return Passage(
        tenant="acme",
        document_id=document_id or f"wiki:{title}",
        revision=1,
        section_ordinal=0,
        title=title,
        heading_path=(),
        url=f"/documents/{title}",
        text=text,
        source="wiki",
        space="",
        updated_at=datetime(2026, 5, 1, tzinfo=UTC),
        is_outdated=False,
        score=dense,
        dense=dense,
    )


def make_embedder() -> Embedder:
    """The hashing embedder: texts that share words are near."""
    return build(Config(), data_dir=Path(), http=HttpClients())


class ListRetriever:
    """Finds what it was given, whatever is asked."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = list(passages)

    async def retrieve(self, query: str, principal: Principal, *, scope: SearchScope, count: int) -> list[Passage]:
        """The first `count` of the list."""
        return self._passages[:count]


def make_answerer(
    passages: Sequence[Passage] | None = None,
    *,
    chat_model: ChatModel | None = None,
    answerable_above: float = 0.0,
    retriever: Retriever | None = None,
) -> Answerer:
    """An answerer over the passages (default: leave and pumps); it refuses nothing unless told to."""
    if passages is None:
        passages = (make_passage(), make_passage(PUMPS, title="Pumps", dense=0.3))
    return Answerer(
        retriever or ListRetriever(passages),
        EvidenceFinder(make_embedder()),
        chat_model or ScriptedModel(Script()),
        settings=AnsweringTable(answerable_above=answerable_above),
        max_question_bytes=8192,
    )


def ask(
    text: str = "How many days of annual leave do staff in Gdańsk receive?", *, mode: Mode = "grounded"
) -> Question:
    """A question in a mode."""
    return Question(text=text, mode=mode)
