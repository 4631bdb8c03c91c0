"""Abbreviations: spelled out as the sections found spell them out, and not otherwise."""

import pytest

from app.answering.abbreviations import long_forms

PAGES = (
    "A service level objective (SLO) is a promise to ourselves. Durable medical equipment (DME) is covered.",
    "Ask for prior authorization (PA). RTO (recovery time objective) is four hours. Platform as a Service (PaaS).",
    "Return-merchandise authorisations (RMAs) are free. See the table (below). The board (IT) met.",
)


@pytest.mark.parametrize(
    ("asked", "meaning"),
    [
        ("What is our SLO?", "service level objective"),
        ("which SLOs do we have", "service level objective"),
        ("is dme covered?", "durable medical equipment"),
        ("How do I get PA?", "prior authorization"),
        ("who gives a pa", "prior authorization"),
        ("What is the RTO", "recovery time objective"),
        ("Do we run a PaaS?", "platform as a service"),
        ("How long does an RMA take?", "return merchandise authorisations"),
    ],
)
def test_an_abbreviation_is_spelled_out_as_a_page_does(asked: str, meaning: str) -> None:
    assert long_forms(asked, PAGES) == [meaning]


@pytest.mark.parametrize(
    "asked",
    [
        "Our service level objective (SLO)?",
        "Does IT answer?",
        "it is what it is",
        "the VPN",
        "SLO-17",
        "auth.SLO",
        "How do I roll back?",
        "",
    ],
)
def test_nothing_is_added_that_is_said_already_or_that_no_page_explains(asked: str) -> None:
    assert long_forms(asked, PAGES) == []


def test_of_two_meanings_the_one_that_more_pages_give_is_taken() -> None:
    pages = ("A point of contact (POC).", "A proof of concept (POC).", "Another proof of concept (POC).")
    others = ("Nothing of the kind.",) * 12
    assert long_forms("the POC", pages + others) == ["proof of concept"]
    assert long_forms("the POC", pages[:2] + others) == ["point of contact"]


def test_what_pages_write_short_themselves_stays_short() -> None:
    pages = (*PAGES, "The SLO of the store.", "The SLO of the shop.", "Every SLO is reviewed.")
    assert long_forms("Which SLO holds?", pages) == []


@pytest.mark.parametrize(
    "text",
    [
        "Shown late. On Monday (SLOM) we rest.",
        "some | late | output (SLO)",
        "SLO (the old name)",
        "(SLO)",
        "s l o" * 1000 + "(SLO)" * 1000,
    ],
)
def test_what_only_looks_like_an_explanation_is_none(text: str) -> None:
    assert long_forms("SLO and SLOM", (text,)) == []
