"""`footnote calibrate`: what counts as answerable, brought to a team's own questions."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from app.answering.calibration import (
    Errors,
    errors_at,
    fit_calibration,
    held_out_errors,
    read_calibration,
    remove_calibration,
    require_enough,
    write_calibration,
)
from app.answering.types import Question
from app.cli.printing import make_console, print_table
from app.cli.running import global_options, run
from app.gold import GoldQuestion, read_gold
from app.settings import Settings
from app.wiring import AnswerSide, open_answer_side
from kb.errors import KnowledgeBaseError


def calibrate(
    context: typer.Context,
    gold: Annotated[
        Path | None,
        typer.Argument(metavar="[GOLD.jsonl]", help="Questions, as in demo/gold.jsonl; 20 of each kind at least."),
    ] = None,
    *,
    resets: Annotated[bool, typer.Option("--reset", help="Remove what was calibrated.")] = False,
) -> None:
    """Fit the gate's estimates to your own questions, so that it refuses neither too much nor too little.

    No chat model is asked. What is fitted holds for this data directory and this embedder.
    """
    settings = global_options(context).settings()
    if resets:
        was_there = remove_calibration(settings.data_dir)
        typer.echo("the calibration is removed" if was_there else "nothing to do: there is no calibration")
    elif gold is None:
        raise typer.BadParameter("name a file of gold questions, or --reset", param_hint="GOLD.jsonl")
    else:
        run(_calibrate(settings, read_gold(gold)))


async def _calibrate(settings: Settings, gold: list[GoldQuestion]) -> None:
    is_answerable = [each.is_answerable for each in gold]
    require_enough(is_answerable)
    above = settings.answering.answerable_above
    async with open_answer_side(settings) as side:
        identity = side.knowledge_base.embedder.identity
        estimates = await _estimates(side, gold)
    made = fit_calibration(estimates, is_answerable, embedder=identity)
    known = read_calibration(settings.data_dir, embedder=identity)
    before = errors_at(estimates, is_answerable, threshold=known.threshold(above) if known else above)
    after = held_out_errors(estimates, is_answerable, answerable_above=above)
    _print_errors(before, after, answerable=made.answerable, unanswerable=made.unanswerable)
    if after.refused + after.answered > before.refused + before.answered:
        typer.echo("nothing is changed: what was there does no worse on questions it was not fitted to")
        return
    path = write_calibration(settings.data_dir, made)
    typer.echo(f"written to {path}; a running server takes it up when it starts again")


async def _estimates(side: AnswerSide, gold: list[GoldQuestion]) -> list[float]:
    """The gate's own estimate for each question, by the path that it takes for whoever asks."""
    console = Console(stderr=True)
    estimates = []
    for each in track(gold, "asking", console=console, disable=not console.is_terminal):
        principal = await side.knowledge_base.catalogue.access.principal(side.settings.tenant, each.email)
        answer = await side.answerer.answer(Question(text=each.question, mode="sources"), principal)
        if answer.status == "unavailable":
            raise KnowledgeBaseError(answer.reason or "a question could not be asked")
        estimates.append(answer.record.answerable or 0.0)
    return estimates


def _print_errors(before: Errors, after: Errors, *, answerable: int, unanswerable: int) -> None:
    rows = [
        ("answerable, but refused", f"{before.refused:.1%}", f"{after.refused:.1%}"),
        ("unanswerable, but answered", f"{before.answered:.1%}", f"{after.answered:.1%}"),
    ]
    title = f"{answerable} answerable and {unanswerable} unanswerable questions; after: each held out"
    print_table(make_console(), ("errors", "before", "after"), rows, title=title)
