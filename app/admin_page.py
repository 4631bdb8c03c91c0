"""The administration page as HTML. Whatever came from a page or a person goes through `escape`."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from html import escape
from urllib.parse import urlsplit

from app.admin_report import DAYS, AdminReport, CitedPage, Gap, Opinion
from app.status import MissingPage, SourceStatus
from kb.catalogue.records import StoredKey

_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Footnote administration</title>'
    '<link rel="stylesheet" href="/assets/page.css"><link rel="icon" href="/assets/icon.svg"></head>'
)
_MOST_MISSING = 100
_BAR_HEIGHT = 72


def login_page(*, was_refused: bool) -> str:
    """The page that asks for a key."""
    said = '<p class="warning" role="alert">This key may not look here.</p>' if was_refused else ""
    return (
        f'{_HEAD}<body class="admin login"><main><h1>Administration</h1>{said}'
        '<form method="post" action="/admin/session"><label for="key">A key with the scope <code>admin</code></label>'
        '<input id="key" name="key" type="password" autocomplete="off" spellcheck="false" required>'
        "<button>Look</button></form></main></body></html>"
    )


def admin_page(report: AdminReport, *, names_pages: bool) -> str:
    """Everything. `names_pages` False: missing pages are shown by their ids, since not everyone may read the titles."""
    body = "".join(
        (
            _tiles(report),
            _section("Sources", _sources(report.status.sources, names_pages=names_pages)),
            _section(f"Questions, last {DAYS} days", _chart(report.days)),
            _section("What the pages do not answer", _gaps(report.gaps)),
            _section("Opinions", _opinions(report.opinions)),
            _section("Most cited pages", _cited(report.cited)),
            _section("Keys", _keys(report.keys)),
        )
    )
    return (
        f'{_HEAD}<body class="admin"><header class="bar"><img src="/assets/icon.svg" alt="" width="28" height="28">'
        f'<h1>Administration</h1><a href="/">Chat</a></header><main>{body}</main></body></html>'
    )


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


def _sources(sources: Sequence[SourceStatus], *, names_pages: bool) -> str:
    rows = [_source_row(source) for source in sources]
    table = _table(("Source", "Indexed", "Listed", "Skipped", "Quarantined", "Last sync", "State"), rows)
    lists = [_missing(source, names_pages=names_pages) for source in sources if source.missing]
    return (table if rows else _nothing("No sources are configured.")) + "".join(lists)


def _source_row(source: SourceStatus) -> tuple[str, ...]:
    counts = source.counts
    share = f'<progress max="{max(counts.listed, 1)}" value="{counts.indexed}">{counts.indexed}</progress>'
    numbers = (f"{counts.listed:,}", f"{counts.skipped:,}", f"{counts.quarantined:,}")
    told = (escape(source.last_sync), escape(source.state))
    return (escape(source.id), f"{counts.indexed:,} {share}", *numbers, *told)


def _missing(source: SourceStatus, *, names_pages: bool) -> str:
    shown = source.missing[:_MOST_MISSING]
    rows = [_missing_row(page, names_pages=names_pages) for page in shown]
    more = len(source.missing) - len(shown)
    rest = f'<p class="about">and {more:,} more: <code>footnote status --missing</code></p>' if more else ""
    title = f"{len(source.missing):,} missing from {escape(source.id)}"
    return f"<details><summary>{title}</summary>{_table(('Page', 'Reason'), rows)}{rest}</details>"


def _missing_row(page: MissingPage, *, names_pages: bool) -> tuple[str, str]:
    name = f"{escape(page.title)} <code>{escape(page.document_id)}</code>" if names_pages else escape(page.document_id)
    return name, escape(page.reason)


def _chart(days: Sequence[tuple[date, int, int]]) -> str:
    most = max(1, *(answered + others for _, answered, others in days))
    bars = "".join(_bar(place, day, answered, others, most) for place, (day, answered, others) in enumerate(days))
    width = 20 * len(days)
    total = f"{sum(answered for _, answered, _ in days)} answered, {sum(others for _, _, others in days)} not"
    return (
        f'<svg class="chart" viewBox="0 0 {width} {_BAR_HEIGHT + 4}" role="img" aria-label="{total}">{bars}</svg>'
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


def _gaps(gaps: Sequence[Gap]) -> str:
    rows = [("<br>".join(map(escape, gap.questions)), str(gap.count), _moment(gap.last_asked_at)) for gap in gaps]
    return _table(("Asked", "Times", "Last"), rows) if rows else _nothing("Every question found its pages.")


def _opinions(opinions: Sequence[Opinion]) -> str:
    rows = [
        (
            "👍" if each.verdict.verdict == "up" else "👎",
            escape(each.question),
            escape(", ".join(each.verdict.reasons)),
            escape(each.verdict.comment),
            escape(each.verdict.channel),
            _moment(each.verdict.rated_at),
        )
        for each in opinions
    ]
    columns = ("Verdict", "Question", "Reasons", "Comment", "Channel", "When")
    return _table(columns, rows) if rows else _nothing("Nobody has said anything yet.")


def _cited(pages: Sequence[CitedPage]) -> str:
    rows = [(_link(page.title, page.url), str(page.count), escape(page.updated_at)) for page in pages]
    return _table(("Page", "Answers", "Updated"), rows) if rows else _nothing("No page was cited yet.")


def _keys(keys: Sequence[StoredKey]) -> str:
    rows = [
        (
            f"<code>{escape(key.key_id)}</code>",
            escape(key.name),
            escape(", ".join(key.scopes)),
            escape(key.email or "anyone"),
            escape(", ".join(key.origins)),
            _moment(key.expires_at) if key.expires_at else "never",
            "revoked" if key.revoked_at else "active",
        )
        for key in keys
    ]
    columns = ("Key", "Name", "Scopes", "Asks as", "Pages of", "Expires", "State")
    return _table(columns, rows) if rows else _nothing("No keys: this machine alone may ask.")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def _nothing(words: str) -> str:
    return f'<p class="about">{escape(words)}</p>'


def _moment(moment: datetime) -> str:
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M}</time>'


def _link(text: str, url: str) -> str:
    try:
        is_web = urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        is_web = False
    return f'<a href="{escape(url)}">{escape(text)}</a>' if is_web else escape(text)
