"""`footnote eval`: the answers to a golden set, measured."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.cli.preparing import prepare_chat_model
from app.cli.printing import make_console
from app.cli.rating import run_suites, suites_json, suites_table
from app.cli.running import global_options, run
from app.evaluation import GoldQuestion, Scores, Verdict, judge, read_gold, score, to_json
from app.settings import Settings

SUITES = Path("../shared/data")


def evaluate(  # noqa: PLR0913  # each is an option of the command
    context: typer.Context,
    gold: Annotated[
        Path | None, typer.Argument(metavar="[GOLD.jsonl]", help="Questions, as in demo/gold.jsonl.")
    ] = None,
    *,
    suite: Annotated[
        list[str] | None,
        typer.Option(help="Measure retrieval on this collection instead; `all`: on every one. May be repeated."),
    ] = None,
    suites: Annotated[
        Path, typer.Option(help="Where the collections are: folders of corpus.jsonl, queries.jsonl and qrels.tsv.")
    ] = SUITES,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the collections' knowledge bases here, to be used again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print scores and every verdict as JSON.")] = False,
    show_wrong: Annotated[bool, typer.Option("--wrong", help="List the questions that went wrong.")] = False,
) -> None:
    """Ask every question of a golden set and measure the answers; or measure retrieval on collections."""
    settings = global_options(context).settings()
    if suite:
        _rate(settings, suite, root=suites, keep=keep, as_json=as_json)
        return
    if gold is None:
        raise typer.BadParameter("name a file of gold questions, or a collection with --suite", param_hint="GOLD.jsonl")
    verdicts = run(_evaluate(settings, read_gold(gold), is_quiet=as_json))
    scores = score(verdicts)
    if as_json:
        typer.echo(to_json(scores, verdicts))
        return
    console = make_console()
    console.print(_table(scores))
    if show_wrong:
        _print_wrong(console, verdicts)


def _rate(settings: Settings, names: list[str], *, root: Path, keep: Path | None, as_json: bool) -> None:
    runs = run(run_suites(settings, names, root=root, keep=keep, is_quiet=as_json))
    if as_json:
        typer.echo(suites_json(runs))
    else:
        make_console().print(suites_table(runs, embedder=settings.embedder.kind))


async def _evaluate(settings: Settings, gold: list[GoldQuestion], *, is_quiet: bool) -> list[Verdict]:
    from app.wiring import open_answer_side

    console = Console(stderr=True)
    verdicts: list[Verdict] = []
    async with open_answer_side(settings) as side:
        if settings.answering.mode == "grounded":
            await prepare_chat_model(side)
        for each in track(gold, "asking", console=console, disable=is_quiet or not console.is_terminal):
            async for verdict in judge([each], side.answerer, side.knowledge_base.catalogue, tenant=settings.tenant):
                verdicts.append(verdict)
    return verdicts


def _table(scores: Scores) -> Table:
    table = Table(title=f"{scores.questions} questions, {scores.answerable} of them answerable", title_justify="left")
    table.add_column("measure")
    table.add_column("value", justify="right")
    rows = {
        "answerable: a gold answer contained": f"{scores.gold_contained:.1%}",
        "answerable: the gold page cited": f"{scores.page_cited:.1%}",
        "answerable: refused": f"{scores.false_refusals:.1%}",
        "unanswerable: not found": f"{scores.not_found_when_unanswerable:.1%}",
        "answers with a sentence of the model": f"{scores.grounded:.1%}",
        "citations": str(scores.citations),
        "quotes that are not in their section": str(scores.invalid_quotes),
        "links that lead nowhere": str(scores.broken_links),
        "time to the whole answer, p50 / p95": f"{scores.p50_ms:.0f} / {scores.p95_ms:.0f} ms",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _print_wrong(console: Console, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        if not verdict.is_right:
            wanted = "answerable" if verdict.is_answerable else "unanswerable"
            console.print(f"\n{verdict.question}\n  {wanted}, {verdict.status}: {verdict.text}")
