"""Confluence's storage format as sections. docs/confluence.md lists what each element and macro becomes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape

from ingest.parsing.hygiene import one_line
from ingest.parsing.link_names import LinkNames, PageRef, References
from ingest.parsing.sections import ParsedPage
from ingest.parsing.storage_format_anchors import Deployment
from ingest.parsing.storage_format_events import read_events, without_code
from ingest.parsing.storage_format_reader import StorageReader
from ingest.parsing.storage_format_targets import page_ref, user_key
from ingest.parsing.storage_format_writer import PageWriter

_REFERENCE = re.compile(r"<(ri:(?:user|page|blog-post|content-entity))\b([^<>]{0,5000}?)/?>")
_CARD = re.compile(r"<a\b(?=[^<>]{0,2000}data-card-appearance)[^<>]{0,2000}?/pages/(\d{1,20})\b")
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedStorage:
    """A page's body. `unknown_macros`: how often each macro occurs that is not known here; its body is shown.

    `withheld_macros`: those whose body only some readers of the page may see; it is left out. `references`: the users
    and pages that are named in the body. The links of `page` are addresses: those of pages only where they are known.
    """

    page: ParsedPage
    references: References
    unknown_macros: Mapping[str, int] = field(default_factory=dict)
    withheld_macros: Mapping[str, int] = field(default_factory=dict)


def parse_storage(text: str, *, url: str, title: str, deployment: Deployment, names: LinkNames) -> ParsedStorage:
    """The sections of a page's body. Never raises for what is in it; takes time and space in proportion to its length.

    `url`: the page's own address, to which `#` and the ids of headings are added; `title`: the page's title.
    """
    page = PageWriter(url=url, title=one_line(title), names=names, deployment=deployment)
    read_events(text, StorageReader(page))
    return parsed(page)


def references_of(text: str) -> References:
    """The users and pages that a body refers to, so that their names can be asked for before it is parsed."""
    users: dict[str, None] = {}
    pages: dict[PageRef, None] = {}
    markup = without_code(text)
    for tag, written in _REFERENCE.findall(markup):
        attributes = {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(written)}
        if tag == "ri:user":
            if key := user_key(attributes):
                users[key] = None
        elif reference := page_ref(attributes):
            pages[reference] = None
    pages |= {PageRef(content_id=number): None for number in _CARD.findall(markup)}
    return References(users=tuple(users), pages=tuple(pages))


def parsed(page: PageWriter) -> ParsedStorage:
    """What was written, once everything is."""
    return ParsedStorage(
        page=page.builder.build(links=page.elements.links),
        references=page.targets.references,
        unknown_macros=dict(page.unknown),
        withheld_macros=dict(page.withheld),
    )
