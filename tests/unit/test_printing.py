"""What people see on a terminal and in a pipe: nothing that a page wrote can steer either."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from app.answering.types import Answer, Citation, ClosestPage, Sentence, Timings
from app.cli.printing import LONGEST_QUOTE, plain, print_answer, print_table, shorten

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STEERING = "\x1b[2J\x1b]0;owned\x07\r\x08\x9b31m\u202e"


def make_console(*, is_terminal: bool, width: int = 60) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, force_terminal=is_terminal, width=width, color_system=None, markup=False), output


def make_answer(text: str, **changes: object) -> Answer:
    citation = Citation(
        number=1,
        document_id="docs:a.md",
        title=f"Title {text}",
        heading_path=(f"Heading {text}",),
        url=f"http://127.0.0.1:8080/documents/docs:a.md?{text}#a",
        quote=text,
        source="docs",
        updated_at=NOW,
    )
    values: dict[str, object] = {
        "answer_id": "a_1",
        "conversation_id": "c_1",
        "status": "answered",
        "mode": "strict",
        "reason": None,
        "sentences": (Sentence(text=text, citations=(1,)),),
        "citations": (citation,),
        "closest": (),
        "model_used": None,
        "timings_ms": Timings(),
    }
    return Answer(**(values | changes))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_page_cannot_steer_the_terminal(is_terminal: bool) -> None:
    console, output = make_console(is_terminal=is_terminal)
    print_answer(console, make_answer(f"Pumps {STEERING}stop."))
    closest = (ClosestPage(title=STEERING, url=STEERING),)
    refusal = {"status": "not_found", "reason": "nothing found", "sentences": (), "citations": (), "closest": closest}
    print_answer(console, make_answer("", **refusal))
    print_table(console, ("name",), [(STEERING,)])
    assert not set("\x1b\x07\x08\r\x9b\u202e") & set(output.getvalue())


def test_in_a_pipe_a_sentence_is_a_line_however_long() -> None:
    console, output = make_console(is_terminal=False)
    sentence = "Pumps stop at two metres. " * 40
    print_answer(console, make_answer(sentence.strip()))
    assert output.getvalue().splitlines()[0] == f"  {sentence.strip()} [1]"
    assert all(line == line.rstrip() for line in output.getvalue().splitlines())


def test_on_a_terminal_a_sentence_is_wrapped_and_indented() -> None:
    console, output = make_console(is_terminal=True, width=40)
    print_answer(console, make_answer("Pumps stop at two metres, and alarms sound at three metres."))
    first, second = output.getvalue().splitlines()[:2]
    assert first.startswith("  Pumps")
    assert second.startswith("  ")
    assert len(first) <= 40


def test_code_keeps_its_lines() -> None:
    console, output = make_console(is_terminal=False)
    print_answer(console, make_answer("kubectl drain node\nkubectl delete node"))
    assert output.getvalue().splitlines()[:2] == ["  kubectl drain node", "  kubectl delete node [1]"]


def test_square_brackets_of_a_page_are_no_markup() -> None:
    console, output = make_console(is_terminal=False)
    print_answer(console, make_answer("Use [bold]this[/bold] :smile: key."))
    assert "[bold]this[/bold] :smile:" in output.getvalue()


def test_in_a_pipe_a_table_has_tabs_between_its_cells_and_one_line_a_row() -> None:
    console, output = make_console(is_terminal=False)
    print_table(console, ("name", "state"), [("a\tb\nc", "x" * 200)])
    assert output.getvalue() == f"name\tstate\na b c\t{'x' * 200}\n"


def test_a_long_quote_is_cut_where_it_says_so() -> None:
    short = shorten("word " * 200)
    assert len(short) <= LONGEST_QUOTE
    assert short.endswith("…")
    assert shorten("a\n  b") == "a b"


def test_plain_text_stays_as_it_is() -> None:
    text = "Zażółć gęślą jaźń — “quoted”, 東京, 👩‍🚀\n\tindented"
    assert plain(text) == text
