"""Which pieces of evidence make a strict answer: the best, those nearly as good, and the rest of a procedure."""

import re
from collections.abc import Sequence

from app.answering.evidence import Evidence

# Log-odds: evidence this far below the best is about something else more often than not.
_MARGIN = 2.5
_MOST_WITHOUT_STEPS = 3
_ASKS_FOR_STEPS = re.compile(
    r"^\W*how (?:do|can|should|would|to|does)\b|\b(?:steps?|procedure|instructions?|process)\b", re.I
)


def select_evidence(question: str, evidence: Sequence[Evidence], *, most: int) -> list[Evidence]:
    """The evidence that answers, best first; at most `most` pieces. The steps of one list stay in their order."""
    if not evidence:
        return []
    best = evidence[0]
    if best.unit.kind in {"item", "code"} and _ASKS_FOR_STEPS.search(question):
        return _whole_list(best, evidence)[: max(most, 1) + 2]
    chosen: list[Evidence] = []
    for each in evidence:
        if each.score < best.score - _MARGIN or len(chosen) == min(most, _MOST_WITHOUT_STEPS):
            break
        if not any(_repeats(each, other) for other in chosen):
            chosen.append(each)
    return chosen


def _whole_list(best: Evidence, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best step with the steps around it that hang on the same line, in reading order."""
    same_section = [each for each in evidence if each.place == best.place and each.unit.kind in {"item", "code"}]
    by_position = {each.unit.position: each for each in same_section}
    first = last = best.unit.position
    while first - 1 in by_position:
        first -= 1
    while last + 1 in by_position:
        last += 1
    return [by_position[position] for position in range(first, last + 1)]


def _repeats(each: Evidence, other: Evidence) -> bool:
    return each.unit.text.casefold() in other.unit.text.casefold()
