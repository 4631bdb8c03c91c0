"""Real wikis, read whole: no page lost, no line of code lost, every heading reachable, links leading somewhere."""

import asyncio
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.front_matter import front_matter_plugin

from ingest.changes import Failed, Listing, Skipped
from ingest.chunking import chunk_document
from ingest.connectors import folder
from ingest.parsing.hygiene import clean_text
from kb.documents import Document
from kb.embedders.hashing import Config, HashingEmbedder
from tests.factories import SOURCE, TENANT, index_agrees, opened_base, sync_with, watched

pytestmark = pytest.mark.integration

WIKIS = Path(__file__).resolve().parents[3] / "shared" / "data" / "wiki"
NAMES = sorted(path.name for path in WIKIS.iterdir() if path.is_dir()) if WIKIS.is_dir() else []
# Links between their pages that each wiki's own site resolves, less those that its generator makes of templates.
LINKS = {"18f-handbook": 18, "govuk-developer-docs": 260, "helm-docs-v3-de": 160, "helm-docs-v3-en": 160}


def connector_of(name: str) -> folder.FolderConnector:
    return folder.build(folder.Config(path=WIKIS / name, audience=("everyone",)), tenant=TENANT, source_id=SOURCE)


@cache
def changes_of(name: str) -> list[object]:
    async def read() -> list[object]:
        return [change async for change in connector_of(name).changes(None, known={})]

    return asyncio.run(read())


def pages_of(name: str) -> dict[str, Document]:
    return {page.native_id: page for page in changes_of(name) if isinstance(page, Document)}


@pytest.fixture(
    params=NAMES or [pytest.param("", marks=pytest.mark.skip("no ../shared/data/wiki beside this project"))]
)
def wiki(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_file_is_a_document_or_named_with_a_reason(wiki: str) -> None:
    changes = changes_of(wiki)
    (listing,) = [change for change in changes if isinstance(change, Listing)]
    problems = [change for change in changes if isinstance(change, Skipped | Failed)]
    assert [change for change in problems if isinstance(change, Failed)] == []
    assert {change.reason for change in problems} <= {"there is no text in it", "neither Markdown nor HTML"}
    assert set(listing.titles) == set(pages_of(wiki)) | {change.native_id for change in problems}
    assert len(pages_of(wiki)) > 0.95 * len([name for name in listing.titles if name.endswith(".md")])


def test_no_line_of_code_is_lost_or_joined_with_another(wiki: str) -> None:
    parser = MarkdownIt("commonmark").use(front_matter_plugin)
    fences = 0
    for native_id, page in pages_of(wiki).items():
        text = "\n\n".join(section.text for section in page.sections)
        lines = {line.strip("> ") for line in text.split("\n")}
        for token in parser.parse(clean_text((WIKIS / wiki / native_id).read_text(encoding="utf-8"))):
            if token.type != "fence" or not token.content.strip():
                continue
            fences += 1
            if token.level == 0:
                assert token.content.removesuffix("\n") in text, native_id
            else:
                assert {line.strip("> ") for line in token.content.splitlines()} - {""} <= lines, native_id
    assert fences > 10


def test_every_section_has_an_address_of_its_own(wiki: str) -> None:
    urls = Counter(section.url for page in pages_of(wiki).values() for section in page.sections)
    assert [url for url, count in urls.items() if count > 1] == []
    for page in pages_of(wiki).values():
        assert len({section.id for section in page.sections}) == len(page.sections)


def test_links_between_pages_lead_to_documents(wiki: str) -> None:
    ids = {page.id for page in pages_of(wiki).values()} | {
        f"{SOURCE}:{change.native_id}" for change in changes_of(wiki) if isinstance(change, Skipped)
    }
    links = [link for page in pages_of(wiki).values() for link in page.links]
    assert [link for link in links if link not in ids] == []
    assert len(links) >= LINKS.get(wiki, 0)


def test_chunks_stay_in_their_section_and_within_the_limit_and_cover_every_word(wiki: str) -> None:
    embedder = HashingEmbedder(Config(max_tokens=200))
    for page in pages_of(wiki).values():
        chunks = chunk_document(page, embedder)
        assert max(embedder.count_tokens([chunk.embedded_text for chunk in chunks])) <= embedder.max_tokens
        for number, section in enumerate(page.sections):
            own = [chunk for chunk in chunks if chunk.section_ordinal == number]
            assert all(chunk.text in section.text for chunk in own)
            assert "".join("".join(chunk.text.split()) for chunk in own) == "".join(section.text.split())


async def test_a_whole_wiki_is_stored_and_a_second_sync_opens_no_page_and_embeds_nothing(
    wiki: str, tmp_path: Path
) -> None:
    async with opened_base(tmp_path) as base:
        first = await sync_with(base, connector_of(wiki))
        assert (first.indexed, first.complete) == (len(pages_of(wiki)), True)
        assert await index_agrees(base)
        embedded = watched(base).embedded.total()
        second = await sync_with(base, connector_of(wiki))
        assert (second.fetched, watched(base).embedded.total()) == (0, embedded)
