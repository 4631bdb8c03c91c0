"""How much memory a process and its descendants hold: proportional set size, so that what they share counts once."""

from collections.abc import Iterator
from pathlib import Path


def tree_megabytes(pid: int) -> float:
    """Of the process and all that descend from it; 0 where the system does not tell (it is Linux's `/proc`)."""
    return sum(_megabytes(each) for each in (pid, *descendants(pid)))


def descendants(pid: int) -> Iterator[int]:
    """Children, and theirs."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from descendants(child)


def _megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
