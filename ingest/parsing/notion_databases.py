"""A Notion database as a small document: what it is for, and its columns. Its rows are documents of their own."""

from collections.abc import Sequence

from ingest.parsing.blocks import paragraphs
from ingest.parsing.hygiene import one_line
from ingest.parsing.notion_json import Json, object_at, objects_at, text_at
from ingest.parsing.notion_rich_text import NotionNames, line, prose
from ingest.parsing.sections import ParsedPage, SectionBuilder
from kb.documents import Block

MOST_OPTIONS = 50
_WITH_OPTIONS = frozenset({"select", "status", "multi_select"})


def parse_database(database: Json, sources: Sequence[Json], *, url: str, title: str, names: NotionNames) -> ParsedPage:
    """Its description, then each data source's columns, under the source's name where there are several."""
    builder = SectionBuilder(url=url, title=title)
    about = prose(objects_at(database, "description"), names)
    _add_paragraphs(builder, about)
    lead = builder.bookmark()
    for source in sources:
        builder.resume(lead)
        name = line(objects_at(source, "title"), names)
        if len(sources) > 1:
            # Data sources have no address of their own: the link opens the database.
            builder.open_part(name)
        own = prose(objects_at(source, "description"), names)
        _add_paragraphs(builder, own if own != about else "")
        if columns := column_lines(source):
            builder.add(Block(kind="list", text="\n".join(f"- {each}" for each in columns)))
    return builder.build()


def column_lines(source: Json) -> list[str]:
    """`Status (status): Open, Done` for every column of a data source, by name."""
    columns = object_at(source, "properties")
    lines = []
    for name in sorted(columns, key=str.casefold):
        kind = text_at(columns, name, "type")
        options = objects_at(columns, name, kind, "options") if kind in _WITH_OPTIONS else []
        values = ", ".join(filter(None, (one_line(text_at(option, "name")) for option in options[:MOST_OPTIONS])))
        described = f"{one_line(name)} ({kind.replace('_', ' ')})"
        lines.append(f"{described}: {values}" if values else described)
    return lines


def number_formats(source: Json) -> dict[str, str]:
    """Name → format of the number columns."""
    columns = object_at(source, "properties")
    found = {name: text_at(columns, name, "number", "format") for name in columns}
    return {name: number_format for name, number_format in found.items() if number_format}


def _add_paragraphs(builder: SectionBuilder, text: str) -> None:
    for block in paragraphs(text):
        builder.add(block)
