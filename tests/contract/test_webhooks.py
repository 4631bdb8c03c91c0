"""Webhooks of Confluence: only a call signed with a source's secret is a hint, and a hint is all that it is."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.channels.webhooks import build_router
from app.main import build_app
from app.settings import Settings
from kb.settings import load_settings
from tests.fakes.answer_sides import CONFIG, calling, make_settings, opened_side

SECRET = "a-secret-of-a-test"
PATH = "/webhooks/confluence"
BODY = json.dumps({"event": "page_updated", "page": {"id": 7}}).encode()
SOURCES = """
[[sources]]
id = "wiki"
kind = "confluence"
url = "https://wiki.acme.test"
deployment = "datacenter"
[[sources]]
id = "other"
kind = "confluence"
url = "https://other.acme.test"
deployment = "datacenter"
"""


def signature(body: bytes = BODY, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FOOTNOTE_WIKI_WEBHOOK_SECRET", SECRET)
    (tmp_path / "footnote.toml").write_text(CONFIG + SOURCES, encoding="utf-8")
    return load_settings(Settings, tmp_path / "footnote.toml")


class Watched:
    """Notes what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def give(self, source_id: str) -> None:
        self.given.append(source_id)


@pytest.fixture
def hints() -> Watched:
    return Watched()


@pytest.fixture
async def client(settings: Settings, hints: Watched, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    pages_only = make_settings(tmp_path / "side")
    async with opened_side(pages_only) as side:
        app = build_app(side, is_open=True)
        app.include_router(build_router(settings.sources, hints, data_dir=settings.data_dir))
        async with calling(app) as opened:
            yield opened


async def test_a_signed_call_is_a_hint_for_the_source_with_that_secret(
    client: httpx.AsyncClient, hints: Watched
) -> None:
    answer = await client.post(PATH, content=BODY, headers={"X-Hub-Signature": signature()})
    assert (answer.status_code, answer.content) == (204, b"")
    assert hints.given == ["wiki"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature": ""},
        {"X-Hub-Signature": "sha256="},
        {"X-Hub-Signature": signature(secret="another secret")},
        {"X-Hub-Signature": signature(body=BODY + b" ")},
        {"X-Hub-Signature": signature().removeprefix("sha256=")},
        {"X-Hub-Signature": signature(secret="")},
        {"X-Hub-Signature": "sha256=\xe4".encode("latin-1")},
    ],
)
async def test_a_forged_call_is_refused_and_is_no_hint(
    client: httpx.AsyncClient, hints: Watched, headers: dict[str, str]
) -> None:
    answer = await client.post(PATH, content=BODY, headers=headers)
    assert answer.status_code == 401
    assert hints.given == []


async def test_what_a_call_says_is_not_read(client: httpx.AsyncClient, hints: Watched) -> None:
    body = b"\xff not even JSON"
    assert (await client.post(PATH, content=body, headers={"X-Hub-Signature": signature(body)})).status_code == 204
    assert hints.given == ["wiki"]


async def test_a_server_without_secrets_has_no_such_address(tmp_path: Path) -> None:
    async with opened_side(make_settings(tmp_path)) as side:
        app = build_app(side, is_open=True, hints=Watched())
        async with calling(app) as client:
            assert (await client.post(PATH, content=BODY)).status_code == 404


def test_the_secret_is_shown_to_nobody(settings: Settings) -> None:
    assert SECRET not in repr(settings)
    assert SECRET not in json.dumps(settings.masked(), default=str)
