"""Markdown pages: rendered to HTML by markdown-it-py and read like any other page, so embedded HTML just works."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from ingest.parsing.front_matter import FrontMatter, read_front_matter
from ingest.parsing.html import parse_html
from ingest.parsing.hygiene import clean_text
from ingest.parsing.sections import ParsedPage

# An opening bracket that is never closed costs a hundred times a letter. With more than this, marks stay as written.
MOST_BRACKETS = 1000
# The parser recurses once for each list in a list; deeper nesting than this is no page's meaning.
MOST_NESTED = 120

_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][\w:-]*)")
_WITHOUT_END = frozenset("area base br col embed hr img input link meta source track wbr".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownPage:
    """A page and what its front matter says."""

    page: ParsedPage
    front_matter: FrontMatter


def parse_markdown(text: str, *, url: str) -> MarkdownPage:
    """The page's front matter, title, sections and links. Raises BadFrontMatter."""
    parser = _make_parser()
    tokens = parser.parse(clean_text(text))
    about = FrontMatter()
    if tokens and tokens[0].type == "front_matter":
        about = read_front_matter(tokens.pop(0).content)
    for token in tokens:
        if token.children:
            token.children = list(_without_stray_tags(token.children))
    html = parser.renderer.render(tokens, parser.options, {})
    return MarkdownPage(page=parse_html(html, url=url, title=about.title), front_matter=about)


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
    # Only the display of links is turned off: any target may be collected, and none is ever rendered.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # the library's own way to replace it
    parser.core.ruler.at("inline", _parse_inline)
    return parser.use(front_matter_plugin).use(tasklists_plugin)


def _parse_inline(state: StateCore) -> None:
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        if token.content.count("[") > MOST_BRACKETS:
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _without_stray_tags(tokens: Sequence[Token]) -> Iterator[Token]:
    """The inline tokens without HTML tags that lack their partner in the same paragraph, such as `<name>`.

    Left in, a placeholder called `<template>` would hide the rest of the page.
    """
    partnered = _partnered(tokens)
    for place, token in enumerate(tokens):
        if token.type != "html_inline" or place in partnered:
            yield token


def _partnered(tokens: Sequence[Token]) -> set[int]:
    kept: set[int] = set()
    opened: list[tuple[str, int]] = []
    open_count: Counter[str] = Counter()
    for place, token in enumerate(tokens):
        tag = _TAG.match(token.content) if token.type == "html_inline" else None
        if tag is None:
            continue
        name = tag["name"].lower()
        if name in _WITHOUT_END:
            kept.add(place)
        elif not tag["end"]:
            opened.append((name, place))
            open_count[name] += 1
        elif open_count[name]:
            kept |= {_close(name, opened, open_count), place}
    return kept


def _close(name: str, opened: list[tuple[str, int]], open_count: Counter[str]) -> int:
    """Where the tag that is closed began; those opened inside it and never closed are forgotten."""
    while True:
        other, place = opened.pop()
        open_count[other] -= 1
        if other == name:
            return place
