"""Owner processes to try promises on: clients of one, and ways to see it live and end."""

import asyncio
import os
import select
import sys
from pathlib import Path

from kb.index import edge
from kb.index.base import Index
from tests.contract.indexes import DIMENSION

SECONDS = 60.0


def open_edge(data_dir: Path, *, generation: int = 1, idle_seconds: float = 5, **config: float) -> Index:
    """A client of the data directory's owner, which leaves soon after the test."""
    settings = edge.Config(idle_seconds=idle_seconds, **config)
    return edge.build(settings, data_dir=data_dir, generation=generation, dimension=DIMENSION)


async def owner_of(index: Index) -> int:
    """The owner's process id."""
    health = await index.health()
    assert health.is_ready, health.detail
    return int(health.detail.rpartition(" ")[2])


async def has_ended(pid: int) -> bool:
    """Wait for a process that is not our child; False if it lives on for a minute."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready, _, _ = await asyncio.to_thread(select.select, [handle], [], [], SECONDS)
    finally:
        os.close(handle)
    return bool(ready)


async def try_to_own(index_dir: Path) -> tuple[int, str]:
    """(exit code, what it said) of an owner started by hand."""
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kb.index.edge_start", "--idle-seconds=1", str(index_dir)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(second.communicate(), SECONDS)
    assert second.returncode is not None
    return second.returncode, said.decode()
