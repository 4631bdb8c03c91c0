"""`footnote ask`, `search` and `check`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.answering.types import Mode, Question, SearchScope, Status
from app.cli.preparing import prepare_chat_model
from app.cli.printing import make_console, print_answer, print_passages
from app.cli.running import global_options, must_be_an_address, run
from app.settings import Settings
from kb.errors import ConfigError

if TYPE_CHECKING:
    from app.wiring import AnswerSide

As = Annotated[
    str | None,
    typer.Option("--as", metavar="EMAIL", callback=must_be_an_address, help="Ask as this person; default: anyone."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the REST endpoint's JSON object.")]
In = Annotated[str | None, typer.Option("--space", help="Only this space.")]


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    *,
    email: As = None,
    as_json: AsJson = False,
    mode: Annotated[str | None, typer.Option(help="grounded, strict or sources; default: as configured.")] = None,
    space: In = None,
) -> None:
    """Answer a question, every sentence footnoted."""
    settings = global_options(context).settings()
    asked = Question(text=question, mode=_mode(mode), scope=SearchScope(space=space))
    run(_ask(settings, asked, email=email, as_json=as_json))


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    count: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 10,
    email: As = None,
    as_json: AsJson = False,
    space: In = None,
) -> None:
    """Find the passages nearest to a query; no model is asked."""
    settings = global_options(context).settings()
    run(_search(settings, query, count=count, email=email, as_json=as_json, space=space))


def check(
    context: typer.Context,
    claims: Annotated[Path, typer.Argument(metavar="CLAIMS.jsonl", help="Lines of {claim, evidence}.")],
) -> None:
    """Say for each claim whether its evidence supports it: lines of {supported, score}."""
    from app.answering.checking import SentenceChecker
    from app.wiring import build_second_check

    checker = SentenceChecker(build_second_check(global_options(context).settings()))
    for number, line in enumerate(_lines(claims), start=1):
        claim, evidence = _claim(line, where=f"{claims}:{number}")
        support = checker.check(claim, evidence)
        typer.echo(json.dumps({"supported": support.is_supported, "score": round(support.score, 4)}))


async def _ask(settings: Settings, question: Question, *, email: str | None, as_json: bool) -> None:
    from app.auth import Caller
    from app.contract import AnswerBody
    from app.conversations import AnswerBook
    from app.wiring import open_answer_side

    async with open_answer_side(settings) as side:
        principal = await side.knowledge_base.catalogue.access.principal(settings.tenant, email)
        if (question.mode or settings.answering.mode) == "grounded":
            await prepare_chat_model(side)
        answer = await side.answerer.answer(question, principal)
        # Under a name that nobody has who asks a server.
        caller = Caller(principal=principal, scopes=frozenset(), name=f"cli:{email or ''}")
        book = AnswerBook.of(side.knowledge_base.catalogue, settings)
        await book.keep(question.text, answer, caller, channel="cli")
        await _say_if_empty(side, answer.status)
    if as_json:
        typer.echo(AnswerBody.of(answer).model_dump_json(indent=2))
    else:
        console = make_console()
        print_answer(console, answer)
        if console.is_terminal and settings.conversations.keep_days:
            console.print(f"  footnote replay {answer.answer_id}", style="dim")


async def _search(
    settings: Settings, query: str, *, count: int, email: str | None, as_json: bool, space: str | None
) -> None:
    from app.contract import PassageBody, SearchResultBody
    from app.wiring import open_answer_side

    async with open_answer_side(settings) as side:
        principal = await side.knowledge_base.catalogue.access.principal(settings.tenant, email)
        passages = await side.answerer.search(query, principal, scope=SearchScope(space=space), count=count)
    if as_json:
        typer.echo(SearchResultBody(passages=tuple(map(PassageBody.of, passages))).model_dump_json(indent=2))
    else:
        print_passages(make_console(), passages)


async def _say_if_empty(side: "AnswerSide", status: Status) -> None:
    """A person who has not synced yet is told so, beside the answer that nothing was found."""
    if status == "answered" or await side.knowledge_base.catalogue.documents.live_revisions(side.settings.tenant):
        return
    typer.echo("footnote: nothing is indexed yet; run `footnote sync` first", err=True)


def _mode(word: str | None) -> Mode | None:
    match word:
        case None | "grounded" | "strict" | "sources":
            return word
        case _:
            raise ConfigError(f"no mode {word!r}; choose grounded, strict or sources")


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None


def _claim(line: str, *, where: str) -> tuple[str, str]:
    try:
        record = json.loads(line)
        claim, evidence = record["claim"], record["evidence"]
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f'{where}: each line is a JSON object with "claim" and "evidence"') from None
    evidence = "\n\n".join(evidence) if isinstance(evidence, list) else evidence
    if not isinstance(claim, str) or not isinstance(evidence, str):
        raise ConfigError(f"{where}: claim and evidence are text")
    return claim, evidence
