"""HTML pages: what a reader sees, as sections. Streamed through lxml, so a page of any size or depth stays bounded."""

import re
from types import SimpleNamespace

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.parsing.assembling import Assembler
from ingest.parsing.elements import Attributes, Closer, ElementOpener, is_styled_away, nothing
from ingest.parsing.hygiene import one_line
from ingest.parsing.sections import ParsedPage, SectionBuilder

_NEVER_SHOWN = frozenset(
    "script style template noscript svg iframe object embed canvas audio video select textarea button nav".split()
)
_SCOPES = (
    ("main", re.compile(r"<main\b|role\s*=\s*[\"']?main\b", re.IGNORECASE)),
    ("article", re.compile(r"<article\b", re.IGNORECASE)),
)


def parse_html(text: str, *, url: str, title: str | None = None) -> ParsedPage:
    """The page's title, sections and links. `<main>` or `<article>` alone is read where there is one with text in it.

    `url`: the page's own address, to which anchors are added; `title`: the title if it is known from elsewhere.
    """
    for scope, mentioned in _SCOPES:
        if mentioned.search(text):
            page = _read(text, scope=scope, builder=SectionBuilder(url=url, title=title))
            if page.sections:
                return page
    return _read(text, scope=None, builder=SectionBuilder(url=url, title=title))


def _read(text: str, *, scope: str | None, builder: SectionBuilder) -> ParsedPage:
    reader = _HtmlReader(builder, scope=scope)
    target = SimpleNamespace(start=reader.start, end=reader.end, data=reader.take_text, close=reader.close)
    parser = etree.HTMLParser(target=target, recover=True, huge_tree=True, encoding="utf-8")
    parser.feed(text.encode("utf-8", "replace"))
    parser.close()
    builder.title = builder.title or one_line("".join(reader.page_title)) or None
    return builder.build(links=reader.links)


class _HtmlReader:
    """Receives lxml's events, which are balanced: every start has its end."""

    def __init__(self, builder: SectionBuilder, *, scope: str | None) -> None:
        self.page_title: list[str] = []
        self._assembler = Assembler(builder)
        self._elements = ElementOpener(self._assembler)
        self._scope = scope
        self._scope_depth = 0 if scope else 1
        self._skipped_depth = 0
        self._is_in_title = False
        self._closers: list[Closer] = []

    @property
    def links(self) -> list[str]:
        """The targets of the page's links."""
        return self._elements.links

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""
        if self._skipped_depth or _is_hidden(tag, attributes):
            self._skipped_depth += 1
            return
        if tag == "title":
            self._is_in_title = True
            self._closers.append(self._leave_title)
        elif self._scope and _is_scope(self._scope, tag, attributes):
            self._scope_depth += 1
            self._closers.append(self._leave_scope)
        elif self._scope_depth:
            self._closers.append(self._elements.open(tag, attributes))
        else:
            self._closers.append(nothing)

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._skipped_depth:
            self._skipped_depth -= 1
        elif self._closers:
            self._closers.pop()()

    def take_text(self, text: str) -> None:
        """Text between tags."""
        if self._skipped_depth:
            return
        if self._is_in_title:
            self.page_title.append(text)
        elif self._scope_depth:
            self._assembler.take_text(text)

    def close(self) -> None:
        """The page ends."""
        self._assembler.finish()

    def _leave_title(self) -> None:
        self._is_in_title = False

    def _leave_scope(self) -> None:
        self._assembler.end_paragraph()
        self._scope_depth -= 1


def _is_hidden(tag: str, attributes: Attributes) -> bool:
    if tag in _NEVER_SHOWN:
        return True
    if not attributes or tag in {"html", "body"}:
        # Pages hide their whole body until a script has run; a reader sees it.
        return False
    is_decoration = "headerlink" in attributes.get("class", "").split() or attributes.get("aria-hidden") == "true"
    return "hidden" in attributes or is_decoration or is_styled_away(attributes)


def _is_scope(scope: str, tag: str, attributes: Attributes) -> bool:
    return tag == scope or attributes.get("role") == scope
