"""Slips of the pen: read as words of the sections that were found, and of no others."""

from collections.abc import Iterable

import pytest

from app.answering.spelling import find_slips, respelled, slips_between

TEXTS = (
    "The revenue of the quarter. Managers approve complaints.",
    "Kestrel firmware is signed abroad. API_KEY retired.",
)


def read_as(typed: str, texts: tuple[str, ...] = TEXTS, *, is_held: Iterable[str] = ()) -> str:
    return respelled(typed, find_slips(typed, texts, is_held=is_held))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("What was the revneue?", "What was the revenue?"),
        ("kesttrel frimware", "kestrel firmware"),
        ("Who works aroad?", "Who works abroad?"),
        ("quaarter", "quarter"),
    ],
)
def test_a_slip_is_read_as_the_word_that_the_sections_hold(typed: str, meant: str) -> None:
    assert read_as(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["Who approves the complaint?", "Managing a parrot", "auth.kestral", "api_kye", "key", "#revneue", "日本語の休暇"],
)
def test_other_endings_other_words_and_identifiers_stay(typed: str) -> None:
    assert read_as(typed) == typed


def test_what_is_meant_literally_is_not_doubted() -> None:
    assert read_as("the kestral", is_held={"kestral"}) == "the kestral"


def test_a_long_query_is_left_as_it_is() -> None:
    typed = f"the revneue {'of the quarter ' * 7}"
    assert read_as(typed) == typed


def test_nothing_is_read_into_a_query_that_found_nothing() -> None:
    assert read_as("revneue", ()) == "revneue"


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("abc", "acb", 1), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "abcd", 1), ("", "ab", 2)],
)
def test_slips_are_counted(one: str, other: str, count: int) -> None:
    assert slips_between(one, other) == slips_between(other, one) == count
