"""Kinds of things asked for and held."""

import pytest

from app.answering.kinds import Kind, fit, kinds_asked


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When does the contract expire?", "time"),
        ("How long is the notice period?", "time"),
        ("How many desks are there?", "number"),
        ("What is the hotel limit in London?", "number"),
        ("Who runs the hotline?", "name"),
        ("Why was the card blocked?", "reason"),
        ("Where is the boat?", "place"),
        ("Which command restarts a gateway?", "code"),
    ],
)
def test_what_is_asked_for_is_recognised(question: str, kind: Kind) -> None:
    assert kind in kinds_asked(question)


def test_no_kind_is_forced_on_other_questions() -> None:
    assert kinds_asked("Tell me about the wet week") == frozenset()


@pytest.mark.parametrize(
    ("kind", "question", "text", "value"),
    [
        ("time", "When is the freeze?", "No releases from 18 December on.", 1.0),
        ("time", "When is the freeze?", "Releases are frozen.", -1.0),
        ("number", "How many desks for 62 people?", "There are 58 desks for 62 people.", 1.0),
        ("number", "How many desks for 62 people?", "A floor for 62 people.", -1.0),
        ("name", "What is the freeze?", "Ask Ana about it.", 0.0),
    ],
)
def test_a_text_fits_if_it_holds_something_new_of_the_kind(kind: Kind, question: str, text: str, value: float) -> None:
    assert fit(kind, question, text) == value
