"""The administration page as HTML. Whatever came from a page or a person goes through `escape`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from urllib.parse import quote

from app.admin_forms import button, new_key_form
from app.admin_report import DAYS, STALE_DAYS, AdminReport, CitedPage, Gap, Opinion
from app.pages import link_html, moment_html, note_html, page_html, section_html, table_html
from app.status import MissingPage, SourceStatus
from kb.catalogue.records import StoredAnswer, StoredKey

_MOST_MISSING = 100
_BAR_HEIGHT = 72


def login_page(*, was_refused: bool, sign_in: str = "") -> str:
    """The page that asks for a key. `sign_in`: what signing in is called; empty where nobody can."""
    said = '<p class="warning" role="alert">This key may not look here.</p>' if was_refused else ""
    other = f'<p><a class="button" href="/login?to=/admin">{escape(sign_in)}</a></p>' if sign_in else ""
    body = (
        f'<main><h1>Administration</h1>{said}{other}<form method="post" action="/admin/session">'
        '<label for="key">A key with the scope <code>admin</code></label>'
        '<input id="key" name="key" type="password" autocomplete="off" spellcheck="false" required>'
        "<button>Open</button></form></main>"
    )
    return page_html("Footnote administration", body, kind="admin login")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Who looks. `names_pages` False: missing pages are shown by their ids, since not everyone may read the titles.

    `proof`: what its forms bring; empty: nothing may be changed. `said`: HTML about what was done just now.
    """

    names_pages: bool
    proof: str = ""
    own_email: str | None = None
    is_signed_in: bool = False
    said: str = ""


def admin_page(report: AdminReport, looking: Looking) -> str:
    """Everything."""
    days = f"last {DAYS} days"
    body = "".join(
        (
            looking.said,
            _tiles(report),
            section_html("Sources", _sources(report.status.sources, looking)),
            section_html(f"Questions, {days}", _chart(report.days) + _kinds(report.kinds)),
            section_html("What the pages do not answer", _gaps(report.gaps)),
            section_html("Opinions", _opinions(report.opinions)),
            section_html("Most cited pages", _cited(report.cited, nothing="No page was cited yet.")),
            section_html(
                f"Cited, and untouched for {STALE_DAYS} days",
                _cited(report.stale, nothing="Cited pages are all fresh."),
            ),
            section_html("Latest questions", _latest(report.latest)),
            section_html(
                "Orders in pages", '<p><a href="/admin/suspects">Sentences that speak to a language model</a></p>'
            ),
            section_html("Keys", _keys(report.keys, looking)),
        )
    )
    return framed("Administration", body, back="/", back_words="Chat", looking=looking)


def framed(title: str, body: str, *, back: str, back_words: str, looking: Looking) -> str:
    """A page below the administration's bar. `body` is HTML."""
    out = ""
    if looking.is_signed_in and looking.own_email:
        name = f"<span>{escape(looking.own_email)}</span>"
        out = f'<form method="post" action="/logout">{name}<button>Sign out</button></form>'
    bar = (
        '<header class="bar"><img src="/assets/icon.svg" alt="" width="28" height="28">'
        f'<h1>{escape(title)}</h1><a href="{back}">{escape(back_words)}</a>{out}</header>'
    )
    return page_html("Footnote administration", f"{bar}<main>{body}</main>", kind="admin")


def _tiles(report: AdminReport) -> str:
    answered = sum(count for _, count, _ in report.days)
    others = sum(count for _, _, count in report.days)
    share = f"{answered / (answered + others):.0%}" if answered + others else "–"
    index, models = report.status.index, report.status.models
    tiles = [
        ("Documents", f"{index['documents']:,}", f"{index['chunks']:,} chunks, {index['kind']} index"),
        ("Answered", share, f"{answered:,} of {answered + others:,} questions"),
        ("Chat model", models["chat_model"], f"embedder: {models['embedder']}"),
        ("Health", ", ".join(f"{name} {'well' if is_well else 'down'}" for name, is_well in report.parts), ""),
    ]
    cells = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd class="about">{escape(more)}</dd></div>'
        for name, value, more in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _sources(sources: Sequence[SourceStatus], looking: Looking) -> str:
    columns = ("Source", "Indexed", "Listed", "Skipped", "Quarantined", "Last sync", "Next", "State")
    rows = [_source_row(source, looking) for source in sources]
    lists = [_pages(source, looking) for source in sources]
    if not rows:
        return note_html("No sources are configured.")
    return table_html((*columns, "Do") if looking.proof else columns, rows, label="Sources") + "".join(lists)


