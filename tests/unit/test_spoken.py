"""Is what a question speaks of spoken of? With vectors made by hand: a word is a direction."""

import re

import numpy as np
import pytest

from app.answering.spoken import closeness_of, spoken_features
from kb.embedders.base import Pieces

# Words that mean the same share a direction.
MEANINGS = ["leave holiday vacation", "how", "many", "days", "alarm siren", "pump", "porto", "25", "k", "3"]
QUESTION = "How many days of leave?"


def pieces(text: str, *, cut: int = 99) -> Pieces:
    """Every run of letters or of digits is a piece; those of other meanings stand on their own."""
    spans = [match.span() for match in re.finditer(r"[^\W\d_]+|\d+", text)][:cut]
    vectors = np.zeros((len(spans), 64), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        word = text[start:end].lower()
        place = next((place for place, words in enumerate(MEANINGS) if word in words.split()), None)
        vectors[row, 10 + sum(word.encode()) % 54 if place is None else place] = 1
    return Pieces(spans=tuple(spans), vectors=vectors)


def features(question: str, text: str) -> dict[str, float]:
    return spoken_features(question, pieces(question), pieces(text), pieces(text), text)


def test_another_word_for_the_same_is_spoken_of() -> None:
    assert features(QUESTION, "Vacation: 25 days.")["spoken_near_least"] == pytest.approx(1)
    assert features(QUESTION, "Vacation: 25 days.")["spoken_lost"] == pytest.approx(0)


def test_the_word_that_is_missing_tells() -> None:
    found = features("How many days of leave in Porto?", "Vacation: 25 days.")
    assert found["spoken_section_least"] == 0
    assert found["spoken_names"] == 0
    assert found["spoken_lost"] == pytest.approx(1)


def test_pieces_of_one_word_count_as_one() -> None:
    whole, half = features("Where is the K3?", "The K3 pump"), features("Where is the K3?", "The K4 pump")
    assert whole["spoken_near"] == pytest.approx(1)
    assert half["spoken_near"] == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["", "…"])
def test_a_text_without_pieces_speaks_of_nothing(text: str) -> None:
    assert set(features(QUESTION, text).values()) == {0.0}


def test_a_question_of_grammar_alone_is_looked_for_as_it_is() -> None:
    assert features("How many?", "As many as you like, and how")["spoken_near"] == pytest.approx(1)


def test_the_text_that_holds_more_of_what_is_asked_is_closer_and_the_furthest_is_0() -> None:
    texts = [pieces("The pump"), pieces("Vacation: 25 days"), pieces("")]
    far, near, nothing = closeness_of(pieces("How many days of holiday?"), texts)
    assert near > far >= nothing == 0
