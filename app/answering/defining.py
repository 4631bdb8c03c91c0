"""Questions for the meaning of a word, and the lines of pages that explain one: `RMA – return merchandise …`.

English only: in other languages nothing is recognised, and everything else decides.
"""

import re
from functools import lru_cache

from app.answering.abbreviations import explained

_TERM = r"[\"'`“‘]?(?P<term>[^\W_][^?\"“”]{0,40}?)[\"'`”’]?"
_ASKS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\W*what (?:does|do|did|would) (?:an? |the |our )?{_TERM} (?:stand for|mean)\W*",
        rf"\W*(?:what(?:['’]s| is| are)|define|explain)(?: the| our)? "
        rf"(?:meaning of|definition of|definition for)(?: an?| the)? {_TERM}\W*",
        rf"\W*(?:what(?:['’]s| is| are)|define) (?:an? |the |our )?{_TERM}(?: short for)?\W*",
        rf"\W*{_TERM} (?:meaning|definition)\W*",
    )
)
_MOST_WORDS = 4
# What stands between a word and what it means, where the word begins a line.
_MEANS = r"(?:\s*[–—:=]\s*|\s+-\s+|\s+(?:is|are|means|stands for|refers to|is short for)\s+)(?=\w)"


@lru_cache(maxsize=512)
def term_asked(question: str) -> str | None:
    """The word or name whose meaning is asked for, in lower case; None where the question is another one."""
    for pattern in _ASKS:
        found = pattern.fullmatch(question)
        if found is not None and len(found["term"].split()) <= _MOST_WORDS:
            return found["term"].strip().lower()
    return None


def explains(term: str, text: str) -> bool:
    """Does a line of the text begin with the term and say what it is, or give the term in brackets after it?"""
    if any(short.lower() == term for short, _ in explained(text)):
        return True
    return _line_of(term).search(text) is not None


@lru_cache(maxsize=512)
def _line_of(term: str) -> re.Pattern[str]:
    """A line that begins with the term, apart from a bullet, an article and marks of emphasis."""
    words = r"\s+".join(re.escape(word) for word in term.split())
    return re.compile(rf"^[\s*•>+#|-]*(?:(?:an?|the|our)\s+)?[*_`“\"]*{words}s?[*_`”\"]*{_MEANS}", re.I | re.M)
