"""The catalogues that every promise is tried on: SQLite in a file, and PostgreSQL where there is a server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kb.catalogue import Catalogue
from tests.contract.catalogues import fresh_database, missing_for_postgresql, running_postgresql


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