def _source_row(source: SourceStatus, looking: Looking) -> tuple[str, ...]:
    counts = source.counts
    name = escape(source.id)
    share = (
        f'<progress max="{max(counts.listed, 1)}" value="{counts.indexed}" aria-label="indexed of {name}">'
        f"{counts.indexed}</progress>"
    )
    numbers = (f"{counts.listed:,}", f"{counts.skipped:,}", f"{counts.quarantined:,}")
    soon = moment_html(source.next_run) if source.next_run else ""
    told = (escape(source.last_sync), soon, escape(source.state))
    do = button(looking.proof, "sync", "Sync now", {"source": source.id})
    return (name, f"{counts.indexed:,} {share}", *numbers, *told, *((do,) if looking.proof else ()))


def _pages(source: SourceStatus, looking: Looking) -> str:
    """What of a source is missing, and what is out of date; with buttons to read it again."""
    return "".join(
        _missing(source, pages, f"{len(pages):,} {words} {source.id}", looking)
        for pages, words in ((source.missing, "missing from"), (source.stale, "out of date in"))
        if pages
    )


def _missing(source: SourceStatus, pages: Sequence[MissingPage], title: str, looking: Looking) -> str:
    shown = pages[:_MOST_MISSING]
    has_buttons = bool(looking.proof) and any(page.can_retry for page in pages)
    rows = [_missing_row(source, page, looking, has_buttons=has_buttons) for page in shown]
    more = len(pages) - len(shown)
    rest = f'<p class="about">and {more:,} more: <code>footnote status --missing</code></p>' if more else ""
    everything = button(looking.proof, "retry", "Read all again", {"source": source.id}) if has_buttons else ""
    columns = ("Page", "Reason", "Do") if has_buttons else ("Page", "Reason")
    return (
        f"<details><summary>{escape(title)}</summary>{everything}"
        f"{table_html(columns, rows, label=title)}{rest}</details>"
    )


def _missing_row(source: SourceStatus, page: MissingPage, looking: Looking, *, has_buttons: bool) -> tuple[str, ...]:
    plain = escape(page.document_id)
    name = f"{escape(page.title)} <code>{plain}</code>" if looking.names_pages else plain
    if not has_buttons:
        return name, escape(page.reason)
    values = {"source": source.id, "document": page.document_id}
    again = button(looking.proof, "retry", "Read again", values) if page.can_retry else ""
    return name, escape(page.reason), again


def _chart(days: Sequence[tuple[date, int, int]]) -> str:
    most = max(1, *(answered + others for _, answered, others in days))
    bars = "".join(_bar(place, day, answered, others, most) for place, (day, answered, others) in enumerate(days))
    width = 20 * len(days)
    total = f"{sum(answered for _, answered, _ in days)} answered, {sum(others for _, _, others in days)} not"
    return (
        f'<svg class="chart" viewBox="0 0 {width} {_BAR_HEIGHT + 4}" preserveAspectRatio="none" role="img" '
        f'aria-label="{total}">{bars}</svg><p class="about axis"><span>{days[0][0]:%d %b}</span>'
        f"<span>at most {most:,} a day</span><span>{days[-1][0]:%d %b}</span></p>"
        '<p class="about"><span class="key answered"></span> answered <span class="key others"></span> not answered</p>'
    )


def _bar(place: int, day: date, answered: int, others: int, most: int) -> str:
    tall, short = (round(count / most * _BAR_HEIGHT, 1) for count in (answered, others))
    x, top = place * 20 + 2, _BAR_HEIGHT + 2
    return (
        f"<g><title>{day:%d %b}: {answered} answered, {others} not</title>"
        f'<rect class="floor" x="{x}" y="{top}" width="16" height="1"/>'
        f'<rect class="answered" x="{x}" y="{top - tall}" width="16" height="{tall}"/>'
        f'<rect class="others" x="{x}" y="{top - tall - short}" width="16" height="{short}"/></g>'
    )


