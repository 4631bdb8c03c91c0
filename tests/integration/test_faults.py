"""Damaged logs, deleted segments, old catalogues, vanishing pages, poison: no wrong text is found; a sync mends it."""

from pathlib import Path

import pytest

from bench.faults import run

pytestmark = pytest.mark.integration


async def test_no_fault_makes_a_search_lie_and_the_next_sync_mends_what_was_damaged(tmp_path: Path) -> None:
    outcomes = await run(tmp_path)
    assert {each.fault: (each.wrong, each.unrepaired) for each in outcomes} == {each.fault: (0, 0) for each in outcomes}
