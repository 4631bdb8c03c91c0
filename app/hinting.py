"""What webhooks say reaches the queue of syncs, whichever process carries them out."""

import asyncio
import logging
from collections.abc import Iterable

from kb.catalogue import Catalogue
from kb.errors import CatalogueError

logger = logging.getLogger(__name__)
# However many calls come, between two rounds of hints there is at least this pause.
LEAST_GAP_SECONDS = 15.0


class QueuedHints:
    """Hints given by requests, forwarded to the catalogue's queue: the first at once, the others together."""

    def __init__(self, source_ids: Iterable[str], *, least_gap_seconds: float = LEAST_GAP_SECONDS) -> None:
        self._known = frozenset(source_ids)
        self._gap = least_gap_seconds
        self._waiting: set[str] = set()
        self._is_any = asyncio.Event()

    def give(self, source_id: str) -> None:
        """Something changed in a source. Many hints before a sync are one."""
        if source_id not in self._known:
            raise KeyError(source_id)
        self._waiting.add(source_id)
        self._is_any.set()

    async def forward(self, catalogue: Catalogue, *, tenant: str) -> None:
        """Forward until cancelled. However many hints come, between two rounds there is a pause."""
        while True:
            await self._is_any.wait()
            self._is_any.clear()
            while self._waiting:
                source_id = self._waiting.pop()
                try:
                    await catalogue.jobs.enqueue(tenant, source_id, is_hint=True)
                except CatalogueError as exc:
                    # The source is synced at its interval anyway.
                    logger.warning("hint lost", extra={"source_id": source_id, "reason": str(exc)})
            await asyncio.sleep(self._gap)
