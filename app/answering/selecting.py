"""Which pieces of evidence make a strict answer: the best, those nearly as good, and the rest of a procedure."""

import re
from collections.abc import Sequence

from app.answering.evidence import Evidence
from app.answering.words import words_of

# Log-odds behind the best. The same section goes on with the same matter; another one this far behind is about
# something else more often than not, and would be cited for nothing.
_MARGIN_SAME_SECTION = 6.0
_MARGIN = 1.5
_MOST_WITHOUT_STEPS = 3
# Asked how something is done, a step or a command this little behind is what is wanted.
_MARGIN_STEPS = 2.5
# A page that no longer holds is quoted only where no other says nearly as much.
_MARGIN_OUTDATED = 6.0
_KEY_END = re.compile(r" — | – |: ")
_NUMBERED = re.compile(r"^\s*\d{1,4}[.)]\s+(?:\[[ xX]\]\s+)?$")
# A sentence that begins so is about what the one before it names.
_LEANS_BACK = re.compile(r"(?:It|Its|They|Their|This|These|Those|Both|He|She)\b")
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
    most = min(most, _MOST_WITHOUT_STEPS)
    chosen: list[Evidence] = []
    for each in _without_other_rows(question, standing):
        if len(chosen) == most:
            break
        if _is_near(each, standing[0]) and not any(_repeats(each, other) for other in chosen):
            chosen.append(each)
    return _steps_in_order(_with_what_it_means(chosen, evidence)[:most])


def _without_other_rows(question: str, standing: Sequence[Evidence]) -> list[Evidence]:
    """The same without the other rows of a table (or items of a list) of which the best is the one asked for."""
    best = standing[0]
    if best.unit.kind not in {"row", "item"} or not _is_named(best, question):
        return list(standing)
    table = best.place, best.unit.kind, best.unit.above
    return [
        each for each in standing if (each.place, each.unit.kind, each.unit.above) != table or _is_named(each, question)
    ]


def _is_named(row: Evidence, question: str) -> bool:
    """Does the question hold every word of the row's first cell, or of what stands before an item's colon?"""
    words = row.unit.text.removeprefix(f"{row.unit.context} ")
    named = words_of(_KEY_END.split(words, maxsplit=1)[0]).stems
    return bool(named) and named <= words_of(question).stems


def _with_what_it_means(chosen: Sequence[Evidence], evidence: Sequence[Evidence]) -> list[Evidence]:
    """The same; an "it" or "they" that would begin the answer comes after the sentence that says what it is."""
    first = chosen[0]
    if len(chosen) == 1 or first.unit.kind != "sentence" or not _LEANS_BACK.match(first.unit.text):
        return list(chosen)
    before = next((each for each in evidence if _is_just_before(each, first)), None)
    return list(chosen) if before is None else [before, *(each for each in chosen if each is not before)]


def _is_just_before(each: Evidence, other: Evidence) -> bool:
    is_next = each.place == other.place and each.unit.position == other.unit.position - 1
    return is_next and each.unit.kind == "sentence"


def _steps_in_order(chosen: Sequence[Evidence]) -> list[Evidence]:
    """The same; the numbered items of one section are in its order, where such items stand."""
    ordered = list(chosen)
    for place in {each.place for each in chosen}:
        slots = [slot for slot, each in enumerate(chosen) if each.place == place and _is_numbered(each)]
        for slot, each in zip(slots, sorted((chosen[s] for s in slots), key=lambda e: e.unit.position), strict=True):
            ordered[slot] = each
    return ordered


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


def _is_numbered(each: Evidence) -> bool:
    text = each.passage.text
    start = text.find(each.unit.quote)
    return each.unit.kind == "item" and _NUMBERED.match(text[text.rfind("\n", 0, start) + 1 : start]) is not None


def _repeats(each: Evidence, other: Evidence) -> bool:
    return each.unit.text.casefold() in other.unit.text.casefold()
