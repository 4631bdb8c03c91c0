"""A backup is one moment's whole truth, made while others write; restored anywhere, nothing is missing or mixed."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.repairing import sweep_index
from ingest.restoring import back_up, restore
from kb.errors import CatalogueTooNew, CatalogueUnavailable, ConfigError
from kb.settings import CatalogueTable, EmbedderTable, IndexTable, KnowledgeSettings
from kb.wiring import open_knowledge_base
from tests.factories import TENANT, index_agrees, listing, make_page, quick_directory, sync, texts_found

pytestmark = pytest.mark.integration
PAGES = [make_page(f"p{number}", f"Pump {number} stops.", f"Alarm {number} sounds.") for number in range(12)]


def made(data_dir: Path) -> KnowledgeSettings:
    return KnowledgeSettings(
        tenant=TENANT,
        data_dir=data_dir,
        index=IndexTable(kind="edge", idle_seconds=0.3),  # type: ignore[call-arg]  # the plugin's own key
        embedder=EmbedderTable(kind="hashing", dimension=64),  # type: ignore[call-arg]  # the plugin's own key
    )


@pytest.fixture
async def home() -> AsyncIterator[Path]:
    with quick_directory() as directory:
        async with open_knowledge_base(made(directory / "data")) as base:
            await sync(base, listing(*PAGES), *PAGES)
        yield directory


async def unused(data_dir: Path) -> None:
    """Until the index's owner has gone."""
    for _ in range(200):
        if not (data_dir / "index" / "owner.sock").exists():
            return
        await asyncio.sleep(0.05)


async def test_a_backup_restored_elsewhere_is_whole_and_needs_neither_model_nor_source(home: Path) -> None:
    assert await back_up(made(home / "data"), home / "b.footnote") == len(PAGES)
    done = await restore(made(home / "other"), home / "b.footnote", may_replace=False)
    assert (done.document_count, done.point_count, done.set_aside) == (len(PAGES), 2 * len(PAGES), None)
    async with open_knowledge_base(made(home / "other")) as base:
        assert await index_agrees(base)
        assert await sweep_index(base) == 0
        assert "Pump 7 stops." in await texts_found(base, "pump 7 stops")


async def test_backups_made_while_a_sync_writes_hold_whole_pages_of_one_edition(home: Path) -> None:
    async with open_knowledge_base(made(home / "data")) as base:

        async def write() -> None:
            for edition in range(2, 8):
                pages = [
                    make_page(page.native_id, f"Edition {edition}.", f"Edition {edition} too.", version=str(edition))
                    for page in PAGES
                ]
                await sync(base, listing(*pages), *pages)

        writing = asyncio.create_task(write())
        count = 0
        while not writing.done():
            await back_up(base.settings, home / f"b{count}")
            count += 1
        await writing
    assert count > 1
    await restore(made(home / "other"), home / f"b{count // 2}", may_replace=False)
    async with open_knowledge_base(made(home / "other")) as base:
        assert await index_agrees(base)
        for page in PAGES:
            texts = [each.text for each in await base.catalogue.documents.all_sections(TENANT, page.id)]
            assert len(texts) == 2
            assert texts[0][:9] == texts[1][:9] or texts[0].startswith("Pump")


async def test_an_older_backup_over_newer_data_leaves_nothing_of_the_newer(home: Path) -> None:
    settings = made(home / "data")
    await back_up(settings, home / "old")
    async with open_knowledge_base(settings) as base:
        changed = make_page("p0", "Pump 0 hums.", version="2")
        await sync(base, listing(*PAGES, "new"), changed, make_page("new", "Pump new."))
    await unused(home / "data")
    done = await restore(settings, home / "old", may_replace=True)
    assert done.set_aside is not None
    assert done.set_aside.exists()
    async with open_knowledge_base(settings) as base:
        assert await index_agrees(base)
        found = await texts_found(base, "pump 0 hums new")
        assert "Pump 0 stops." in found
        assert not {"Pump 0 hums.", "Pump new."} & found


async def test_what_is_stored_is_not_replaced_unasked(home: Path) -> None:
    await back_up(made(home / "data"), home / "b")
    with pytest.raises(ConfigError, match="--replace"):
        await restore(made(home / "data"), home / "b", may_replace=False)


async def test_a_data_directory_in_use_is_left_alone(home: Path) -> None:
    settings = made(home / "data")
    await back_up(settings, home / "b")
    async with open_knowledge_base(settings) as base:
        await base.index.health()
        with pytest.raises(CatalogueUnavailable, match="is in use"):
            await restore(settings, home / "b", may_replace=True)
        assert "Pump 7 stops." in await texts_found(base, "pump 7 stops")


@pytest.mark.parametrize("content", [b"", b"no database", None])
async def test_what_is_no_backup_is_refused_before_anything_is_touched(home: Path, content: bytes | None) -> None:
    settings = made(home / "data")
    file = home / "b"
    await back_up(settings, file)
    whole = await asyncio.to_thread(file.read_bytes)
    await asyncio.to_thread(file.write_bytes, whole[: len(whole) // 2] if content is None else content)
    before = await asyncio.to_thread((home / "data" / "catalogue.db").read_bytes)
    with pytest.raises(ConfigError):
        await restore(settings, file, may_replace=True)
    assert await asyncio.to_thread((home / "data" / "catalogue.db").read_bytes) == before


async def test_a_backup_of_a_newer_version_is_refused(home: Path) -> None:
    await back_up(made(home / "data"), home / "b")
    with closing(sqlite3.connect(home / "b")) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogueTooNew):
        await restore(made(home / "other"), home / "b", may_replace=False)


async def test_a_catalogue_on_a_server_has_means_of_its_own(tmp_path: Path) -> None:
    table = CatalogueTable(url="postgresql+psycopg://me:hush@127.0.0.1/footnote")  # type: ignore[arg-type]  # a secret
    settings = made(tmp_path).model_copy(update={"catalogue": table})
    with pytest.raises(ConfigError, match="pg_dump"):
        await back_up(settings, tmp_path / "b")
