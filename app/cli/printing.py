"""How answers, passages and tables look on a terminal, and in a pipe."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.ages import age
from app.answering.types import Answer, Citation, Passage

LONGEST_QUOTE = 240
# What could steer a terminal, or turn the order of words round. Pages are clean when stored; titles come from anywhere.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def make_console() -> Console:
    """Standard output: colours on a terminal, plain text in a pipe; never treats page text as markup."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False)


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A table on a terminal; in a pipe a line a row, with tabs between the cells."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    if not console.is_terminal:
        for row in [list(columns), *cells]:
            # Not by rich, which makes spaces of tabs.
            typer.echo("\t".join(" ".join(cell.split()) for cell in row), file=console.file)
        return
    table = Table(*columns, title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    console.print(table)


def print_line(console: Console, line: str) -> None:
    """A line that may hold words of a page."""
    console.print(plain(line), soft_wrap=True)


def print_answer(console: Console, answer: Answer) -> None:
    """The sentences with their numbers, then the footnotes: title › heading, link, quote."""
    if answer.status != "answered":
        _print_without_answer(console, answer)
        return
    for sentence in answer.sentences:
        numbers = "".join(f"[{number}]" for number in sentence.citations)
        _print_indented(console, Text.assemble(plain(sentence.text), " ", (numbers, "bold cyan")), by=2)
    console.print()
    for citation in answer.citations:
        _print_citation(console, citation)
    for notice in answer.notices:
        _print_indented(console, Text.assemble(("Note: ", "bold yellow"), plain(notice.text)), by=2)
    if answer.reason:
        console.print(Text(f"  ({answer.reason})", style="dim"))


def print_passages(console: Console, passages: Sequence[Passage]) -> None:
    """Each passage: score, title › heading, link, the first lines of its text."""
    if not passages:
        console.print("  nothing found")
    for place, passage in enumerate(passages, start=1):
        number, score = (f"{place:2}. ", "bold"), (f"  {passage.score:.3f}", "dim")
        console.print(Text.assemble(number, plain(passage.heading_line), score), soft_wrap=True)
        console.print(Text(f"    {plain(passage.url)}", style="blue"), soft_wrap=True)
        _print_indented(console, Text(shorten(passage.text)), by=4)


def plain(text: str) -> str:
    """The text without characters that could steer the terminal."""
    return _STEERING.sub("", text)


def shorten(text: str) -> str:
    """At most LONGEST_QUOTE characters, on one line."""
    line = " ".join(plain(text).split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1].rstrip() + "…"


def _print_citation(console: Console, citation: Citation) -> None:
    heading = plain(" › ".join((citation.title, *citation.heading_path)))
    updated = (f"  {' · '.join(_standing(citation))}", "dim")
    console.print(Text.assemble((f"  [{citation.number}] ", "bold cyan"), (heading, "bold"), updated), soft_wrap=True)
    console.print(Text(f"      {plain(citation.url)}", style="blue"), soft_wrap=True)
    _print_indented(console, Text(f"“{shorten(citation.quote)}”", style="italic"), by=6)


def _standing(citation: Citation) -> list[str]:
    updated = f"updated {age(citation.updated_at, now=datetime.now(UTC))}"
    return [updated, "no longer valid"] if citation.is_outdated else [updated]


def _print_without_answer(console: Console, answer: Answer) -> None:
    words = "Not found" if answer.status == "not_found" else "Unavailable"
    console.print(Text.assemble("  ", (words, "bold yellow"), f": {answer.reason}."), soft_wrap=True)
    if answer.closest:
        console.print("  Closest pages:")
    for page in answer.closest:
        console.print(Text.assemble("    ", plain(page.title), "  ", (plain(page.url), "blue")), soft_wrap=True)


def _print_indented(console: Console, text: Text, *, by: int) -> None:
    """Wrapped to the terminal's width; in a pipe as many lines as the text itself has."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, by), expand=False))
        return
    for line in text.split("\n"):
        console.print(Text(" " * by) + line, soft_wrap=True)
