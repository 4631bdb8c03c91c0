"""Words of warning about an answer: pages that disagree, pages not updated for long, pages that no longer hold."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.ages import age
from app.answering.types import Citation, Notice


def notices_of(
    citations: Sequence[Citation],
    disagreeing: Iterable[tuple[Citation, Citation]],
    *,
    now: datetime,
    stale_after_days: int,
) -> tuple[Notice, ...]:
    """What the reader must know beside the sentences. `disagreeing`: newer and older; `stale_after_days` 0: never."""
    outdated = [citation for citation in citations if citation.is_outdated]
    stale = [
        citation
        for citation in citations
        if stale_after_days and not citation.is_outdated and now - citation.updated_at > timedelta(stale_after_days)
    ]
    notices = [_conflict(newer, older) for newer, older in disagreeing]
    if stale:
        named = _listed([f"{_named(page)} was last updated {age(page.updated_at, now=now)}" for page in _pages(stale)])
        notices.append(Notice(kind="stale", text=f"This may have changed: {named}.", citations=_numbers(stale)))
    if outdated:
        named = _listed([_named(page) for page in _pages(outdated)])
        text = f"No longer valid, or replaced by another page: {named}."
        notices.append(Notice(kind="outdated", text=text, citations=_numbers(outdated)))
    return tuple(notices)


def unanswered_notices(questions: Sequence[str]) -> tuple[Notice, ...]:
    """What of a question of several parts is not answered, in the asker's words."""
    named = _listed([f"“{question}”" for question in questions]) if questions else ""
    return (Notice(kind="unanswered", text=f"The pages found do not answer {named}", citations=()),) if named else ()


def _conflict(newer: Citation, older: Citation) -> Notice:
    pages = " and ".join(f"{_named(each)} (updated {each.updated_at:%Y-%m-%d})" for each in (newer, older))
    return Notice(kind="conflict", text=f"The pages disagree: {pages}.", citations=(newer.number, older.number))


def _named(citation: Citation) -> str:
    return f"“{citation.title}” [{citation.number}]"


def _pages(citations: Iterable[Citation]) -> list[Citation]:
    """One citation a page, the first."""
    pages: dict[str, Citation] = {}
    for citation in citations:
        pages.setdefault(citation.document_id, citation)
    return list(pages.values())


def _numbers(citations: Iterable[Citation]) -> tuple[int, ...]:
    return tuple(citation.number for citation in citations)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
