"""Pages that disagree: two statements about the same thing with another number, date or "not".

Precision comes first: a false alarm costs trust in every true one. So only statements of different pages are compared
that say the same in the same words, and a pair is left alone where anything but the number tells their subjects apart.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.answering.evidence import Evidence
from app.answering.types import Passage
from app.answering.words import content_stems, numbers_of, stem, words_of

# Log-odds: what is further below the best evidence does not answer the question, so that it cannot disagree about it.
_MARGIN = 3.0
# Statements that share fewer words may speak of anything.
_LEAST_SHARED = 3
_LEAST_SHARED_ACROSS_TOPICS = 4
_SAME_STATEMENT = 0.7

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = rf"(?:{'|'.join(name if len(name) < 4 else f'{name[:3]}(?:{name[3:]})?' for name in _MONTHS)})"
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}\.? {_MONTH}(?: \d{{4}})?|{_MONTH} \d{{1,2}}(?:, \d{{4}})?)\b", re.I
)
_CLOCK = re.compile(r"\b\d{1,2}:\d\d\b")
_QUANTITY = re.compile(
    r"(?P<before>[€$£¥±<>≤≥]\s?)?(?<![\w.])(?P<number>\d[\d,.\u00a0\u202f]*\d|\d|\b(?:one|two|three|four|five|six|seven|"
    r"eight|nine|ten|eleven|twelve)\b)(?![\w:]|-\d)\s?(?P<unit>%|°\s?[CF]|[€$£]|[^\W\d_]+)?",
    re.I,
)
_DENIAL = re.compile(r"\b(?:not|never|no|cannot|nobody|none)\b|n['’]t\b", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two pieces of evidence that disagree."""

    newer: Evidence
    older: Evidence


def find_conflicts(chosen: Sequence[Evidence], evidence: Sequence[Evidence]) -> list[Conflict]:
    """What of the evidence disagrees with what was chosen from it, each piece in one pair at most.

    `evidence`: best first. Pages that no longer hold disagree with nothing: that they are old is said already.
    """
    found: list[Conflict] = []
    taken: set[int] = set()
    for one in chosen:
        for other in _rivals(one, evidence):
            if id(one) not in taken and id(other) not in taken and _disagree(one, other):
                found.append(_by_age(one, other))
                taken |= {id(one), id(other)}
    return found


def superseded(chosen: Sequence[Evidence]) -> set[int]:
    """The `id`s of pieces from pages that no longer hold, where a page that holds says otherwise."""
    return {
        id(old)
        for old in chosen
        if old.passage.is_outdated
        and any(_disagree(new, old) for new in chosen if not new.passage.is_outdated and new.unit is not old.unit)
    }


def _rivals(one: Evidence, evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    if one.passage.is_outdated or one.score < evidence[0].score - _MARGIN:
        return
    for other in evidence:
        if other.score < evidence[0].score - _MARGIN:
            return
        if other.passage.document_id != one.passage.document_id and not other.passage.is_outdated:
            yield other


def _by_age(one: Evidence, other: Evidence) -> Conflict:
    older, newer = sorted((one, other), key=lambda each: each.passage.updated_at)
    return Conflict(newer=newer, older=older)


def _disagree(one: Evidence, other: Evidence) -> bool:
    ours, theirs = _statement(one), _statement(other)
    shared = ours.stems & theirs.stems
    own, foreign = ours.stems - shared, theirs.stems - shared
    is_same_topic = _are_of_one_topic(one.passage, other.passage)
    least = _LEAST_SHARED if is_same_topic or not (own or foreign) else _LEAST_SHARED_ACROSS_TOPICS
    if is_same_topic is None or len(shared) < least or _is_told_apart(one, other):
        return False
    share = len(shared) / max(len(ours.stems), len(theirs.stems))
    # Where each side has words of its own, those may name what it speaks of.
    if share >= _SAME_STATEMENT and not (own and foreign) and _differ(ours.quantities, theirs.quantities):
        return True
    return ours.is_denied != theirs.is_denied and len(shared) > _LEAST_SHARED and ours.affirmed == theirs.affirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """`stems`: without numbers; `quantities`: numbers by what they count; `affirmed`: its words without the "not"."""

    stems: frozenset[str]
    affirmed: tuple[str, ...]
    quantities: Mapping[str, frozenset[str]]
    is_denied: bool


def _statement(evidence: Evidence) -> _Statement:
    unit = evidence.unit
    return _read(unit.text if unit.kind != "item" or not unit.context else f"{unit.context} {unit.quote}")


@lru_cache(maxsize=1024)
def _read(text: str) -> _Statement:
    return _Statement(
        stems=frozenset(each for each in words_of(text).stems if not each[0].isdigit()),
        affirmed=content_stems(_DENIAL.sub(" ", text)),
        quantities=_quantities(text),
        is_denied=bool(_DENIAL.search(text)),
    )


def _quantities(text: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, pattern in (("date", _DATE), ("clock", _CLOCK)):
        for match in pattern.finditer(text):
            found.setdefault(name, set()).add(" ".join(match.group().lower().split()))
        text = pattern.sub(" ", text)
    for match in _QUANTITY.finditer(text):
        sign = (match["before"] or "").strip("±<>≤≥ ")
        unit = sign or (match["unit"] or "").replace(" ", "").lower()
        found.setdefault(stem(unit) if unit.isalpha() else unit, set()).update(numbers_of(match["number"]))
    return {name: frozenset(values) for name, values in found.items() if name}


def _differ(ours: Mapping[str, frozenset[str]], theirs: Mapping[str, frozenset[str]]) -> bool:
    """Is something counted on both sides, and each has a number that the other has not? All else must be equal."""
    differing = [name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]]
    return bool(differing) and all(ours[name] - theirs[name] and theirs[name] - ours[name] for name in differing)


def _are_of_one_topic(one: Passage, other: Passage) -> bool | None:
    """Do the titles say so? None: they are siblings, such as the guides of two offices."""
    ours, theirs = words_of(one.title).stems, words_of(other.title).stems
    if not ours & theirs:
        return False
    return True if ours <= theirs or theirs <= ours else None


def _is_told_apart(one: Evidence, other: Evidence) -> bool:
    """Does one side's statement or heading name something that the other side's section nowhere does?"""
    return any(
        names - words_of(f"{away.passage.heading_line}\n{away.passage.text}").stems
        for home, away in ((one, other), (other, one))
        for names in (_names(home),)
    )


def _names(evidence: Evidence) -> frozenset[str]:
    headings: Iterable[str] = evidence.passage.heading_path
    return words_of(evidence.unit.text).names | frozenset().union(*(words_of(f"– {each}").names for each in headings))
