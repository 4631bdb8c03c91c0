"""What section memory does to whole answers: the demo's gold questions in `grounded` mode, read whole and joined.

`python -m bench.model_quality [--questions N] [--answerable] [--reread 0 1 2]`: a fixed random choice of N questions
(default: all; `--answerable`: of those with an answer), each asked of every contender in turn; `--reread`: so many
sections at the prompt's end are read anew. The file is converted to BF16 for all of them. Prints a table at the end,
and on standard error how far it is.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.chat_models.llama_cpp_formats import convert
from app.chat_models.manifest import starter_model
from app.evaluation import Verdict, judge
from app.gold import read_gold
from app.scoring import score
from app.settings import Settings
from app.wiring import AnswerSide, open_answer_side
from bench.wiki import DEMO
from ingest.wiring import sync_sources
from kb.settings import load_settings

CONFIG = """\
data_dir = "data"
[answering]
mode = "grounded"
deadline_seconds = 600
[chat_model]
kind = "llama_cpp"
model = "{model}"
format = "as-shipped"
parallel = 1
queue_seconds = 600
silence_seconds = 600
section_memory = {remembers}
section_reread = {reread}
[[sources]]
id = "wiki"
kind = "folder"
path = "{wiki}"
audience = ["everyone"]
[groups]
people-team = ["saoirse.byrne@brackwater.example"]
finance-team = ["tomasz.zielinski@brackwater.example"]
leadership = ["ines.carvalho@brackwater.example"]
security-team = ["priya.raman@brackwater.example"]
"""


async def main() -> None:
    """Ask them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=0)
    parser.add_argument("--answerable", action="store_true")
    parser.add_argument("--reread", type=int, nargs="*", default=[0, 1, 2])
    given = parser.parse_args()
    gold = [each for each in read_gold(DEMO / "gold.jsonl") if each.is_answerable or not given.answerable]
    random.Random(8).shuffle(gold)
    gold = gold[: given.questions or len(gold)]
    verdicts: dict[str, list[Verdict]] = {}
    with tempfile.TemporaryDirectory() as directory:
        async with AsyncExitStack() as stack:
            sides = await open_sides(Path(directory), given.reread, stack)
            for number, each in enumerate(gold, start=1):
                for name, side in sides.items():
                    catalogue, tenant = side.knowledge_base.catalogue, side.settings.tenant
                    async for verdict in judge([each], side.answerer, catalogue, tenant=tenant):
                        verdicts.setdefault(name, []).append(verdict)
                if number % 10 == 0 and number < len(gold):
                    print(f"{number} of {len(gold)} questions", file=sys.stderr, flush=True)
    print_table(verdicts)


async def open_sides(home: Path, rereads: Sequence[int], stack: AsyncExitStack) -> dict[str, AnswerSide]:
    """A side for each contender, over one synced knowledge base."""
    model = home / "model.gguf"
    convert(starter_model().path(), model, "BF16")
    sides: dict[str, AnswerSide] = {}
    for name, remembers, reread in [
        ("read whole", "false", 0),
        *((f"joined, {n} read anew", "true", n) for n in rereads),
    ]:
        config = home / f"{len(sides)}.toml"
        config.write_text(CONFIG.format(model=model, remembers=remembers, reread=reread, wiki=DEMO / "wiki"))
        side = await stack.enter_async_context(
            open_answer_side(load_settings(Settings, config, data_dir=home / "data"))
        )
        if not sides:
            await sync_sources(side.knowledge_base)
        async with aclosing(side.chat_model.prepare()) as lines:
            async for line in lines:
                print(line, flush=True)
        sides[name] = side
    return sides


def print_table(verdicts: Mapping[str, Sequence[Verdict]]) -> None:
    """Shares; `differ`: questions whose gold answer is contained, or page cited, unlike in the first row."""
    first = next(iter(verdicts.values()))
    table = Table(
        "prompt",
        "gold contained",
        "citation precision",
        "differ",
        "model's sentences",
        "p50, ms",
        title=f"{len(first)} questions",
    )
    for name, each in verdicts.items():
        found = score(each)
        pairs = zip(first, each, strict=True)
        differ = sum(a.is_contained != b.is_contained or a.is_page_cited != b.is_page_cited for a, b in pairs)
        shares = [f"{share:.1%}" for share in (found.gold_contained, found.citation_precision)]
        table.add_row(name, *shares, str(differ), f"{found.grounded:.1%}", f"{found.p50_ms:.0f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
