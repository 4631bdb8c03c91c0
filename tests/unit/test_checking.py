"""The sentence check."""

import pytest

from app.answering.checking import SentenceChecker, carries
from app.answering.units import units_of

EVIDENCE = (
    "Full-time staff in Gdańsk receive 26 days of annual leave a year. "
    "Up to 5 days can be carried over until 31 March. "
    "Contractors are not entitled to annual leave. Requests go to Saoirse Byrne."
)


def support(claim: str) -> bool:
    return SentenceChecker().check_sentence(claim, EVIDENCE, about="Annual leave › Entitlement").is_supported


@pytest.mark.parametrize(
    "claim",
    [
        "Full-time staff in Gdańsk receive 26 days of annual leave a year.",
        "Staff in Gdańsk receive 26 days of annual leave.",
        "Up to 5 days can be carried over until 31 March.",
        "Contractors are not entitled to annual leave.",
        "Requests for annual leave go to Saoirse Byrne.",
    ],
)
def test_what_the_text_says_is_supported(claim: str) -> None:
    assert support(claim)


@pytest.mark.parametrize(
    "claim",
    [
        "Staff in Gdańsk receive 28 days of annual leave a year.",
        "Staff in Porto receive 26 days of annual leave a year.",
        "Contractors are entitled to annual leave.",
        "Up to 5 days can be carried over until 30 April.",
        "Requests go to Tomasz Zieliński.",
        "The office has a swimming pool and free lunches for everybody.",
        "",
    ],
)
def test_what_the_text_does_not_say_is_not_supported(claim: str) -> None:
    assert not support(claim)


RELEASES = "Tarn is released every second Tuesday. Customers are told a day before."


@pytest.mark.parametrize(
    "claim",
    [
        "Tarn is released every second Tuesday, use the Heron app.",
        "Tarn is released every second Tuesday through the store.",
        "Customers are told a day before by telephone.",
    ],
)
def test_a_word_from_nowhere_ends_a_sentence(claim: str) -> None:
    assert not SentenceChecker().check_sentence(claim, RELEASES, about="Releases", asked="When?").is_supported


@pytest.mark.parametrize(
    ("claim", "asked"),
    [
        ("According to the page, Tarn is released every second Tuesday.", "When is Tarn released?"),
        ("The new version of Tarn is released every second Tuesday.", "When does a new version of Tarn come out?"),
        ("Tarn's releases are every second Tuesday.", "When?"),
    ],
)
def test_words_of_the_question_other_forms_and_ties_come_from_somewhere(claim: str, asked: str) -> None:
    assert SentenceChecker().check_sentence(claim, RELEASES, about="Releases", asked=asked).is_supported


STEPS = "If the rollout fails:\n\n1. Run `kestrel rollback`.\n2. Tell the two people on call."


@pytest.mark.parametrize("claim", ["2.", "1) 2", "Two."])
def test_a_number_alone_says_nothing(claim: str) -> None:
    assert not SentenceChecker().check_sentence(claim, STEPS, about="Rollback").is_supported


@pytest.mark.parametrize(
    "claim", ["Run kestrel rollback rollback.", "Run kestrel, run kestrel, run kestrel if the rollout fails."]
)
def test_a_sentence_that_goes_in_circles_is_not_supported(claim: str) -> None:
    assert not SentenceChecker().check_sentence(claim, STEPS, about="Rollback").is_supported


def test_a_word_that_the_text_doubles_may_be_doubled() -> None:
    text = "Use the log log scale for pumps."
    assert SentenceChecker().check_sentence("Use the log log scale for pumps.", text, about="Plots").is_supported


def test_the_unit_that_carries_the_claim_is_named() -> None:
    found = SentenceChecker().check("Five days are carried over until 31 March.", EVIDENCE)
    assert found.unit is not None
    assert found.unit.quote == "Up to 5 days can be carried over until 31 March."


def test_a_rewording_that_lost_the_number_does_not_carry_the_unit() -> None:
    unit = units_of("Up to 5 days can be carried over until 31 March.")[0]
    assert not carries("Some days can be carried over until March.", unit)


def test_a_free_claim_with_another_number_is_not_supported() -> None:
    assert not SentenceChecker().check("The pump stops at nine metres.", "The pump stops at two metres.").is_supported


def test_a_free_claim_may_join_what_stands_apart() -> None:
    claim = "Staff in Gdańsk receive 26 days of annual leave, and up to 5 days can be carried over until 31 March."
    assert SentenceChecker().check(claim, EVIDENCE).is_supported


@pytest.mark.parametrize("evidence", ["", "\n\n", "---"])
def test_an_empty_text_supports_nothing(evidence: str) -> None:
    assert not SentenceChecker().check("The pump stops at two metres.", evidence).is_supported


def test_a_claim_of_many_words_is_checked_in_bounded_time() -> None:
    support = SentenceChecker().check("pump " * 5000, "The pump stops at two metres. " * 300)
    assert 0 <= support.score <= 1


def test_a_sentence_that_lost_the_command_does_not_stand_for_it() -> None:
    (unit,) = units_of("If it stays silent, switch the SIM profile: `heronctl sim switch --profile backup`.")
    assert not carries("You can use the app to switch to the backup SIM profile.", unit)
    assert carries("Switch the SIM profile with heronctl sim switch --profile backup.", unit)
