"""Questions that ask two things: "How long does it take, and who approves it?"."""

import re
from dataclasses import dataclass

from app.answering.words import words_of

# A question word, or a verb that begins a question, after an "and" or a question mark.
_ASKING = (
    "how|who|whom|whose|when|where|why|what|which|is|are|was|does|do|did|can|could|may|must|should|will|wie|wer|wann|wo|"
    "warum|welche[rsnm]?"
)
_JOINT = re.compile(
    rf"(?:[,;]\s*|\s+)(?:and|und)\s+(?:also\s+)?(?=(?:{_ASKING})\b)|\?\s+(?:(?:and|und)\s+)?(?=(?:{_ASKING})\b)", re.I
)
_STARTS_LIKE_A_QUESTION = re.compile(rf"^\W*(?:(?:in|at|by|from|to|for|on|with)\s+)?(?:{_ASKING})\b", re.I)
_POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|this|that|these|those|there|one|he|she)\b", re.I)
_WORD = re.compile(r"[\w'’-]+")
_MOST_PARTS = 3
# A question with fewer content words leans on the one before it.
_STANDS_ALONE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing that is asked. `words`: as the asker put it; `alone`: so that it can be looked for on its own."""

    words: str
    alone: str


def parts_of(question: str) -> list[Asked]:
    """The questions that a question is made of; one that asks one thing is its only part.

    A part that points back, or says little, is given the content words of the first.
    """
    parts = [part.strip(" ,;?") for part in _JOINT.split(question)]
    if not 2 <= len(parts) <= _MOST_PARTS or not all(map(_asks, parts)):
        return [Asked(words=question, alone=question)]
    subject = _subject(parts[0])
    asked = [Asked(words=f"{parts[0]}?", alone=f"{parts[0]}?")]
    for part in parts[1:]:
        asked.append(Asked(words=f"{part}?", alone=f"{part} ({subject})?" if _leans(part) else f"{part}?"))
    return asked


def _asks(part: str) -> bool:
    return bool(_STARTS_LIKE_A_QUESTION.match(part)) and bool(words_of(part).stems)


def _leans(part: str) -> bool:
    return bool(_POINTS_BACK.search(part)) or len(words_of(part).stems) < _STANDS_ALONE


def _subject(part: str) -> str:
    """The content words, without what makes a question of them."""
    words = [word for word in _WORD.findall(part) if not re.fullmatch(_ASKING, word, re.I)]
    return " ".join(word for word in words if words_of(word).stems)
