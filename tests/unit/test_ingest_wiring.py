"""From settings to a sync: what is refused before anything is read, and what an opened knowledge base must match."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from ingest.leasing import SourceLease
from ingest.settings import connector_config
from ingest.wiring import sync_sources
from kb.errors import CatalogueTooNew, ConfigError, IndexMismatch
from kb.settings import EmbedderTable, IndexTable, SourceTable
from tests.factories import TENANT, opened_base
from tests.folders import Pages


def folder_source(source_id: str, path: Path, **others: object) -> SourceTable:
    values = {"id": source_id, "kind": "folder", "path": str(path), "audience": ("everyone",)}
    return SourceTable(**(values | others))  # type: ignore[arg-type]  # the connector's own keys


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    made = Pages(tmp_path / "wiki")
    made.write("a.md", "text")
    return made


async def test_all_sources_are_synced_one_after_the_other(pages: Pages, tmp_path: Path) -> None:
    sources = (folder_source("one", pages.path), folder_source("two", pages.path))
    async with opened_base(tmp_path / "data", sources=sources) as base:
        reports = await sync_sources(base)
    assert [(report.source_id, report.indexed, report.reason) for report in reports] == [
        ("one", 1, None),
        ("two", 1, None),
    ]


async def test_a_source_that_another_process_syncs_is_reported_and_the_others_go_on(
    pages: Pages, tmp_path: Path
) -> None:
    sources = (folder_source("one", pages.path), folder_source("two", pages.path))
    async with (
        opened_base(tmp_path / "data", sources=sources) as base,
        SourceLease(base.catalogue, tenant=TENANT, source_id="one", run_id="other"),
    ):
        first, second = await sync_sources(base)
    assert first.reason is not None
    assert "one is being synced by another process" in first.reason
    assert (second.indexed, second.reason) == (1, None)


async def test_a_source_that_cannot_be_opened_is_reported_and_the_others_go_on(pages: Pages, tmp_path: Path) -> None:
    sources = (folder_source("one", tmp_path / "nowhere"), folder_source("two", pages.path))
    async with opened_base(tmp_path / "data", sources=sources) as base:
        first, second = await sync_sources(base)
    assert first.reason is not None
    assert "cannot open the folder" in first.reason
    assert second.indexed == 1


@pytest.mark.parametrize(
    ("sources", "wanted", "message"),
    [
        ((), (), r"names no source: add a \[\[sources\]\] table"),
        (("wiki",), ("wikki",), "no source 'wikki'; the configuration has wiki"),
    ],
)
async def test_a_source_that_is_not_configured_is_a_mistake_with_a_hint(
    pages: Pages, tmp_path: Path, sources: tuple[str, ...], wanted: tuple[str, ...], message: str
) -> None:
    tables = tuple(folder_source(name, pages.path) for name in sources)
    async with opened_base(tmp_path / "data", sources=tables) as base:
        with pytest.raises(ConfigError, match=message):
            await sync_sources(base, source_ids=wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "wikki"}, "no 'wikki' among the connectors; choose one of .*folder"),
        ({"paht": "x"}, r"\[\[sources\]\] two: unknown key 'paht'; known keys: audience, base_url, .*path"),
        ({"audience": None}, "a folder does not say who may read it: set audience"),
        ({"max_bytes": 0}, "'max_bytes' is not valid"),
    ],
)
async def test_a_mistake_in_one_source_stops_the_sync_before_any_is_read(
    pages: Pages, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    sources = (folder_source("one", pages.path), folder_source("two", pages.path, **change))
    async with opened_base(tmp_path / "data", sources=sources) as base:
        with pytest.raises(ConfigError, match=message):
            await sync_sources(base)
        assert await base.catalogue.documents.versions(TENANT, "one") == {}


def test_an_audience_that_a_connector_would_ignore_is_refused() -> None:
    class Config(BaseModel):
        model_config = ConfigDict(extra="forbid")

    source = SourceTable(id="wiki", kind="asking", audience=("ann@a.example",))
    with pytest.raises(ConfigError, match="says itself who may read"):
        connector_config(source, SimpleNamespace(Config=Config))  # type: ignore[arg-type]  # all that is read of it


async def test_an_index_is_opened_with_the_embedder_that_built_it_whatever_the_settings_name(
    pages: Pages, tmp_path: Path
) -> None:
    sources = (folder_source("one", pages.path),)
    async with opened_base(tmp_path / "data", sources=sources) as base:
        await sync_sources(base)
    other = EmbedderTable(kind="hashing", dimension=32)  # type: ignore[call-arg]  # the plugin's own key
    async with opened_base(tmp_path / "data", sources=sources, embedder=other) as base:
        assert (base.generation.id, base.embedder.dimension) == (1, 64)
        (report,) = await sync_sources(base)
    assert (report.indexed, report.embedded_chunks) == (1, 0)


async def test_an_index_whose_embedder_is_gone_is_refused_with_what_to_do(pages: Pages, tmp_path: Path) -> None:
    async with opened_base(tmp_path / "data") as base, base.catalogue._database.write() as connection:
        await connection.execute(text("UPDATE generations SET embedder_identity = 'gone', embedder_name = 'old'"))
    with pytest.raises(IndexMismatch, match=r"built with the embedder old, which is not here.*footnote reindex"):
        await opened_base(tmp_path / "data").__aenter__()


async def test_a_data_directory_of_a_newer_version_is_refused_and_stays_as_it_is(pages: Pages, tmp_path: Path) -> None:
    sources = (folder_source("one", pages.path),)
    async with opened_base(tmp_path / "data", sources=sources) as base:
        await sync_sources(base)
    catalogue = tmp_path / "data" / "catalogue.db"
    await stamp(catalogue, "9999")
    before = await asyncio.to_thread(catalogue.read_bytes)
    with pytest.raises(CatalogueTooNew, match=r"was written by a newer Footnote .*; upgrade Footnote"):
        await opened_base(tmp_path / "data", sources=sources).__aenter__()
    assert await asyncio.to_thread(catalogue.read_bytes) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": IndexTable(kind="edgy")}, "no 'edgy' among the index; choose one of edge, memory, server"),
        ({"embedder": EmbedderTable(kind="bert")}, "no 'bert' among the embedders; choose one of"),
        (
            {"embedder": EmbedderTable(kind="hashing", size=3)},
            r"\[embedder\]: unknown key 'size'; known keys: dimension",
        ),  # type: ignore[call-arg]
    ],
)
async def test_an_unknown_plugin_or_key_is_refused_with_the_choices(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        await opened_base(tmp_path / "data", **change).__aenter__()


async def stamp(catalogue: Path, revision: str) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{catalogue}")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    await engine.dispose()
