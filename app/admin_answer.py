"""An answer's record: everything that made it, as far as who looks may read the pages it stands on."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from html import escape
from typing import Any

from app.admin_page import Looking, framed
from app.admin_report import readable_ids
from app.pages import link_html, moment_html, note_html, section_html, table_html
from app.suspects import orders_in
from app.wiring import AnswerSide
from kb.access import Principal
from kb.catalogue.records import StoredAnswer, StoredFeedback

_HIDDEN = "<i>words of a page you may not read</i>"
# JSON that app.contract gave; older answers have fewer keys.
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """An answer, people's verdicts on it, and which of its pages may be shown."""

    answer: StoredAnswer
    verdicts: tuple[StoredFeedback, ...]
    readable: frozenset[str]
    # Numbers of the citations whose section gives orders to a language model.
    suspicious: frozenset[int] = frozenset()


async def read_record(side: AnswerSide, principal: Principal, answer_id: str) -> AnswerRecord | None:
    """The record of an answer, for this principal's eyes; None if there is none."""
    catalogue, tenant = side.knowledge_base.catalogue, principal.tenant
    answer = await catalogue.answers.get(tenant, answer_id)
    if answer is None:
        return None
    cited = [citation["document_id"] for citation in answer.body.get("citations", ())]
    return AnswerRecord(
        answer=answer,
        verdicts=tuple(await catalogue.feedback.of_answer(tenant, answer_id)),
        readable=await readable_ids(side, principal, cited),
        suspicious=await _suspicious(side, principal.tenant, answer.body.get("citations", ())),
    )


async def _suspicious(side: AnswerSide, tenant: str, citations: Sequence[Json]) -> frozenset[int]:
    """The citations whose section, as it is now, holds a sentence that gives orders."""
    found: set[int] = set()
    for citation in citations:
        sections = await side.knowledge_base.catalogue.documents.all_sections(tenant, citation["document_id"])
        places = [each for each in sections if list(each.heading_path) == list(citation.get("heading_path", ()))]
        if any(orders_in(section) for section in places):
            found.add(citation["number"])
    return frozenset(found)


def record_page(record: AnswerRecord, looking: Looking) -> str:
    """The record as a page."""
    answer, body = record.answer, record.answer.body
    shown = {each["number"] for each in body.get("citations", ()) if each["document_id"] in record.readable}
    parts = "".join(
        (
            f'<h2 class="asked">{escape(answer.question)}</h2>{_facts(answer)}',
            section_html("Answer", _sentences(body.get("sentences", ()), shown)),
            section_html("Citations", _citations(body.get("citations", ()), shown, record.suspicious)),
            section_html("Opinions", _verdicts(record.verdicts)),
        )
    )
    return framed("An answer", parts, back="/admin", back_words="Administration", looking=looking)


def _facts(answer: StoredAnswer) -> str:
    body, used = answer.body, answer.body.get("model") or {}
    times = body.get("timings_ms") or {}
    facts = [
        ("Asked", moment_html(answer.asked_at)),
        ("By", escape(answer.asker)),
        ("Channel", escape(answer.channel)),
        ("Status", escape(answer.status.replace("_", " "))),
        ("Made", escape(str(body.get("mode") or "–"))),
        ("Reason", escape(str(body.get("reason") or "–"))),
        ("Model", escape(str(used.get("name") or "none"))),
        ("SHA-256 of the model", f"<code>{escape(str(used.get('sha256') or '–'))}</code>"),
        ("Milliseconds", escape(", ".join(f"{name.replace('_', ' ')} {value:.0f}" for name, value in times.items()))),
        ("Answer", f"<code>{escape(answer.answer_id)}</code>"),
        ("Conversation", f"<code>{escape(answer.conversation_id)}</code>"),
    ]
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value or '–'}</dd></div>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>'


def _sentences(sentences: Sequence[Json], shown: set[int]) -> str:
    """The sentences; one that stands on a page that may not be read is such a page's words."""
    lines = [
        f"<li>{escape(each['text']) if set(each['citations']) <= shown else _HIDDEN} "
        f"{escape(''.join(f'[{number}]' for number in each['citations']))}</li>"
        for each in sentences
    ]
    return f'<ul class="sentences">{"".join(lines)}</ul>' if lines else note_html("There is no answer.")


def _citations(citations: Sequence[Json], shown: set[int], suspicious: Set[int]) -> str:
    rows = [
        _citation(each, is_shown=each["number"] in shown, is_suspicious=each["number"] in suspicious)
        for each in citations
    ]
    columns = ("Number", "Page", "Place", "Quote", "Updated")
    return table_html(columns, rows, label="Citations") if rows else note_html("Nothing was cited.")


def _citation(citation: Json, *, is_shown: bool, is_suspicious: bool) -> tuple[str, ...]:
    number = escape(str(citation["number"]))
    if not is_shown:
        return number, _HIDDEN, "", "", ""
    place = " › ".join(citation.get("heading_path", ()))
    mark = '<p><a href="/admin/suspects">Its section gives orders to a language model.</a></p>' if is_suspicious else ""
    quoted = f"<blockquote>{escape(citation.get('quote', ''))}</blockquote>{mark}"
    name = link_html(citation["title"], citation["url"])
    return number, name, escape(place), quoted, escape(str(citation.get("updated_at", ""))[:10])


def _verdicts(verdicts: Sequence[StoredFeedback]) -> str:
    rows = [
        (
            "👍" if each.verdict == "up" else "👎",
            escape(", ".join(each.reasons)),
            escape(each.comment),
            escape(each.channel),
            moment_html(each.rated_at),
        )
        for each in verdicts
    ]
    columns = ("Verdict", "Reasons", "Comment", "Channel", "When")
    return table_html(columns, rows, label="Opinions") if rows else note_html("Nobody has said anything.")
