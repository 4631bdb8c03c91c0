"""Follow-ups made standalone by rules: what a question leaves out is taken from the question before it.

A question that says by itself what it is about takes nothing, whatever was asked before.
"""

import re
from collections.abc import Sequence

from app.answering.querying import without_filters
from app.answering.types import Turn
from app.answering.words import words_of

# How many turns back a topic may come from, and how much of a long question is carried on.
MOST_TURNS = 6
_LONGEST_CARRIED = 300

_ASKING = (
    "how|who|whom|whose|when|where|why|what|which|is|are|was|were|does|do|did|can|could|may|must|should|will|would|"
    "wie|wer|wem|wen|wann|wo|warum|was|welche[rsnm]?|ist|sind|kann|darf|muss|gilt|gibt"
)
_PREPOSITIONS = "in|for|at|on|with|of|from|by|per|to|about|für|bei|mit|von|zu|aus|nach|auf"
_FILLER = re.compile(
    r"^(?:(?:ok(?:ay)?|thanks|thank you|thx|great|good|right|danke|gut|and|also|so|but|or|then|und|aber|oder|another "
    r"question|next question|andere frage)\b[\s,:;.!–-]*)+",
    re.IGNORECASE,
)
_OPENS = re.compile(r"^\W*(?:and|also|or|but|und|oder|aber)\b", re.IGNORECASE)
_ABOUT = re.compile(
    r"^(?:(?:what|how) about|(?:the )?same (?:for|with|in)|what (?:is it )?(?:for|in|with)(?= \S+\W*$)|"
    r"(?:was|wie) ist (?:es )?(?:mit|bei)|wie sieht es (?:mit|bei))\s+",
    re.IGNORECASE,
)
_CORRECTS = re.compile(
    r"^(?:(?:no|nope|not that|sorry|wait|actually|correction|rather|nein|doch|halt|ich meine?|ich meinte|"
    r"i (?:really )?(?:meant|mean)|i wanted to (?:know|ask)|i was asking about)\b[\s,:;.!–-]*)+",
    re.IGNORECASE,
)
_MEANT_LAST = re.compile(r"[\s,]+(?:i (?:meant|mean)|meinte ich|meine ich)\W*$", re.IGNORECASE)
_NOT_BUT = re.compile(r"^(?:not|nicht)\s+(.{1,60}?)\s*(?:,|;|\bbut\b|\bsondern\b)\s*", re.IGNORECASE)
_DETERMINER = re.compile(r"^(?:the|a|an|my|our|der|die|das|den|dem|ein(?:e[nmr]?)?)\s+", re.IGNORECASE)

_POINTS = re.compile(
    r"\b(?:its?|they|them|theirs?|those|these|he|she|his|her|him|"
    r"es|sie|ihn|ihm|ihnen|dessen|deren|davon|dafür|dabei|damit|dazu)\b|"
    r"(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )\b(?:there|dort)\b(?! (?:is|are|was|were|a|an|any)\b)|"
    r"\bthis\b(?! (?:year|month|week|quarter|time|morning|afternoon|spring|summer|autumn|winter)\b)|"
    r"(?:^|\b(?:is|are|was|does|do|did|can|for|of|with|to|about|on|in|from|like|after|before|by|fix|use|change|get)\s)"
    r"\s*that\b|"
    r"\bones?\b(?=\s*(?:$|[?.!,])|\s+(?:out|up|in|for|to|from|back|off)\b)",
    re.IGNORECASE,
)
# "Is it possible to …", "how long does it take to …", "es gibt": a pronoun that stands for nothing.
_EMPTY = re.compile(
    r"\b(?:is|was|would|will) it (?:true|possible|ok(?:ay)?|allowed|necessary|permitted|safe|enough|required)\b|"
    r"\b(?:does|did|will|would) it (?:take|cost|need)\b(?=.*\b(?:to|for)\b)|\bwhat it (?:costs|takes)\b(?= to\b)|"
    r"\bit (?:is|takes)\b(?=.*\b(?:to|that)\b)|\b(?:gibt|geht|ist) es\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?:] )(?<!^)(?<!\w)(?:[A-ZÀ-Ž][\w.-]*|\w*\d[\w.-]*)(?: (?:[A-ZÀ-Ž][\w-]*|\w*\d[\w-]*))*")
_DEGREE = re.compile(
    r"\b(?:how|wie) (?:often|long|big|large|far|fast|quickly|heavy|high|oft|lange?|groß|weit|hoch)\b", re.I
)
_WORD = re.compile(r"[\w'’.-]*\w")
# A question with that many content words before its pronoun has named what the pronoun stands for.
_NAMED_BEFORE = 4
_NAMED_BEFORE_COMMA = 2


def leans_back(text: str) -> bool:
    """Does the question leave out what it is about? Only then are the earlier ones of any use."""
    rest, is_corrected = _without_opening(text)
    return is_corrected or _is_fragment(text, rest) or _points_back(rest)


