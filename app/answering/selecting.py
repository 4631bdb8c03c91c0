"""Which pieces of evidence make a strict answer: the best, those nearly as good, and the rest of a procedure."""

import re
from collections.abc import Sequence

from app.answering.evidence import Evidence

# Log-odds behind the best. The same section goes on with the same matter; another one this far behind is about
# something else more often than not, and would be cited for nothing.
_MARGIN_SAME_SECTION = 6.0
_MARGIN = 1.5
_MOST_WITHOUT_STEPS = 3
# Asked how something is done, a step or a command this little behind is what is wanted.
_MARGIN_STEPS = 2.5
# A page that no longer holds is quoted only where no other says nearly as much.
_MARGIN_OUTDATED = 6.0
_ASKS_FOR_STEPS = re.compile(
    r"^\W*how (?:do|can|should|would|to|does)\b|\b(?:steps?|procedure|instructions?|process)\b", re.I
)


def select_evidence(question: str, evidence: Sequence[Evidence], *, most: int) -> list[Evidence]:
    """The evidence that answers, best first; at most `most` pieces. The steps of one list stay in their order."""
    standing = _valid(sorted(evidence, key=lambda each: -each.standing))
    if not standing:
        return []
    if _ASKS_FOR_STEPS.search(question) and (step := _best_step(standing)) is not None:
        return _whole_list(step, evidence)[: max(most, 1) + 2]
    chosen: list[Evidence] = []
    for each in standing:
        if len(chosen) == min(most, _MOST_WITHOUT_STEPS):
            break
        if _is_near(each, standing[0]) and not any(_repeats(each, other) for other in chosen):
            chosen.append(each)
    return chosen


def _valid(standing: Sequence[Evidence]) -> list[Evidence]:
    """The same without the pages that no longer hold, if another one says nearly as much."""
    valid = [each for each in standing if not each.passage.is_outdated]
    is_enough = bool(valid) and valid[0].standing >= standing[0].standing - _MARGIN_OUTDATED
    return valid if is_enough else list(standing)


def _best_step(standing: Sequence[Evidence]) -> Evidence | None:
    """The best item or piece of code, if it is nearly as good as the best of all."""
    steps = (each for each in standing if each.unit.kind in {"item", "code"})
    best = next(steps, None)
    return best if best is not None and best.standing >= standing[0].standing - _MARGIN_STEPS else None


def _is_near(each: Evidence, best: Evidence) -> bool:
    margin = _MARGIN_SAME_SECTION if each.place == best.place else _MARGIN
    return each.standing >= best.standing - margin


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
