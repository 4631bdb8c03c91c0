"""What the experiments with crashes and faults share: one source of pages, and how it is configured."""

import asyncio
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from ingest.wiring import sync_sources
from kb.settings import KnowledgeSettings, load_settings
from kb.wiring import open_knowledge_base

# With fewer dimensions, words that share one lift other pages above a page's last section: five of six would be found.
_CONFIG = """
[index]
kind = "{index}"
idle_seconds = {idle_seconds}
[embedder]
kind = "hashing"
dimension = 512
[[sources]]
id = "wiki"
kind = "folder"
path = "wiki"
audience = ["everyone"]
"""


def configured(directory: Path, *, idle_seconds: int, index: str = "edge") -> tuple[Path, KnowledgeSettings]:
    """A folder `wiki` in the directory and the file that configures it; that file, and its settings."""
    (directory / "wiki").mkdir()
    file = directory / "footnote.toml"
    file.write_text(_CONFIG.format(index=index, idle_seconds=idle_seconds), encoding="utf-8")
    return file, load_settings(KnowledgeSettings, file)


def spread(seconds: Sequence[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.2f} / {ordered[int(len(ordered) * 0.95)]:.2f} s"


def wanted_points(revisions: Mapping[str, tuple[int, int]]) -> dict[tuple[str, int], int]:
    """(document, revision) → chunks that the index must hold, from the catalogue's live revisions."""
    return {(document, revision): count for document, (revision, count) in revisions.items()}


def sync_once(config: Path, told: Connection) -> None:
    """A sync in the process that is killed; it tells when it begins."""

    async def sync() -> None:
        async with open_knowledge_base(load_settings(KnowledgeSettings, config)) as base:
            told.send("the sync begins")
            await sync_sources(base)

    asyncio.run(sync())
