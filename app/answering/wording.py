"""What a rewording must not lose: bounds ("at most"), conditions ("with your badge"), what a number counts, what a
"not" denies, and the words after a colon."""

import re

from app.answering.units import Unit
from app.answering.words import content_stems, stems_in_order

# Each kind of bound, in any of its words. One that is lost, or made up, turns "at most 90 days" into "90 days".
_BOUNDS = (
    re.compile(
        r"\b(?:at most|up to|no more than|not more than|maximum|max|within|under|below|until|"
        r"(?<!no )(?<!not )less than)\b|[<≤]",
        re.I,
    ),
    re.compile(
        r"\b(?:at least|no less than|not less than|minimum|min|over|above|(?<!no )(?<!not )more than|from)\b|[>≥]", re.I
    ),
    re.compile(r"\bonly\b", re.I),
    re.compile(r"\b(?:except|unless|without|but not)\b", re.I),
    re.compile(r"\b(?:about|around|approximately|roughly|almost|nearly|on average)\b", re.I),
)
# "No more than 90 days" is a bound, and denies nothing.
_DENIES = re.compile(
    r"\b(?:not|no|never|cannot|without|neither|nor)\b(?! (?:more|less|fewer|later|earlier) than\b)|n['’]t\b", re.I
)
# "The doors open with your badge": what it hangs on goes with it.
_HANGS_ON = re.compile(r"\b(?:with|by|after|before|if|when|while|during|once|via|through)\b", re.I)
_PART_END = re.compile(r"[,;:.]\s")
_EMPTY = re.compile(
    r"^\W*(?:the|your|my) (?:short |correct |right )?answer\b|^\W*(?:according to|based on) (?:the )?section", re.I
)


def stands_for(claim: str, unit: Unit) -> bool:
    """May the claim be shown in the unit's place?

    It says something, keeps each bound and condition and what each number counts, and denies nothing else.
    """
    if claim.rstrip().endswith((":", "…")) or _EMPTY.search(claim):
        return False
    has_same_bounds = all(bool(bound.search(claim)) == bool(bound.search(unit.text)) for bound in _BOUNDS)
    if not has_same_bounds or not _after(_DENIES, claim) <= _after(_DENIES, unit.text):
        return False
    return _counted(unit.text) | _after(_HANGS_ON, unit.text) <= {stem for stem, _ in stems_in_order(claim)}


def _counted(text: str) -> set[str]:
    """The first content word after each number, within its part of the sentence: 15 in a row, 30 working days."""
    counted: set[str] = set()
    for part in _PART_END.split(text):
        is_after_number = False
        for stem, is_content in stems_in_order(part):
            if stem[0].isdigit():
                is_after_number = True
            elif is_after_number and is_content:
                counted.add(stem)
                is_after_number = False
    return counted


def _after(words: re.Pattern[str], text: str) -> set[str]:
    """The first content word after each of these words, within its part of the sentence."""
    following: set[str] = set()
    for found in words.finditer(text):
        said = _PART_END.split(text[found.end() :], maxsplit=1)[0]
        following |= set(content_stems(said)[:1])
    return following
