"""What unit tests share: an empty knowledge base, opened."""

from collections.abc import AsyncIterator

import pytest

from kb.wiring import KnowledgeBase
from tests.factories import opened_base, quick_directory


@pytest.fixture
async def base() -> AsyncIterator[KnowledgeBase]:
    with quick_directory() as directory:
        async with opened_base(directory) as opened:
            yield opened
