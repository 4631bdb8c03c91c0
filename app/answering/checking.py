"""The sentence check: does a text support a claim? Trained on open data; numbers, names and "not" are also rules."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.answering.claims import Reading, claim_features, whole_text
from app.answering.units import Unit, units_of
from app.answering.weights import probability, tree_model
from app.answering.words import Words, content_stems, numbers_of, stem, stems_in_order, words_of
from app.checkers.base import SecondCheck
from kb.errors import ModelError

logger = logging.getLogger(__name__)
SUPPORTED_AT = 0.52
# From here on a unit speaks of what the claim does. In open data a quarter of such claims with a number of their own is
# supported.
_SAME_SUBJECT = 0.5
# From here on a claim and a unit make the same statement, so that a "not" on one side turns it around.
_SAME_STATEMENT = 0.6
# A claim whose every content word stands in one unit and its neighbours, in the unit's own order, is a quotation.
_QUOTED = 0.98
_COMMAND = re.compile(r"`([^`\n]+)`")
# Beginnings this long that agree make two words forms of one.
_SAME_START = 4
# What is left of a genitive: `Tarn's`.
_GENITIVE = frozenset("s")
# What a sentence about a page may say without the page: stems.
_TIES = _GENITIVE | frozenset(
    stem(word)
    for word in """according stated states says said mentioned mention described describes following follows document
    documentation page section source answer question information provided means mean called named including includes
    include also additionally however therefore required based specified""".split()
)
# A sentence may say a word twice; small models that go in circles say it more often.
_MOST_TIMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The verdict on one claim against one text. `score`: 0…1, supported from SUPPORTED_AT on; `unit`: the unit of
    the text that carries most of the claim; `is_quoted`: every content word of it stands at that place."""

    is_supported: bool
    score: float
    unit: Unit | None
    is_quoted: bool = False


class SentenceChecker:
    """The default check needs no model. A second one, if there is one, is asked about what the first one passed."""

    def __init__(self, second: SecondCheck | None = None) -> None:
        self._second = second

    def check(self, claim: str, evidence: str, *, about: str = "") -> Support:
        """Is the claim supported by the evidence text? `about`: its title and headings, which may name the subject.

        The trained score decides, or that of the second check in its place, but for a number that the text has nowhere
        where it says the rest. An answer must keep to more; see `check_sentence`. Raises ModelError.
        """
        units = units_of(evidence)
        if not units or not words_of(claim).stems:
            return Support(is_supported=False, score=0.0, unit=None)
        reading = Reading.of(claim, units, about)
        supported_at = self._second.supported_above if self._second else SUPPORTED_AT
        if self._second:
            score = self._second.score(claim, f"{about}\n{evidence}".strip())
        else:
            score = probability(tree_model("check").score(claim_features(reading, evidence)))
        if reading.shares[reading.best] >= _SAME_SUBJECT and reading.words.numbers - numbers_of(evidence):
            score = min(score, supported_at) / 2
        return Support(is_supported=score >= supported_at, score=score, unit=units[reading.best])

    def check_sentence(self, sentence: str, evidence: str, *, about: str, asked: str = "") -> Support:
        """The stricter verdict on a sentence of an answer: a number or name of its own, or a turned "not", ends it.

        So does a content word that neither the text nor the question (`asked`) has in any form. A sentence that says
        only what one place of the text says needs no further proof.
        """
        units = units_of(evidence)
        claimed = words_of(sentence)
        # A number alone, such as the "2." of a list, says nothing.
        if not units or claimed.stems <= claimed.numbers:
            return Support(is_supported=False, score=0.0, unit=None)
        reading = Reading.of(sentence, units, about)
        best = units[reading.best]
        window = "\n".join([about, *(whole_text(unit) for unit in _around(units, best))])
        has_strangers = bool(strangers(claimed, f"{about}\n{evidence}\n{asked}"))
        if has_strangers or contradicts(claimed, reading, words_of(window)) or goes_in_circles(sentence, window):
            return Support(is_supported=False, score=0.0, unit=best)
        held = reading.share(reading.best - 1, reading.best, reading.best + 1)
        if held >= _QUOTED:
            return Support(is_supported=True, score=held, unit=best, is_quoted=True)
        score = probability(tree_model("check").score(claim_features(reading, evidence)))
        is_supported = score >= SUPPORTED_AT and self._passes_again(sentence, window)
        return Support(is_supported=is_supported, score=score, unit=best)

    def _passes_again(self, sentence: str, window: str) -> bool:
        """Does the second check say so too? One that fails passes nothing: the page's own words are there."""
        if self._second is None:
            return True
        try:
            return self._second.score(sentence, window.strip()) >= self._second.supported_above
        except ModelError as exc:
            logger.warning("second check failed", extra={"error": type(exc).__name__, "check": self._second.name})
            return False


def contradicts(claimed: Words, reading: Reading, window: Words) -> bool:
    """A number or name that the window does not have, or a "not" on one side only."""
    if not claimed.numbers <= window.numbers or not claimed.names <= window.stems | _GENITIVE:
        return True
    is_same_statement = reading.shares[reading.best] >= _SAME_STATEMENT
    return is_same_statement and claimed.is_negated != words_of(whole_text(reading.units[reading.best])).is_negated


def strangers(claimed: Words, known: str) -> frozenset[str]:
    """The claimed content words that the known text has in no form: what a model has from somewhere else.

    Words that only tie a sentence together are none.
    """
    held = words_of(known).stems
    beginnings = {word[:_SAME_START] for word in held if len(word) >= _SAME_START}
    return frozenset(
        word for word in claimed.stems - held - _TIES if len(word) < _SAME_START or word[:_SAME_START] not in beginnings
    )


def goes_in_circles(sentence: str, window: str) -> bool:
    """Does it say a content word twice in a row, or again and again, where the window does not?"""
    here, there = Counter(content_stems(sentence)), Counter(content_stems(window))
    if any(times > max(_MOST_TIMES, there[word]) for word, times in here.items()):
        return True
    return bool(_doubled(sentence) - _doubled(window))


def _doubled(text: str) -> set[str]:
    return {
        word
        for (word, is_content), (following, _) in pairwise(stems_in_order(text))
        if is_content and word == following
    }


def carries(claim: str, unit: Unit) -> bool:
    """Does the claim keep the unit's numbers, names and commands? A rewording that lost them cannot stand for it."""
    claimed, original = words_of(claim), words_of(unit.text)
    commands = _COMMAND.findall(unit.quote)
    is_whole = original.numbers <= claimed.numbers and original.names <= claimed.stems
    return is_whole and all(command.strip() in claim for command in commands)


def _around(units: Sequence[Unit], best: Unit) -> Sequence[Unit]:
    """The best unit with its neighbours: claims often join two sentences that stand side by side."""
    return units[max(0, best.position - 1) : best.position + 2]
