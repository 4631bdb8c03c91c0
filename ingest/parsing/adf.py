"""The Atlassian Document Format, in which Cloud keeps pages of its newer editor, as sections. No depth overflows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from ingest.parsing.adf_reader import AdfReader, Node
from ingest.parsing.hygiene import one_line
from ingest.parsing.link_names import LinkNames, References
from ingest.parsing.storage_format import ParsedStorage, parsed
from ingest.parsing.storage_format_writer import Closer, PageWriter


def parse_adf(document: Mapping[str, object], *, url: str, title: str, names: LinkNames) -> ParsedStorage:
    """The sections of a page's body, which is the JSON object with `"type": "doc"`. Never raises for what is in it.

    `url`: the page's own address, to which `#` and the ids of headings are added; `title`: the page's title.
    """
    page = PageWriter(url=url, title=one_line(title), names=names, deployment="cloud")
    _read(document, AdfReader(page))
    page.assembler.finish()
    return parsed(page)


def references_of_adf(document: Mapping[str, object], *, url: str) -> References:
    """The users, pages and files that a body refers to, so that their names can be asked for before it is parsed."""
    return parse_adf(document, url=url, title="", names=LinkNames()).references


def _read(document: Mapping[str, object], reader: AdfReader) -> None:
    """Each node is opened, then what is inside it, then it is closed."""
    open_nodes: list[tuple[Iterator[Node], Closer]] = [(iter([document]), lambda: None)]
    while open_nodes:
        inside, close = open_nodes[-1]
        node = next(inside, None)
        if node is None:
            open_nodes.pop()
            close()
        elif (closer := reader.open(node)) is not None:
            open_nodes.append((iter(_content(node)), closer))


def _content(node: Node) -> Sequence[Node]:
    content = node.get("content")
    if not isinstance(content, list):
        return ()
    return [cast("Node", each) for each in content if isinstance(each, dict)]
