"""How exactly a text holds the kind of thing a question asks for: a "when did" wants a date, a "how large" no time.

Finer than `app.answering.kinds`, whose kinds the ranking was trained with: what is told here is added to its log-odds.
The weights are the best of a few on half of SQuAD 2.0's articles; docs/answers.md has what they do. English only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from app.answering.kinds import MONTHS, UNITS_OF_TIME, kinds_asked
from app.answering.words import words_of

_NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|billion"
_NUMBER = rf"(?:\d(?:[\d,.]*\d)?|\b(?:{_NUMBER_WORDS})\b)"
_OF_TIME = re.compile(rf"\s*(?:{UNITS_OF_TIME})\b", re.I)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ANY_NUMBER = re.compile(_NUMBER, re.I)


def _holds(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.I)
    return lambda text: compiled.search(text) is not None


def _holds_size(text: str) -> bool:
    """A number that is neither a year nor a span of time."""
    return any(
        not _OF_TIME.match(text, found.end()) and not _YEAR.fullmatch(found.group())
        for found in _ANY_NUMBER.finditer(text)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Want:
    """`weight`: log-odds for a text that holds it, and against one that does not."""

    asks: re.Pattern[str]
    is_held: Callable[[str], bool]
    weight: float


_WANTS = (
    _Want(
        asks=re.compile(
            r"\bwhen (?:did|was|were|had)\b|\bsince when\b|\b(?:what|which) (?:\w+ )?(?:date|year|month)\b", re.I
        ),
        is_held=_holds(rf"\d{{4}}-\d\d|\b(?:{MONTHS})\b|\b(?:19|20)\d\d\b|\b\d{{1,2}}(?:st|nd|rd|th)\b|\bcentury\b"),
        weight=2.0,
    ),
    _Want(asks=re.compile(r"\bhow (?:large|big|wide|deep|heavy|high|far)\b", re.I), is_held=_holds_size, weight=2.0),
    _Want(
        asks=re.compile(
            r"\bhow much .*\b(?:costs?|pay|paid|charged?|price|earn|get)\b"
            r"|\b(?:what|which) (?:\w+ ){0,3}?(?:cost|price|fee|budget|salary|allowance)\b",
            re.I,
        ),
        is_held=_holds(r"[€$£¥]\s?\d|\d\s?(?:€|\$|£|EUR|USD|GBP|CHF|PLN|euros?|dollars?|pounds?|cents?)"),
        weight=1.0,
    ),
    _Want(
        asks=re.compile(r"\bhow (?:often|frequently)\b", re.I),
        is_held=_holds(
            r"\b(?:every|daily|weekly|monthly|quarterly|yearly|annual(?:ly)?|once|twice|times)\b"
            r"|\b(?:a|per|each) (?:hour|day|week|month|quarter|year)\b"
        ),
        weight=1.0,
    ),
    _Want(
        asks=re.compile(r"\bhow long\b(?! (?:must|should|can|may)\b)", re.I),
        is_held=_holds(rf"{_NUMBER}[^.;!?\n]*\b(?:{UNITS_OF_TIME})\b|\b(?:{UNITS_OF_TIME})\b[^.;!?\n]*{_NUMBER}"),
        weight=1.0,
    ),
)
_NAME_WEIGHT = 0.5


def exactness(question: str, text: str) -> float:
    """Log-odds for the text as what is asked for; 0 where the question asks for nothing of this."""
    told = sum(want.weight if want.is_held(text) else -want.weight for want in _asked(question))
    if "name" in kinds_asked(question):
        # Somebody else than the question itself names.
        told += _NAME_WEIGHT if words_of(text).names - words_of(question).names else -_NAME_WEIGHT
    return told


@lru_cache(maxsize=512)
def _asked(question: str) -> tuple[_Want, ...]:
    return tuple(want for want in _WANTS if want.asks.search(question))
