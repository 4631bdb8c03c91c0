"""What every promise is tried on: catalogues (SQLite, and PostgreSQL where there is a server) and all indexes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kb.catalogue import Catalogue
from kb.index.base import Index
from tests.contract.catalogues import fresh_database, missing_for_postgresql, running_postgresql
from tests.contract.indexes import build_index, build_index_on_real_server, empty
from tests.factories import opened_base
from tests.fakes.confluence import DEPLOYMENTS, SyncedWiki, running_confluence


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    if reason := missing_for_postgresql():
        pytest.skip(reason)
    with running_postgresql() as address:
        yield address


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that nobody has used yet."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'catalogue.db'}"
        return
    with fresh_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
async def catalogue(catalogue_url: str) -> AsyncIterator[Catalogue]:
    async with await Catalogue.open(catalogue_url) as opened:
        yield opened


@pytest.fixture
async def second(catalogue: Catalogue, catalogue_url: str) -> AsyncIterator[Catalogue]:
    """Another process's view of the same database."""
    async with await Catalogue.open(catalogue_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory, and so one owner process and one shard, for all tests of the edge index."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
async def edge_index(shared_data_dir: Path) -> AsyncIterator[Index]:
    """An empty edge index. Emptying it is quicker than another shard."""
    index = build_index("edge", shared_data_dir, generation=1)
    yield index
    await empty(index)
    await index.close()


@pytest.fixture(params=["memory", "edge", "server", pytest.param("qdrant", marks=pytest.mark.integration)])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    """An empty index of each kind; `qdrant` is a real server, where FOOTNOTE_TEST_QDRANT_URL names one."""
    match request.param:
        case "edge":
            # Not made for the other kinds, which need no process.
            opened = build_index("edge", request.getfixturevalue("shared_data_dir"), generation=1)
        case "qdrant":
            opened = build_index_on_real_server()
        case kind:
            opened = build_index(kind, tmp_path, generation=1)
    yield opened
    await empty(opened)
    await opened.close()


@pytest.fixture(params=DEPLOYMENTS)
async def wiki(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SyncedWiki]:
    """A Confluence site of each kind, and the knowledge base that is synced from it."""
    with running_confluence(request.param) as site:
        async with opened_base(tmp_path) as base:
            yield SyncedWiki(site, base)
