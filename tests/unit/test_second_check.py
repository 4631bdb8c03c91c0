"""The second check is asked about the model's own wordings that the first one passed, and can only say no."""

import pytest

from app.answering.checking import SentenceChecker
from app.settings import Settings
from app.wiring import build_second_check
from kb.errors import ConfigError, ModelError, ModelUnavailable

EVIDENCE = "Full-time staff in Gdańsk receive 26 days of annual leave a year. Contractors receive none."
QUOTED = "Full-time staff in Gdańsk receive 26 days of annual leave a year."
REWORDED = "Staff working full-time in Gdańsk receive 26 days of annual leave a year."
ASKED = "How much leave do people working in Gdańsk get?"
WRONG = "Staff in Gdańsk get 28 days of annual leave each year."


class SayingCheck:
    """Gives one score to everything, or fails; keeps what it was asked."""

    name = "saying"
    supported_above = 0.7

    def __init__(self, score: float | ModelError) -> None:
        self._score = score
        self.asked: list[tuple[str, str]] = []

    def score(self, claim: str, evidence: str) -> float:
        """What it was told to say. Raises ModelError."""
        self.asked.append((claim, evidence))
        if isinstance(self._score, ModelError):
            raise self._score
        return self._score


def is_shown(sentence: str, second: SayingCheck) -> bool:
    checker = SentenceChecker(second)
    return checker.check_sentence(sentence, EVIDENCE, about="Annual leave", asked=ASKED).is_supported


def test_a_rewording_needs_both() -> None:
    assert is_shown(REWORDED, SayingCheck(0.7))
    assert not is_shown(REWORDED, SayingCheck(0.69))


def test_what_the_first_check_refuses_is_refused_and_the_second_is_not_asked() -> None:
    second = SayingCheck(1.0)
    assert not is_shown(WRONG, second)
    assert second.asked == []


def test_the_pages_own_words_need_no_second_look() -> None:
    second = SayingCheck(0.0)
    assert is_shown(QUOTED, second)
    assert second.asked == []


def test_a_second_check_that_fails_passes_nothing() -> None:
    assert not is_shown(REWORDED, SayingCheck(ModelUnavailable("its files are gone")))


@pytest.mark.parametrize(("claim", "is_supported"), [(REWORDED, True), (WRONG, False)])
def test_of_a_free_claim_the_second_check_gives_the_score_and_numbers_stay_a_rule(
    claim: str, *, is_supported: bool
) -> None:
    support = SentenceChecker(SayingCheck(0.9)).check(claim, EVIDENCE)
    assert support.is_supported == is_supported
    assert support.score == pytest.approx(0.9 if is_supported else 0.35)


def test_there_is_none_unless_one_is_named() -> None:
    assert build_second_check(Settings()) is None
    with pytest.raises(ConfigError, match=r"\[checker\]: 'model' is required"):
        build_second_check(Settings.model_validate({"checker": {"kind": "cross_encoder"}}))
