"""Conversations: answers kept for those who asked, shown again only while they may still read what was cited."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from app.answering.following import MOST_TURNS, leans_back
from app.answering.types import Answer, AnswerRecord, SearchScope, Turn
from app.auth import Caller
from app.contract import AnswerBody
from app.metrics import Metrics
from app.settings import Settings
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredAnswer, StoredConversation
from kb.errors import CatalogueError

logger = logging.getLogger(__name__)
_SWEEP_EVERY = timedelta(hours=1)


class AnswerBook:
    """The answers of one tenant. `keep_days` 0: nothing is kept; `keeps_texts` False: no words of them are."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        tenant: str,
        keep_days: int,
        keeps_texts: bool = True,
        metrics: Metrics | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._tenant = tenant
        self._metrics = metrics or Metrics()
        self._keeps_texts = keeps_texts
        self._keep = timedelta(days=keep_days)
        self._swept_at = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def of(cls, catalogue: Catalogue, settings: Settings, *, metrics: Metrics | None = None) -> Self:
        """As configured."""
        kept = settings.conversations
        return cls(
            catalogue, tenant=settings.tenant, keep_days=kept.keep_days, keeps_texts=kept.keep_texts, metrics=metrics
        )

    async def keep(self, question: str, answer: Answer, caller: Caller, *, channel: str) -> None:
        """Keep an answer, if answers are kept. One that cannot be kept is an answer all the same."""
        self._count(answer, channel=channel)
        if not self._keep:
            return
        body = AnswerBody.of(answer).model_dump(mode="json")
        stored = StoredAnswer(
            answer_id=answer.answer_id,
            conversation_id=answer.conversation_id,
            asker=caller.name,
            channel=channel,
            question=question if self._keeps_texts else "",
            status=answer.status,
            body=body if self._keeps_texts else without_words(body),
            asked_at=datetime.now(UTC),
            # Whose rights it was made with; replaying asks for them again.
            record={
                **record_json(answer.record, keeps_texts=self._keeps_texts),
                "email": caller.principal.email,
                "groups": sorted(caller.principal.groups) if caller.principal.email is None else [],
            },
        )
        try:
            await self._catalogue.answers.add(self._tenant, stored)
            await self._sweep(stored.asked_at)
        except CatalogueError as exc:
            logger.warning("answer not kept", extra={"answer_id": answer.answer_id, "error": type(exc).__name__})

    async def find(self, answer_id: str, caller: Caller) -> StoredAnswer | None:
        """The caller's own answer, if all it cites may still be read; None otherwise, whatever the cause."""
        stored = await self._catalogue.answers.get(self._tenant, answer_id)
        if stored is None or stored.asker != caller.name:
            return None
        return await self._if_readable(stored, caller.principal)

    async def conversations(self, caller: Caller, *, count: int) -> list[StoredConversation]:
        """The caller's latest ones."""
        return await self._catalogue.answers.conversations(self._tenant, caller.name, count=count)

    async def conversation(self, conversation_id: str, caller: Caller) -> list[StoredAnswer]:
        """The caller's answers of a conversation, oldest first, without those that may not be read any more."""
        stored = await self._catalogue.answers.conversation(self._tenant, caller.name, conversation_id)
        shown = [await self._if_readable(each, caller.principal) for each in stored]
        return [each for each in shown if each is not None]

    async def earlier(self, text: str, conversation_id: str | None, caller: Caller) -> tuple[Turn, ...]:
        """The caller's turns before a question, oldest first; none if it does not lean on any.

        Answers that cite what the caller may not read any more are left out. A store that fails has no turns.
        """
        if conversation_id is None or not leans_back(text):
            return ()
        try:
            stored = await self._catalogue.answers.conversation(
                self._tenant, caller.name, conversation_id, most=MOST_TURNS
            )
            shown = [await self._if_readable(each, caller.principal) for each in stored]
        except CatalogueError as exc:
            logger.warning("earlier questions not read", extra={"error": type(exc).__name__})
            return ()
        return tuple(Turn(question=each.question, headings=_headings(each.body)) for each in shown if each)

    async def delete(self, conversation_id: str, caller: Caller) -> bool:
        """Forget one of the caller's conversations; False if there is none."""
        return await self._catalogue.answers.delete_conversation(self._tenant, caller.name, conversation_id) > 0

    async def is_readable(self, principal: Principal, document_ids: Iterable[str]) -> bool:
        """May the principal read all of these documents now? One that is gone is read by nobody."""
        audience_ids = await self._catalogue.access.readable(principal)
        documents = self._catalogue.documents
        for document_id in document_ids:
            if not await documents.live_sections(self._tenant, document_id, audience_ids=audience_ids):
                return False
        return True

    async def _if_readable(self, stored: StoredAnswer, principal: Principal) -> StoredAnswer | None:
        return stored if await self.is_readable(principal, _cited(stored.body)) else None

    def _count(self, answer: Answer, *, channel: str) -> None:
        self._metrics.answers.add(channel=channel, status=answer.status, mode=answer.mode)
        self._metrics.answer_seconds.observe(answer.timings_ms.total / 1000, channel=channel)
        if answer.sentences:
            self._metrics.first_sentence_seconds.observe(answer.timings_ms.first_sentence / 1000)

    async def _sweep(self, now: datetime) -> None:
        if now - self._swept_at > _SWEEP_EVERY:
            self._swept_at = now
            await self._catalogue.answers.forget(self._tenant, before=now - self._keep)


def stood_on(answer: Answer) -> set[str]:
    """The documents that somebody must be allowed to read to be told the answer again: cited, or named as closest."""
    cited = {citation.document_id for citation in answer.citations}
    return cited | ({each.document_id for each in answer.record.retrieved} if answer.closest else set())


def record_json(record: AnswerRecord, *, keeps_texts: bool) -> dict[str, Any]:
    """How an answer was made, as it is stored; see `scope_of`."""
    since = record.scope.updated_since
    return {
        **asdict(record),
        "asked": record.asked if keeps_texts else "",
        "scope": {**asdict(record.scope), "updated_since": since.isoformat() if since else None},
    }


def scope_of(record: Mapping[str, Any]) -> SearchScope:
    """What the search was narrowed to; older records tell nothing of it."""
    kept = record.get("scope") or {}
    since = kept.get("updated_since")
    return SearchScope(
        source=kept.get("source"),
        space=kept.get("space"),
        labels=tuple(kept.get("labels", ())),
        updated_since=datetime.fromisoformat(since) if since else None,
    )


# JSON that AnswerBody wrote, here and below.
def without_words(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what was said and quoted; numbers, titles and links stay."""
    wordless = {"text": ""}
    return {
        **body,
        **wordless,
        "sentences": [{**each, **wordless} for each in body["sentences"]],
        "citations": [{**each, "quote": "", "above": []} for each in body["citations"]],
        "notices": [{**each, **wordless} for each in body["notices"] if each["kind"] != "unanswered"],
    }


def _cited(body: Any) -> set[str]:
    return {citation["document_id"] for citation in body["citations"]}


def _headings(body: Any) -> tuple[str, ...]:
    return tuple(" › ".join((each["title"], *each["heading_path"])) for each in body["citations"])
