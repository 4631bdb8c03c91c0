"""How question to sections grows with the knowledge base: 1,000 to 1,000,000 chunks, a table and a plot.

Building a million chunks takes most of the time, so knowledge bases are kept: a size that is there is only measured,
and one that was cut off is gone on with. The whole takes 10 GB of disk.
"""

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from app.measures import percentile
from bench.growing import grown
from bench.growth_plot import growth_plot
from bench.retrieval import QUERIES, Figures, measure, table_of
from bench.wiki import DEMO

SIZES = (1_000, 10_000, 50_000, 200_000, 1_000_000)
PLOT = DEMO.parent / "docs/images/growth.svg"
KEPT = Path("growth-kept")


async def main() -> None:
    """Print the table and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="chunks")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--keep", type=Path, default=KEPT, help="folder of the knowledge bases")
    parser.add_argument("--plot", type=Path, default=PLOT)
    arguments = parser.parse_args()
    console = Console(stderr=True)
    found: dict[int, Figures] = {}
    for size in sorted(arguments.sizes):
        home = arguments.keep / str(size)

        def told(count: int, size: int = size) -> None:
            if count % 10_000 == 0:
                console.print(f"{count:,} of {size:,} chunks stored")

        await grown(home, size=size, told=told)
        found[size] = await measure(home, queries=arguments.queries)
        console.print(f"{size:,} chunks: {' '.join(found[size].cells())}")
    # As wide as it is, also in a pipe.
    Console(width=140).print(table_of(found))
    arguments.plot.write_text(drawn(found), encoding="utf-8")
    console.print(f"drawn into {arguments.plot}")


def drawn(found: Mapping[int, Figures]) -> str:
    """The plot of these figures."""
    milliseconds = {
        "p95": [percentile(each.total, 0.95) for each in found.values()],
        "p50": [percentile(each.total, 0.5) for each in found.values()],
        "index, p50": [percentile(each.steps["index"], 0.5) for each in found.values()],
    }
    megabytes = {
        "disk": [each.disk_bytes / 1e6 for each in found.values()],
        "owner": [each.memory_bytes / 1e6 for each in found.values()],
    }
    return growth_plot(list(found), milliseconds, megabytes)


if __name__ == "__main__":
    asyncio.run(main())
