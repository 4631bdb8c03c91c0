"""Ten thousand sections through section memory: do its limits hold, and what does the process that holds it take?

`python -m bench.section_memory [--sections 10000] [--memory-mb 32] [--disk-mb 64]`: the starter reads made-up sections,
fifteen to a prompt, each once. Prints a table; ends with exit code 1 if a limit was passed, or if anything is left of
pages that were deleted.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.chat_models.llama_cpp_native import Cells, Pace, Weights
from app.chat_models.llama_cpp_sections import Prompt, PromptPart, SectionMemory
from app.chat_models.manifest import starter_model
from app.chat_models.section_store import SectionStore
from bench.chat_model import resident_bytes

TENANT = "bench"
AT_ONCE = 15
PARTS = 5


def prompt_of(weights: Weights, numbers: Sequence[int]) -> Prompt:
    """With these sections, each of a page of its own."""

    def part(text: str, revision_id: str | None = None) -> PromptPart:
        return PromptPart(tokens=tuple(weights.tokens_of(text, is_template=False)), revision_id=revision_id)

    sections = [part(f" Pump {number} stops.", f"page-{number}@1") for number in numbers]
    return Prompt(tenant=TENANT, parts=(part("Answer from these:"), *sections, part("\nQuestion: when?")))


def read(memory: SectionMemory, prompt: Prompt, cells: Cells) -> float:
    """Seconds until the prompt's sections are joined."""
    started = time.perf_counter()
    plan = memory.plan(prompt, max_tokens=16)
    assert plan is not None
    *_, states = memory.gather(plan, chunk_tokens=512)
    assert states is not None
    memory.join(plan, states, cells, 0)
    return time.perf_counter() - started


def measure(given: argparse.Namespace, folder: Path) -> int:
    """Print the table; the exit code."""
    weights = Weights(starter_model().path(), gpu_layers=0)
    pace = Pace(threads=os.cpu_count() or 1, is_fused=True)
    store = SectionStore(folder, memory_bytes=store_bytes(given.memory_mb), disk_bytes=store_bytes(given.disk_mb))
    memory = SectionMemory(weights, store, identity="bench", pace=pace)
    cells = Cells(weights, count=1024, sequences=1, pace=pace)
    limits = f"limits: {given.memory_mb} MB in memory, {given.disk_mb} MB on disk"
    table = Table("sections", "in memory", "on disk", "resident", "ms a prompt", title=limits)
    seconds: list[float] = []
    most_memory = most_disk = 0
    for start in range(0, given.sections, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, given.sections))
        seconds.append(read(memory, prompt_of(weights, numbers), cells))
        sizes = store.sizes
        most_memory, most_disk = max(most_memory, sizes.memory_bytes), max(most_disk, sizes.disk_bytes)
        if (numbers[-1] + 1) * PARTS // given.sections > start * PARTS // given.sections:
            table.add_row(f"{numbers[-1] + 1:,}", *figures(store, seconds))
    found = sum(path.stat().st_size for path in folder.rglob("*.state"))
    store.retain(tenant=TENANT, revision_ids=[])
    # The prompt's fixed start is nobody's, and stays.
    left = max(store.sizes.disk_count, store.sizes.memory_count) - 1
    Console().print(table)
    tenth = max(1, len(seconds) // 10)
    slower = statistics.median(seconds[-tenth:]) / statistics.median(seconds[:tenth])
    print(f"most at once: {most_memory / 1e6:.1f} MB in memory, {max(most_disk, found) / 1e6:.1f} MB on disk")
    print(f"prompts took {slower:.1f}× as long at the end; after every page was deleted {max(0, left)} states are left")
    holds = most_memory <= store_bytes(given.memory_mb) and max(most_disk, found) <= store_bytes(given.disk_mb)
    return int(not holds or left > 0)


def store_bytes(megabytes: int) -> int:
    """A limit as the settings mean it."""
    return megabytes * 1_000_000


def figures(store: SectionStore, seconds: Sequence[float]) -> list[str]:
    """What is held now; the time is of the last prompts."""
    sizes = store.sizes
    return [
        f"{sizes.memory_bytes / 1e6:.1f} MB ({sizes.memory_count:,})",
        f"{sizes.disk_bytes / 1e6:.1f} MB ({sizes.disk_count:,})",
        f"{resident_bytes(os.getpid()) / 1e6:.0f} MB",
        f"{statistics.median(seconds[-50:]) * 1000:.0f}",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", type=int, default=10_000)
    parser.add_argument("--memory-mb", type=int, default=32)
    parser.add_argument("--disk-mb", type=int, default=64)
    os.environ["OMP_WAIT_POLICY"] = "passive"
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(measure(parser.parse_args(), Path(directory)))
