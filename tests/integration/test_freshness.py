"""What a source took away or closed is seen by nobody after one poll; the figures are in `bench.freshness`."""

from pathlib import Path

import pytest

from bench.freshness import measure

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("is_hinted", [False, True], ids=["no hint", "webhook"])
@pytest.mark.parametrize("kind", ["deleted", "closed"])
async def test_what_is_gone_or_closed_at_its_source_is_seen_so(tmp_path: Path, kind: str, is_hinted: bool) -> None:
    polls = await measure(tmp_path, kind=kind, is_hinted=is_hinted, times=2, interval=1)
    assert len(polls) == 2
