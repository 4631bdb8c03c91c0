"""Slips of the pen: a word that none of the sections found holds, read as one that they do hold.

Only sections that the asker may read are found, so no suggestion can tell of any other. Whether any other page has the
word as it was typed, the retriever asks the index: then it is no slip.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from kb.function_words import FUNCTION_WORDS
from kb.terms import words_of

_WORD = re.compile(r"(?<![\w'’./:@#_-])[^\W\d_]{4,24}(?![\w’./:@#_-])")
_PLAIN = re.compile(r"[^\W\d_]{4,24}")
# Shorter words differ by one letter from too many others.
_SHORTEST = 5
# From this length on two slips in one word are forgiven.
_LONG = 11
_LONGEST_ENDING = 3
# In a longer query the other words find what is meant, and a word that pages lack may well be right.
_MOST_WORDS = 20
# A section may well do without "though" or "welchen".
_GRAMMAR = frozenset(chain.from_iterable(FUNCTION_WORDS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A word of a query that may be meant otherwise. `start`, `end`: where it stands; `word`: in lower case."""

    start: int
    end: int
    word: str
    better: str


def find_slips(words: str, texts: Sequence[str], *, is_held: Iterable[str] = ()) -> list[Slip]:
    """The words that the texts lack and nearly have, each with the likeliest one they have.

    `texts`: best first. `is_held`: words, in lower case, that are not to be doubted.
    """
    asked = [found for found in _WORD.finditer(words) if len(found.group()) >= _SHORTEST]
    if not asked or len(words.split()) > _MOST_WORDS:
        return []
    known = Counter(chain.from_iterable(map(_words_in, texts)))
    sure = _GRAMMAR.union(is_held)
    doubted = [
        (found, word) for found in asked if not ((word := found.group().lower()) in sure or _is_known(word, known))
    ]
    return [
        Slip(start=found.start(), end=found.end(), word=word, better=better)
        for found, word in doubted
        if (better := _nearest(word, known)) is not None
    ]


def respelled(words: str, slips: Iterable[Slip]) -> str:
    """The query with these words read otherwise."""
    for slip in sorted(slips, key=lambda slip: -slip.start):
        words = words[: slip.start] + slip.better + words[slip.end :]
    return words


@lru_cache(maxsize=4096)
def _words_in(text: str) -> tuple[str, ...]:
    """The plain words of a section, in lower case, each once."""
    # Remembered, because the same sections are found again and again.
    parts = (part for word in words_of(text) for part in _PLAIN.findall(word.lower()))
    return tuple(dict.fromkeys(parts))


def _is_known(word: str, known: Mapping[str, int]) -> bool:
    """Is it held, perhaps with another ending?"""
    if word in known:
        return True
    stem = word[: max(4, len(word) - 3)]
    return any(each.startswith(stem) and _is_inflected(word, each) for each in known)


def _is_inflected(word: str, other: str) -> bool:
    """Are they one word with two endings: `approve` and `approves`? Then neither is a slip for the other."""
    shared = next((place for place, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), None)
    if shared is None:
        return abs(len(word) - len(other)) <= _LONGEST_ENDING
    return shared >= max(len(word), len(other)) - _LONGEST_ENDING


def _nearest(word: str, known: Mapping[str, int]) -> str | None:
    most = 2 if len(word) >= _LONG else 1
    near = [
        (distance, -count, each)
        for each, count in known.items()
        if each[0] == word[0] and abs(len(each) - len(word)) <= most and len(each) >= _SHORTEST
        if (distance := slips_between(word, each)) <= most
    ]
    return min(near)[2] if near else None


def slips_between(one: str, other: str) -> int:
    """How many letters were missed, added, changed, or swapped with the next (Damerau's distance, adjacent swaps)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        now = [place]
        for column, (left, right) in enumerate(pairwise(("", *other)), start=1):
            cost = min(row[column] + 1, now[column - 1] + 1, row[column - 1] + (letter != right))
            if before and letter == left and one[place - 2] == right:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]
