"""A thousand lives of a knowledge base, each from one number: syncs that die at any await, a source full of trouble.

The syncing code is the real one, scheduler and all, over a real SQLite catalogue and an index in memory; the source,
the clock and the deaths are simulated. At random awaits and after every death, readers look: nobody may find a half
page, two editions of one, or what the source had taken away before the last whole sync began; and what did not change
must be there. In the end, after one sync without trouble, catalogue and index must equal the source.
`--seed N` lives one life again, step by step the same.
"""

import argparse
import asyncio
import logging
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.simulated_life import Life
from tests.factories import quick_directory


@dataclass(slots=True)
class Lives:
    """What happened in some lives, and what went wrong, by seed."""

    count: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    faults: dict[int, list[str]] = field(default_factory=dict)


def live(seed: int) -> tuple[int, Counter[str], list[str]]:
    """One life: its seed, what happened, and every broken promise."""
    # What a dying process complains of says nothing; what is found afterwards does.
    logging.disable(logging.CRITICAL)
    try:
        with quick_directory() as directory:
            life = Life(random.Random(seed), Path(directory))
            asyncio.run(life.run())
    finally:
        logging.disable(logging.NOTSET)
    return seed, life.facts, life.faults


def live_all(seeds: Sequence[int], *, processes: int) -> Iterator[tuple[int, Counter[str], list[str]]]:
    """These lives, a few at once."""
    if processes == 1:
        yield from map(live, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(live, seeds, chunksize=5)


def main() -> None:
    """Print the table and the seeds that failed; exit code 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="Live this one alone.")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    lives, began = Lives(), time.perf_counter()
    for seed, facts, faults in live_all(seeds, processes=given.processes if len(seeds) > 1 else 1):
        lives.count += 1
        lives.facts.update(facts)
        if faults:
            lives.faults[seed] = faults
            print(f"seed {seed}: {faults[0]}", flush=True)
        if lives.count % 100 == 0:
            print(f"{lives.count} lives, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    table = Table(f"{lives.count:,} lives", "", title="simulation")
    for name, count in sorted(lives.facts.items()):
        table.add_row(name, f"{count:,}")
    table.add_row("lives with a broken promise", str(len(lives.faults)))
    Console().print(table)
    if given.seed is not None:
        print(*lives.faults.get(given.seed, []), sep="\n")
    elif lives.faults:
        print("to live one again: python -m bench.simulation --seed", *sorted(lives.faults)[:20])
    sys.exit(1 if lives.faults else 0)


if __name__ == "__main__":
    main()
