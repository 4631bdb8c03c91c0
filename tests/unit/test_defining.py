"""Questions for the meaning of a word, and what explains one."""

import pytest

from app.answering.defining import explains, term_asked


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What does RMA stand for?", "rma"),
        ("what is a wet week", "wet week"),
        ("What's NTU?", "ntu"),
        ("What are core hours?", "core hours"),
        ("What does “drift” mean?", "drift"),
        ("What is the meaning of `auth.key_retired`?", "auth.key_retired"),
        ("Define drift", "drift"),
        ("SLO meaning", "slo"),
        ("What is SLO short for?", "slo"),
    ],
)
def test_the_word_whose_meaning_is_asked_for(question: str, term: str) -> None:
    assert term_asked(question) == term


@pytest.mark.parametrize(
    "question",
    [
        "How do I open an RMA?",
        "What happens on Friday of the first week?",
        "What is the dress code in the Porto office?",
        "When does the all-hands take place?",
        "Is an RMA needed?",
        "?",
        "",
    ],
)
def test_other_questions_ask_for_no_meaning(question: str) -> None:
    assert term_asked(question) is None


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("rma", "RMA – return merchandise authorisation, the number a returned device needs"),
        ("rma", "First line.\n- **RMA** – return merchandise authorisation"),
        ("rma", "RMA — Meaning: return merchandise authorisation"),
        ("wet week", "The wet week is the week each April when everybody spends a day in the field."),
        ("heron", "Herons are our gateways."),
        ("slo", "We agree on a service level objective (SLO) for each service."),
        ("drift", "Drift: slow change of a reading"),
        ("auth.key_retired", "`auth.key_retired` means that the key was rotated 48 hours ago."),
    ],
)
def test_a_line_that_explains_a_word(term: str, text: str) -> None:
    assert explains(term, text)


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("rma", "Open the RMA before you send anything."),
        ("rma", "The number looks like `RMA-26-0871`."),
        ("rma", "RMA"),
        ("rma", "RMAX – something else"),
        ("heron", "A Heron isolated from power is safe."),
        ("drift", "The drift of a sensor is checked monthly."),
    ],
)
def test_a_line_that_only_uses_a_word_explains_nothing(term: str, text: str) -> None:
    assert not explains(term, text)
