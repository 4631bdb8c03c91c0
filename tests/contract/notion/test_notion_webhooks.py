"""Webhooks of Notion: the handshake, the signature over the raw body, and each event once."""

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.channels.webhooks import HANDSHAKE, HANDSHAKE_FILE, build_router
from app.main import build_app
from app.settings import Settings
from kb.settings import load_settings
from tests.fakes.answer_sides import CONFIG, calling, make_settings, opened_side

pytestmark = pytest.mark.integration

TOKEN = "secret_" + "a1B2" * 10
PATH = "/webhooks/notion"
EVENT = {"id": "0b1e", "type": "page.content_updated", "entity": {"id": "7", "type": "page"}, "attempt_number": 1}
SOURCES = """
[[sources]]
id = "handbook"
kind = "notion"
audience = ["everyone"]
[[sources]]
id = "fresh"
kind = "notion"
audience = ["everyone"]
"""


class Watched:
    """Notes what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def give(self, source_id: str) -> None:
        self.given.append(source_id)


def signed(body: bytes, *, secret: str = TOKEN) -> dict[str, str]:
    return {"X-Notion-Signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FOOTNOTE_HANDBOOK_WEBHOOK_SECRET", TOKEN)
    (tmp_path / "footnote.toml").write_text(CONFIG + SOURCES, encoding="utf-8")
    return load_settings(Settings, tmp_path / "footnote.toml")


@pytest.fixture
def hints() -> Watched:
    return Watched()


@pytest.fixture
async def client(settings: Settings, hints: Watched, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened_side(make_settings(tmp_path / "side")) as side:
        app = build_app(side, is_open=True)
        app.include_router(build_router(settings.sources, hints, data_dir=tmp_path))
        async with calling(app) as opened:
            yield opened


async def test_a_signed_event_is_a_hint_for_the_source_with_that_secret(
    client: httpx.AsyncClient, hints: Watched
) -> None:
    body = json.dumps(EVENT).encode()
    assert (await client.post(PATH, content=body, headers=signed(body))).status_code == 204
    assert hints.given == ["handbook"]


async def test_an_event_that_is_sent_again_is_no_new_hint(client: httpx.AsyncClient, hints: Watched) -> None:
    for attempt in (1, 2, 3):
        body = json.dumps(EVENT | {"attempt_number": attempt}).encode()
        assert (await client.post(PATH, content=body, headers=signed(body))).status_code == 204
    body = json.dumps(EVENT | {"id": "another"}).encode()
    await client.post(PATH, content=body, headers=signed(body))
    assert hints.given == ["handbook", "handbook"]


async def test_a_signature_in_capitals_is_as_good(client: httpx.AsyncClient, hints: Watched) -> None:
    body = json.dumps(EVENT).encode()
    given = {"X-Notion-Signature": signed(body)["X-Notion-Signature"].upper()}
    assert (await client.post(PATH, content=body, headers=given)).status_code == 204
    assert hints.given == ["handbook"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Notion-Signature": "sha256="},
        {"X-Notion-Signature": "sha256=00"},
        signed(b"another body"),
        signed(json.dumps(EVENT).encode(), secret="another"),
        signed(json.dumps(EVENT).encode(), secret=HANDSHAKE),
        {"X-Hub-Signature": signed(json.dumps(EVENT).encode())["X-Notion-Signature"]},
    ],
)
async def test_a_forged_event_is_refused_and_forgotten(
    client: httpx.AsyncClient, hints: Watched, headers: dict[str, str]
) -> None:
    body = json.dumps(EVENT).encode()
    assert (await client.post(PATH, content=body, headers=headers)).status_code == 401
    assert (await client.post(PATH, content=body, headers=signed(body))).status_code == 204
    assert hints.given == ["handbook"]


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 50_000])
async def test_a_signed_body_of_any_shape_is_a_hint(client: httpx.AsyncClient, hints: Watched, body: bytes) -> None:
    assert (await client.post(PATH, content=body, headers=signed(body))).status_code == 204
    assert hints.given == ["handbook"]


async def test_no_token_is_taken_while_no_source_waits_for_one(client: httpx.AsyncClient, tmp_path: Path) -> None:
    body = json.dumps({"verification_token": "secret_" + "x" * 40}).encode()
    assert (await client.post(PATH, content=body)).status_code == 401
    assert not (tmp_path / HANDSHAKE_FILE).exists()


async def test_the_token_of_the_handshake_is_kept_for_the_admin_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FOOTNOTE_FRESH_WEBHOOK_SECRET", HANDSHAKE)
    (tmp_path / "footnote.toml").write_text(CONFIG + SOURCES, encoding="utf-8")
    sources = load_settings(Settings, tmp_path / "footnote.toml").sources
    body = json.dumps({"verification_token": TOKEN}).encode()
    async with opened_side(make_settings(tmp_path / "side")) as side:
        app = build_app(side, is_open=True)
        app.include_router(build_router(sources, Watched(), data_dir=tmp_path))
        async with calling(app) as client:
            forged = await client.post(PATH, content=body, headers=signed(body, secret="another"))
            with caplog.at_level(logging.INFO):
                answer = await client.post(PATH, content=body, headers=signed(body))
    kept = tmp_path / HANDSHAKE_FILE
    assert (forged.status_code, answer.status_code, kept.read_text()) == (401, 204, TOKEN + "\n")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in caplog.text
