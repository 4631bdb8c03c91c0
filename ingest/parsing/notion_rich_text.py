"""Notion's rich text: runs of text, mentions and equations, joined as a reader sees them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingest.parsing.hygiene import clean_text, collapse_spaces, one_line
from ingest.parsing.notion_json import Json, id_in_link, object_at, plain_id, text_at

# What the API writes for a database that this connection may not read.
_NAMELESS_DATABASE = re.compile(r"Database [0-9a-f-]{32,36}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_UNTITLED = frozenset({"", "Untitled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NotionNames:
    """What the API gives by id only: titles of pages and databases, names of people. Keys are plain ids."""

    titles: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)

    def person(self, user: Json) -> str:
        """A person's name; empty if neither the object nor the look-up knows it."""
        return one_line(text_at(user, "name")) or self.people.get(plain_id(user.get("id")), "")


def prose(runs: Iterable[Json], names: NotionNames) -> str:
    """The runs as light Markdown. Runs are split by format, not by words: they join with nothing between them."""
    return collapse_spaces(clean_text("".join(_marked(run, names) for run in runs)))


def line(runs: Iterable[Json], names: NotionNames) -> str:
    """The same on one line."""
    return one_line(prose(runs, names))


def verbatim(runs: Iterable[Json]) -> str:
    """Every character as it stands, for code."""
    return clean_text("".join(_plain(run) for run in runs))


def linked_ids(runs: Iterable[Json]) -> list[str]:
    """The pages that the runs mention or link to, as plain ids."""
    found = []
    for run in runs:
        mention = object_at(run, "mention")
        target = plain_id(text_at(mention, text_at(mention, "type"), "id"))
        found.append(target or _linked(text_at(run, "href")))
    return [each for each in found if each]


def date_text(date: Json) -> str:
    """A date, a time or a range of them: `2026-03-02 09:00 (-05:00) – 2026-03-03`. Empty if there is no start."""
    start, end = _moment(text_at(date, "start")), _moment(text_at(date, "end"))
    zone = text_at(date, "time_zone")
    text = f"{start} – {end}" if start and end else start
    return f"{text} ({zone})" if text and zone else text


def _marked(run: Json, names: NotionNames) -> str:
    kind = text_at(run, "type")
    if kind == "equation":
        expression = one_line(text_at(run, "equation", "expression") or _plain(run))
        return f"${expression}$" if expression else ""
    if kind == "mention":
        return _mentioned(run, names)
    text = _plain(run)
    core = text.strip()
    if not core:
        return text
    marks = object_at(run, "annotations")
    marked = core
    if marks.get("code") is True and "`" not in core:
        marked = f"`{core}`"
    if marks.get("strikethrough") is True:
        marked = f"~~{marked}~~"
    return text.replace(core, marked, 1)


def _mentioned(run: Json, names: NotionNames) -> str:
    mention = object_at(run, "mention")
    kind = text_at(mention, "type")
    shown = _plain(run)
    match kind:
        case "user":
            name = names.person(object_at(mention, "user"))
            return f"@{name}" if name else shown
        case "page" | "database":
            return _title(shown, names.titles.get(plain_id(text_at(mention, kind, "id")), ""))
        case "date":
            return date_text(object_at(mention, "date")) or shown
        case "link_mention":
            return _link_mention(object_at(mention, "link_mention")) or shown
        case "template_mention" | "custom_emoji":
            # "@Today" of a template is no date, and ":name:" stands for a picture.
            return ""
        case _:
            return shown


def _title(shown: str, known: str) -> str:
    if _NAMELESS_DATABASE.fullmatch(shown.strip()):
        return known or "Database"
    return known or "Untitled" if shown.strip() in _UNTITLED else shown


def _link_mention(link: Json) -> str:
    title, provider = one_line(text_at(link, "title")), one_line(text_at(link, "link_provider"))
    if not title:
        return text_at(link, "href")
    return title if not provider or provider.lower() in title.lower() else f"{title} ({provider})"


def _plain(run: Json) -> str:
    return text_at(run, "plain_text") or text_at(run, "text", "content")


def _linked(href: str) -> str:
    host = href.split("/")[2] if href.count("/") > 2 else ""
    is_notion = href.startswith("/") or host.endswith(("notion.so", "notion.com", "notion.site"))
    return id_in_link(href) if is_notion else ""


def _moment(text: str) -> str:
    found = _TIME.fullmatch(text)
    if found is None:
        return text
    day, time, zone = found.groups()
    return f"{day} {time}" + (f" ({'UTC' if zone == 'Z' else zone})" if zone else "")
