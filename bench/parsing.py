"""Parsing alone, without network, embedding or index: sections a second of each format, and pages of 20 MB."""

import resource
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from ingest.parsing.adf import parse_adf
from ingest.parsing.html import parse_html
from ingest.parsing.link_names import LinkNames
from ingest.parsing.markdown import parse_markdown
from ingest.parsing.sections import ParsedPage
from ingest.parsing.storage_format import parse_storage

ROUNDS = 5
PARTS = 400
LARGEST_BYTES = 20_000_000
URL = "https://wiki.example/1"

STORAGE = """<h2>Step {}</h2><p>Open the <strong>console</strong>&nbsp;and choose <code>Deploy</code>, see
<ac:link><ri:page ri:content-title="Runbook" /></ac:link>.</p><ul><li><p>one</p></li><li><p>two</p></li></ul>
<table><tbody><tr><th><p>Key</p></th><th><p>Value</p></th></tr><tr><td><p>a</p></td><td><p>1</p></td></tr></tbody></table>
<ac:structured-macro ac:name="code" ac:schema-version="1"><ac:parameter ac:name="language">bash</ac:parameter>
<ac:plain-text-body><![CDATA[make build
make deploy]]></ac:plain-text-body></ac:structured-macro><ac:structured-macro ac:name="info" ac:schema-version="1">
<ac:rich-text-body><p>It takes ten minutes.</p></ac:rich-text-body></ac:structured-macro>
"""
HTML = """<h2>Step {}</h2><p>Open the <strong>console</strong>&nbsp;and choose <code>Deploy</code>, see
<a href="r">Runbook</a>.</p><ul><li><p>one</p></li><li><p>two</p></li></ul>
<table><tr><th>Key</th><th>Value</th></tr><tr><td>a</td><td>1</td></tr></table>
<pre><code class="language-bash">make build
make deploy</code></pre><blockquote><p>It takes ten minutes.</p></blockquote>
"""
MARKDOWN = """## Step {}

Open the **console** and choose `Deploy`, see [Runbook](r.md).

- one
- two

| Key | Value |
|---|---|
| a | 1 |

```bash
make build
make deploy
```

> It takes ten minutes.

"""


def main() -> None:
    """Print the table. Times are of the processor, so that others on the machine do not count."""
    table = Table("parsing", "MB", "sections", "seconds", "sections/s", "MB/s")
    storage, html, markdown = (_repeated(part, PARTS) for part in (STORAGE, HTML, MARKDOWN))
    _add(table, "storage format", len(storage), lambda: _storage(storage))
    _add(table, "ADF", len(storage), lambda: parse_adf(_adf(PARTS), url=URL, title="Page", names=LinkNames()).page)
    _add(table, "HTML", len(html), lambda: parse_html(html, url=URL))
    _add(table, "Markdown", len(markdown), lambda: parse_markdown(markdown, url=URL).page)
    large = _repeated(STORAGE, LARGEST_BYTES // len(STORAGE))
    _add(table, "storage format, 20 MB", len(large), lambda: _storage(large), rounds=1)
    _add(table, "the same, not well-formed", len(large), lambda: _storage(large + " & "), rounds=1)
    deep = "<blockquote><div><ul><li>" * 250_000
    _add(table, "a million elements in each other", len(deep), lambda: _storage(deep + "x"), rounds=1)
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Console().print(f"most memory of the process: {peak:.0f} MB")


def _storage(text: str) -> ParsedPage:
    return parse_storage(text, url=URL, title="Page", deployment="cloud", names=LinkNames()).page


def _repeated(part: str, count: int) -> str:
    return "".join(part.format(number) for number in range(count))


def _adf(count: int) -> dict[str, object]:
    def node(kind: str, *content: object, **attributes: object) -> dict[str, object]:
        return {"type": kind, "attrs": attributes, "content": list(content)}

    def text(written: str) -> dict[str, object]:
        return node("paragraph", {"type": "text", "text": written})

    row = node("tableRow", node("tableCell", text("a")), node("tableCell", text("1")))
    part = [
        node("heading", {"type": "text", "text": "Step"}, level=2),
        text("Open the console and choose Deploy, see Runbook."),
        node("bulletList", node("listItem", text("one")), node("listItem", text("two"))),
        node("table", row, row),
        node("codeBlock", {"type": "text", "text": "make build\nmake deploy"}, language="bash"),
        node("panel", text("It takes ten minutes."), panelType="info"),
    ]
    return {"type": "doc", "version": 1, "content": part * count}


def _add(table: Table, name: str, length: int, parse: Callable[[], ParsedPage], *, rounds: int = ROUNDS) -> None:
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        page = parse()
        seconds.append(time.process_time() - started)
    best, count, megabytes = min(seconds), len(page.sections), length / 1e6
    rates = f"{count / best:,.0f}", f"{megabytes / best:.1f}"
    table.add_row(name, f"{megabytes:.2f}", f"{count:,}", f"{best:.2f}", *rates)


if __name__ == "__main__":
    main()
