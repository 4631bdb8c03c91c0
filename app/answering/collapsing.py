"""Pages that say nearly the same are shown once: the newest of them."""

import re
from collections.abc import Sequence
from functools import lru_cache

from app.answering.types import Passage

# Share of common word sequences above which two texts are one.
NEAR_EQUAL = 0.9
_SHINGLE_WORDS = 4
# Punctuation and the length of words leave this much room beside NEAR_EQUAL.
_NEAR_LENGTH = 0.8
_WORD = re.compile(r"\w+")


def collapse_near_equal(passages: Sequence[Passage], *, count: int) -> list[Passage]:
    """At most `count` passages, without those whose words are nearly another's.

    The newer of two stays, in the better's place. Looks twice as far down as `count` for twins.
    """
    kept: list[Passage] = []
    for passage in passages[: 2 * count]:
        twin = next((place for place, other in enumerate(kept) if _is_near_equal(passage.text, other.text)), None)
        if twin is None:
            kept.append(passage)
        elif _freshness(passage) > _freshness(kept[twin]):
            kept[twin] = passage
    return kept[:count]


def _freshness(passage: Passage) -> tuple[bool, float]:
    return not passage.is_outdated, passage.updated_at.timestamp()


def _is_near_equal(left: str, right: str) -> bool:
    shorter, longer = sorted((len(left), len(right)))
    # Texts of very different lengths cannot overlap enough; most pairs end here.
    if shorter < _NEAR_LENGTH * longer:
        return False
    ours, theirs = _shingles(left), _shingles(right)
    shared = len(ours & theirs)
    return shared >= NEAR_EQUAL * (len(ours) + len(theirs) - shared)


@lru_cache(maxsize=64)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - _SHINGLE_WORDS + 1)
    return frozenset(tuple(words[start : start + _SHINGLE_WORDS]) for start in range(count))
