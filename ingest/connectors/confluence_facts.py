"""Labels, restrictions, comments and files of whole spaces from v1 search, which both deployments have."""

from collections.abc import Sequence
from urllib.parse import quote

from ingest.connectors.confluence_json import (
    Json,
    at,
    count_at,
    has_restrictions,
    rows_at,
    subjects_of,
    text_at,
    time_at,
)
from ingest.connectors.confluence_records import Entry, Facts, File, Group, Person, Readers, Space
from ingest.connectors.confluence_transport import Transport

SUBJECTS_AT_ONCE = 200
RESTRICTIONS = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"


class FactsReader:
    """Collects the rows of a search over all content. `by_id`: groups are known by id (Cloud), not by name."""

    expand = f"version,container,space,metadata.labels,{RESTRICTIONS}"

    def __init__(self, spaces: Sequence[Space], *, by_id: bool) -> None:
        self._by_id = by_id
        self._space_ids = {space.key: space.id for space in spaces}
        self._labels: dict[str, tuple[str, ...]] = {}
        self._readers: dict[str, Readers | None] = {}
        self._entries: dict[str, Entry] = {}
        self._comments: dict[str, list[str]] = {}
        self._files: dict[str, File] = {}

    def take(self, row: Json) -> None:
        """One row. What it does not say for certain is left out, and asked for directly where it matters."""
        match text_at(row, "type"):
            case "page" | "blogpost":
                self._take_page(row)
            case "comment":
                stamp = f"{text_at(row, 'id')}.{count_at(row, 'version', 'number')}"
                self._comments.setdefault(container_of(row), []).append(stamp)
            case "attachment":
                if file := file_of(row):
                    self._files[file.id] = file

    def facts(self) -> Facts:
        """Everything taken."""
        return Facts(
            labels=self._labels,
            readers=self._readers,
            entries=self._entries,
            comments={page: tuple(sorted(stamps)) for page, stamps in self._comments.items()},
            files=self._files,
        )

    def _take_page(self, row: Json) -> None:
        content_id, key = text_at(row, "id"), text_at(row, "space", "key")
        if key and key not in self._space_ids:
            return  # of an archived space, which search knows and nobody reads
        if at(row, "metadata", "labels", "results") is not None:
            self._labels[content_id] = labels_of(row)
        if has_restrictions(row):
            readers, is_whole = subjects_of(at(row, "restrictions", "read", "restrictions"), by_id=self._by_id)
            if is_whole:
                self._readers[content_id] = readers
        self._entries[content_id] = Entry(
            id=content_id,
            kind="blogpost" if text_at(row, "type") == "blogpost" else "page",
            title=text_at(row, "title"),
            space_id=self._space_ids.get(key, ""),
            version=count_at(row, "version", "number"),
        )


def labels_of(row: Json) -> tuple[str, ...]:
    """The labels of a v1 content object."""
    return tuple(
        sorted(filter(None, (text_at(each, "name") for each in rows_at(row, "metadata", "labels", "results"))))
    )


def container_of(row: Json) -> str:
    """Id of the page that a comment or attachment belongs to; the path of what is not expanded holds it too."""
    return text_at(row, "container", "id") or text_at(row, "_expandable", "container").rpartition("/")[2]


def file_of(row: Json) -> File | None:
    """An attachment of a v1 answer; None if it does not say where it belongs."""
    page_id, file_id = container_of(row), text_at(row, "id")
    if not page_id or not file_id:
        return None
    return File(
        id=file_id,
        page_id=page_id,
        title=text_at(row, "title"),
        media_type=text_at(row, "metadata", "mediaType") or text_at(row, "extensions", "mediaType"),
        byte_count=count_at(row, "extensions", "fileSize"),
        version=count_at(row, "version", "number"),
        download_path=text_at(row, "_links", "download"),
        updated_at=time_at(row, "version", "when"),
    )


async def direct_readers(transport: Transport, content_id: str, *, by_id: bool) -> Readers | None:
    """The read restriction of one piece of content, all of its subjects; None if there is none."""
    path = f"rest/api/content/{quote(content_id)}/restriction/byOperation/read"
    people: dict[str, Person] = {}
    groups: dict[str, Group] = {}
    is_restricted, start, is_whole = False, 0, False
    while not is_whole:
        answer = await transport.get(
            path,
            {"expand": "restrictions.user,restrictions.group", "start": start, "limit": SUBJECTS_AT_ONCE},
        )
        readers, is_whole = subjects_of(at(answer.body, "restrictions"), by_id=by_id)
        if readers is None:
            break
        is_restricted = True
        before = len(people) + len(groups)
        people.update({person.key: person for person in readers.people})
        groups.update({group.key: group for group in readers.groups})
        if len(people) + len(groups) == before:
            break
        start += SUBJECTS_AT_ONCE
    return Readers(people=tuple(people.values()), groups=tuple(groups.values())) if is_restricted else None


def quoted_keys(spaces: Sequence[Space]) -> str:
    """Space keys for CQL; quotes are needed for personal spaces. A key holds letters, digits and `~-_.` only."""
    safe = (space.key.replace("\\", "").replace('"', "") for space in spaces)
    return ", ".join(f'"{key}"' for key in safe)
