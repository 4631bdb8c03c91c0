"""What unit tests share: an empty knowledge base, opened."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kb.wiring import KnowledgeBase
from tests.factories import opened_base


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with opened_base(tmp_path) as opened:
        yield opened
