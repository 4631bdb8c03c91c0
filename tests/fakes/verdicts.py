"""Verdicts on gold questions, as an evaluation makes them."""

from typing import Any

from app.dialogues import DialogueVerdict
from app.evaluation import CheckedCitation, CheckedSentence, FoundSection, Verdict
from app.runs import RunFacts

FACTS = RunFacts(
    measured="gold.jsonl",
    made_at="2026-03-01T09:00:00+00:00",
    embedder="hashing starter",
    chat_model="scripted starter",
    mode="strict",
    sections=5,
    answerable_above=0.5,
)


def make_found(rank: int = 1, **others: Any) -> FoundSection:  # any field
    fields = {"heading": "Leave › Days", "url": "http://127.0.0.1/leave#days", "score": 0.8}
    return FoundSection(**({"rank": rank, "is_gold": rank == 1, "is_gold_page": rank == 1, **fields} | others))


def make_citation(**others: Any) -> CheckedCitation:  # any field
    fields = {"number": 1, "heading": "Leave › Days", "url": "http://127.0.0.1/leave#days", "quote": "26 days."}
    flags = {"is_gold": True, "is_gold_page": True, "is_linked": True, "is_quoted": True}
    return CheckedCitation(**(fields | flags | others))


def make_verdict(question: str = "How much leave?", **others: Any) -> Verdict:  # any field
    fields: dict[str, Any] = {
        "question": question,
        "email": None,
        "is_answerable": True,
        "gold": ("26 days",),
        "gold_place": "leave.md › Days",
        "status": "answered",
        "mode": "strict",
        "reason": None,
        "text": "26 days. [1]",
        "sentences": (CheckedSentence(text="26 days.", citations=(1,), is_supported=True),),
        "citations": (make_citation(),),
        "found": (make_found(),),
        "answerable": 0.9,
        "is_contained": True,
        "share_said": 1.0,
        "page_rank": 1,
        "section_rank": 1,
        "is_retrieved": True,
        "retrieve_ms": 5.0,
        "total_ms": 20.0,
    }
    return Verdict(**(fields | others))


def make_refusal(question: str = "Who won?", **others: Any) -> Verdict:  # any field
    silent = {"status": "not_found", "text": "", "sentences": (), "citations": (), "is_contained": False}
    return make_verdict(question, **(silent | {"answerable": 0.1} | others))


def make_dialogue(kind: str = "pronoun", **others: Any) -> DialogueVerdict:  # any field
    fields: dict[str, Any] = {
        "kind": kind,
        "half": "h",
        "earlier": ("How much leave?",),
        "question": "Is it paid?",
        "asked": "Is it paid (leave)?",
        "gold_place": "leave.md › Days",
        "found": (make_found(),),
        "rank_with": 1,
        "rank_without": None,
    }
    return DialogueVerdict(**(fields | others))
