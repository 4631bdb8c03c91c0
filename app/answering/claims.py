"""What speaks for and against a text supporting a claim: the features of the sentence check. No model is asked."""

import math
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from app.answering.units import Unit
from app.answering.words import Words, content_stems, grams, numbers_of, stems_in_order, words_of

_NAME_WEIGHT = 2.0
_SAME_START = 4
_NEAR = 4
_LEAD = 300
_LONGEST_RUN = 12
_UP = frozenset(
    """more increase increased increasing rise rose rising higher highest high gain grow grew most greater greatest
    larger largest above over exceed best longer longest first always all every before earlier include including
    allow allowed enable can positive up maximum""".split()
)
_DOWN = frozenset(
    """less decrease decreased decreasing fall fell falling lower lowest low loss decline declined fewer least smaller
    smallest below under worst shorter shortest last never none after later exclude excluding forbid forbidden disable
    cannot negative down minimum""".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A claim read against the units of a text. `best`: the place of the unit that holds most of the claim."""

    claim: str
    words: Words
    sequence: tuple[str, ...]
    weights: dict[str, float]
    units: Sequence[Unit]
    stems: tuple[frozenset[str], ...]
    about: frozenset[str]
    shares: tuple[float, ...]
    best: int

    @classmethod
    def of(cls, claim: str, units: Sequence[Unit], about: str) -> "Reading":
        """Units: at least one. `about`: the text's title and headings."""
        words = words_of(claim)
        heavy = words.names | words.numbers
        sequence = content_stems(claim)
        weights = {word: (_NAME_WEIGHT if word in heavy else 1.0) * (0.5 + min(len(word), 9) / 6) for word in sequence}
        headings = words_of(about).stems
        stems = tuple(words_of(whole_text(unit)).stems | headings for unit in units)
        shares = tuple(_share(weights, held) for held in stems)
        return cls(
            claim=claim,
            words=words,
            sequence=sequence,
            weights=weights,
            units=units,
            stems=stems,
            about=headings,
            shares=shares,
            best=max(range(len(units)), key=lambda place: (shares[place], -place)),
        )

    def share(self, *places: int) -> float:
        """Weighted share (0…1) of the claim's content words that the units at these places hold together."""
        within = [self.stems[place] for place in places if 0 <= place < len(self.stems)]
        return _share(self.weights, frozenset().union(*within))

    @property
    def window(self) -> str:
        """The best unit with its neighbours: claims often join two sentences that stand side by side."""
        return "\n".join(unit.text for unit in self.units[max(0, self.best - 1) : self.best + 2])


def whole_text(unit: Unit) -> str:
    """The unit after the words that it depends on."""
    return f"{unit.context}\n{unit.text}" if unit.context and not unit.text.startswith(unit.context) else unit.text


def claim_features(reading: Reading, evidence: str) -> dict[str, float]:
    """The features by name. `evidence`: the whole text that the units are of."""
    return (
        _word_features(reading)
        | _order_features(reading, evidence)
        | _missing_features(reading, evidence)
        | _polarity_features(reading, evidence)
        | _size_features(reading, evidence)
    )


def _word_features(reading: Reading) -> dict[str, float]:
    places = range(len(reading.units))
    ranked = sorted(reading.shares, reverse=True)
    best = reading.best
    return {
        "whole": reading.share(*places),
        "best": ranked[0],
        "second": ranked[1] if len(ranked) > 1 else 0.0,
        "fourth_behind": ranked[0] - (ranked[3] if len(ranked) > 3 else 0.0),
        "mean_of_three": sum(ranked[:3]) / len(ranked[:3]),
        "pair": max(reading.share(place, place + 1) for place in places),
        "three": max(reading.share(place - 1, place, place + 1) for place in places),
        "best_and_any": max(reading.share(best, place) for place in places),
        "units_needed": min(_units_needed(reading), 6) / 6,
    }


def _order_features(reading: Reading, evidence: str) -> dict[str, float]:
    claimed, held = [word for word, _ in stems_in_order(reading.claim)], [word for word, _ in stems_in_order(evidence)]
    run = _longest_run(claimed, held)
    text = content_stems(evidence)
    pairs = list(pairwise(reading.sequence))
    return {
        "run": min(run, _LONGEST_RUN) / _LONGEST_RUN,
        "run_share": run / max(1, len(claimed)),
        "pairs_near": _pairs_near(pairs, text),
        "pairs_exact": _held_share(pairs, set(pairwise(text))),
        "two_words": _held_share(list(pairwise(claimed)), set(pairwise(held))),
        "three_words": _held_share(
            list(zip(claimed, claimed[1:], claimed[2:], strict=False)), set(zip(held, held[1:], held[2:], strict=False))
        ),
        "grams": _held_share(list(grams(reading.claim)), grams(evidence)),
        "grams_best": _held_share(list(grams(reading.claim)), grams(reading.units[reading.best].text)),
        "grams_window": _held_share(list(grams(reading.claim)), grams(reading.window)),
        "long_grams": _held_share(list(grams(reading.claim, 6)), grams(evidence, 6)),
    }


def _missing_features(reading: Reading, evidence: str) -> dict[str, float]:
    held = frozenset().union(*reading.stems)
    starts = {word[:_SAME_START] for word in held if len(word) >= _SAME_START}
    missing = [word for word in reading.weights if word not in held]
    lost = [word for word in missing if word[:_SAME_START] not in starts]
    names, numbers = reading.words.names, numbers_of(reading.claim)
    present = [word in held for word in reading.sequence] or [False]
    third = max(1, len(present) // 3)
    soft = sum(reading.weights[word] for word in reading.weights if word in held or word[:_SAME_START] in starts)
    return {
        "soft": soft / max(1e-9, sum(reading.weights.values())),
        "missing": min(len(missing), 6) / 6,
        "lost": min(len(lost), 6) / 6,
        "heaviest_lost": max((reading.weights[word] for word in lost), default=0.0) / 4,
        "longest_gap": _longest_gap(present) / 5,
        "first_third": sum(present[:third]) / third,
        "last_third": sum(present[-third:]) / third,
        "numbers_missing": min(len(numbers - numbers_of(evidence)), 3) / 3,
        "numbers_missing_near": min(len(numbers - numbers_of(reading.window)), 3) / 3,
        "has_number": 1.0 if numbers else 0.0,
        "names_missing": min(len(names - held), 3) / 3,
        "names_missing_share": len(names - held) / len(names) if names else 0.0,
        "has_name": 1.0 if names else 0.0,
    }


def _polarity_features(reading: Reading, evidence: str) -> dict[str, float]:
    best = reading.units[reading.best].text
    claimed, held = _plain_words(reading.claim), _plain_words(best)
    is_negated, was_negated = reading.words.is_negated, words_of(best).is_negated
    share = reading.shares[reading.best]
    turned = bool((claimed & _UP) - held and (held & _DOWN) - claimed) + bool(
        (claimed & _DOWN) - held and (held & _UP) - claimed
    )
    new = claimed - _plain_words(evidence)
    return {
        "negation_added": share if is_negated and not was_negated else 0.0,
        "negation_lost": share if was_negated and not is_negated else 0.0,
        "turned": share * turned,
        "new_words": len(new & set(re.findall(r"[a-z']{4,}", reading.claim.lower()))) / max(1, len(claimed)),
    }


def _size_features(reading: Reading, evidence: str) -> dict[str, float]:
    lead = words_of(evidence[:_LEAD]).stems
    kinds = len(reading.weights) or 1
    held = [word for word in reading.weights if any(word in stems for stems in reading.stems)]
    spread = [sum(word in stems for stems in reading.stems) / len(reading.stems) for word in held]
    return {
        "claim_length": math.log1p(len(reading.weights)) / 4,
        "text_length": math.log1p(len(content_stems(evidence))) / 7,
        "unit_length": math.log1p(len(stems_in_order(reading.units[reading.best].text))) / 4,
        "units": math.log1p(len(reading.units)) / 5,
        "lead": len(reading.weights.keys() & lead) / kinds,
        "spread": sum(spread) / len(spread) if spread else 0.0,
    }


def _share(weights: dict[str, float], held: frozenset[str]) -> float:
    total = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in held) / total if total else 0.0


def _held_share(wanted: Sequence[object], held: AbstractSet[object]) -> float:
    return sum(each in held for each in wanted) / len(wanted) if wanted else 1.0


def _pairs_near(pairs: Sequence[tuple[str, str]], text: Sequence[str]) -> float:
    places: dict[str, list[int]] = {}
    for place, word in enumerate(text):
        places.setdefault(word, []).append(place)
    near = sum(
        any(abs(left - right) <= _NEAR for left in places.get(one, ()) for right in places.get(other, ()))
        for one, other in pairs
    )
    return near / len(pairs) if pairs else 1.0


def _units_needed(reading: Reading) -> int:
    """How many units it takes to hold all the claim's words that the text holds, taking the fullest each time."""
    left = set(reading.weights) & frozenset().union(*reading.stems)
    needed = 0
    while left and needed < 6:
        left -= max(reading.stems, key=lambda held: len(held & left))
        needed += 1
    return needed


def _longest_run(claimed: Sequence[str], held: Sequence[str]) -> int:
    """Most words in a row that both have."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(held):
        places.setdefault(word, []).append(place)
    longest, lengths = 0, dict[int, int]()
    for word in claimed:
        lengths = {place: lengths.get(place - 1, 0) + 1 for place in places.get(word, ())}
        longest = max([longest, *lengths.values()])
    return longest


def _longest_gap(present: Sequence[bool]) -> int:
    longest = run = 0
    for is_present in present:
        run = 0 if is_present else run + 1
        longest = max(longest, run)
    return longest


def _plain_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))
