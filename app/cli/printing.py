"""How answers, passages and reports look on a terminal, and in a pipe."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.answering.types import Answer, Citation, Passage

LONGEST_QUOTE = 240


def make_console() -> Console:
    """Standard output: colours on a terminal, plain text in a pipe; never treats page text as markup."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False)


def print_answer(console: Console, answer: Answer) -> None:
    """The sentences with their numbers, then the footnotes: title › heading, link, quote."""
    if answer.status != "answered":
        _print_without_answer(console, answer)
        return
    for sentence in answer.sentences:
        numbers = "".join(f"[{number}]" for number in sentence.citations)
        console.print(Padding(Text.assemble(sentence.text, " ", (numbers, "bold cyan")), (0, 0, 0, 2)))
    console.print()
    for citation in answer.citations:
        _print_citation(console, citation)
    if answer.reason:
        console.print(Text(f"  ({answer.reason})", style="dim"))


def print_passages(console: Console, passages: Sequence[Passage]) -> None:
    """Each passage: score, title › heading, link, the first lines of its text."""
    if not passages:
        console.print("  nothing found")
    for place, passage in enumerate(passages, start=1):
        console.print(Text.assemble((f"{place:2}. ", "bold"), passage.heading_line, (f"  {passage.score:.3f}", "dim")))
        console.print(Text(f"    {passage.url}", style="blue"), soft_wrap=True)
        console.print(Padding(Text(shorten(passage.text)), (0, 0, 1, 4)))


def shorten(text: str) -> str:
    """At most LONGEST_QUOTE characters, on one line unless it is code."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1].rstrip() + "…"


def _print_citation(console: Console, citation: Citation) -> None:
    heading = " › ".join((citation.title, *citation.heading_path))
    console.print(Text.assemble((f"  [{citation.number}] ", "bold cyan"), (heading, "bold")))
    console.print(Text(f"      {citation.url}", style="blue"), soft_wrap=True)
    console.print(Padding(Text(f"“{shorten(citation.quote)}”", style="italic"), (0, 0, 0, 6)))


def _print_without_answer(console: Console, answer: Answer) -> None:
    words = "Not found" if answer.status == "not_found" else "Unavailable"
    console.print(Text.assemble("  ", (words, "bold yellow"), f": {answer.reason}."))
    if answer.closest:
        console.print("  Closest pages:")
    for page in answer.closest:
        console.print(Text.assemble("    ", page.title, "  ", (page.url, "blue")), soft_wrap=True)
