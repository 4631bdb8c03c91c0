"""Both halves of a double question are answered, or the one that is not is named."""

import pytest

from app.answering.parting import parts_of
from tests.fakes.answering import ANYONE, ask, make_answerer, make_passage


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("How many days of leave do I get, and who approves a request?",
         ["How many days of leave do I get?", "who approves a request?"]),
        ("When does the pump stop? Where is the red alarm?", ["When does the pump stop?", "Where is the red alarm?"]),
        ("How long is a purchase request open and who approves it?",
         ["How long is a purchase request open?", "who approves it (long purchase request open)?"]),
    ],
)  # fmt: skip
def test_a_double_question_is_two(question: str, parts: list[str]) -> None:
    assert [part.alone for part in parts_of(question)] == parts


@pytest.mark.parametrize(
    "question",
    [
        "How many days of leave do I get?",
        "What is the difference between Basic and Plus?",
        "Who runs and maintains the pump?",
        "Where do I find forms and what not?",
        "The pump, and how it stops",
        "pump and where",
        "How and when?",
    ],
)
def test_one_question_stays_one(question: str) -> None:
    assert [part.alone for part in parts_of(question)] == [question]


LEAVE = "Staff receive 26 days of annual leave. The people team counts them each January."
PUMP = "The pump stops at two metres. It is painted green."


async def test_both_halves_are_answered() -> None:
    pages = (make_passage(LEAVE, title="Leave"), make_passage(PUMP, title="Pump"))
    answer = await make_answerer(pages).answer(
        ask("How many days of annual leave do staff receive, and where does the pump stop?", mode="strict"), ANYONE
    )
    assert {"26 days" in answer.text, "two metres" in answer.text, answer.notices == ()} == {True}


async def test_the_half_that_the_pages_do_not_answer_is_named() -> None:
    question = "How many days of annual leave do staff receive, and who chairs the zoning committee of Lisbon?"
    answer = await make_answerer((make_passage(LEAVE, title="Leave"),), answerable_above=0.4).answer(
        ask(question, mode="strict"), ANYONE
    )
    assert [(notice.kind, notice.text) for notice in answer.notices] == [
        ("unanswered", "The pages found do not answer “who chairs the zoning committee of Lisbon?”")
    ]
    assert "26 days" in answer.text
