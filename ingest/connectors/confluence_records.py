"""What the two Confluence APIs say, in one vocabulary, and the protocol that both speak."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

Kind = Literal["page", "blogpost", "attachment"]
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Refused(Exception):
    """Confluence answered, and said no. `status`: 400, 403, 404, 410, 500, or 401 if only a scope is missing."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ListingBroken(Exception):
    """A listing cannot be read to its end; what it gave so far is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account. `key`: account id (Cloud) or user key (Data Center); `email` is empty where it is hidden."""

    key: str
    name: str = ""
    username: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group. `key`: its id (Cloud) or its name (Data Center)."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """One layer: any of these may read. Nobody named: nobody may."""

    people: tuple[Person, ...] = ()
    groups: tuple[Group, ...] = ()
    classes: tuple[str, ...] = ()
    is_public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A space that the token sees."""

    id: str
    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page or blog post as a listing shows it. `ancestors`: ids from the top; None if only the parent is known."""

    id: str
    kind: Kind
    title: str
    space_id: str
    version: int
    parent_id: str = ""
    parent_kind: str = ""
    ancestors: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment as a listing shows it."""

    id: str
    page_id: str
    title: str
    media_type: str
    byte_count: int
    version: int
    download_path: str
    updated_at: datetime = NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What has no place in a page's version: labels, restriction (None: everybody), comments and files."""

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    readers: Mapping[str, Readers | None] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    comments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A page with its text. `storage` is empty for pages that only have `adf`."""

    entry: Entry
    storage: str
    labels: tuple[str, ...] | None
    updated_at: datetime
    status: str = "current"
    adf: Mapping[str, object] | None = None
    is_live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One comment. `thread_id` is the id of the comment it answers, at the top; `quoted`: the words it is about."""

    id: str
    thread_id: str
    author_key: str
    author_name: str
    storage: str
    quoted: str = ""
    is_resolved: bool = False


class ConfluenceApi(Protocol):
    """One deployment's API. Methods raise Refused, ListingBroken (listings only) and SourceErrors."""

    async def whoami(self) -> Person:
        """The account of the token. Raises SourceAuthError if the token is not valid any more."""

    async def spaces(self, keys: Sequence[str]) -> list[Space]:
        """The current spaces with these keys (none given: all that the token sees)."""

    def entries(self, spaces: Sequence[Space], *, is_all: bool) -> AsyncIterator[Entry]:
        """All current pages and blog posts of the spaces. `is_all`: these are all the spaces there are."""

    async def facts(self, spaces: Sequence[Space], *, is_all: bool, listed: Mapping[str, Entry]) -> Facts:
        """The facts of all content of the spaces. Raises Refused if this API does not give them in bulk."""

    async def matching(self, cql: str) -> frozenset[str]:
        """Ids of the content that a CQL query finds."""

    async def readers(self, content_id: str) -> Readers | None:
        """The read restriction on one piece of content itself; None if there is none."""

    async def parent(self, content_id: str, kind: str) -> tuple[str, str]:
        """Id and kind of what a page, folder, whiteboard … is below; empty at the top."""

    async def space_readers(self, space: Space) -> Readers:
        """Who may read a space."""

    async def members(self, group: Group) -> list[Person | Group]:
        """The members of a group."""

    async def people(self, keys: Sequence[str]) -> list[Person]:
        """The accounts, as far as they can be seen; several a request where there is one for that."""

    async def email(self, person: Person) -> str:
        """Somebody's e-mail address; empty if it is hidden."""

    async def bodies(self, ids: Sequence[str], kind: Kind) -> list[Body]:
        """Some pages at once. Those that are missing have to be asked for one by one."""

    async def body(self, content_id: str, kind: Kind) -> Body:
        """One page."""

    async def comments(self, entry: Entry) -> list[Comment]:
        """All comments on a page, in order, answers after what they answer."""

    async def files(self, entry: Entry) -> list[File]:
        """The attachments of a page, where search does not tell."""

    async def where_is(self, native_id: str) -> tuple[str, str]:
        """Status and place (space id of a page, page id of an attachment), by a direct read. Raises Refused."""

    async def download(self, file: File, *, max_bytes: int) -> bytes:
        """The bytes of an attachment. Raises Refused also if they are more."""

    def page_url(self, entry: Entry, space: Space) -> str:
        """Where people read a page; it stays the same when the page is renamed."""

    def file_url(self, file: File, entry: Entry, space: Space) -> str:
        """Where people see an attachment."""

    def comment_url(self, comment: Comment, page_url: str) -> str:
        """Where people see a comment."""


def is_file_id(native_id: str) -> bool:
    """Attachments have ids of their own form in both deployments."""
    return native_id.startswith("att")
