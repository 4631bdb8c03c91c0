"""`footnote eval`: the answers to a golden set, or retrieval on whole collections, measured."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from app.cli.conversing import measure_dialogues, print_dialogues
from app.cli.preparing import prepare_chat_model
from app.cli.printing import make_console, print_line, print_table
from app.cli.rating import kept_or_not, print_suites, run_suites, settings_of_suite
from app.cli.running import OUR_MISTAKE, global_options, run
from app.comparing import Change, Miss, compare, misses, read_run
from app.dialogues import holds_dialogues
from app.evaluation import Verdict, judge
from app.gold import GoldQuestion, read_gold
from app.measures import require_library
from app.report_dialogues import dialogues_report
from app.report_gold import OUTCOMES, gold_report, score_rows
from app.report_suites import suites_report
from app.runs import RUN_FILE, RunFacts, dialogues_json, gold_json, suites_json
from app.scoring import score
from app.settings import Settings
from kb.errors import ConfigError

REPORT_FILE = "report.html"
SUITES = Path("../shared/data")
SUITE_HELP = (
    "Measure retrieval on this collection (`all`: on every one; may be repeated), or, with GOLD.jsonl, the answers to "
    "it from this collection's pages."
)


def evaluate(  # noqa: PLR0913  # each is an option of the command
    context: typer.Context,
    gold: Annotated[
        Path | None, typer.Argument(metavar="[GOLD.jsonl]", help="Questions, as in demo/gold.jsonl.")
    ] = None,
    *,
    suite: Annotated[list[str] | None, typer.Option(help=SUITE_HELP)] = None,
    suites: Annotated[
        Path, typer.Option(help="Where the collections are: folders of corpus.jsonl, queries.jsonl and qrels.tsv.")
    ] = SUITES,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the collections' knowledge bases here, to be used again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print scores and every verdict as JSON.")] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write run.json and report.html into this folder.")
    ] = None,
    compared: Annotated[
        Path | None,
        typer.Option("--compare", metavar="RUN", help="An earlier run's folder: print what differs, and how surely."),
    ] = None,
    gate: Annotated[
        Path | None, typer.Option(help="Thresholds in TOML: exit with 1 if a score is beyond one of them.")
    ] = None,
    show_wrong: Annotated[bool, typer.Option("--wrong", help="List the questions that went wrong.")] = False,
) -> None:
    """Measure the answers to a golden set, follow-ups in conversations, or retrieval on collections."""
    settings = global_options(context).settings()
    if gold is not None and suite and (len(suite) > 1 or suite == ["all"]):
        raise typer.BadParameter("a file of questions is asked over one --suite", param_hint="--suite")
    require_library()
    before = None if compared is None else read_run(compared)
    if write is not None:
        _make_folder(write)
    if gold is None and not suite:
        raise typer.BadParameter("name a file of gold questions, or a collection with --suite", param_hint="GOLD.jsonl")
    if gold is None:
        made = _rate(settings, suite or [], root=suites, keep=keep, as_json=as_json)
    elif suite:
        made = _ask_over(settings, gold, suite[0], root=suites, keep=keep, as_json=as_json, show_wrong=show_wrong)
    else:
        measure = _follow if holds_dialogues(gold) else _ask
        made = measure(settings, gold, as_json=as_json, show_wrong=show_wrong)
    if write is not None:
        _write(made, write)
    after = json.loads(made.run)
    if before is not None and not as_json:
        _print_changes(make_console(), compare(before, after))
    _hold(misses(after, gate) if gate is not None else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A run as JSON, and as an HTML report."""

    run: str
    report: str


def _rate(settings: Settings, names: list[str], *, root: Path, keep: Path | None, as_json: bool) -> _Made:
    """Print how retrieval did on the collections."""
    runs = run(run_suites(settings, names, root=root, keep=keep, is_quiet=as_json))
    facts = _facts(settings, measured=", ".join(each.suite.name for each in runs))
    made = _Made(run=suites_json(facts, runs), report=suites_report(facts, runs))
    if as_json:
        typer.echo(made.run)
    else:
        print_suites(make_console(), runs)
    return made


def _ask_over(  # noqa: PLR0913  # options of the command
    settings: Settings, gold: Path, suite: str, *, root: Path, keep: Path | None, as_json: bool, show_wrong: bool
) -> _Made:
    """Print how the gold questions were answered from the pages of a collection."""
    with kept_or_not(keep) as home:
        own = run(settings_of_suite(settings, suite, root=root, home=home, is_quiet=as_json))
        return _ask(own, gold, as_json=as_json, show_wrong=show_wrong)


def _ask(settings: Settings, gold: Path, *, as_json: bool, show_wrong: bool) -> _Made:
    """Print how the gold questions were answered."""
    verdicts = run(_evaluate(settings, read_gold(gold), is_quiet=as_json))
    scores = score(verdicts)
    facts = _facts(settings, measured=gold.name)
    made = _Made(run=gold_json(facts, scores, verdicts), report=gold_report(facts, scores, verdicts))
    if as_json:
        typer.echo(made.run)
        return made
    console = make_console()
    title = f"{scores.questions} questions, {scores.answerable} of them answerable"
    print_table(console, ("measure", "value"), score_rows(scores), title=title)
    if show_wrong:
        _print_wrong(console, verdicts)
    return made


def _follow(settings: Settings, path: Path, *, as_json: bool, show_wrong: bool) -> _Made:
    """Print how the last turns of conversations were found."""
    verdicts = run(measure_dialogues(settings, path, is_quiet=as_json))
    facts = _facts(settings, measured=path.name)
    made = _Made(run=dialogues_json(facts, verdicts), report=dialogues_report(facts, verdicts))
    if as_json:
        typer.echo(made.run)
    else:
        print_dialogues(verdicts, show_wrong=show_wrong)
    return made


def _facts(settings: Settings, *, measured: str) -> RunFacts:
    """What is said about a run beside its figures; no secret is among it."""
    embedder, chat_model = settings.embedder, settings.chat_model
    return RunFacts(
        measured=measured,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        embedder=f"{embedder.kind} {embedder.plugin_values.get('model', 'starter')}",
        chat_model=f"{chat_model.kind} {chat_model.plugin_values.get('model', 'starter')}",
        mode=settings.answering.mode,
        sections=settings.answering.sections,
        answerable_above=settings.answering.answerable_above,
    )


def _make_folder(folder: Path) -> None:
    """Known before minutes are spent. Raises ConfigError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"--write takes a folder, and {folder} cannot be one: {exc.strerror}") from exc


def _write(made: _Made, folder: Path) -> None:
    try:
        (folder / RUN_FILE).write_text(made.run, encoding="utf-8")
        (folder / REPORT_FILE).write_text(made.report, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"cannot write into {folder}: {exc.strerror}") from exc
    typer.echo(f"wrote {folder / RUN_FILE} and {folder / REPORT_FILE}", err=True)


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
        # Its weights are no part of the first question's time.
        await side.knowledge_base.embedder.embed_query("the first question loads the model")
        for each in track(gold, "asking", console=console, disable=is_quiet or not console.is_terminal):
            async for verdict in judge([each], side.answerer, side.knowledge_base.catalogue, tenant=settings.tenant):
                verdicts.append(verdict)
    return verdicts


def _print_wrong(console: Console, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        if not verdict.is_right:
            print_line(console, f"\n{verdict.question}\n  {OUTCOMES[verdict.outcome]}: {verdict.text}")
