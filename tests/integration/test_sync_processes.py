"""Syncs as processes of their own, on the real index: two at once, killed, interrupted, searched meanwhile."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bench.crash import run_rounds
from ingest.leasing import SourceLease
from ingest.wiring import sync_sources
from kb.catalogue import Catalogue
from kb.settings import KnowledgeSettings, load_settings
from kb.wiring import open_knowledge_base
from tests.folders import Pages

pytestmark = pytest.mark.integration

CONFIG = """
[index]
kind = "edge"
idle_seconds = 1
[embedder]
kind = "hashing"
[[sources]]
id = "wiki"
kind = "folder"
path = "wiki"
audience = ["everyone"]
"""
PAGE_COUNT = 60


class Place:
    """A folder of pages, a config file, and the command on it."""

    def __init__(self, directory: Path) -> None:
        self.pages = Pages(directory / "wiki")
        self.config = directory / "footnote.toml"
        self.config.write_text(CONFIG)

    @property
    def settings(self) -> KnowledgeSettings:
        return load_settings(KnowledgeSettings, self.config)

    async def start_sync(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "--config", str(self.config), "sync",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def sync(self) -> tuple[int | None, str]:
        """Exit code, and everything said."""
        process = await self.start_sync()
        said, complained = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, (said + complained).decode()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for number in range(PAGE_COUNT):
        made.pages.write(f"p{number}.md", f"# Page {number}\n\n" + f"Some words about pump {number}. " * 40)
    return made


async def test_a_sync_ends_with_its_report_and_a_second_one_embeds_nothing(place: Place) -> None:
    code, said = await place.sync()
    assert (code, f"wiki: {PAGE_COUNT} listed, {PAGE_COUNT} indexed, 0 skipped, 0 quarantined" in said) == (0, True)
    code, said = await place.sync()
    assert (code, "0 read, 0 chunks embedded" in said) == (0, True)


async def test_a_second_sync_of_one_source_is_refused_with_a_line_that_names_the_first(place: Place) -> None:
    async with (
        await Catalogue.open(place.settings.catalogue_url) as catalogue,
        SourceLease(catalogue, tenant="default", source_id="wiki", run_id="first"),
    ):
        code, said = await place.sync()
    assert code == 1
    assert "wiki is being synced by another process (process " in said
    assert "wait for it to finish" in said


async def test_of_two_syncs_started_together_one_works_and_nothing_is_stored_twice(place: Place) -> None:
    outcomes = await asyncio.gather(place.sync(), place.sync())
    assert 0 in {code for code, _ in outcomes}
    async with open_knowledge_base(place.settings) as base:
        (report,) = await sync_sources(base)
        held = await base.index.counts(tenant="default")
        live = await base.catalogue.documents.live_revisions("default")
    assert (report.indexed, report.repaired) == (PAGE_COUNT, 0)
    assert dict(held) == {(document, revision): count for document, (revision, count) in live.items()}


async def test_an_interrupted_sync_says_so_and_the_next_embeds_only_what_is_missing(place: Place) -> None:
    process = await place.start_sync()
    assert process.stderr is not None
    await asyncio.wait_for(process.stderr.readline(), 60)  # "syncing wiki"
    process.send_signal(signal.SIGINT)
    _, complained = await asyncio.wait_for(process.communicate(), 60)
    async with await Catalogue.open(place.settings.catalogue_url) as catalogue:
        chunks_before = sum(count for _, count in (await catalogue.documents.live_revisions("default")).values())
    async with open_knowledge_base(place.settings) as base:
        (report,) = await sync_sources(base)
    assert process.returncode == 130
    assert complained.decode().endswith("footnote: stopped; nothing that was finished is lost\n")
    assert (report.indexed, report.reason) == (PAGE_COUNT, None)
    total = await chunk_count(place)
    assert report.embedded_chunks == total - chunks_before


async def test_a_sync_killed_at_random_moments_loses_nothing_and_shows_no_half_page(tmp_path: Path) -> None:
    findings = await run_rounds(tmp_path, rounds=4, seed=3)
    assert findings.searches > 0
    assert (findings.half_pages, findings.mixed_revisions, findings.lost) == (0, 0, 0)


async def test_a_page_with_many_thousand_chunks_is_stored_whole(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.pages.write("long.md", "\n\n".join(f"## Part {number}\n\nWords about {number}." for number in range(12_000)))
    code, said = await place.sync()
    assert (code, "1 indexed" in said) == (0, True)
    assert await chunk_count(place) == 12_000


async def chunk_count(place: Place) -> int:
    async with await Catalogue.open(place.settings.catalogue_url) as catalogue:
        return sum(count for _, count in (await catalogue.documents.live_revisions("default")).values())
