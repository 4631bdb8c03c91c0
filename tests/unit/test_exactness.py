"""How exactly a text holds what is asked for."""

import pytest

from app.answering.exactness import exactness


@pytest.mark.parametrize(
    ("question", "held", "not_held"),
    [
        ("When did the Porto office open?", "Porto — Opened: 2018", "The office is open from 07:00 to 20:00."),
        ("In which year was the K1 sold first?", "2016 – Kestrel K1", "The K1 lasts 4 years."),
        ("How large may a merge request be?", "Keep them under 400 changed lines.", "It must finish in 12 minutes."),
        ("How far is the pier?", "Two kilometres on foot", "It was built in 2018."),
        ("How much does a seat cost?", "Bramble: €17 a seat", "Bramble has 40 seats."),
        ("What is the hotel budget?", "120 euros a night", "Book 14 days before."),
        ("How often are backups made?", "Every 6 hours", "Copies are kept for 60 days."),
        ("How long is the trial?", "Try it for 45 days", "Try it with up to five buoys"),
        ("Who leads Firmware?", "Hanne Solberg leads it.", "Nine people build it."),
    ],
)
def test_what_is_asked_for_is_there_or_not(question: str, held: str, not_held: str) -> None:
    assert exactness(question, held) > 0 > exactness(question, not_held)


@pytest.mark.parametrize("question", ["How do I reset the pump?", "Is there parking?", "When does it open?", ""])
def test_nothing_is_told_where_nothing_of_this_is_asked(question: str) -> None:
    assert exactness(question, "In 2018, every 6 hours, €17, 400 lines") == 0


def test_somebody_whom_the_question_names_is_no_answer_to_who() -> None:
    question = "Who is the deputy of Priya Raman?"
    assert exactness(question, "Everything else goes to Priya Raman.") < 0
    assert exactness(question, "Priya Raman is replaced by Filip Nowak.") > 0