def _kinds(kinds: Sequence[tuple[str, int]]) -> str:
    """How answers were made, as bars."""
    most = max((count for _, count in kinds), default=0)
    bars = "".join(
        f'<li><span>{escape(kind)}</span><progress max="{most}" value="{count}" aria-label="{escape(kind)}">'
        f"{count}</progress><b>{count:,}</b></li>"
        for kind, count in kinds
    )
    return f'<ul class="bars">{bars}</ul>' if bars else ""


def _gaps(gaps: Sequence[Gap]) -> str:
    rows = [(_gap(gap), str(gap.count), moment_html(gap.last_asked_at)) for gap in gaps]
    if not rows:
        return note_html("Every question found its pages.")
    return table_html(("Asked", "Times", "Last"), rows, label="What the pages do not answer")


def _gap(gap: Gap) -> str:
    first, *others = gap.questions
    return "<br>".join((record_link(gap.answer_id, first), *map(escape, others)))


def _opinions(opinions: Sequence[Opinion]) -> str:
    rows = [
        (
            "👍" if each.verdict.verdict == "up" else "👎",
            record_link(each.verdict.answer_id, each.question) if each.question else "",
            escape(", ".join(each.verdict.reasons)),
            escape(each.verdict.comment),
            escape(each.verdict.channel),
            moment_html(each.verdict.rated_at),
        )
        for each in opinions
    ]
    columns = ("Verdict", "Question", "Reasons", "Comment", "Channel", "When")
    return table_html(columns, rows, label="Opinions") if rows else note_html("Nobody has said anything yet.")


def _cited(pages: Sequence[CitedPage], *, nothing: str) -> str:
    rows = [(_page_name(page), str(page.count), escape(page.updated_at)) for page in pages]
    return table_html(("Page", "Answers", "Updated"), rows, label="Pages") if rows else note_html(nothing)


def _page_name(page: CitedPage) -> str:
    if page.title is None:
        return f"<i>a page you may not read</i> <code>{escape(page.document_id)}</code>"
    return link_html(page.title, page.url)


def _latest(answers: Sequence[StoredAnswer]) -> str:
    rows = [
        (
            record_link(each.answer_id, each.question),
            escape(each.status.replace("_", " ")),
            escape(each.channel),
            moment_html(each.asked_at),
        )
        for each in answers
    ]
    columns = ("Question", "Status", "Channel", "When")
    return table_html(columns, rows, label="Latest questions") if rows else note_html("Nobody has asked yet.")


def _keys(keys: Sequence[StoredKey], looking: Looking) -> str:
    rows = [_key_row(key, looking) for key in keys]
    columns = ("Key", "Name", "Scopes", "Asks as", "Pages of", "Expires", "State")
    if not rows:
        return note_html("No keys.") + new_key_form(looking.proof, own_email=looking.own_email)
    table = table_html((*columns, "Do") if looking.proof else columns, rows, label="Keys")
    return table + new_key_form(looking.proof, own_email=looking.own_email)


def _key_row(key: StoredKey, looking: Looking) -> tuple[str, ...]:
    is_over = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    state = "revoked" if key.revoked_at else "expired" if is_over else "active"
    do = button(looking.proof, "keys/revoke", "Revoke", {"key": key.key_id}) if state == "active" else ""
    return (
        f"<code>{escape(key.key_id)}</code>",
        escape(key.name),
        escape(", ".join(key.scopes)),
        escape(key.email or "anyone"),
        escape(", ".join(key.origins)),
        moment_html(key.expires_at) if key.expires_at else "never",
        state,
        *((do,) if looking.proof else ()),
    )


def record_link(answer_id: str, words: str) -> str:
    """A link to all that is known of an answer."""
    return f'<a href="/admin/answers/{quote(answer_id, safe="")}">{escape(words)}</a>'
