"""An earlier answer made again, and what is different now: pages, model, prompt, sentences."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from app.answering.types import Answer, Mode, Question, RetrievedSection
from app.contract import AnswerBody
from app.conversations import scope_of
from app.wiring import AnswerSide
from kb.access import Principal
from kb.catalogue.records import StoredAnswer
from kb.errors import InvalidQuestion

# found: as it was; edited: another revision of its page; passed over: there, and not found this time; gone: deleted, or
# not to be read by who asked any more; new: was not found then.
SectionFate = Literal["found", "edited", "passed over", "gone", "new"]
LineFate = Literal["same", "gone", "new"]
# Stands for a sentence then whose page whoever it is asked for may not read now.
WITHHELD = "(a sentence of a page that is gone, or may not be read)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionChange:
    """What became of a section that an answer was made from."""

    document_id: str
    section_ordinal: int
    fate: SectionFate


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A fact about an answer then and now."""

    name: str
    then: str
    now: str

    @property
    def is_same(self) -> bool:
        """Nothing has changed."""
        return self.then == self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """An answer then and now. `lines`: the sentences, in the order of a diff."""

    answer_id: str
    question: str
    facts: tuple[Change, ...]
    sections: tuple[SectionChange, ...]
    lines: tuple[tuple[LineFate, str], ...]

    @property
    def is_same(self) -> bool:
        """The same sentences, made from the same sections in the same way."""
        facts = all(fact.is_same for fact in self.facts)
        sections = all(section.fate == "found" for section in self.sections)
        return facts and sections and all(fate == "same" for fate, _ in self.lines)

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "answer_id": self.answer_id,
            "question": self.question,
            "is_same": self.is_same,
            "facts": [{"name": each.name, "then": each.then, "now": each.now} for each in self.facts],
            "sections": [
                {"document_id": each.document_id, "section": each.section_ordinal, "fate": each.fate}
                for each in self.sections
            ],
            "sentences": [{"fate": fate, "text": text} for fate, text in self.lines],
        }


async def replay(side: AnswerSide, answer_id: str, *, email: str | None) -> Replay:
    """Ask the same again, with the rights that who asked has now. `email`: ask as this person instead.

    Raises InvalidQuestion: there is no such answer, or its question was not kept.
    """
    catalogue, tenant = side.knowledge_base.catalogue, side.settings.tenant
    stored = await catalogue.answers.get(tenant, answer_id)
    if stored is None:
        raise InvalidQuestion(f"there is no answer {answer_id!r}: it was never kept, or its days are over")
    if not stored.question:
        raise InvalidQuestion("its question was not kept ([conversations] keep_texts): it cannot be asked again")
    principal = await _asker(side, stored, email=email)
    # With what it left to the questions before it, which are not asked again.
    text = str(stored.record.get("asked") or stored.question)
    asked = Question(text=text, mode=_mode(stored.body), scope=scope_of(stored.record))
    answer = await side.answerer.answer(asked, principal)
    cited = [each["document_id"] for each in stored.body["citations"]]
    there = await _readable(side, principal, [*(each["document_id"] for each in _retrieved(stored)), *cited])
    return compare(stored, answer, there=there)


async def _asker(side: AnswerSide, stored: StoredAnswer, *, email: str | None) -> Principal:
    """Whose rights count: this person's, those of who asked, or those of the groups that all of a channel were in."""
    if email is None and stored.record.get("email") is None:
        groups = frozenset(map(str, stored.record.get("groups", ())))
        return Principal(tenant=side.settings.tenant, email=None, groups=groups)
    return await side.knowledge_base.catalogue.access.principal(
        side.settings.tenant, email or stored.record.get("email")
    )


