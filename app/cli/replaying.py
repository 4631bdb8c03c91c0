"""`footnote replay`: an earlier answer made again, and what is different now."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.cli.asking import AsJson
from app.cli.preparing import prepare_chat_model
from app.cli.printing import make_console, plain, print_table
from app.cli.running import OUR_MISTAKE, global_options, must_be_an_address, run
from app.replaying import Replay
from app.settings import Settings

_MARKS = {"same": "  ", "gone": "- ", "new": "+ "}
_STYLES = {"same": "", "gone": "red", "new": "green"}


def replay(
    context: typer.Context,
    answer_id: Annotated[str, typer.Argument(metavar="ANSWER_ID", help="As the answer's JSON gives it: a_…")],
    *,
    email: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="EMAIL", callback=must_be_an_address, help="Ask as this person; default: as who asked then."
        ),
    ] = None,
    as_json: AsJson = False,
    is_gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 if anything is different.")] = False,
) -> None:
    """Ask an earlier question again and show what is different: pages, model, prompt, sentences."""
    settings = global_options(context).settings()
    made = run(_replay(settings, answer_id, email=email))
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2, ensure_ascii=False))
    else:
        print_replay(make_console(), made)
    if is_gate and not made.is_same:
        raise typer.Exit(OUR_MISTAKE)


def print_replay(console: Console, made: Replay) -> None:
    """Question, sentences as a diff, facts that differ, and what became of the sections."""
    console.print(Text(plain(made.question), style="bold"), soft_wrap=True)
    for fate, text in made.lines:
        for line in text.split("\n"):
            console.print(Text(f"  {_MARKS[fate]}{plain(line)}", style=_STYLES[fate]), soft_wrap=True)
    console.print()
    facts = [(fact.name, fact.then, "" if fact.is_same else fact.now) for fact in made.facts]
    print_table(console, ("", "then", "now, if different"), facts)
    sections = [(f"{each.document_id}#{each.section_ordinal}", each.fate) for each in made.sections]
    print_table(console, ("section", "now"), sections)
    console.print("Nothing is different." if made.is_same else "Something is different.")


async def _replay(settings: Settings, answer_id: str, *, email: str | None) -> Replay:
    from app.replaying import replay as ask_again
    from app.wiring import open_answer_side

    async with open_answer_side(settings) as side:
        if settings.answering.mode == "grounded":
            await prepare_chat_model(side)
        return await ask_again(side, answer_id, email=email)
