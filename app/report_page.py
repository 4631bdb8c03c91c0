"""The frame of an evaluation's HTML report: one file that loads and runs nothing, and takes no markup."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlsplit

from app.runs import RunFacts

STYLE = """
:root { color-scheme: light dark; --ink: #1c2423; --soft: #56625f; --paper: #fbfaf7; --card: #fff; --line: #dde2dd;
  --brand: #1f5f5b; --other: #b4540a; --good: #1d6b3a; --bad: #a3261f; --quote: #f3f1ea; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edeb; --soft: #a3b0ad; --paper: #141919; --card: #1d2424;
  --line: #364342; --brand: #7cccc1; --other: #f0a860; --good: #7fd39b; --bad: #ff9d94; --quote: #242d2c; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 5rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: .8rem; margin: .9rem 0 .2rem; color: var(--soft); text-transform: uppercase; letter-spacing: .04em; }
p, ol, ul { margin: .3rem 0; }
.about { color: var(--soft); font-size: .88rem; }
bdi { overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem; margin: 1.2rem 0 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
.tile dt { font-size: .82rem; color: var(--soft); }
.tile dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--card); font-size: .92rem; }
th, td { padding: .35rem .7rem; border: 1px solid var(--line); text-align: start; vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
thead th:not(:first-child) { text-align: end; }
tbody th { font-weight: 400; color: var(--ink); }
tbody th bdi { overflow-wrap: break-word; }
td.figure { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem; }
figcaption { font-size: .88rem; color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.axis { stroke: var(--line); } .threshold { stroke: var(--ink); stroke-dasharray: 4 3; }
.yes { fill: var(--brand); } .no { fill: var(--other); } .third { fill: var(--soft); }
.yes-line, .no-line { fill: none; stroke-width: 2; }
.yes-line { stroke: var(--brand); } .no-line { stroke: var(--other); }
svg text.yes { fill: var(--brand); } svg text.no { fill: var(--other); } svg text.name { fill: var(--ink); }
fieldset { display: flex; flex-wrap: wrap; gap: .4rem; border: 0; margin: 0 0 .8rem; padding: 0; }
fieldset input { position: absolute; opacity: 0; }
fieldset label { padding: .25rem .8rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card);
  cursor: pointer; font-size: .88rem; }
label:has(:checked) { background: var(--brand); border-color: var(--brand); color: var(--paper); }
label:has(:focus-visible) { outline: 2px solid var(--ink); outline-offset: 2px; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .35rem 0; }
summary { display: flex; gap: .7rem; align-items: baseline; padding: .45rem .8rem; cursor: pointer; }
summary bdi { flex: 1; min-width: 0; }
details > div { padding: 0 .9rem .8rem; }
.mark { flex: none; font-size: .78rem; font-weight: 600; color: var(--bad); }
.mark.ok, .gold { color: var(--good); }
.gold { font-weight: 600; font-size: .82rem; } .fault { color: var(--bad); font-weight: 600; font-size: .82rem; }
blockquote { margin: .25rem 0; padding: .3rem .7rem; background: var(--quote); white-space: pre-wrap;
  border-inline-start: 3px solid var(--brand); overflow-wrap: anywhere; }
a { color: var(--brand); overflow-wrap: anywhere; }
@media print { fieldset { display: none; } }
"""


def page(title: str, facts: RunFacts, body: Iterable[str], *, style: str = "", has_answers: bool = True) -> str:
    """The whole file. `body`: HTML made of escaped pieces; `style`: CSS beside the frame's own. `has_answers`: not of
    retrieval alone, which no chat model has a part in."""
    css = STYLE + style
    allowed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    about = f"{facts.measured} · {facts.made_at} · embedder {facts.embedder}"
    if has_answers:
        about += (
            f" · chat model {facts.chat_model} · mode {facts.mode} · {facts.sections} sections · "
            f"not found below {facts.answerable_above:g}"
        )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><p class="about">{words(about)}</p>{"".join(body)}</main></body></html>\n'
    )


def words(text: str) -> str:
    """Foreign text: escaped, and kept from turning round what stands beside it."""
    return f"<bdi>{escape(text)}</bdi>"


def link(text: str, url: str) -> str:
    """Foreign text that leads to a web address; to anything else it leads nowhere."""
    try:
        is_web = urlsplit(url).scheme in {"http", "https"} and url.isprintable()
    except ValueError:
        is_web = False
    if not is_web:
        return words(text)
    return f'<a href="{escape(url)}" rel="noreferrer noopener" target="_blank">{words(text)}</a>'


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """The few figures that matter most."""
    cells = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>' for name, value in figures
    )
    return f'<dl class="tiles">{cells}</dl>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first cell of a row is a name, the others are figures; all are escaped here."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    lines = "".join(
        f'<tr><th scope="row">{words(row[0])}</th>'
        + "".join(f'<td class="figure">{escape(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def filters(choices: Sequence[tuple[str, str, int]]) -> tuple[str, str]:
    """(radio buttons, their CSS): each shows the `details` of its class alone, without a script.

    `choices`: (class, title, count); the class `all` shows everything, and comes first.
    """
    buttons = "".join(
        f'<label><input type="radio" name="shown" id="show-{name}"{" checked" if name == "all" else ""}>'
        f"{escape(title)} {count}</label>"
        for name, title, count in choices
    )
    css = "".join(
        f"body:has(#show-{name}:checked) details:not(.{name}) {{ display: none; }}\n"
        for name, _, _ in choices
        if name != "all"
    )
    return f'<fieldset aria-label="Which questions are shown">{buttons}</fieldset>', css
