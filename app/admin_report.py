"""What an administrator looks at: sources, questions nobody could answer, opinions, cited and stale pages, keys."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.answering.words import words_of
from app.status import Status, read_status
from app.wiring import AnswerSide
from kb.access import Principal
from kb.catalogue.records import StoredAnswer, StoredFeedback, StoredKey

# How far back, and how many answers at most.
DAYS = 30
_MOST_ANSWERS = 2000
_MOST_VERDICTS = 200
_SHOWN = 20
# Two questions are about the same thing if they share this part of their words.
_ALIKE = 0.5
# A page that people rely on and nobody has touched for so long is worth a look.
STALE_DAYS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Questions about one thing that the pages do not answer; the newest first."""

    questions: tuple[str, ...]
    count: int
    last_asked_at: datetime
    # The newest of its answers.
    answer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A verdict, with what was asked."""

    verdict: StoredFeedback
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedPage:
    """How often a page was cited. `title`: None if who looks may not read the page."""

    document_id: str
    title: str | None
    url: str
    count: int
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminReport:
    """The whole page. `days`: (day, answered, not answered), oldest first."""

    status: Status
    days: tuple[tuple[date, int, int], ...]
    gaps: tuple[Gap, ...]
    opinions: tuple[Opinion, ...]
    cited: tuple[CitedPage, ...]
    stale: tuple[CitedPage, ...]
    latest: tuple[StoredAnswer, ...]
    # How answers were made, or why there is none → how many.
    kinds: tuple[tuple[str, int], ...]
    keys: tuple[StoredKey, ...]
    parts: tuple[tuple[str, bool], ...]


async def read_report(side: AnswerSide, principal: Principal) -> AdminReport:
    """The state of everything, now. `principal`: who looks, and sees no title of a page they may not read."""
    catalogue, tenant = side.knowledge_base.catalogue, side.settings.tenant
    answers = await catalogue.answers.latest(tenant, status=None, count=_MOST_ANSWERS)
    since = datetime.now(UTC) - timedelta(days=DAYS)
    recent = [answer for answer in answers if answer.asked_at >= since]
    asked = {answer.answer_id: answer.question for answer in answers}
    verdicts = await catalogue.feedback.latest(tenant, count=_MOST_VERDICTS)
    counted = cited_pages(recent)
    cited = await _named(side, principal, counted[:_SHOWN])
    stale = await _named(side, principal, stale_pages(counted, today=datetime.now(UTC).date())[:_SHOWN])
    opinions = [Opinion(verdict=each, question=asked.get(each.answer_id, "")) for each in verdicts]
    return AdminReport(
        status=await read_status(side.settings, catalogue),
        days=days_of(recent, today=datetime.now(UTC).date()),
        gaps=gaps_in(answer for answer in recent if answer.status == "not_found"),
        opinions=tuple(opinions[:_SHOWN]),
        cited=cited,
        stale=stale,
        latest=tuple(answers[:_SHOWN]),
        kinds=kinds_of(recent),
        keys=tuple(await catalogue.keys.list(tenant)),
        parts=(
            ("index", (await side.knowledge_base.index.health()).is_ready),
            ("chat model", (await side.chat_model.health()).is_ready),
        ),
    )


def gaps_in(unanswered: Iterable[StoredAnswer]) -> tuple[Gap, ...]:
    """Questions in groups that share their words, the largest first."""
    groups: list[tuple[frozenset[str], list[StoredAnswer]]] = []
    for answer in unanswered:
        stems = frozenset(words_of(answer.question).stems)
        group = next((members for own, members in groups if _are_alike(own, stems)), None)
        if group is None:
            groups.append((stems, [answer]))
        else:
            group.append(answer)
    gaps = [
        Gap(
            questions=tuple(dict.fromkeys(answer.question for answer in members))[:5],
            count=len(members),
            last_asked_at=max(answer.asked_at for answer in members),
            answer_id=max(members, key=lambda answer: answer.asked_at).answer_id,
        )
        for _, members in groups
    ]
    return tuple(sorted(gaps, key=lambda gap: (-gap.count, -gap.last_asked_at.timestamp()))[:_SHOWN])


def days_of(answers: Iterable[StoredAnswer], *, today: date) -> tuple[tuple[date, int, int], ...]:
    """Answered and unanswered questions of each day up to today."""
    answered: Counter[date] = Counter()
    others: Counter[date] = Counter()
    for answer in answers:
        (answered if answer.status == "answered" else others)[answer.asked_at.date()] += 1
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return tuple((day, answered[day], others[day]) for day in days)


def kinds_of(answers: Iterable[StoredAnswer]) -> tuple[tuple[str, int], ...]:
    """How answers were made, and the statuses of those that are none, the most frequent first."""
    kinds = (answer.body.get("mode", "") if answer.status == "answered" else answer.status for answer in answers)
    return tuple(Counter(str(kind).replace("_", " ") for kind in kinds if kind).most_common())


def cited_pages(answers: Sequence[StoredAnswer]) -> tuple[CitedPage, ...]:
    """The pages that answers stand on, the most cited first."""
    counts: Counter[str] = Counter()
    pages: dict[str, CitedPage] = {}
    for answer in answers:
        for citation in {each["document_id"]: each for each in answer.body["citations"]}.values():
            document_id = citation["document_id"]
            counts[document_id] += 1
            # The newest answer comes first, and knows the page as it is now.
            known = pages.get(document_id)
            pages[document_id] = replace(known, count=counts[document_id]) if known else _page(citation)
    return tuple(pages[document_id] for document_id, _ in counts.most_common())


def stale_pages(pages: Iterable[CitedPage], *, today: date) -> tuple[CitedPage, ...]:
    """Those that nobody has touched for long, the most cited first."""
    limit = (today - timedelta(days=STALE_DAYS)).isoformat()
    return tuple(page for page in pages if page.updated_at < limit)


def _page(citation: Mapping[str, Any]) -> CitedPage:  # JSON that app.contract gave
    return CitedPage(
        document_id=citation["document_id"],
        title=citation["title"],
        url=citation["url"].partition("#")[0],
        count=1,
        updated_at=citation["updated_at"][:10],
    )


async def _named(side: AnswerSide, principal: Principal, pages: Sequence[CitedPage]) -> tuple[CitedPage, ...]:
    """The pages, without the names of those that the principal may not read."""
    readable = await readable_ids(side, principal, (page.document_id for page in pages))
    return tuple(page if page.document_id in readable else replace(page, title=None, url="") for page in pages)


async def readable_ids(side: AnswerSide, principal: Principal, document_ids: Iterable[str]) -> frozenset[str]:
    """Those of the documents that the principal may read now."""
    catalogue = side.knowledge_base.catalogue
    audience_ids = await catalogue.access.readable(principal)
    tenant = principal.tenant
    return frozenset(
        [
            document_id
            for document_id in set(document_ids)
            if await catalogue.documents.live_sections(tenant, document_id, audience_ids=audience_ids)
        ]
    )


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one & other) and len(one & other) / len(one | other) >= _ALIKE
