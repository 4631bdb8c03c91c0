"""Random Slack workspaces over pages of random audiences: does any reply hold what one of its readers may not read?

Each workspace has 6 people, 3 groups, 12 pages and 4 channels; 12 questions are asked in channels and direct messages.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.contract.test_slack_rights import RANDOM_QUESTIONS, leaks_of_a_random_workspace


async def main(*, workspaces: int) -> int:
    """Print the table. Returns how many replies leaked."""
    leaks, told = [], 0
    for seed in range(workspaces):
        with tempfile.TemporaryDirectory() as directory:
            found, told_to_owners = await leaks_of_a_random_workspace(Path(directory), seed)
        leaks += [f"workspace {seed}: {leak}" for leak in found]
        told += told_to_owners
    table = Table("workspaces", "questions", "answered with the page", "leaks", title="what replies in Slack tell")
    table.add_row(f"{workspaces}", f"{workspaces * RANDOM_QUESTIONS:,}", f"{told}", f"{len(leaks)}")
    Console().print(table)
    for leak in leaks:
        Console().print(leak)
    return len(leaks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspaces", type=int, default=45)
    sys.exit(1 if asyncio.run(main(workspaces=parser.parse_args().workspaces)) else 0)
