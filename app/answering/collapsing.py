"""Pages that say nearly the same are shown once: the newest of them."""

import re
from collections.abc import Sequence

from app.answering.types import Passage

# Share of common word sequences above which two texts are one.
NEAR_EQUAL = 0.9
_SHINGLE_WORDS = 4
_WORD = re.compile(r"\w+")


def collapse_near_equal(passages: Sequence[Passage], *, count: int) -> list[Passage]:
    """At most `count` passages, without those whose words are nearly another's.

    The newer of two stays, in the better's place. Looks twice as far down as `count` for twins.
    """
    kept: list[Passage] = []
    shingles: list[frozenset[str]] = []
    for passage in passages[: 2 * count]:
        own = _shingles(passage.text)
        twin = next((place for place, other in enumerate(shingles) if _is_near_equal(own, other)), None)
        if twin is None:
            kept.append(passage)
            shingles.append(own)
        elif _freshness(passage) > _freshness(kept[twin]):
            kept[twin] = passage
    return kept[:count]


def _freshness(passage: Passage) -> tuple[bool, float]:
    return not passage.is_outdated, passage.updated_at.timestamp()


def _shingles(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - _SHINGLE_WORDS + 1)
    return frozenset(" ".join(words[start : start + _SHINGLE_WORDS]) for start in range(count))


def _is_near_equal(left: frozenset[str], right: frozenset[str]) -> bool:
    smaller, larger = sorted((len(left), len(right)))
    # Sets of very different sizes cannot overlap enough; most pairs end here.
    if smaller < NEAR_EQUAL * larger:
        return False
    return len(left & right) >= NEAR_EQUAL * len(left | right)
