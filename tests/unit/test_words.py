"""What the checks see in a text."""

import pytest

from app.answering.words import numbers_of, words_of


def test_inflections_share_a_stem() -> None:
    assert words_of("renewing certificates").stems == words_of("renewed certificate").stems


def test_function_words_are_no_content() -> None:
    assert words_of("how do I get to the").stems == frozenset()


def test_accents_do_not_separate_words() -> None:
    assert words_of("Gdańsk").stems == words_of("gdansk").stems


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,200 readings", "1200"), ("2.50 euros", "2.5"), ("two weeks", "2"), ("007", "7"), ("12\u00a0500", "12500")],
)
def test_numbers_are_plain(text: str, number: str) -> None:
    assert number in numbers_of(text)


def test_a_year_before_a_number_is_not_joined_to_it() -> None:
    assert numbers_of("in 2026 100 buoys") == {"2026", "100"}


def test_names_are_capitalised_words_inside_a_sentence() -> None:
    assert words_of("We ask Saoirse about Tarn").names == {"saoirs", "tarn"}


def test_a_capital_at_the_start_of_a_sentence_is_no_name() -> None:
    assert words_of("Leave is paid. Ask early.").names == frozenset()


@pytest.mark.parametrize("text", ["It is not paid", "You can’t carry over", "without approval"])
def test_negation_is_seen(text: str) -> None:
    assert words_of(text).is_negated
