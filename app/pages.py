"""What every page made here has in common: its head, and cells of tables. Whatever is said goes through `escape`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from urllib.parse import urlsplit


def page_html(title: str, body: str, *, kind: str) -> str:
    """A whole page. `body` is HTML; `kind`: the body's class."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        '<link rel="stylesheet" href="/assets/page.css"><link rel="icon" href="/assets/icon.svg"></head>'
        f'<body class="{kind}">{body}</body></html>'
    )


def table_html(columns: Sequence[str], rows: Iterable[Sequence[str]], *, label: str) -> str:
    """A table that scrolls by itself where it is too wide. Cells are HTML."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def section_html(title: str, body: str) -> str:
    """A part of a page under its heading. `body` is HTML."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def note_html(words: str) -> str:
    """A line in small letters."""
    return f'<p class="about">{escape(words)}</p>'


def moment_html(moment: datetime) -> str:
    """A moment to the minute, UTC."""
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M}</time>'


def link_html(text: str, url: str) -> str:
    """A link, if the address is a web address; the text alone otherwise."""
    try:
        is_web = urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        is_web = False
    return f'<a href="{escape(url)}">{escape(text)}</a>' if is_web else escape(text)
