"""What the experiments with crashes and faults share: one source of pages, and how it is configured."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kb.settings import KnowledgeSettings, load_settings

_CONFIG = """
[index]
kind = "{index}"
idle_seconds = {idle_seconds}
[embedder]
kind = "hashing"
dimension = 64
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