def compare(stored: StoredAnswer, answer: Answer, *, there: frozenset[tuple[str, int]]) -> Replay:
    """What is different. `there`: (document id, ordinal) of the sections that may still be read."""
    now = AnswerBody.of(answer).model_dump(mode="json")
    return Replay(
        answer_id=stored.answer_id,
        question=stored.question,
        facts=tuple(_facts(stored, answer, now)),
        sections=tuple(_sections(_retrieved(stored), answer.record.retrieved, there=there)),
        lines=tuple(_diff(_shown(stored.body, {document_id for document_id, _ in there}), _sentences(now))),
    )


# JSON that AnswerBook kept, here and below.
def _facts(stored: StoredAnswer, answer: Answer, now: Mapping[str, Any]) -> list[Change]:
    record = stored.record
    pairs = {
        "status": (stored.body["status"], now["status"]),
        "mode": (stored.body["mode"], now["mode"]),
        "chat model": (_model(stored.body), _model(now)),
        "prompt": (_short(record.get("prompt_sha256")), _short(answer.record.prompt_sha256)),
        "answerable": (_estimate(record.get("answerable")), _estimate(answer.record.answerable)),
    }
    return [Change(name=name, then=str(then), now=str(here)) for name, (then, here) in pairs.items()]


def _sections(
    then: Sequence[Mapping[str, Any]], now: Sequence[RetrievedSection], *, there: frozenset[tuple[str, int]]
) -> list[SectionChange]:
    found = {(each.document_id, each.section_ordinal): each.revision for each in now}
    changes: dict[tuple[str, int], SectionFate] = {}
    for each in then:
        place = (str(each["document_id"]), int(each["section_ordinal"]))
        if place in found:
            changes[place] = "found" if found[place] == each["revision"] else "edited"
        else:
            changes[place] = "passed over" if place in there else "gone"
    changes |= {place: "new" for place in found if place not in changes}
    return [
        SectionChange(document_id=document_id, section_ordinal=ordinal, fate=fate)
        for (document_id, ordinal), fate in changes.items()
    ]


def _diff(then: Sequence[str], now: Sequence[str]) -> list[tuple[LineFate, str]]:
    lines: list[tuple[LineFate, str]] = []
    for _, start, end, other_start, other_end in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
        if then[start:end] == now[other_start:other_end]:
            lines += [("same", text) for text in then[start:end]]
            continue
        lines += [("gone", text) for text in then[start:end]]
        lines += [("new", text) for text in now[other_start:other_end]]
    return lines


async def _readable(side: AnswerSide, principal: Principal, document_ids: Sequence[str]) -> frozenset[tuple[str, int]]:
    catalogue = side.knowledge_base.catalogue
    audience_ids = await catalogue.access.readable(principal)
    found: set[tuple[str, int]] = set()
    for document_id in dict.fromkeys(document_ids):
        sections = await catalogue.documents.live_sections(principal.tenant, document_id, audience_ids=audience_ids)
        found |= {(document_id, section.ordinal) for section in sections}
    return frozenset(found)


def _retrieved(stored: StoredAnswer) -> Sequence[Mapping[str, Any]]:
    return list(stored.record.get("retrieved", ()))


def _shown(body: Mapping[str, Any], readable: Set[str]) -> list[str]:
    """The sentences that stand on documents which may still be read, and a word in place of each of the others."""
    numbers = {each["number"] for each in body["citations"] if each["document_id"] in readable}
    return [str(each["text"]) if numbers.issuperset(each["citations"]) else WITHHELD for each in body["sentences"]]


def _sentences(body: Mapping[str, Any]) -> list[str]:
    return [str(each["text"]) for each in body["sentences"]]


def _mode(body: Mapping[str, Any]) -> Mode | None:
    """As it was asked for. A `strict` answer may be what became of a grounded one: then it has a reason."""
    if body["mode"] == "strict" and body["reason"]:
        return "grounded"
    return AnswerBody.model_validate(body).mode if body["status"] == "answered" else None


def _model(body: Mapping[str, Any]) -> str:
    used = body["model"]
    return f"{used['name']} {_short(used['sha256'])}".strip() if used else "none"


def _short(digest: object) -> str:
    return str(digest)[:12] if digest else ""


def _estimate(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else ""
