"""What was answered before: conversations and single answers of one's own, and what people think of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.auth import Caller
from app.callers import Door
from app.contract import AnswerBody, Text
from app.conversations import AnswerBook
from app.problems import REFUSALS
from app.wiring import AnswerSide
from kb.catalogue.records import StoredAnswer, StoredConversation
from kb.errors import NotFound

_MOST_CONVERSATIONS = 100
_Id = Annotated[str, Path(max_length=100)]


class ConversationBody(BaseModel):
    """One conversation in a list."""

    conversation_id: str
    first_question: str
    answer_count: int
    last_asked_at: datetime

    @classmethod
    def of(cls, conversation: StoredConversation) -> "ConversationBody":
        """From the record."""
        return cls(**{name: getattr(conversation, name) for name in cls.model_fields})


class ConversationsBody(BaseModel):
    """The caller's conversations, the latest first."""

    conversations: tuple[ConversationBody, ...]


class TurnBody(BaseModel):
    """A question and its answer."""

    question: str
    asked_at: datetime
    channel: str
    answer: AnswerBody

    @classmethod
    def of(cls, stored: StoredAnswer) -> "TurnBody":
        """From the record. The closest pages of a refusal are left out: whether they may still be read is not known."""
        answer = AnswerBody.model_validate(stored.body).model_copy(update={"closest": ()})
        return cls(question=stored.question, asked_at=stored.asked_at, channel=stored.channel, answer=answer)


class TurnsBody(BaseModel):
    """A conversation, oldest turn first."""

    conversation_id: str
    turns: tuple[TurnBody, ...]


class FeedbackBody(BaseModel):
    """What the caller thinks of an answer. The last word counts."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"rating": "down", "reasons": ["outdated"]}]}
    )

    rating: Literal["up", "down"]
    reasons: tuple[Literal["wrong", "outdated", "incomplete", "irrelevant"], ...] = Field(default=(), max_length=4)
    comment: Text = Field(default="", max_length=1000)


def build_router(side: AnswerSide, door: Door, book: AnswerBook) -> APIRouter:
    """Routes below `/api/v1`. All need the scope `ask`; what is not the caller's own looks as if it were not there."""
    router = APIRouter(prefix="/api/v1", responses=REFUSALS)
    _add_conversations(router, door, book)
    _add_answers(router, side, door, book)
    return router


def _add_conversations(router: APIRouter, door: Door, book: AnswerBook) -> None:
    Asker = Annotated[Caller, Depends(_asker(door))]

    @router.get("/conversations", tags=["conversations"])
    async def conversations(who: Asker) -> ConversationsBody:
        """One's own conversations, the latest first."""
        found = await book.conversations(who, count=_MOST_CONVERSATIONS)
        return ConversationsBody(conversations=tuple(ConversationBody.of(each) for each in found))

    @router.get("/conversations/{conversation_id}", tags=["conversations"])
    async def conversation(conversation_id: _Id, who: Asker) -> TurnsBody:
        """A conversation. Answers that cite what the caller may not read any more are left out."""
        if not (turns := await book.conversation(conversation_id, who)):
            raise NotFound("no such conversation")
        return TurnsBody(conversation_id=conversation_id, turns=tuple(TurnBody.of(turn) for turn in turns))

    @router.delete("/conversations/{conversation_id}", tags=["conversations"], status_code=204)
    async def forget(conversation_id: _Id, who: Asker) -> Response:
        """Forget a conversation."""
        if not await book.delete(conversation_id, who):
            raise NotFound("no such conversation")
        return Response(status_code=204)


def _add_answers(router: APIRouter, side: AnswerSide, door: Door, book: AnswerBook) -> None:
    Asker = Annotated[Caller, Depends(_asker(door))]
    feedback = side.knowledge_base.catalogue.feedback

    @router.get("/answers/{answer_id}", tags=["conversations"])
    async def answer(answer_id: _Id, who: Asker) -> TurnBody:
        """An answer again, exactly as it was."""
        return TurnBody.of(await own(answer_id, who))

    @router.post("/answers/{answer_id}/feedback", tags=["conversations"], status_code=204)
    async def rate(answer_id: _Id, body: FeedbackBody, who: Asker) -> Response:
        """Say what you think of an answer of yours; said again, it replaces what was said before."""
        await own(answer_id, who)
        tenant = side.settings.tenant
        await feedback.rate(tenant, answer_id=answer_id, rater=who.name, channel=who.channel, verdict=body.rating)
        if body.reasons or body.comment:
            await feedback.explain(
                tenant, answer_id=answer_id, rater=who.name, reasons=body.reasons, comment=body.comment
            )
        return Response(status_code=204)

    async def own(answer_id: str, who: Caller) -> StoredAnswer:
        stored = await book.find(answer_id, who)
        if stored is None:
            raise NotFound("no such answer")
        return stored


def _asker(door: Door) -> Callable[..., Awaitable[Caller]]:
    async def asker(who: Annotated[Caller, Depends(door)]) -> Caller:
        who.must_have("ask")
        return who

    return asker
