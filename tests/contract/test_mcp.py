"""MCP as assistants use it: the official client over real HTTP in both eras of the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("mcp", reason="needs the extra `mcp`")

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from app.channels.mcp_tools import FETCH_CHARACTERS, PAGES, SNIPPET_CHARACTERS, fetched_page
from kb.catalogue.records import StoredSection
from tests.fakes import answer_sides
from tests.fakes.answer_sides import OWNER, QUESTION, make_key, make_settings
from tests.fakes.web_sides import Served, served

ERAS = ("legacy", "2026-07-28")
LONG = "# Manual\n\n" + "".join(f"## Part {number}\n\n{'word ' * 1500}\n\n" for number in range(20))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = make_settings(tmp_path_factory.mktemp("wiki"), pages={**answer_sides.PAGES, "manual.md": LONG})
    with served(settings) as running:
        yield running


@asynccontextmanager
async def connected(
    server: Served, *, era: str = "auto", headers: dict[str, str] | None = None
) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=headers or {}) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=era) as client,
    ):
        yield client


def said(result: Any) -> str:
    return " ".join(part.text for part in result.content)


@pytest.mark.parametrize("era", ERAS)
async def test_an_assistant_finds_three_tools_that_change_nothing(server: Served, era: str) -> None:
    async with connected(server, era=era) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == ["search", "fetch", "ask"]
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.output_schema
        assert len(tool.input_schema["required"]) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_found_can_be_fetched_and_has_an_address(server: Served, era: str) -> None:
    async with connected(server, era=era) as client:
        found = await client.call_tool("search", {"query": "annual leave carried over"})
        first = found.structured_content["results"][0]
        page = (await client.call_tool("fetch", {"id": first["id"]})).structured_content
    assert json.loads(said(found)) == found.structured_content, "clients that know no structure read the same"
    assert first["title"] == page["title"] == "Annual leave"
    assert "Everyone gets 26 days" in first["text"]
    assert "31 March" in page["text"]
    assert page["metadata"]["source"] == "docs"
    for url in (first["url"], page["url"]):
        assert url.startswith(f"{server.url}/documents/docs:leave.md#")


@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_has_its_citations_and_is_kept(server: Served, era: str) -> None:
    async with connected(server, era=era) as client:
        answer = (await client.call_tool("ask", {"question": QUESTION})).structured_content
    assert answer["status"] == "answered"
    assert answer["text"].endswith("[1]")
    assert "26 days" in answer["citations"][0]["quote"]
    async with httpx.AsyncClient(base_url=server.url) as client:
        kept = (await client.get(f"/api/v1/answers/{answer['answer_id']}")).json()
    assert (kept["channel"], kept["question"]) == ("mcp", QUESTION)


async def test_a_page_is_one_result_however_many_of_its_sections_were_found(server: Served) -> None:
    async with connected(server) as client:
        results = (await client.call_tool("search", {"query": "manual part word"})).structured_content["results"]
    assert len({result["id"] for result in results}) == len(results) <= PAGES
    assert all(len(result["text"]) <= SNIPPET_CHARACTERS for result in results)


async def test_a_long_page_is_read_in_parts_to_its_end(server: Served) -> None:
    parts: list[str] = []
    wanted: str | None = "docs:manual.md"
    async with connected(server) as client:
        while wanted:
            page = (await client.call_tool("fetch", {"id": wanted})).structured_content
            assert page["id"] == "docs:manual.md"
            parts.append(page["text"])
            wanted = page["metadata"].get("continues_at")
    assert len(parts) > 2
    assert max(map(len, parts)) <= FETCH_CHARACTERS * 1.1
    assert "\n\n".join(parts).count("## Part ") == 20


def test_a_section_longer_than_all_that_fits_ends_with_a_mark() -> None:
    section = StoredSection(
        document_id="d",
        revision=1,
        ordinal=0,
        section_id="s",
        title="T",
        heading_path=(),
        anchor="",
        url="/documents/d",
        text="x" * (FETCH_CHARACTERS + 5),
        source_id="docs",
        space="",
        labels=(),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        status="current",
        superseded_by=None,
        audience_id=1,
    )
    page = fetched_page("d", [section, replace(section, ordinal=1, text="end")], link_base="http://x")
    assert page.text.endswith(" …")
    assert page.metadata["continues_at"] == "d#1"


@pytest.mark.parametrize(
    "wanted", ["docs:pay.md", "docs:pay.md#1", "docs:nope.md", "docs:leave.md#999", "#", "#1", "%"]
)
async def test_missing_and_forbidden_pages_are_refused_in_the_same_words(server: Served, wanted: str) -> None:
    async with connected(server) as client:
        result = await client.call_tool("fetch", {"id": wanted})
    assert result.is_error
    assert said(result) == "no such page: use an id that search gave"


async def test_the_key_decides_what_is_seen(tmp_path: Path) -> None:
    settings = await asyncio.to_thread(make_settings, tmp_path)
    with served(settings) as server:
        keys = {
            email: server.run(lambda side, email=email: make_key(side, "ask", "search", email=email))
            for email in (OWNER, "liam@acme.test")
        }
        seen: dict[str, tuple[bool, bool, bool]] = {}
        for email, key in keys.items():
            async with connected(server, headers=key) as client:
                found = said(await client.call_tool("search", {"query": "salary bands level four"}))
                fetched = said(await client.call_tool("fetch", {"id": "docs:pay.md"}))
                asked = said(await client.call_tool("ask", {"question": "How much does level four pay?"}))
            seen[email] = ("84000" in found, "84000" in fetched, "84000" in asked)
    assert seen == {OWNER: (True, True, True), "liam@acme.test": (False, False, False)}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("search", {}, "query: Field required"),
        ("search", {"query": 5}, "query: "),
        ("search", {"query": "leave", "tenant": "globex"}, "tenant: "),
        ("search", {"query": ""}, "the question is empty"),
        ("ask", {"question": "x" * 9000}, "the most is 8,192"),
        ("fetch", {"id": None}, "id: "),
    ],
)
async def test_what_is_wrong_with_arguments_is_said_to_the_model(
    server: Served, name: str, arguments: dict[str, Any], words: str
) -> None:
    async with connected(server) as client:
        result = await client.call_tool(name, arguments)
    assert result.is_error
    assert words in said(result)


async def test_an_unknown_tool_is_a_protocol_error(server: Served) -> None:
    async with connected(server) as client:
        with pytest.raises(MCPError, match="there is no such tool"):
            await client.call_tool("delete_everything", {})
