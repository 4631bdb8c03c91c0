"""What the chat model remembers of sections goes when their pages' revisions do: edited, deleted or moved away.

Pages it remembered something of are asked about. When such a page is edited, its sections are read anew in moments when
nobody asks, so that the next question need not wait for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping

from app.answering.prompting import build_messages
from app.answering.types import Passage
from app.chat_models.base import ChatMessage, ChatModel, Remembering, revision_id
from kb.catalogue import Catalogue
from kb.catalogue.records import StoredSection
from kb.errors import KnowledgeBaseError, PromptTooLong

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0
# Pages edited faster than there are quiet moments: the longest waiting ones are left to questions.
_MOST_EDITED = 200


class RevisionSweep:
    """Tells the chat model which revisions are live whenever they have changed. `tone`, `language`: of the prompts."""

    def __init__(
        self, catalogue: Catalogue, chat_model: ChatModel, *, tenant: str, tone: str = "", language: str = ""
    ) -> None:
        self._catalogue = catalogue
        self._chat_model = chat_model
        self._tenant = tenant
        self._wording = {"tone": tone, "language": language}
        self._told: Mapping[str, str] | None = None
        self._edited: deque[str] = deque(maxlen=_MOST_EDITED)

    async def run_forever(self) -> None:
        """Sweep now and again. A failure is logged, and tried again too."""
        while True:
            try:
                await self.sweep()
                await self.remember_edited()
            except KnowledgeBaseError as exc:
                logger.warning("outdated sections are still remembered", extra={"reason": str(exc)})
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """How many remembered states were dropped. Raises CatalogueError, ModelError."""
        if not isinstance(self._chat_model, Remembering):
            return 0
        live = await self._catalogue.documents.live_revisions(self._tenant)
        revisions = {document_id: revision_id(document_id, revision) for document_id, (revision, _) in live.items()}
        if revisions == self._told:
            return 0
        edited = await self._edited_since(revisions, self._chat_model)
        count = await self._chat_model.retain(tenant=self._tenant, revision_ids=set(revisions.values()))
        self._told = revisions
        self._edited.extend(edited)
        return count

    async def remember_edited(self) -> int:
        """How many sections of edited pages were read anew, until somebody asked. Raises CatalogueError, ModelError."""
        count = 0
        while self._edited and isinstance(self._chat_model, Remembering):
            for section in await self._catalogue.documents.all_sections(self._tenant, self._edited[0]):
                try:
                    if not await self._chat_model.remember(_messages(self._tenant, section, **self._wording)):
                        return count
                except PromptTooLong:
                    continue
                count += 1
            self._edited.popleft()
        return count

    async def _edited_since(self, revisions: Mapping[str, str], chat_model: Remembering) -> list[str]:
        """The pages of which another revision is live than was, and something remembered."""
        told = self._told or {}
        gone = {told[each]: each for each in told.keys() & revisions.keys() if told[each] != revisions[each]}
        if not gone:
            return []
        remembered = await chat_model.remembered(tenant=self._tenant, revision_ids=gone.keys())
        return sorted(gone[each] for each in remembered)


def _messages(tenant: str, section: StoredSection, *, tone: str, language: str) -> list[ChatMessage]:
    """A prompt with this section alone: what is made of it serves wherever it stands in another."""
    passage = Passage(
        tenant=tenant,
        document_id=section.document_id,
        revision=section.revision,
        section_ordinal=section.ordinal,
        title=section.title,
        heading_path=section.heading_path,
        url=section.url,
        text=section.text,
        source=section.source_id,
        space=section.space,
        updated_at=section.updated_at,
        is_outdated=False,
        score=0.0,
        dense=0.0,
    )
    return build_messages("", [passage], tone=tone, language=language)
