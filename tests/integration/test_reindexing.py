"""Another embedder: its index is built beside the live one, goes on where it was killed, and takes over whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.answering.types import Question, SearchScope
from app.current import CurrentSide
from app.settings import AnsweringTable, ChatModelTable, Settings
from app.wiring import open_answer_side
from ingest.reindexing import drop_retired, reindex, roll_back
from ingest.repairing import build_documents
from kb.access import Audience, Principal
from kb.catalogue import Catalogue
from kb.errors import ConfigError, IndexUnavailable
from kb.settings import EmbedderTable, IndexTable
from kb.wiring import KnowledgeBase, build_embedder, create_generation, open_generation, open_knowledge_base
from tests.factories import TENANT, index_agrees, listing, make_page, quick_directory, search, sync, texts_found

pytestmark = pytest.mark.integration
PAGES = [make_page(f"p{number}", f"Pump {number} stops.", f"Alarm {number} sounds.") for number in range(6)]
ANYONE = Principal(tenant=TENANT, email=None)


def made(data_dir: Path, *, dimension: int) -> Settings:
    return Settings(
        tenant=TENANT,
        data_dir=data_dir,
        index=IndexTable(kind="edge", idle_seconds=3),  # type: ignore[call-arg]  # the plugin's own key
        embedder=EmbedderTable(kind="hashing", dimension=dimension),  # type: ignore[call-arg]  # the plugin's own key
        chat_model=ChatModelTable(kind="scripted"),
        answering=AnsweringTable(mode="strict"),
    )


class Place:
    """A synced knowledge base, and settings that name the embedder it was built with, and another."""

    def __init__(self, data_dir: Path) -> None:
        self.before, self.after = made(data_dir, dimension=64), made(data_dir, dimension=96)
        self.index_dir = data_dir / "index"

    @asynccontextmanager
    async def catalogue(self) -> AsyncIterator[Catalogue]:
        async with await Catalogue.open(self.before.catalogue_url) as opened:
            yield opened

    async def reindex(self) -> int:
        async with self.catalogue() as catalogue:
            return (await reindex(self.after, catalogue)).built_count

    async def sync(self, *pages: Any) -> None:
        async with open_knowledge_base(self.after) as base:
            report = await sync(base, listing(*PAGES), *pages)
            assert report.reason is None

    async def live(self) -> int:
        async with self.catalogue() as catalogue:
            generation = await catalogue.generations.live(TENANT)
            assert generation is not None
            return generation.id

    async def found(self, query: str) -> set[str]:
        async with open_knowledge_base(self.after) as base:
            assert await index_agrees(base)
            return await texts_found(base, query)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    with quick_directory() as directory:
        made_place = Place(directory / "data")
        async with open_knowledge_base(made_place.before) as base:
            await sync(base, listing(*PAGES), *PAGES)
        yield made_place


@asynccontextmanager
async def next_generation(place: Place) -> AsyncIterator[KnowledgeBase]:
    """What `footnote reindex` builds into."""
    async with place.catalogue() as catalogue:
        generation = await create_generation(catalogue, build_embedder(place.after), place.after)
        async with open_generation(place.after, catalogue, generation) as base:
            yield base


async def test_until_it_is_built_questions_and_syncs_use_the_embedder_of_the_live_index(place: Place) -> None:
    async with open_knowledge_base(place.after) as base:
        assert (base.generation.id, base.embedder.dimension) == (1, 64)
    await place.sync(make_page("p0", "Pump 0 hums.", version="2"))
    assert "Pump 0 hums." in await place.found("pump hums")


async def test_it_builds_every_document_and_takes_over(place: Place) -> None:
    assert await place.reindex() == len(PAGES)
    assert await place.live() == 2
    assert "Pump 3 stops." in await place.found("pump 3 stops")
    async with open_knowledge_base(place.after) as base:
        assert base.embedder.dimension == 96
        report = await sync(base, listing(*PAGES), *PAGES, is_full=True)
    assert (report.embedded_chunks, report.repaired) == (0, 0)


async def test_a_second_time_there_is_nothing_to_do(place: Place) -> None:
    await place.reindex()
    assert await place.reindex() == 0


async def test_it_goes_on_where_it_was_killed(place: Place) -> None:
    async with next_generation(place) as base:
        assert await build_documents(base, [PAGES[0].id, PAGES[1].id]) == 2
    assert await place.reindex() == len(PAGES) - 2


@pytest.mark.parametrize(
    "change",
    [
        make_page("p0", "Pump 0 hums.", version="2"),
        replace(PAGES[0], version="2", audience=Audience.of(["ann@a.example"])),
        replace(PAGES[0], version="2", updated_at=datetime(2026, 5, 1, tzinfo=UTC)),
        replace(PAGES[0], version="2", title="Renamed"),
    ],
    ids=["text", "audience", "time", "title"],
)
async def test_what_changes_while_it_is_built_is_built_once_more_before_the_switch(place: Place, change: Any) -> None:
    async with next_generation(place) as base:
        await build_documents(base, [page.id for page in PAGES])
        await place.sync(change)
        assert not await base.catalogue.generations.switch(TENANT, to=base.generation.id)
    assert await place.reindex() == 1
    async with open_knowledge_base(place.after) as base:
        stored = await base.catalogue.documents.get(TENANT, PAGES[0].id)
        current = await base.catalogue.builds.current(TENANT, 2)
        assert stored is not None
        assert current[PAGES[0].id].revision == stored.live_revision


async def test_a_sync_that_began_before_the_switch_commits_nothing_after_it(place: Place) -> None:
    change = make_page("p0", "Pump 0 hums.", version="2")
    async with open_knowledge_base(place.before) as base:
        await place.reindex()
        with pytest.raises(IndexUnavailable, match="another generation"):
            await sync(base, listing(*PAGES), change)
    assert "Pump 0 stops." in await place.found("pump 0 stops")
    await place.sync(change)
    assert "Pump 0 hums." in await place.found("pump 0 hums")


async def test_the_way_back_takes_along_what_changed_since(place: Place) -> None:
    await place.reindex()
    await place.sync(make_page("p0", "Pump 0 hums.", version="2"))
    async with place.catalogue() as catalogue:
        assert (await roll_back(place.after, catalogue)).built_count == 1
    assert await place.live() == 1
    assert {"Pump 0 hums.", "Pump 1 stops."} <= await place.found("pump hums stops")


async def test_without_an_earlier_index_there_is_no_way_back(place: Place) -> None:
    async with place.catalogue() as catalogue:
        with pytest.raises(ConfigError, match="no earlier generation"):
            await roll_back(place.after, catalogue)


async def test_the_old_index_is_kept_for_a_day_and_then_dropped(place: Place) -> None:
    await place.reindex()
    later = datetime.now(UTC) + timedelta(hours=25)
    async with place.catalogue() as catalogue:
        assert await drop_retired(place.after, catalogue) == 0
        assert (place.index_dir / "gen-0001").exists()
        assert await drop_retired(place.after, catalogue, now=lambda: later) == 1
        assert not (place.index_dir / "gen-0001").exists()
        assert await catalogue.generations.others(TENANT) == []
    assert "Pump 3 stops." in await place.found("pump 3 stops")


async def test_a_running_server_answers_every_question_from_one_generation_and_takes_over_the_new_one(
    place: Place,
) -> None:
    async with open_answer_side(place.before) as side:
        following = asyncio.create_task(CurrentSide(side).follow())
        reindexing = asyncio.create_task(place.reindex())
        answers = 0
        while side.knowledge_base.generation.id == 1:
            answer = await side.answerer.answer(Question(text="Which pump 3 stops?"), ANYONE)
            found = await side.answerer.search("pump 3 stops", ANYONE, scope=SearchScope(), count=3)
            assert answer.status != "unavailable"
            assert found[0].text == "Pump 3 stops."
            answers += 1
        assert await reindexing == len(PAGES)
        assert (await side.answerer.search("pump 3 stops", ANYONE, scope=SearchScope(), count=3))[0].text
        assert side.knowledge_base.embedder.dimension == 96
        assert answers > 0
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert (await search_of(place, "pump 3 stops"))[0].text == "Pump 3 stops."


async def search_of(place: Place, query: str) -> list[Any]:
    async with open_knowledge_base(place.after) as base:
        return list(await search(base, query))
