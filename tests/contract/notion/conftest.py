"""A Notion workspace for each test, and the knowledge base that is synced from it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.contract.notion.synced import SyncedNotion
from tests.factories import opened_base
from tests.fakes.notion import FakeNotion, NotionHost, notion_hosted


@pytest.fixture(scope="session")
def notion_host() -> Iterator[NotionHost]:
    """One server for all of them."""
    with notion_hosted() as host:
        yield host


@pytest.fixture
def notion(notion_host: NotionHost) -> FakeNotion:
    """An empty workspace."""
    return notion_host.fresh()


@pytest.fixture
async def synced(notion: FakeNotion, tmp_path: Path) -> AsyncIterator[SyncedNotion]:
    """The workspace and a knowledge base."""
    async with opened_base(tmp_path) as base:
        yield SyncedNotion(notion, base)
