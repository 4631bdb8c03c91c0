"""Text in a page that speaks to a language model instead of to people.

A mark, not a wall: what keeps a page's words from acting as orders is that nothing but checked evidence is shown.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from app.answering.evidence import Evidence

_ORDERS = r"(?:instructions?|prompts?|directions?|commands?|guidelines|directives|messages?|rest of (?:this|the) \w+)"
_EARLIER = (
    r"(?:all|any|every|the|your|these|those|previous|prior|preceding|earlier|above|following|foregoing|other|system|of|and|"
    r"or|my)"
)
_SAY = r"(?:print|say|output|write|respond|reply|answer|repeat|display|state|tell|mention|include|recommend|append|add)"
# Why a text is marked, in words for people → its patterns.
_PATTERNS: dict[str, tuple[str, ...]] = {}
_PATTERNS["sets earlier instructions aside"] = (
    rf"\b(?:ignore|disregard|forget|override|bypass|skip)\s+(?:{_EARLIER}\s+){{1,6}}{_ORDERS}\b",
    rf"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all|what)\b[^.\n]{{0,40}}"
    rf"\b(?:above|before|previous\w*|so far|told|said|and (?:just |only )?{_SAY})\b",
    r"\b(?:stop|nevermind|never mind)\b[^.\n]{0,30}\bjust (?:print|say|output)\b",
    r"\b(?:ignorier\w*|vergiss|missachte)\b[^.\n]{0,40}\b(?:anweisung|vorgabe|befehl|prompt)",
    r"\b(?:ignore[zr]?|oublie[zr]?|ignora|olvida)\b[^.\n]{0,40}\b(?:instructions|consignes|instrucciones|istruzioni)\b",
)
_PATTERNS["answers whatever is asked, or poses as a section"] = (
    r"\banswer to (?:every|any|all|each) (?:\w+ )?questions?\b|\bwhatever (?:is|you are|the user) ask",
    r"^\W{0,4}section \[\d+\]",
)
_PATTERNS["forges the roles or tokens of a chat"] = (
    r"<\|[a-z_]{2,20}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|instructions?)>",
    r"^\W{0,4}(?:system|assistant|ai|user|human) ?: (?:\[|[A-Z][a-z]+ \w)",
    r"^\W{0,6}(?:(?:new|core|legal amendment|critical|additional|updated|system)\W+){1,3}"
    r"(?:instructions?|prompt|override)\b",
)
_PATTERNS["speaks to a language model"] = (
    r"\b(?:you are|act as|pretend (?:to be|you are)|behave as|as) (?:now )?(?:an? |the |my )?(?:\w+ )?"
    r"(?:ai|language model|llm|chatbot|chat bot|assistant|gpt|dan)\b(?! (?:manager|professor|director|coach|editor))",
    r"\b(?:ai|llm|language) (?:assistants?|models?|agents?)\b[^.\n]{0,40}"
    r"\b(?:must|should|shall|please|always|never)\b",
)
_PATTERNS["says what is to be answered or kept back"] = (
    rf"\b(?:{_SAY}) (?:\w+ ){{0,4}}?(?:exactly|only|verbatim|simply|just|nothing (?:else|but))\b"
    r"[^.\n]{0,20}[\"“'‘:]",
    rf"\b(?:just|simply|only|instead) (?:{_SAY})\b[^.\n]{{0,40}}[\"“:]",
    r"\b(?:could|can|would|please) (?:you )?(?:please )?(?:repeat|print|output|say) [<\"“'‘]",
    r"\boverride\b[^.\n]{0,40}\b(?:and|to) (?:output|print|say|respond|reply)\b",
    r"\bin your (?:next |final |own )?(?:answer|response|reply|summary|output)\b[^.\n]{0,60}"
    r"\b(?:include|mention|add|say|append|write|insert|use)\b",
    r"\b(?:include|mention|add|append|insert|end|begin|start)\b[^.\n]{0,60}"
    r"\b(?:in|to|of|with) (?:your|the) (?:answer|response|reply|summary|output)s?\b",
    r"\b(?:do not|don['’]t|never) (?:tell|mention|reveal|inform|disclose|show)\b[^.\n]{0,40}"
    r"\b(?:user|reader|human)s?\b",
    r"\b(?:reveal|print|show|repeat|output) (?:\w+ ){0,3}?(?:system|initial|hidden) prompt\b",
    r"\bif (?:you are |you're )?(?:asked|summari[sz]ing|prompted|answering)\b[^.\n]{0,80}"
    r"\b(?:respond|reply|say|output|print|recommend)\b",
    r"\b(?:don['’]t|do not) evaluate\b|\byou (?:may|must) not deviate\b",
)
_REASONS = {
    reason: re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I | re.M)
    for reason, patterns in _PATTERNS.items()
}


@lru_cache(maxsize=8192)
def is_suspicious(text: str) -> bool:
    """Does the text give orders to a language model, forge a chat's roles, or say what is to be answered?"""
    return why_suspicious(text) is not None


def why_suspicious(text: str) -> str | None:
    """What such a text does, in a few words for people; None: nothing of the kind."""
    return next((reason for reason, patterns in _REASONS.items() if patterns.search(text)), None)


def without_orders(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The evidence without the units that give orders: they are never what a question is answered with."""
    return [each for each in evidence if not is_suspicious(each.unit.quote)]
