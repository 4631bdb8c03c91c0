"""Sync of a fake Confluence over loopback: requests and embeddings of each kind of change, and sections a second.

`--pages N`: how many pages the timed sync has; `--unchanged N`: how many pages the listing of a quiet site has.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest.changes import AccessChanged, Document
from ingest.parsing.link_names import LinkNames
from ingest.parsing.storage_format import parse_storage
from ingest.report import Silent, SyncReport
from ingest.sync import SourceSync
from kb.settings import EmbedderTable, IndexTable, KnowledgeSettings
from kb.wiring import KnowledgeBase, open_knowledge_base
from tests.fakes.confluence import DEPLOYMENTS, SOURCE, TENANT, Deployment, FakeConfluence, running_confluence
from tests.fakes.confluence_wiki import FakeContent, FakeUser, FakeWiki

WORDS = "pump valve siren filter gauge motor depth litre alarm sensor battery cable probe housing bolt".split()


async def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--unchanged", type=int, default=10_000)
    arguments = parser.parse_args()
    console = Console()
    for deployment in DEPLOYMENTS:
        console.print(await _changes(deployment))
    console.print(await _quiet_site(arguments.unchanged))
    console.print(await _whole_sync(arguments.pages))


async def _changes(deployment: Deployment) -> Table:
    """What each kind of change costs on a site of forty pages."""
    wiki = FakeWiki()
    ann, bob = wiki.user("ann"), wiki.user("bob")
    crew = wiki.group("crew", ann, bob)
    space = wiki.space("ENG", crew)
    pages = [wiki.page(space, f"Page {number}", _text(number)) for number in range(40)]
    page, other = pages[5], pages[6]
    steps: dict[str, Callable[[], object]] = {
        "first sync": lambda: None,
        "nothing": lambda: None,
        "edit one part": lambda: wiki.edit(page, page.storage.replace("Part 1", "Edited part 1")),
        "rename": lambda: wiki.rename(page, "Another title"),
        "move": lambda: wiki.move(page, other),
        "restrict": lambda: wiki.restrict(page, ann),
        "unrestrict": lambda: wiki.unrestrict(page),
        "a member leaves a group": lambda: crew.users.remove(bob.key),
        "trash": lambda: wiki.trash(page),
        "restore": lambda: wiki.restore(page),
        "archive": lambda: wiki.archive(page),
        "restore from the archive": lambda: wiki.restore(page),
        "delete": lambda: wiki.purge(page),
    }
    table = Table(
        "change", "requests", "pages read", "chunks embedded", "reused", "removed", title=f"{deployment}: one sync"
    )
    with running_confluence(deployment, wiki) as site, tempfile.TemporaryDirectory() as directory:
        async with open_knowledge_base(_settings(Path(directory), embedder="hashing")) as base:
            for name, change in steps.items():
                change()
                report = await _sync(base, site)
                counts = (report.requests, report.fetched, report.embedded_chunks, report.reused_chunks, report.removed)
                table.add_row(name, *map(str, counts))
    return table


async def _quiet_site(page_count: int) -> Table:
    """Requests for a site where nothing changed."""
    table = Table(
        "deployment", "requests", "pages a request", "documents read", title=f"{page_count:,} unchanged pages"
    )
    for deployment in DEPLOYMENTS:
        wiki, _ = _wiki(page_count)
        with running_confluence(deployment, wiki) as site:
            known: dict[str, str] = {}
            connector = site.connector()
            async for change in connector.changes(None, known={}):
                if isinstance(change, Document):
                    known[change.native_id] = change.version
            before = connector.request_count
            changes = [change async for change in connector.changes(None, known=known)]
            read = sum(isinstance(change, Document | AccessChanged) for change in changes)
            requests = connector.request_count - before
            await connector.close()
        table.add_row(deployment, str(requests), f"{page_count / requests:.0f}", str(read))
    return table


async def _whole_sync(page_count: int) -> Table:
    """Sections a second, and how much of the time is parsing."""
    wiki, pages = _wiki(page_count)
    with running_confluence("cloud", wiki) as site, tempfile.TemporaryDirectory() as directory:
        async with open_knowledge_base(_settings(Path(directory), embedder="sentence_transformers")) as base:
            await base.embedder.embed_query("load the weights")
            report = await _sync(base, site)
    started = time.perf_counter()
    section_count = sum(
        len(parse_storage(page.storage, url="", title=page.title, deployment="cloud", names=LinkNames()).page.sections)
        for page in pages
    )
    parsing = time.perf_counter() - started
    table = Table(
        "", "seconds", "sections/s", "share", title=f"{page_count:,} pages, {section_count:,} sections, cloud"
    )
    table.add_row("whole sync", f"{report.seconds:.1f}", f"{section_count / report.seconds:.0f}", "100 %")
    table.add_row(
        "of which parsing", f"{parsing:.1f}", f"{section_count / parsing:.0f}", f"{parsing / report.seconds:.1%}"
    )
    table.add_row(f"{report.requests} requests, {report.embedded_chunks:,} chunks embedded", "", "", "")
    return table


async def _sync(base: KnowledgeBase, site: FakeConfluence) -> SyncReport:
    connector = site.connector()
    try:
        report = await SourceSync(base, connector, source_id=SOURCE, progress=Silent()).run(is_full=False)
    finally:
        await connector.close()
    if report.reason:
        raise AssertionError(report.reason)
    return report


def _settings(directory: Path, *, embedder: str) -> KnowledgeSettings:
    return KnowledgeSettings(
        tenant=TENANT, data_dir=directory, index=IndexTable(kind="memory"), embedder=EmbedderTable(kind=embedder)
    )


def _wiki(page_count: int) -> tuple[FakeWiki, list[FakeContent]]:
    wiki = FakeWiki()
    readers: list[FakeUser] = [wiki.user(f"user{number}") for number in range(20)]
    space = wiki.space("ENG", wiki.group("everybody", *readers))
    pages: list[FakeContent] = []
    for number in range(page_count):
        above = pages[number // 10] if number else None
        pages.append(wiki.page(space, f"Page {number}", _text(number), below=above))
        if number % 50 == 7:
            wiki.restrict(pages[-1], *readers[:3])
    return wiki, pages


def _text(number: int) -> str:
    """A page of four parts: prose, a list, a table, code and a panel, no two pages alike."""
    parts = []
    for part in range(4):
        words = " ".join(WORDS[(number * 7 + part * 3 + step * (step + number)) % len(WORDS)] for step in range(40))
        rows = "".join(f"<tr><td>{word}</td><td>{number}-{part}</td></tr>" for word in WORDS[part : part + 4])
        extra = {
            0: f"<ul><li>{words[:60]}</li><li>Number {number}</li></ul>",
            1: f"<table><tbody><tr><th>Thing</th><th>Value</th></tr>{rows}</tbody></table>",
            2: '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">python</ac:parameter>'
            f"<ac:plain-text-body><![CDATA[run({number})\nstop({part})]]></ac:plain-text-body></ac:structured-macro>",
            3: '<ac:structured-macro ac:name="info"><ac:rich-text-body>'
            f"<p>Mind the {words[:20]}.</p></ac:rich-text-body></ac:structured-macro>",
        }[part]
        parts.append(f"<h2>Part {part}</h2><p>Page {number}: {words}.</p>{extra}")
    return "".join(parts)


if __name__ == "__main__":
    asyncio.run(main())
