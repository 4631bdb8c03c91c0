"""kill -9 at named steps of a sync: nothing is lost, half or mixed, and the next sync brings everything up to date."""

import asyncio
import sys

import pytest

from bench.failpoints import failpoints

pytestmark = pytest.mark.integration
STEPS = (
    "catalogue.documents.commit_revisions",
    "catalogue.documents.tombstone",
    "index.upsert_revision",
    "index.flush",
)


@pytest.mark.parametrize("step", STEPS)
async def test_a_sync_killed_before_or_after_a_step_loses_tears_and_mixes_nothing(step: str) -> None:
    # In a process of its own: it forks, and the tests' process has threads.
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.failpoints", "--times", "2", "--step", step),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(bench.communicate(), 240)
    assert bench.returncode == 0, said.decode()


def test_every_step_that_is_tried_exists() -> None:
    assert set(STEPS) <= set(failpoints())