def standalone(text: str, earlier: Sequence[Turn]) -> str:
    """The question in words that can be searched for alone; itself if it leans on nothing, or on nothing known.

    `earlier`: oldest first.
    """
    known: Turn | None = None
    for turn in earlier[-MOST_TURNS:]:
        known = Turn(question=_completed(turn.question, known), headings=turn.headings)
    return _completed(text, known)


def _completed(text: str, before: Turn | None) -> str:
    rest, is_corrected = _without_opening(text)
    if before is None or not rest:
        return text
    asked = before.question[:_LONGEST_CARRIED]
    if _is_fragment(text, rest) or (is_corrected and not _asks(rest)):
        return _continued(asked, rest)
    if _points_back(rest):
        return f"{rest.rstrip(' ?.!')} ({_topic(before)})?"
    return rest if is_corrected else text


def _without_opening(text: str) -> tuple[str, bool]:
    """The question without "and", "thanks" or "no, I meant", and whether it corrects the one before."""
    rest = _FILLER.sub("", text.strip())
    meant = _MEANT_LAST.sub("", _CORRECTS.sub("", rest))
    is_corrected = meant != rest or bool(_NOT_BUT.match(rest))
    return (meant if any(char.isalnum() for char in meant) else rest), is_corrected


def _asks(rest: str) -> bool:
    return bool(re.search(rf"(?:^|[,:]\s*|^(?:{_PREPOSITIONS})\s+)(?:{_ASKING})\b", rest, re.IGNORECASE))


def _is_fragment(text: str, rest: str) -> bool:
    """Is it a piece of a question: "and in Porto?", "what about contractors"?"""
    if _ABOUT.match(rest):
        return True
    if re.match(rf"(?:{_ASKING})\b", rest, re.IGNORECASE):
        return len(words_of(rest).stems) == 0
    count = len(words_of(rest).stems)
    if _OPENS.match(text):
        return True
    is_placed = re.match(rf"(?:{_PREPOSITIONS})\s", rest, re.IGNORECASE) and not _asks(rest)
    return count <= 1 or bool(is_placed and count <= 3)


def _points_back(rest: str) -> bool:
    found = _POINTS.search(_EMPTY.sub(lambda empty: "." * len(empty.group()), rest))
    if found is None:
        return False
    named = rest[: found.start()]
    clause = max(named.rfind(","), named.rfind("."), named.rfind(";"))
    if clause > 0 and len(words_of(named[:clause]).stems) >= _NAMED_BEFORE_COMMA:
        return False
    return len(words_of(named).stems) < _NAMED_BEFORE


def _continued(asked: str, rest: str) -> str:
    """The question before with what is new in the place of what it replaces; at its end if nothing is replaced."""
    asked = asked.rstrip(" ?.!")
    new = _ABOUT.sub("", rest).strip(" ?.!")
    refused = _NOT_BUT.match(new)
    if refused is not None:
        new = new[refused.end() :]
        old = _DETERMINER.sub("", refused.group(1))
        place = asked.lower().find(old.lower())
        if place >= 0:
            return f"{asked[:place]}{_DETERMINER.sub('', new)}{asked[place + len(old) :]}?"
    bare = re.sub(rf"^(?:{_PREPOSITIONS})\s+", "", new, flags=re.IGNORECASE)
    bare = _DETERMINER.sub("", bare)
    replaced = _replaced_name(asked, bare)
    return f"{replaced}?" if replaced is not None else f"{asked} ({new})?"


def _replaced_name(asked: str, new: str) -> str | None:
    """A name in the place of a name: Porto for Halifax, SEV3 for SEV1. None where there are not two names."""
    if not _is_name(new):
        return None
    names = list(_NAME.finditer(asked))
    if not names:
        return None
    alike = [name for name in names if _shape(name.group()) == _shape(new)]
    old = (alike or names)[-1]
    return asked[: old.start()] + new + asked[old.end() :]


def _is_name(text: str) -> bool:
    words = _WORD.findall(text)
    return 0 < len(words) <= 3 and all(word[0].isupper() or any(char.isdigit() for char in word) for word in words)


def _shape(name: str) -> str:
    """SEV1 and SEV3 are of one shape, and so are Porto and Halifax."""
    return re.sub(r"[A-ZÀ-Ž]?[a-zà-ž]+", "a", re.sub(r"\d+", "0", name))


def _topic(before: Turn) -> str:
    """What the question before was about: its content words without question words, and the page that answered."""
    asked = _DEGREE.sub("", without_filters(before.question)[:_LONGEST_CARRIED])
    # What has a name is what is spoken of; without one it may be any of the words.
    named = " ".join(_NAME.findall(asked)) or asked
    words = [word for word in _WORD.findall(named) if words_of(word).stems]
    said = {word.lower() for word in words}
    title = before.headings[0].split(" › ")[0] if before.headings else ""
    words += [word for word in _WORD.findall(title) if word.lower() not in said and words_of(word).stems]
    return " ".join(words)
