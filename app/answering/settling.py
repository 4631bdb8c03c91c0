"""From the evidence chosen to what is said: what disagrees, what gives way, what follows a colon, and nothing twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.conflicts import Conflict, find_conflicts, superseded
from app.answering.evidence import Evidence
from app.answering.words import words_of

# Items or rows that stand for the line above them.
_MOST_LED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What an answer is made of: the pairs that disagree, which are quoted, and the other evidence."""

    conflicts: tuple[Conflict, ...]
    others: tuple[Evidence, ...]


def settle(chosen: Sequence[Evidence], evidence: Sequence[Evidence]) -> Settled:
    """The chosen evidence with what disagrees with it. What a page that holds contradicts is left out.

    `evidence`: all of it, best first.
    """
    replaced = superseded(chosen)
    kept = [each for each in chosen if id(each) not in replaced]
    kept = said_once(valid_first(led_to(kept, evidence)))
    conflicts = find_conflicts(kept, evidence)
    disputed = {id(each) for conflict in conflicts for each in (conflict.newer, conflict.older)}
    return Settled(conflicts=tuple(conflicts), others=tuple(each for each in kept if id(each) not in disputed))


def valid_first(chosen: Sequence[Evidence]) -> list[Evidence]:
    """The same; what a page says that no longer holds comes after what pages say that do."""
    return sorted(chosen, key=lambda each: each.passage.is_outdated)


def led_to(chosen: Sequence[Evidence], evidence: Sequence[Evidence]) -> list[Evidence]:
    """The same, but for a line that ends in a colon: in its place what follows it, which is what it promises."""
    led: list[Evidence] = []
    for each in chosen:
        following = [other for other in evidence if _follows(other, each)] if each.unit.quote.endswith(":") else []
        for other in sorted(following, key=lambda other: other.unit.position)[:_MOST_LED] or [each]:
            if other not in led:
                led.append(other)
    return led


def _follows(other: Evidence, line: Evidence) -> bool:
    is_near = other.unit.position > line.unit.position and _section(other) == _section(line)
    return is_near and other.unit.above == (line.unit.quote,)


def _section(evidence: Evidence) -> tuple[str, int]:
    return evidence.passage.document_id, evidence.passage.section_ordinal


def said_once(chosen: Sequence[Evidence]) -> list[Evidence]:
    """The same without sentences whose every word and number an earlier piece has. A list's steps are all kept."""
    kept: list[Evidence] = []
    for each in chosen:
        if each.unit.kind != "sentence" or not any(_says(other, each) for other in kept):
            kept.append(each)
    return kept


def _says(one: Evidence, other: Evidence) -> bool:
    ours, theirs = words_of(one.unit.text), words_of(other.unit.text)
    return theirs.stems <= ours.stems and theirs.numbers <= ours.numbers and ours.is_negated == theirs.is_negated
