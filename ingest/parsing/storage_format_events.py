"""Storage format as a stream of openings, text and closings. It is XML; what is not well-formed is read like HTML.

Both parsers were measured on real pages. An XML parser without namespaces keeps every character of every well-formed
page, and the line ends of code, at any depth; parsers for HTML drop CDATA, which is where Confluence puts code.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from html.entities import name2codepoint
from types import SimpleNamespace
from typing import Protocol
from xml.parsers import expat

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

Attributes = Mapping[str, str]

# Confluence writes the named entities of XHTML and declares them nowhere.
_ENTITIES = "".join(
    f'<!ENTITY {name} "&#{code};">'
    for name, code in sorted(name2codepoint.items())
    if name not in {"lt", "gt", "amp", "quot"}
)
_OPENING = f"<!DOCTYPE page [{_ENTITIES}]><page>"
_CLOSING = "</page>"
# A page's own declarations: of exports, where they name the same entities, and of attacks.
_PROLOGUE = re.compile(r"\s*(?:<\?xml[^>]{0,200}\?>)?\s*(?:<!DOCTYPE[^\[>]{0,500}(?:\[[^\]]{0,100000}\]\s*)?>)?")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SELF_CLOSED = re.compile(r"<((?:ac|ri|at):[\w.-]+)((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)/>")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_PLAIN_BODY_END = "</ac:plain-text-"


class Reader(Protocol):
    """Receives the events, which are balanced: every start has its end."""

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins; its name has the prefix it is written with."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def take_text(self, text: str) -> None:
        """Text between tags."""

    def close(self) -> None:
        """The page ends."""


def read_events(text: str, reader: Reader) -> None:
    """Send the whole page to the reader."""
    text = _UNREADABLE.sub("", text)
    prologue = _PROLOGUE.match(text)
    body = text[prologue.end() :] if prologue else text
    # Asked before, which takes a hundredth of the time: a reader that has seen half of a page cannot begin again.
    if _is_well_formed(body):
        _read_xml(body, reader)
    else:
        _read_like_html(body, reader)
    reader.close()


def without_code(text: str) -> str:
    """The page without its CDATA, in which nothing is markup."""
    return "".join(part for is_code, part in _split(text) if not is_code)


def _is_well_formed(body: str) -> bool:
    try:
        _parse_xml(expat.ParserCreate(), body)
    except expat.ExpatError:
        return False
    return True


def _read_xml(body: str, reader: Reader) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > 1:
            reader.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        if depth:
            reader.end(tag)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = reader.take_text
    _parse_xml(parser, body)


def _parse_xml(parser: expat.XMLParserType, body: str) -> None:
    for part, is_last in ((_OPENING, False), (body, False), (_CLOSING, True)):
        parser.Parse(part, is_last)


def _read_like_html(body: str, reader: Reader) -> None:
    escaped = "".join(escape(part) if is_code else part for is_code, part in _split(body))
    target = SimpleNamespace(start=reader.start, end=reader.end, data=reader.take_text, close=lambda: None)
    parser = etree.HTMLParser(target=target, recover=True, huge_tree=True, encoding="utf-8")
    parser.feed(_SELF_CLOSED.sub(r"<\1\2></\1>", escaped).encode())
    parser.close()


def _split(text: str) -> Iterator[tuple[bool, str]]:
    """(Is it from CDATA?, part) of a page. A section that never ends, ends with the macro body it stands in."""
    place = 0
    while (start := text.find(_CDATA, place)) >= 0:
        yield False, text[place:start]
        start += len(_CDATA)
        end, place = _end_of_code(text, start)
        yield True, text[start:end]
    yield False, text[place:]


def _end_of_code(text: str, start: int) -> tuple[int, int]:
    end = text.find(_CDATA_END, start)
    if end >= 0 and text.find(_CDATA, start, end) < 0:
        return end, end + len(_CDATA_END)
    body_end = text.find(_PLAIN_BODY_END, start, end if end >= 0 else len(text))
    if body_end >= 0:
        return body_end, body_end
    return (end, end + len(_CDATA_END)) if end >= 0 else (len(text), len(text))
