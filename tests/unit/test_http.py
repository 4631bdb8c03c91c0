"""The outbound client against a real server on loopback: tries, pauses, bounds, and no way to another host."""

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from kb import http
from kb.errors import ConfigError, ModelError, ModelRateLimited, ModelUnavailable
from kb.http import HttpClient, HttpClients, HttpFailure, as_model_error, pause_seconds, seconds_of
from tests.fakes.serving import serving


@dataclass
class Script:
    """What the server answers next, and what it saw."""

    answers: list[Response] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)


@dataclass
class Pauses:
    """Pauses that are noted instead of waited."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Script]]:
    """One server for all tests, and the script it follows."""
    app, script = FastAPI(), Script()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def answer(request: Request) -> Response:
        script.paths.append(str(request.url.path))
        return script.answers.pop(0) if script.answers else Response(b'{"ok": true}')

    with serving(app) as where:
        yield where, script


@pytest.fixture
def script(served: tuple[str, Script]) -> Script:
    """With nothing in it yet."""
    script = served[1]
    script.answers, script.paths, script.hung_up = [], [], threading.Event()
    return script


@pytest.fixture
def address(served: tuple[str, Script], script: Script) -> str:
    return served[0]


@pytest.fixture
async def client(address: str, pauses: Pauses) -> AsyncIterator[HttpClient]:
    opened = HttpClients(sleep=pauses).open(address, headers={"Authorization": "Bearer s3cret"})
    yield opened
    await opened.close()


def refused(status: int, **headers: str) -> Response:
    return Response(status_code=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_failure_is_tried_again(client: HttpClient, script: Script, status: int) -> None:
    script.answers = [refused(status), refused(status)]
    assert await client.get_json("/x") == {"ok": True}
    assert len(script.paths) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501])
async def test_a_refusal_is_not_tried_again(client: HttpClient, script: Script, status: int) -> None:
    script.answers = [refused(status)]
    with pytest.raises(HttpFailure) as failed:
        await client.post_json("/x", {})
    assert failed.value.status == status
    assert len(script.paths) == 1


async def test_tries_end(client: HttpClient, script: Script, pauses: Pauses) -> None:
    script.answers = [refused(503) for _ in range(9)]
    with pytest.raises(HttpFailure):
        await client.get_json("/x")
    assert len(script.paths) == http.TRIES
    assert len(pauses.seconds) == http.TRIES - 1


async def test_a_pause_in_seconds_is_kept_to_the_letter(client: HttpClient, script: Script, pauses: Pauses) -> None:
    script.answers = [refused(429, Retry_After="7")]
    await client.get_json("/x")
    assert pauses.seconds == [7.0]


async def test_a_pause_until_a_date_is_kept(client: HttpClient, script: Script, pauses: Pauses) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    script.answers = [refused(503, Retry_After=until)]
    await client.get_json("/x")
    assert 15 < pauses.seconds[0] <= 20


async def test_a_long_pause_is_left_to_the_caller(client: HttpClient, script: Script, pauses: Pauses) -> None:
    script.answers = [refused(429, Retry_After="120")]
    with pytest.raises(HttpFailure) as failed:
        await client.get_json("/x")
    assert failed.value.retry_after == 120
    assert pauses.seconds == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Foo 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_or_ignored(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


def test_backoff_grows_to_a_bound() -> None:
    first, last = ([pause_seconds(attempt, retry_after=None) for _ in range(200)] for attempt in (1, 50))
    assert max(first) <= 2 * http.FIRST_PAUSE_SECONDS
    assert http.LONGEST_PAUSE_SECONDS / 2 < max(last) <= http.LONGEST_PAUSE_SECONDS
    assert len(set(last)) > 100, "callers that failed together do not come back together"


async def test_a_redirect_is_not_followed(client: HttpClient, script: Script) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        script.answers = [RedirectResponse(f"http://127.0.0.1:{elsewhere.getsockname()[1]}/steal", status_code=307)]
        with pytest.raises(HttpFailure) as failed:
            await client.get_json("/x")
        assert failed.value.status == 307
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@pytest.mark.parametrize("path", ["@elsewhere.test/x", ".elsewhere.test/x", "http://elsewhere.test/x", "x", ""])
async def test_a_path_cannot_name_another_host(client: HttpClient, script: Script, path: str) -> None:
    with pytest.raises(ValueError, match="slash"):
        await client.get_json(path)
    assert script.paths == []


@pytest.mark.parametrize("path", ["//elsewhere.test/x", "/@elsewhere.test/x", "/\\elsewhere.test"])
async def test_whatever_follows_the_slash_stays_with_this_host(client: HttpClient, script: Script, path: str) -> None:
    await client.get_json(path)
    assert len(script.paths) == 1


async def test_an_answer_that_is_too_large_is_dropped(
    client: HttpClient, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1000)
    script.answers = [Response(b'"' + b"a" * 2000 + b'"')]
    with pytest.raises(HttpFailure, match="larger than"):
        await client.get_json("/x")


async def test_what_counts_is_the_size_unpacked(
    client: HttpClient, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 100_000)
    packed = gzip.compress(b'"' + b"a" * 1_000_000 + b'"')
    assert len(packed) < 2000
    script.answers = [Response(packed, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(HttpFailure, match="larger than"):
        await client.get_json("/x")


async def test_an_answer_that_is_no_json_is_a_failure(client: HttpClient, script: Script) -> None:
    script.answers = [Response(b"<html>")]
    with pytest.raises(HttpFailure, match="not JSON"):
        await client.get_json("/x")


async def test_a_server_that_says_nothing_is_given_up(pauses: Pauses) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = HttpClients(sleep=pauses).open(address, headers={}, timeout_seconds=0.05)
        with pytest.raises(HttpFailure, match="ReadTimeout") as failed:
            await client.get_json("/x")
        await client.close()
    assert failed.value.status is None
    assert len(pauses.seconds) == http.TRIES - 1


async def test_a_server_that_is_not_there_is_given_up(pauses: Pauses) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = HttpClients(sleep=pauses).open(f"http://127.0.0.1:{port}", headers={})
    with pytest.raises(HttpFailure, match="ConnectError"):
        await client.get_json("/x")
    await client.close()


async def test_lines_come_whole_whatever_their_pieces(client: HttpClient, script: Script) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"data: o", b"ne\r\ndata: t\xc5", b"\x82wo\n\nlast"):
            yield piece
            await asyncio.sleep(0)

    script.answers = [StreamingResponse(pieces())]
    assert [line async for line in client.stream_lines("/x", {})] == ["data: one", "data: tłwo", "", "last"]


async def test_a_line_without_an_end_is_given_up(
    client: HttpClient, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 1000
            await asyncio.sleep(0)

    monkeypatch.setattr(http, "MOST_LINE_CHARACTERS", 50_000)
    script.answers = [StreamingResponse(endless())]
    with pytest.raises(HttpFailure, match="too long"):
        async for _ in client.stream_lines("/x", {}):
            pass


async def test_leaving_a_stream_hangs_up(client: HttpClient, script: Script) -> None:
    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: x\n"
                await asyncio.sleep(0.001)
        finally:
            script.hung_up.set()

    script.answers = [StreamingResponse(endless())]
    lines = client.stream_lines("/x", {})
    assert await anext(lines) == "data: x"
    await lines.aclose()
    assert await asyncio.to_thread(script.hung_up.wait, 10)


@pytest.mark.parametrize(
    "base_url", ["", "localhost:8080", "ftp://host/", "file:///etc/passwd", "http://", "http://[::1", "//host"]
)
def test_an_address_that_is_no_web_address_is_a_mistake_in_the_settings(base_url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        HttpClients().open(base_url, headers={})


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as failed:
        HttpClients().open("https://me:s3cret@host/", headers={})
    assert "s3cret" not in str(failed.value)


async def test_no_failure_tells_the_credentials(client: HttpClient, script: Script) -> None:
    script.answers = [refused(401)]
    with pytest.raises(HttpFailure) as failed:
        await client.get_json("/x")
    assert "s3cret" not in str(failed.value) + repr(failed.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, ModelRateLimited), (401, ModelError), (403, ModelError), (400, ModelError), (500, ModelUnavailable)],
)
def test_a_model_servers_failure_becomes_one_of_ours(status: int, kind: type[ModelError]) -> None:
    assert type(as_model_error(HttpFailure("x", status=status), what="the server")) is kind
