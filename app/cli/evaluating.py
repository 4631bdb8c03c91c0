"""`footnote eval`: the answers to a golden set, or retrieval on whole collections, measured."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from app.cli.preparing import prepare_chat_model
from app.cli.printing import make_console, print_table
from app.cli.rating import print_suites, run_suites, suites_json
from app.cli.running import OUR_MISTAKE, global_options, run
from app.comparing import Change, Miss, compare, misses, read_run
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
    write: Annotated[Path | None, typer.Option(help="Write the same JSON to this file.")] = None,
    compared: Annotated[
        Path | None, typer.Option("--compare", help="An earlier run's JSON: print what differs, and how surely.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option(help="Thresholds in TOML: exit with 1 if a score is beyond one of them.")
    ] = None,
    show_wrong: Annotated[bool, typer.Option("--wrong", help="List the questions that went wrong.")] = False,
) -> None:
    """Ask every question of a golden set and measure the answers; or measure retrieval on collections."""
    settings = global_options(context).settings()
    before = None if compared is None else read_run(compared)
    if suite:
        made = _rate(settings, suite, root=suites, keep=keep, as_json=as_json)
    elif gold is not None:
        made = _ask(settings, gold, as_json=as_json, show_wrong=show_wrong)
    else:
        raise typer.BadParameter("name a file of gold questions, or a collection with --suite", param_hint="GOLD.jsonl")
    if write is not None:
        write.write_text(made, encoding="utf-8")
    after = json.loads(made)
    if before is not None and not as_json:
        _print_changes(make_console(), compare(before, after))
    if gate is not None:
        _hold(misses(after, gate))


def _rate(settings: Settings, names: list[str], *, root: Path, keep: Path | None, as_json: bool) -> str:
    """Print how retrieval did on the collections; the same as JSON."""
    runs = run(run_suites(settings, names, root=root, keep=keep, is_quiet=as_json))
    made = suites_json(runs)
    if as_json:
        typer.echo(made)
    else:
        print_suites(make_console(), runs)
    return made


def _ask(settings: Settings, gold: Path, *, as_json: bool, show_wrong: bool) -> str:
    """Print how the gold questions were answered; the same as JSON."""
    verdicts = run(_evaluate(settings, read_gold(gold), is_quiet=as_json))
    scores = score(verdicts)
    made = to_json(scores, verdicts)
    if as_json:
        typer.echo(made)
        return made
    console = make_console()
    _print_scores(console, scores)
    if show_wrong:
        _print_wrong(console, verdicts)
    return made


def _hold(found: list[Miss]) -> None:
    for miss in found:
        typer.echo(f"footnote: {miss}", err=True)
    if found:
        raise typer.Exit(OUR_MISTAKE)


def _print_changes(console: Console, changes: list[Change]) -> None:
    rows = []
    for change in changes:
        difference = change.difference
        figures = (f"{value:+.4f}" for value in (difference.mean, difference.low, difference.high))
        verdict = "" if not difference.is_certain else "better" if difference.mean > 0 else "worse"
        rows.append((change.group, change.measure, change.pair_count, *figures, verdict))
    columns = ("group", "measure", "pairs", "difference", "from", "to", "surely")
    print_table(console, columns, rows, title="difference from the earlier run, with its 95 % interval")


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


def _print_scores(console: Console, scores: Scores) -> None:
    rows = {
        "answerable: a gold answer contained": f"{scores.gold_contained:.1%}",
        "answerable: the gold page cited": f"{scores.page_cited:.1%}",
        "answerable: the gold page / section among the first 5 found": (
            f"{scores.page_recall_5:.1%} / {scores.section_recall_5:.1%}"
        ),
        "answerable: refused": f"{scores.false_refusals:.1%}",
        "unanswerable: not found": f"{scores.not_found_when_unanswerable:.1%}",
        "answers with a sentence of the model": f"{scores.grounded:.1%}",
        "citations": str(scores.citations),
        "quotes that are not in their section": str(scores.invalid_quotes),
        "links that lead nowhere": str(scores.broken_links),
        "time to the whole answer, p50 / p95": f"{scores.p50_ms:.0f} / {scores.p95_ms:.0f} ms",
    }
    title = f"{scores.questions} questions, {scores.answerable} of them answerable"
    print_table(console, ("measure", "value"), rows.items(), title=title)


def _print_wrong(console: Console, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        if not verdict.is_right:
            wanted = "answerable" if verdict.is_answerable else "unanswerable"
            console.print(f"\n{verdict.question}\n  {wanted}, {verdict.status}: {verdict.text}")
