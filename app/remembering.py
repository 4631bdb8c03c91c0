"""What the chat model remembers of sections goes when their pages' revisions do: edited, deleted or moved away."""

import asyncio
import logging

from app.chat_models.base import ChatModel, Remembering, revision_id
from kb.catalogue import Catalogue
from kb.errors import KnowledgeBaseError

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0


class RevisionSweep:
    """Tells the chat model which revisions are live whenever they have changed."""

    def __init__(self, catalogue: Catalogue, chat_model: ChatModel, *, tenant: str) -> None:
        self._catalogue = catalogue
        self._chat_model = chat_model
        self._tenant = tenant
        self._told: frozenset[str] | None = None

    async def run_forever(self) -> None:
        """Sweep now and again. A failure is logged, and tried again too."""
        while True:
            try:
                await self.sweep()
            except KnowledgeBaseError as exc:
                logger.warning("outdated sections are still remembered", extra={"reason": str(exc)})
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """How many remembered states were dropped. Raises CatalogueError, ModelError."""
        if not isinstance(self._chat_model, Remembering):
            return 0
        live = await self._catalogue.documents.live_revisions(self._tenant)
        revisions = frozenset(revision_id(document_id, revision) for document_id, (revision, _) in live.items())
        if revisions == self._told:
            return 0
        count = await self._chat_model.retain(tenant=self._tenant, revision_ids=revisions)
        self._told = revisions
        return count
