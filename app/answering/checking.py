"""The sentence check: does a text support a claim? Numbers and names exactly, words by share, "not" by polarity."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.units import Unit, units_of
from app.answering.words import Words, words_of

SUPPORTED_AT = 0.7
_SAME_STATEMENT = 0.6
_NAME_WEIGHT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The verdict on one claim against one text. `unit`: the unit of the text that carries most of the claim."""

    is_supported: bool
    score: float
    unit: Unit | None


class SentenceChecker:
    """The default check: needs no model. A stronger checker can take its place."""

    def check(self, claim: str, evidence: str, *, about: str = "") -> Support:
        """Is the claim supported by the evidence text? `about`: its title and headings, which may name the subject."""
        claimed = words_of(claim)
        units = units_of(evidence)
        if not claimed.stems or not units:
            return Support(is_supported=False, score=0.0, unit=None)
        best = max(units, key=lambda unit: (_containment(claimed, _words(unit).stems), -unit.position))
        window = words_of("\n".join([about, *(_whole(unit) for unit in _around(units, best))]))
        score = _containment(claimed, window.stems)
        if _contradicts(claimed, best, window):
            score = min(score, SUPPORTED_AT) / 2
        return Support(is_supported=score >= SUPPORTED_AT, score=score, unit=best)


def carries(claim: str, unit: Unit) -> bool:
    """Does the claim keep the unit's numbers and names? A rewording that lost them cannot stand for the unit."""
    claimed, original = words_of(claim), words_of(unit.text)
    return original.numbers <= claimed.numbers and original.names <= claimed.stems


def _containment(claimed: Words, held: frozenset[str]) -> float:
    """Weighted share (0…1) of the claim's content words that the text holds; names and numbers count double."""
    heavy = claimed.names | claimed.numbers
    weights = {stem: _NAME_WEIGHT if stem in heavy else 1.0 for stem in claimed.stems}
    return sum(weight for stem, weight in weights.items() if stem in held) / sum(weights.values())


def _contradicts(claimed: Words, best: Unit, window: Words) -> bool:
    """A number or name that the text does not have, or a "not" on one side only."""
    if not claimed.numbers <= window.numbers or not claimed.names <= window.stems:
        return True
    stated = _words(best)
    is_same_statement = _containment(claimed, stated.stems) >= _SAME_STATEMENT
    return is_same_statement and claimed.is_negated != stated.is_negated


def _around(units: Sequence[Unit], best: Unit) -> Sequence[Unit]:
    """The best unit with its neighbours: claims often join two sentences that stand side by side."""
    return units[max(0, best.position - 1) : best.position + 2]


def _words(unit: Unit) -> Words:
    return words_of(_whole(unit))


def _whole(unit: Unit) -> str:
    return f"{unit.context}\n{unit.text}" if unit.context and not unit.text.startswith(unit.context) else unit.text
