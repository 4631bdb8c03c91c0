"""Webhooks: a source says that something changed. Never what: a verified call only makes the next sync come sooner."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress

from fastapi import APIRouter, Request, Response

from kb.errors import AccessDenied
from kb.settings import SourceTable

logger = logging.getLogger(__name__)
# However many calls come, between two syncs of a source there is at least this pause.
LEAST_GAP_SECONDS = 15.0
_SIGNATURE_HEADERS = ("X-Hub-Signature-256", "X-Hub-Signature")


class SyncHints:
    """Wakes those who wait for the next sync of a source. Many hints before a sync are one."""

    def __init__(self, source_ids: Iterable[str], *, least_gap_seconds: float = LEAST_GAP_SECONDS) -> None:
        self._events = {source_id: asyncio.Event() for source_id in source_ids}
        self._least_gap_seconds = least_gap_seconds

    def give(self, source_id: str) -> None:
        """Something changed in a source."""
        self._events[source_id].set()

    async def wait(self, source_id: str, *, seconds: float) -> None:
        """Wait for a hint, at most so many seconds. A hint that came during the sync before it counts."""
        event = self._events[source_id]
        gap = min(self._least_gap_seconds, seconds)
        await asyncio.sleep(gap)
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds - gap)
        event.clear()


def has_webhooks(sources: Iterable[SourceTable]) -> bool:
    """Does any source expect calls?"""
    return bool(_secrets(sources))


def build_router(sources: Iterable[SourceTable], hints: SyncHints) -> APIRouter:
    """`POST /webhooks/confluence`: which source is meant is told by the secret that signed the call."""
    router = APIRouter(prefix="/webhooks", tags=["webhooks"])
    secrets = _secrets(sources)

    @router.post("/confluence", status_code=204)
    async def confluence(request: Request) -> Response:
        """Sync the source soon. The body is verified as it came, and not read."""
        raw = await request.body()
        given = next((request.headers[name] for name in _SIGNATURE_HEADERS if name in request.headers), "")
        meant = [source_id for source_id, secret in secrets.items() if _is_signed(raw, given, secret=secret)]
        if not meant:
            raise AccessDenied("the call is not signed with the secret of any source")
        for source_id in meant:
            hints.give(source_id)
            logger.info("webhook", extra={"source_id": source_id})
        return Response(status_code=204)

    return router


def _secrets(sources: Iterable[SourceTable]) -> Mapping[str, bytes]:
    return {
        source.id: source.webhook_secret.get_secret_value().encode()
        for source in sources
        if source.kind == "confluence" and source.webhook_secret is not None
    }


def _is_signed(raw: bytes, given: str, *, secret: bytes) -> bool:
    expected = f"sha256={hmac.new(secret, raw, hashlib.sha256).hexdigest()}"
    # As bytes: a header may hold anything, and comparing text refuses what is not ASCII.
    return hmac.compare_digest(expected.encode(), given.strip().lower().encode("utf-8", "replace"))
