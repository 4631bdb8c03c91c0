"""What is known of a Notion page or database before it is read, and the version that says when to read it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from ingest.parsing.notion_json import Json, object_at, objects_at, plain_id, text_at
from ingest.parsing.notion_properties import title_of
from ingest.parsing.notion_rich_text import NotionNames, line
from kb.documents import fingerprint_of

# Raise it when the same page would be read differently: unchanged pages are then read again.
PARSER_VERSION = 1
# Notion rounds times down to the minute: a page read this soon after its last edit may have been edited again since.
SETTLED_SECONDS = 75.0

Kind = Literal["page", "database"]
_NO_NAMES = NotionNames()
_FORMAT = "n1"
# Set by us in a page's object; the API has no such field.
SHRUNK = "footnote_is_shrunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page or database that exists. `parent_kind` as the API names it; `database_id`: of the database a row is in.

    `sources`: a database's data sources; `properties`: a page's, None where it has to be fetched again to have them.
    """

    id: str
    kind: Kind
    title: str
    edited: str
    url: str
    parent_kind: str = ""
    parent_id: str = ""
    database_id: str = ""
    is_trashed: bool = False
    properties: Json | None = None
    sources: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A document's version as the catalogue keeps it: what it depended on, and when it was read (server's seconds).

    `container`: the page or database it was found in, once blocks between the two were looked through.
    """

    kind: Kind
    edited: str
    parent_id: str
    container: str
    digest: str
    audience: str
    read_at: int

    def __str__(self) -> str:
        fields = (self.kind, self.edited, self.parent_id, self.container, self.digest, self.audience, self.read_at)
        return "|".join([_FORMAT, *map(str, fields)])

    @staticmethod
    def parse(text: str) -> "Version | None":
        """None if it was written by something else."""
        parts = text.split("|")
        if len(parts) != 8 or parts[0] != _FORMAT or parts[1] not in {"page", "database"} or not parts[7].isdigit():
            return None
        return Version(
            kind="page" if parts[1] == "page" else "database",
            edited=parts[2],
            parent_id=parts[3],
            container=parts[4],
            digest=parts[5],
            audience=parts[6],
            read_at=int(parts[7]),
        )

    def with_audience(self, digest: str) -> "Version":
        """The same text for other readers."""
        return replace(self, audience=digest)

    def is_current(self, found: Found, *, digest: str, now: datetime, reread_seconds: float) -> bool:
        """Need the page not be read again? Not while it may change unseen, nor when its periodic reading is due."""
        if (self.edited, self.parent_id, self.digest) != (found.edited, found.parent_id, digest):
            return False
        if self.read_at < seconds_of_edit(found.edited) + SETTLED_SECONDS:
            return False
        return now.timestamp() < self.read_at + _period(found, reread_seconds)


def digest_of(*shaping: object) -> str:
    """A short hash of what shapes a document besides its page: settings, and names that stand around it."""
    return fingerprint_of([PARSER_VERSION, *shaping])[:12]


def tried_at(found: Found, *, now: datetime, reread_seconds: float) -> int | None:
    """When a page that cannot be read counts as read, so that each try of this edit until its next periodic reading is
    of one version; None as long as it may have been edited again unseen."""
    period = _period(found, reread_seconds)
    began = int(now.timestamp() // period * period)
    settled = int(seconds_of_edit(found.edited) + SETTLED_SECONDS) + 1
    return max(began, settled) if now.timestamp() >= settled else None


def _period(found: Found, reread_seconds: float) -> float:
    """Spread over half the period, so that pages first read together are not all due together."""
    share = int(hashlib.sha256(found.id.encode()).hexdigest()[:4], 16) / 0xFFFF
    return reread_seconds * (0.5 + 0.5 * share)


def seconds_of_edit(edited: str) -> float:
    """A time of the API in seconds; 0 if it is none."""
    return time_of(edited).timestamp()


def time_of(edited: str) -> datetime:
    """A time of the API: with `Z` and to the minute, or with an offset and milliseconds; the epoch if it is none."""
    try:
        moment = datetime.fromisoformat(edited)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def found_page(page: Json) -> Found | None:
    """A page of a list or a direct read; None if the object is no whole page."""
    properties = object_at(page, "properties")
    page_id, url = plain_id(page.get("id")), text_at(page, "url")
    if not page_id or not url or text_at(page, "object") not in {"page", ""}:
        return None
    parent = object_at(page, "parent")
    kind = text_at(parent, "type")
    return Found(
        id=page_id,
        kind="page",
        title=title_of(properties, _NO_NAMES),
        edited=text_at(page, "last_edited_time"),
        url=_web_address(url, page_id),
        parent_kind=kind,
        parent_id=plain_id(parent.get(kind)),
        database_id=plain_id(parent.get("database_id")),
        is_trashed=is_trashed(page),
        properties=None if page.get(SHRUNK) is True else properties,
    )


def without_properties(page: Json) -> Json:
    """A page as long lists keep it: with its title, and without properties that would have to be read to be needed."""
    properties = object_at(page, "properties")
    titles = {name: value for name, value in properties.items() if text_at(value, "type") == "title"}
    return {**page, "properties": titles, SHRUNK: True}


def found_database(database_id: str, sources: Mapping[str, Json], database: Json | None = None) -> Found:
    """A database by its data sources, and its own object where that was read."""
    ordered = [sources[source_id] for source_id in sorted(sources)]
    first = ordered[0] if ordered else {}
    about = database or first
    parent = object_at(first, "database_parent") or object_at(about, "parent")
    kind = text_at(parent, "type")
    titles = [line(objects_at(source, "title"), _NO_NAMES) for source in ordered]
    own = line(objects_at(database, "title"), _NO_NAMES) if database else ""
    return Found(
        id=database_id,
        kind="database",
        title=own or " and ".join(dict.fromkeys(filter(None, titles))) or "Untitled",
        edited=max((text_at(source, "last_edited_time") for source in ordered), default=""),
        url=_web_address(text_at(about, "url"), database_id),
        parent_kind=kind,
        parent_id=plain_id(parent.get(kind)),
        is_trashed=is_trashed(about),
        sources=tuple(ordered),
    )


def _web_address(url: str, native_id: str) -> str:
    """Where people read it: as the API says, if that is an address a reader may be sent to."""
    page = url.partition("#")[0]
    return page if page.startswith("https://") else f"https://www.notion.so/{native_id}"


def is_trashed(thing: Json) -> bool:
    """Is it in the trash? `archived` is what older versions of the API call it."""
    return thing.get("in_trash") is True or thing.get("archived") is True
