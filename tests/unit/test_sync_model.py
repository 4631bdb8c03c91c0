"""Whatever happens to a folder between syncs: what is stored is what it holds, and nothing is embedded twice."""

import asyncio
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from kb.documents import fingerprint_of
from kb.wiring import KnowledgeBase
from tests.factories import TENANT, index_agrees, opened_base, quick_directory, sync_with, watched
from tests.folders import Pages

NAMES = st.sampled_from(["a.md", "b.md", "c.markdown", "x/a.md", "x/y/d.md", "logo.png"])
TEXTS = st.sampled_from(
    ["", "Plain words.", "# T\n\nWords.", "## A\n\nSame.\n\n## B\n\nOld.", "## A\n\nSame.\n\n## B\n\nNew text."]
)
WRITE = st.tuples(st.just("write"), NAMES, TEXTS)
SPOIL = st.tuples(st.just("spoil"), NAMES, st.just(""))
DELETE = st.tuples(st.just("delete"), NAMES, st.just(""))
RUNS = st.lists(st.lists(st.one_of(WRITE, WRITE, DELETE, SPOIL), max_size=6), min_size=1, max_size=5)


class Model:
    """What the folder holds, and what a reader should find."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._files: dict[str, str | None] = {}
        self.readable: dict[str, str] = {}

    def change(self, what: str, name: str, text: str) -> None:
        if what == "delete":
            (self._pages.path / name).unlink(missing_ok=True)
            self._files.pop(name, None)
        else:
            self._files[name] = text if what == "write" else None
            self._pages.write(name, text if what == "write" else b"\x00")

    def settle(self) -> None:
        """A sync has looked: spoiled files keep the page they were, empty ones and images are none."""
        pages = {name: text for name, text in self._files.items() if not name.endswith(".png")}
        kept = {name: self.readable[name] for name, text in pages.items() if text is None and name in self.readable}
        self.readable = {name: text for name, text in pages.items() if text} | kept

    @property
    def listed(self) -> set[str]:
        return set(self._files)


@given(runs=RUNS)
@settings(max_examples=10, derandomize=True, deadline=None)
def test_after_every_sync_what_is_stored_is_what_the_folder_holds(runs: list[list[tuple[str, str, str]]]) -> None:
    asyncio.run(follow(runs))


async def follow(runs: list[list[tuple[str, str, str]]]) -> None:
    with quick_directory() as directory:
        pages = Pages(directory / "wiki")
        model = Model(pages)
        async with opened_base(directory / "data") as base:
            for changes in runs:
                for change in changes:
                    model.change(*change)
                report = await sync_with(base, pages.connector())
                model.settle()
                assert report.reason is None
                assert await stored(base) == {name: words(text) for name, text in model.readable.items()}
                assert report.listed == len(model.listed)
                assert model.listed - model.readable.keys() <= {each.document_id[5:] for each in report.missing}
                assert await index_agrees(base)
                await nothing_left_to_do(base, pages)


async def stored(base: KnowledgeBase) -> Mapping[str, str]:
    """Native id → all words of the page."""
    return {
        document_id.removeprefix("wiki:"): " ".join(
            section.text for section in await base.catalogue.documents.all_sections(TENANT, document_id)
        )
        for document_id in await base.catalogue.documents.live_revisions(TENANT)
    }


async def nothing_left_to_do(base: KnowledgeBase, pages: Pages) -> None:
    embedded = watched(base).embedded.total()
    before = fingerprint_of(sorted((await base.catalogue.documents.live_revisions(TENANT)).items()))
    report = await sync_with(base, pages.connector())
    assert (report.fetched, report.removed, watched(base).embedded.total()) == (0, 0, embedded)
    assert fingerprint_of(sorted((await base.catalogue.documents.live_revisions(TENANT)).items())) == before


def words(text: str) -> str:
    """What is left of a page without its headings."""
    return " ".join(part for part in text.split("\n\n") if not part.startswith("#"))
