"""Abbreviations in a query, spelled out as the sections found spell them out: `objective (SLO)`, `SLO (objective)`.

Only sections that the asker may read are found, so nothing is spelled out that a page for others alone explains.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

from kb.function_words import FUNCTION_WORDS

# `(SLO)`, `(SLOs)`, `(PaaS)`: two capitals at least.
_IN_BRACKETS = re.compile(r"\(([A-Z][A-Za-z]{0,3}[A-Z]|[A-Z]{2,7})s?\)")
_BEFORE_BRACKETS = re.compile(r"(?<![\w-])([A-Z][A-Za-z]{0,3}[A-Z]|[A-Z]{2,7})s?\s?\(([^()\n]{4,80})\)")
_WORD = re.compile(r"[^\W_]+")
# No long form goes over the end of a sentence, a cell or a line.
_END = re.compile(r"[.!?;:\n|(){}\"“”]")
# An abbreviation that more than this share of the best texts hold is how pages say it; so many are looked at.
_RARE_SHARE = 0.2
_LOOKED_AT = 16
# That far before its abbreviation a long form may begin, in letters.
_REACH = 120
_ASKED = re.compile(r"(?<![\w'’./:@#-])[A-Za-z]{2,7}(?![\w'’/:@#-])")
_GRAMMAR = frozenset(chain.from_iterable(FUNCTION_WORDS.values()))


def long_forms(words: str, texts: Sequence[str]) -> list[str]:
    """What the abbreviations among the words stand for, as far as the texts say and the words do not.

    `texts`: best first; of two meanings, the one that more of them give is taken, or the first. What pages write
    short themselves is found as it is, and stays so.
    """
    asked = [found.group() for found in _ASKED.finditer(words) if _may_be_short(found.group())]
    if not asked:
        return []
    meanings = _meanings(texts)
    rare = [word for word in asked if _is_rare(word, texts[:_LOOKED_AT])]
    spelled = (meanings.get(word.upper()) or meanings.get(word.upper().removesuffix("S")) for word in rare)
    said = f" {_plain(words)} "
    return [meaning for meaning in dict.fromkeys(spelled) if meaning is not None and f" {meaning} " not in said]


def _is_rare(word: str, texts: Sequence[str]) -> bool:
    """Do few of the texts hold it?"""
    short = re.compile(rf"(?<!\w){re.escape(word.removesuffix('s'))}s?(?!\w)", re.IGNORECASE)
    return sum(short.search(text) is not None for text in texts) <= max(1, _RARE_SHARE * len(texts))


def _may_be_short(word: str) -> bool:
    if sum(char.isupper() for char in word) > 1:
        return True
    # Typed in a hurry; `it`, `us` or `la` are words more often.
    return word.islower() and word not in _GRAMMAR


def _meanings(texts: Sequence[str]) -> dict[str, str]:
    """Abbreviation in capitals → its long form."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        for short, meaning in explained(text):
            counts[short][meaning] += 1
    return {short: meanings.most_common(1)[0][0] for short, meanings in counts.items()}


@lru_cache(maxsize=4096)
def explained(text: str) -> tuple[tuple[str, str], ...]:
    """Each abbreviation that a section explains, with its long form in lower case."""
    # Remembered, because the same sections are found again and again.
    return tuple(dict.fromkeys(_explanations(text)))


def _explanations(text: str) -> Iterator[tuple[str, str]]:
    for found in _IN_BRACKETS.finditer(text):
        before = text[max(0, found.start() - _REACH) : found.start()]
        meaning = _last_words_for(found.group(1), _END.split(before)[-1])
        if meaning is not None:
            yield found.group(1).upper(), meaning
    for found in _BEFORE_BRACKETS.finditer(text):
        inside = found.group(2)
        if _last_words_for(found.group(1), inside) == _plain(inside):
            yield found.group(1).upper(), _plain(inside)


def _last_words_for(short: str, before: str) -> str | None:
    """The fewest last words that an abbreviation's letters can stand for, in order, the first where a word begins.

    After Schwartz & Hearst 2003, "A simple algorithm for identifying abbreviation definitions in biomedical text".
    """
    letters, place = short.lower(), len(before)
    for number in range(len(letters) - 1, -1, -1):
        place -= 1
        while place >= 0 and not _stands_for(before, place, letters[number], is_first=number == 0):
            place -= 1
        if place < 0:
            return None
    words = _WORD.findall(before[place:].lower())
    most = min(len(letters) + 5, 2 * len(letters))
    return " ".join(words) if 2 <= len(words) <= most and letters not in words else None


def _stands_for(text: str, place: int, letter: str, *, is_first: bool) -> bool:
    if text[place].lower() != letter:
        return False
    return not is_first or place == 0 or not text[place - 1].isalnum()


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
