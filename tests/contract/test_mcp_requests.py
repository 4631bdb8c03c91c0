"""MCP as bare requests: scopes, limits, where they come from, and whatever else is sent there."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import jwt
import pytest
from pydantic import SecretStr

pytest.importorskip("mcp", reason="needs the extra `mcp`")

from mcp.client.auth.utils import extract_resource_metadata_from_www_auth
from mcp.shared.auth import ProtectedResourceMetadata

from app.identity_settings import IssuerTable
from app.wiring import AnswerSide
from tests.fakes.answer_sides import CONFIG, QUESTION, closed, make_key, make_settings, open_to_anyone, opened_side
from tests.fakes.oidc import public_jwk, rsa_key
from tests.fakes.slow_model import EndlessModel
from tests.fakes.web_sides import served

WELL_KNOWN = "/.well-known/oauth-protected-resource/mcp"
SERVER = """
[server]
public_url = "https://kb.acme.test"
[[issuers]]
id = "team"
issuer = "https://idp.acme.test/team"
audience = "https://kb.acme.test/mcp"
algorithm = "RS256"
jwks_file = "keys.json"
{more}
"""
HEAD = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[AnswerSide]:
    async with opened_side(make_settings(tmp_path)) as opened:
        yield opened


async def test_a_scope_opens_its_own_tools_alone(side: AnswerSide) -> None:
    may = {"ask": {"ask", "fetch"}, "search": {"search", "fetch"}}
    arguments = {"ask": {"question": QUESTION}, "search": {"query": "leave"}, "fetch": {"id": "docs:leave.md"}}
    for scope, tools in may.items():
        async with closed(side, await make_key(side, scope)) as client:
            assert {tool["name"] for tool in (await ask(client, "tools/list"))["tools"]} == tools
            for name, given in arguments.items():
                result = await ask(client, "tools/call", name=name, arguments=given)
                assert result.get("isError", False) is (name not in tools), (scope, name)
                assert ("this needs the scope" in json.dumps(result)) is (name not in tools)


async def test_calls_are_counted_as_questions_are(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, config=CONFIG.replace("[index]", "[limits]\nquestions_per_minute = 2\n[index]"))
    async with opened_side(settings) as side, closed(side, await make_key(side, "search")) as client:
        for left in ("1", "0"):
            response = await post(client, "tools/call", name="search", arguments={"query": "leave"})
            assert f"r={left};" in response.headers["ratelimit"]
        refused = await post(client, "tools/call", name="search", arguments={"query": "leave"})
        assert refused.json()["result"]["isError"]
        assert "wait" in refused.json()["result"]["content"][0]["text"]
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.post("/api/v1/search", json={"query": "leave"})).status_code == 429


async def test_a_bug_is_told_without_words(side: AnswerSide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object, **others: object) -> None:
        raise TypeError("the page says: salaries")

    monkeypatch.setattr(side.answerer, "search", broken)
    async with open_to_anyone(side) as client:
        response = await post(client, "tools/call", name="search", arguments={"query": "leave"})
    assert response.json()["result"]["content"][0]["text"] == "Something went wrong here"
    assert "salaries" not in response.text


async def test_pages_of_other_sites_and_other_names_are_refused(side: AnswerSide) -> None:
    async with open_to_anyone(side) as client:
        assert (await post(client, "tools/list", headers={"Origin": "https://evil.test"})).status_code == 403
        assert (await post(client, "tools/list", headers={"Host": "evil.test"})).status_code == 421
    async with closed(side, await make_key(side, "search")) as client:
        assert (await post(client, "tools/list", headers={"Origin": "https://evil.test"})).status_code == 401


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_no_stream_to_hold_open_and_no_session_to_end(side: AnswerSide, method: str) -> None:
    async with open_to_anyone(side) as client:
        response = await client.request(method, "/mcp", headers=HEAD)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_whatever_is_sent_brings_out_no_error_of_ours(side: AnswerSide) -> None:
    chance = random.Random(4)
    scalars: list[Any] = [
        None,
        True,
        -1,
        10**30,
        "",
        "\x00",
        "half \ud800",
        "tools/call",
        "2.0",
        [],
        {},
        [[[]]],
        "x" * 9000,
    ]
    good = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "a"}},
    }
    async with open_to_anyone(side) as client:
        for number in range(150):
            body = json.loads(json.dumps(good))
            place = chance.choice([body, body["params"], body["params"]["arguments"]])
            place[chance.choice([*place, "_meta", "x"])] = chance.choice(scalars)
            raw = json.dumps(chance.choice([body, [body], chance.choice(scalars)])).encode()
            raw = raw[: None if number % 5 else 30]
            version = {} if number % 2 else {"MCP-Protocol-Version": chance.choice(["2026-07-28", "2025-11-25", "x"])}
            headers = {"Content-Type": "application/json", **HEAD, **version}
            response = await client.post("/mcp", content=raw, headers=headers)
            assert response.status_code < 500, raw
            if response.is_success and response.content:
                assert response.json()["jsonrpc"] == "2.0"


async def test_an_assistant_that_hangs_up_frees_the_model(tmp_path: Path) -> None:
    endless = EndlessModel()
    settings = await asyncio.to_thread(make_settings, tmp_path)
    with served(settings, chat_model=endless) as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            asking = asyncio.create_task(post(client, "tools/call", name="ask", arguments={"question": QUESTION}))
            assert await asyncio.to_thread(endless.started.wait, 10)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert await asyncio.to_thread(endless.stopped.wait, 10)


async def post(
    client: httpx.AsyncClient, method: str, *, headers: dict[str, str] | None = None, **params: Any
) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return await client.post("/mcp", json=body, headers=HEAD | (headers or {}))


async def ask(client: httpx.AsyncClient, method: str, **params: Any) -> Any:
    return (await post(client, method, **params)).json()["result"]


async def test_assistants_are_told_where_tokens_are_to_be_had(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [public_jwk(rsa_key(0), kid="k")]}))
    config = CONFIG + SERVER.format(more="is_authorization_server = true")
    async with opened_side(make_settings(tmp_path, config=config)) as side, closed(side) as client:
        refused = await post(client, "tools/list")
        said = extract_resource_metadata_from_www_auth(as_theirs(refused))
        assert (refused.status_code, said) == (401, f"https://kb.acme.test{WELL_KNOWN}")
        told = ProtectedResourceMetadata.model_validate((await client.get(WELL_KNOWN)).json())
        assert (str(told.resource), [str(each) for each in told.authorization_servers]) == (
            "https://kb.acme.test/mcp",
            ["https://idp.acme.test/team"],
        )
        now = int(time.time())
        claims = {"iss": "https://idp.acme.test/team", "aud": "https://kb.acme.test/mcp", "email": "liam@acme.test"}
        token = jwt.encode(claims | {"nbf": now, "exp": now + 60}, rsa_key(0), algorithm="RS256", headers={"kid": "k"})
        client.headers["Authorization"] = f"Bearer {token}"
        assert {tool["name"] for tool in (await ask(client, "tools/list"))["tools"]} == {"search", "fetch", "ask"}


async def test_without_such_a_place_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [public_jwk(rsa_key(0), kid="k")]}))
    settings = make_settings(tmp_path, config=CONFIG + SERVER.format(more=""))
    async with opened_side(settings) as side, closed(side) as client:
        assert (await post(client, "tools/list")).headers["www-authenticate"] == "Bearer"
        assert (await client.get(WELL_KNOWN)).status_code == 404


def test_a_shared_secret_is_no_authorization_server() -> None:
    with pytest.raises(ValueError, match="https://HOST, and public keys"):
        IssuerTable(
            id="x",
            issuer="https://x.test",
            audience="x",
            algorithm="HS256",
            secret=SecretStr("s" * 32),
            is_authorization_server=True,
        )


def as_theirs(response: httpx.Response) -> httpx2.Response:
    """The same for the SDK, which has another client."""
    return httpx2.Response(response.status_code, headers=list(response.headers.items()))
