"""Where pages give orders to a language model, for an administrator: the sentence, why it was marked, and its link."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from app.admin_page import Looking, framed
from app.admin_report import readable_ids
from app.answering.retrieval import absolute_link
from app.pages import link_html, note_html, table_html
from app.suspects import Suspect, suspects
from app.wiring import AnswerSide
from kb.access import Principal

# A page of the browser shows so many; `footnote status --suspicious` names all.
MOST_SHOWN = 500
_ABOUT = (
    "Sentences that give orders to a language model, or pose as its prompt. They are never evidence, so that no answer "
    "quotes them. People write such sentences too: look, and mend the page if it should not say so."
)


async def read_suspects(side: AnswerSide, principal: Principal) -> tuple[list[Suspect], frozenset[str]]:
    """All of them, and which of their pages the principal may read. Raises CatalogueError."""
    catalogue, link_base = side.knowledge_base.catalogue, side.settings.server.link_base
    found = [
        replace(each, url=absolute_link(each.url, link_base=link_base))
        async for each in suspects(catalogue, tenant=principal.tenant)
    ]
    return found, await readable_ids(side, principal, {each.document_id for each in found[:MOST_SHOWN]})


def suspects_page(found: Sequence[Suspect], readable: frozenset[str], looking: Looking) -> str:
    """The list as a page; of pages that its reader may not read, the id and the reason only."""
    rows = [_row(each, is_shown=each.document_id in readable) for each in found[:MOST_SHOWN]]
    table = table_html(("Page", "Section", "Sentence", "Why"), rows, label="Orders to a language model")
    more = len(found) - len(rows)
    rest = note_html(f"and {more:,} more: footnote status --suspicious names all") if more else ""
    body = note_html(_ABOUT) + (table + rest if rows else note_html("No page does."))
    return framed("Orders in pages", body, back="/admin", back_words="Administration", looking=looking)


def _row(suspect: Suspect, *, is_shown: bool) -> tuple[str, ...]:
    if not is_shown:
        hidden = f"<i>a page you may not read</i> <code>{escape(suspect.document_id)}</code>"
        return hidden, "", "", escape(suspect.why)
    return (
        link_html(suspect.title, suspect.url),
        escape(" › ".join(suspect.heading_path)),
        f"<blockquote>{escape(suspect.quote)}</blockquote>",
        escape(suspect.why),
    )
