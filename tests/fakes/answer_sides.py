"""A whole answer side over a few pages, without models: hashing embedder, scripted chat model, index in memory."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI

from app.auth import new_key
from app.chat_models.base import ChatModel
from app.main import build_app
from app.settings import Settings
from app.wiring import AnswerSide, assemble, open_answer_side
from ingest.wiring import sync_sources
from kb.catalogue.records import StoredKey
from kb.settings import load_settings

OWNER = "maya@acme.test"
# Long enough ago that a file is not taken for one that may still change.
WRITTEN_AT = datetime.now(UTC).timestamp() - 60
# What a page can try on the reader's browser. Each line must come out as text.
HOSTILE = """\
<script>alert(1)</script> <img src=x onerror=alert(1)> <svg onload=alert(1)>
[click](javascript:alert(1)) ![x](http://evil.test/pixel.png) <http://evil.test/>
"><iframe src="http://evil.test"></iframe> </section></main><style>*{display:none}</style>
"""
PAGES: Mapping[str, str] = {
    "leave.md": "# Annual leave\n\n## Entitlement\n\nEveryone gets 26 days of annual leave each year.\n\n"
    "## Carry-over\n\nUp to five days of leave can be carried over until 31 March.\n",
    "pumps.md": "# Pumps\n\n## Limits\n\nThe pump stops at two metres. The alarm sounds at three metres.\n",
    "pay.md": f"---\naudience: [{OWNER}]\n---\n# Salary bands\n\n## Level four\n\nLevel four pays 84000 euros.\n",
    "hostile.md": f"# Widgets <b>bold</b>\n\n## Markup & more\n\nWidgets are blue. {HOSTILE}\n",
}
QUESTION = "How many days of annual leave does everyone get each year?"
# Every route that gives something from the pages, with a call that works.
ROUTES = {
    "ask": ("POST", "/api/v1/ask", {"question": QUESTION}),
    "ask streamed": ("POST", "/api/v1/ask", {"question": QUESTION, "stream": True}),
    "search": ("POST", "/api/v1/search", {"query": "leave"}),
    "document": ("GET", "/documents/docs:leave.md", None),
    "session": ("POST", "/session", None),
    "conversations": ("GET", "/api/v1/conversations", None),
    "conversation": ("GET", "/api/v1/conversations/{conversation_id}", None),
    "forget": ("DELETE", "/api/v1/conversations/{conversation_id}", None),
    "answer": ("GET", "/api/v1/answers/{answer_id}", None),
    "models": ("GET", "/v1/models", None),
    "model": ("GET", "/v1/models/footnote", None),
    "completions": ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]}),
    "responses": ("POST", "/v1/responses", {"input": QUESTION}),
    "metrics": ("GET", "/metrics", None),
    "feedback": ("POST", "/api/v1/answers/{answer_id}/feedback", {"rating": "up"}),
    "mcp": ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
}
PUBLIC = ("/", "/widget.js", "/assets/page.css", "/assets/icon.svg", "/livez", "/readyz", "/api/v1/openapi.json")
# Asked by pages of other sites, which are told by their origin.
FOR_SITES = ("/widget/visits",)
# Answered with a form that asks for a key.
ADMIN_PAGES = ("/admin", "/admin/suspects")
ADMIN_BUTTONS = ("/admin/session", "/admin/sync", "/admin/retry", "/admin/keys", "/admin/keys/revoke")
FOR_ADMINISTRATORS = (*ADMIN_PAGES, *ADMIN_BUTTONS, "/admin/answers/{answer_id}")
CONFIG = """\
tenant = "acme"
[index]
kind = "memory"
[embedder]
kind = "hashing"
[chat_model]
kind = "scripted"
[answering]
answerable_above = 0.0
[[sources]]
id = "docs"
kind = "folder"
path = "pages"
audience = ["everyone"]
"""


def make_settings(home: Path, *, pages: Mapping[str, str] = PAGES, config: str = CONFIG) -> Settings:
    """Settings over a folder of pages, both written below `home`."""
    for name, text in pages.items():
        path = home / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        # A file just written is read once more at the next sync, as it may still change.
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))
    (home / "footnote.toml").write_text(config, encoding="utf-8")
    return load_settings(Settings, home / "footnote.toml")


@asynccontextmanager
async def opened_side(settings: Settings, *, chat_model: ChatModel | None = None) -> AsyncIterator[AnswerSide]:
    """An answer side whose sources are synced. `chat_model`: instead of the one that the settings name."""
    async with open_answer_side(settings) as side:
        await sync_sources(side.knowledge_base)
        yield side if chat_model is None else assemble(side.knowledge_base, chat_model, settings)


async def make_key(side: AnswerSide, *scopes: str, email: str | None = None, **changes: object) -> dict[str, str]:
    """The header of a new key."""
    key = new_key()
    plain = StoredKey(
        key_id=key.key_id,
        tenant=side.settings.tenant,
        name="test",
        secret_sha256=key.secret_sha256,
        scopes=scopes,
        email=email,
        created_at=datetime.now(UTC),
        expires_at=None,
        revoked_at=None,
    )
    await side.knowledge_base.catalogue.keys.add(replace(plain, **changes))
    return {"Authorization": f"Bearer {key.text}"}


def calling(
    app: FastAPI, *, host: str = "127.0.0.1:8080", headers: Mapping[str, str] | None = None
) -> httpx.AsyncClient:
    """A client that calls the application in this process."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=f"http://{host}", headers=headers
    )


def open_to_anyone(side: AnswerSide) -> httpx.AsyncClient:
    """A client of the server as it is on loopback without keys."""
    return calling(build_app(side, is_open=True))


def closed(side: AnswerSide, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client of the server as it is with keys."""
    return calling(build_app(side, is_open=False), host="wiki.acme.test", headers=headers)


async def call(client: httpx.AsyncClient, route: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Call one of ROUTES by its name; what is about an earlier answer is about one that the same caller was given."""
    method, path, body = ROUTES[route]
    if "{" in path:
        asked = await client.post("/api/v1/ask", json={"question": QUESTION}, headers=headers)
        path = path.format(**asked.json()) if asked.is_success else path.replace("{", "").replace("}", "")
    return await client.request(method, path, json=body, headers=headers)
