"""From a question to its first sentence and to the whole answer, in each mode, on the demo wiki."""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.answering.types import Mode, Question, Timings
from app.gold import read_gold
from app.settings import Settings
from app.wiring import AnswerSide, open_answer_side
from bench.wiki import DEMO
from ingest.wiring import sync_sources
from kb.access import Principal
from kb.settings import load_settings

MODES: tuple[Mode, ...] = ("sources", "strict", "grounded")


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=30)
    arguments = parser.parse_args()
    gold = [each.question for each in read_gold(DEMO / "gold.jsonl") if each.is_answerable and each.email is None]
    step = max(1, len(gold) // arguments.questions)
    questions = gold[::step][: arguments.questions]
    with tempfile.TemporaryDirectory() as directory:
        settings = load_settings(Settings, DEMO / "footnote.toml", data_dir=Path(directory))
        async with open_answer_side(settings) as side:
            await sync_sources(side.knowledge_base)
            times = {mode: await measure(side, questions, mode=mode) for mode in MODES}
    print_table(times)


async def measure(side: AnswerSide, questions: Sequence[str], *, mode: Mode) -> list[Timings]:
    """Timings of the answered questions. The first one loads the models and is not counted."""
    anyone = Principal(tenant=side.settings.tenant, email=None)
    answers = [
        await side.answerer.answer(Question(text=text, mode=mode), anyone) for text in [questions[0], *questions]
    ]
    return [answer.timings_ms for answer in answers[1:] if answer.status == "answered"]


def print_table(times: dict[Mode, list[Timings]]) -> None:
    """Milliseconds, p50 / p95, and the ratio of the whole answer to strict mode's."""
    table = Table("mode", "answers", "retrieved", "first sentence", "whole answer", "× strict", title="ms, p50 / p95")
    strict = statistics.median(each.total for each in times["strict"])
    for mode, timings in times.items():
        table.add_row(
            mode,
            str(len(timings)),
            _spread([each.retrieve for each in timings]),
            _spread([each.first_sentence for each in timings]) if mode != "sources" else "-",
            _spread([each.total for each in timings]),
            f"{statistics.median(each.total for each in timings) / strict:.1f}",
        )
    Console().print(table)


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):.0f} / {ordered[int(len(ordered) * 0.95)]:.0f}"


if __name__ == "__main__":
    asyncio.run(main())
