"""What kind of thing a question asks for, and whether a text holds one: a "when" wants a time, a "how much" a number.

English only: in other languages no kind is recognised, and the other features decide.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from app.answering.words import words_of

Kind = Literal["time", "number", "name", "reason", "place", "code"]

UNITS_OF_TIME = r"seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?"
MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
)
_AMOUNTS = (
    "number|percentage|percent|portion|share|rate|limit|size|amount|sum|cost|price|fee|budget|maximum|minimum|threshold|"
    "version|port|salary|range|weight|capacity|temperature|interval|deadline|allowance|discount|torque|voltage|speed|"
    "uptime|latency|longest|highest|lowest|largest|smallest|most"
)
_ASKS: dict[Kind, re.Pattern[str]] = {
    "time": re.compile(
        r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:date|day|time|year|month|week)\b"
        r"|\bhow (?:long|soon|often|fast|quick(?:ly)?|early|late|much time)\b"
        rf"|\bhow many (?:\w+ )?(?:{UNITS_OF_TIME})\b",
        re.I,
    ),
    "number": re.compile(
        r"\bhow (?:many|much|long|often|old|far|big|large|fast|quick(?:ly)?|soon|high|low|late|early|deep|heavy|wide|"
        rf"exact(?:ly)?)\b|\b(?:what|which) (?:\w+ ){{0,3}}?(?:{_AMOUNTS})\b"
        r"|\b(?:what|which) (?:\w+ ){1,8}?(?:costs?|charge|pay|paid|earn|get)\b|\bat (?:least|most)\b",
        re.I,
    ),
    "name": re.compile(
        r"\bwho(?:m|se)?\b"
        r"|\b(?:what|which) (?:\w+ )?(?:person|team|role|company|firm|customer|vendor|group|people|name)\b",
        re.I,
    ),
    "reason": re.compile(r"\bwhy\b|\breason\b|\bwhat (?:caused|makes)\b", re.I),
    "place": re.compile(
        r"\bwhere\b"
        r"|\b(?:what|which) (?:\w+ )?(?:city|country|place|state|town|region|location|office|street|room|building)\b",
        re.I,
    ),
    "code": re.compile(r"\b(?:command|setting|flag|option|parameter|variable|file|endpoint|header|code|log)\b", re.I),
}
_HOLDS: dict[Kind, re.Pattern[str]] = {
    "time": re.compile(rf"\d{{4}}-\d\d|\b(?:{MONTHS}|{UNITS_OF_TIME})\b|\d{{1,2}}:\d\d|\b20\d\d\b", re.I),
    "reason": re.compile(r"\b(?:because|since|so|due to|therefore|as a result)\b|\bcaus", re.I),
    "place": re.compile(r"\b(?:in|at|near|to|from|on|of) (?:the )?[A-Z]|\b(?:pier|room|floor|street|road|building)\b"),
    "code": re.compile(r"`[^`]+`|\b[a-z]+[_.][a-z_]+\b"),
}


@dataclass(frozen=True, slots=True)
class KindsHeld:
    """The kinds of things a text holds. `numbers`: all of them in plain digits, so that those asked can be left out."""

    kinds: frozenset[Kind]
    numbers: frozenset[str]


@lru_cache(maxsize=512)
def kinds_asked(question: str) -> frozenset[Kind]:
    """The kinds that the question asks for; empty where none is recognised."""
    return frozenset(kind for kind, pattern in _ASKS.items() if pattern.search(question))


@lru_cache(maxsize=8192)
def kinds_held(text: str) -> KindsHeld:
    """The kinds that the text holds."""
    words = words_of(text)
    kinds = {kind for kind, pattern in _HOLDS.items() if pattern.search(text)}
    if words.numbers:
        kinds.add("number")
    if words.names:
        kinds.add("name")
    return KindsHeld(frozenset(kinds), words.numbers)


def fit(kind: Kind, question: str, text: str) -> float:
    """1: the kind is asked for and held, in a number beyond the question's own; -1: asked for and not held; else 0."""
    if kind not in kinds_asked(question):
        return 0.0
    held = kinds_held(text)
    if kind == "number":
        return 1.0 if held.numbers - words_of(question).numbers else -1.0
    return 1.0 if kind in held.kinds else -1.0
