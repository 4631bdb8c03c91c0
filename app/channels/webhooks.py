"""Webhooks: a source says that something changed. Never what: a verified call only makes the next sync come sooner."""

import asyncio
import hashlib
import hmac
import json
import logging
import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from fastapi import APIRouter, Request, Response

from kb.errors import AccessDenied
from kb.settings import SourceTable

logger = logging.getLogger(__name__)
_SIGNATURE_HEADERS = ("X-Hub-Signature-256", "X-Hub-Signature")
# Notion makes the secret itself and sends it once, when the subscription is made. A source whose webhook secret is this
# word waits for that; the token is then in this file of the data directory, as secrets have no place in logs.
HANDSHAKE = "handshake"
HANDSHAKE_FILE = "notion-webhook-token"
_NOTION_TOKEN = re.compile(r"secret_[A-Za-z0-9]{16,200}")
# Notion sends an event again, up to eight times in a day, until it is told that it came.
REMEMBERED_EVENTS = 5_000


class SyncHints(Protocol):
    """Takes the news that something changed in a source."""

    def give(self, source_id: str) -> None:
        """Something changed in a source. Many hints before a sync are one."""


def has_webhooks(sources: Iterable[SourceTable]) -> bool:
    """Does any source expect calls?"""
    return any(source.webhook_secret is not None for source in sources)


def build_router(sources: Sequence[SourceTable], hints: SyncHints, *, data_dir: Path | None = None) -> APIRouter:
    """`POST /webhooks/confluence` and `/notion`: which source is meant is told by the secret that signed the call.

    `data_dir`: where the secret that Notion makes up is kept for the admin; None: it is not taken.
    """
    router = APIRouter(prefix="/webhooks", tags=["webhooks"])
    of_confluence, of_notion = _secrets(sources, kind="confluence"), _secrets(sources, kind="notion")
    seen = _SeenEvents()

    @router.post("/confluence", status_code=204)
    async def confluence(request: Request) -> Response:
        """Sync the source soon. The body is verified as it came, and not read."""
        raw = await request.body()
        given = next((request.headers[name] for name in _SIGNATURE_HEADERS if name in request.headers), "")
        _give_hints(hints, _signers(raw, given, secrets=of_confluence))
        return Response(status_code=204)

    @router.post("/notion", status_code=204)
    async def notion(request: Request) -> Response:
        """Sync the source soon, once for each event; or keep the secret that Notion makes up for a new subscription."""
        raw = await request.body()
        given = request.headers.get("X-Notion-Signature", "")
        is_awaited = HANDSHAKE.encode() in of_notion.values()
        if data_dir is not None and is_awaited and (token := _handshake_token(raw, given)):
            await asyncio.to_thread(_keep_token, data_dir / HANDSHAKE_FILE, token)
            logger.warning("Notion sent the token of a subscription", extra={"file": HANDSHAKE_FILE})
            return Response(status_code=204)
        meant = _signers(raw, given, secrets=of_notion)
        if not seen.has(raw):
            _give_hints(hints, meant)
        return Response(status_code=204)

    return router


class _SeenEvents:
    """The latest events by their ids, to tell one that is sent again from a new one."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def has(self, raw: bytes) -> bool:
        """Did this event come before? One without an id never did."""
        event_id = _object(raw).get("id")
        if not isinstance(event_id, str) or len(event_id) > 100:
            return False
        is_seen = event_id in self._ids
        self._ids[event_id] = None
        if len(self._ids) > REMEMBERED_EVENTS:
            self._ids.popitem(last=False)
        return is_seen


def _signers(raw: bytes, given: str, *, secrets: Mapping[str, bytes]) -> list[str]:
    """The sources whose secret signed the call. Raises AccessDenied if there is none."""
    usable = {source_id: secret for source_id, secret in secrets.items() if secret != HANDSHAKE.encode()}
    meant = [source_id for source_id, secret in usable.items() if _is_signed(raw, given, secret=secret)]
    if not meant:
        raise AccessDenied("the call is not signed with the secret of any source")
    return meant


def _give_hints(hints: SyncHints, source_ids: Iterable[str]) -> None:
    for source_id in source_ids:
        hints.give(source_id)
        logger.info("webhook", extra={"source_id": source_id})


def _handshake_token(raw: bytes, given: str) -> str | None:
    """The token of Notion's first call, which is signed with that token itself; None if it is another call."""
    token = _object(raw).get("verification_token")
    if not isinstance(token, str) or not _NOTION_TOKEN.fullmatch(token):
        return None
    return token if not given or _is_signed(raw, given, secret=token.encode()) else None


def _keep_token(file: Path, token: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(token + "\n")


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _secrets(sources: Iterable[SourceTable], *, kind: str) -> Mapping[str, bytes]:
    return {
        source.id: source.webhook_secret.get_secret_value().encode()
        for source in sources
        if source.kind == kind and source.webhook_secret is not None
    }


def _is_signed(raw: bytes, given: str, *, secret: bytes) -> bool:
    expected = f"sha256={hmac.new(secret, raw, hashlib.sha256).hexdigest()}"
    # As bytes: a header may hold anything, and comparing text refuses what is not ASCII.
    return hmac.compare_digest(expected.encode(), given.strip().lower().encode("utf-8", "replace"))
