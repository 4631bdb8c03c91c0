"""Rows of Cloud's v2 answers as our records."""

from collections.abc import Sequence

from ingest.connectors.confluence_json import Json, at, count_at, rows_at, text_at, time_at
from ingest.connectors.confluence_records import Body, Comment, Entry, File, Group, Kind, Person, Readers

_PUBLIC_CLASSES = frozenset({"ANONYMOUS_USERS", "ANONYMOUS"})


def permissions_of(role: Json) -> list[str]:
    """What a space role allows, such as `read/space`."""
    words = at(role, "spacePermissions")
    return [str(word) for word in words] if isinstance(words, list) else []


def readers_of(rows: Sequence[Json]) -> Readers:
    """The readers that permissions or role assignments name. What they are is written in different cases."""
    who = [
        (
            (text_at(row, "principal", "type") or text_at(row, "principal", "principalType")).lower().replace("_", "-"),
            text_at(row, "principal", "id") or text_at(row, "principal", "principalId"),
        )
        for row in rows
    ]
    classes = {name.upper() for kind, name in who if kind == "access-class"}
    return Readers(
        people=tuple(Person(key=name) for kind, name in who if kind == "user"),
        groups=tuple(Group(key=name) for kind, name in who if kind == "group"),
        classes=tuple(sorted(classes - _PUBLIC_CLASSES)),
        is_public=bool(classes & _PUBLIC_CLASSES),
    )


def entry_of(row: Json, kind: Kind) -> Entry:
    """A page or blog post."""
    return Entry(
        id=text_at(row, "id"),
        kind=kind,
        title=text_at(row, "title"),
        space_id=text_at(row, "spaceId"),
        version=count_at(row, "version", "number"),
        parent_id=text_at(row, "parentId"),
        # Answers exist that name a parent without its type; it is a page then.
        parent_kind=text_at(row, "parentType") or "page",
    )


def body_of(row: Json, kind: Kind) -> Body:
    """A page or blog post with its storage format."""
    labels = rows_at(row, "labels", "results")
    return Body(
        entry=entry_of(row, kind),
        storage=text_at(row, "body", "storage", "value"),
        labels=tuple(text_at(label, "name") for label in labels) if at(row, "labels") is not None else None,
        updated_at=time_at(row, "version", "createdAt"),
        status=text_at(row, "status"),
        is_live=text_at(row, "subtype") == "live",
    )


def comment_of(row: Json, *, thread_id: str) -> Comment:
    """A footer or inline comment; captures write the properties of inline ones in two ways."""
    properties = at(row, "properties")
    return Comment(
        id=text_at(row, "id"),
        thread_id=thread_id,
        author_key=text_at(row, "version", "authorId"),
        author_name="",
        storage=text_at(row, "body", "storage", "value"),
        quoted=text_at(properties, "inlineOriginalSelection") or text_at(properties, "inline-original-selection"),
        is_resolved=text_at(row, "resolutionStatus") == "resolved",
    )


def attachment_of(row: Json, page_id: str) -> File:
    """An attachment."""
    return File(
        id=text_at(row, "id"),
        page_id=page_id,
        title=text_at(row, "title"),
        media_type=text_at(row, "mediaType"),
        byte_count=count_at(row, "fileSize"),
        version=count_at(row, "version", "number"),
        download_path=text_at(row, "downloadLink"),
        updated_at=time_at(row, "version", "createdAt"),
    )
