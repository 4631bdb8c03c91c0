"""The wiki behind a fake Confluence: pages, folders, files, comments, people and who may read what.

It is a model of its own, so that what the connector makes of the API can be compared with what is true.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FIRST_MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TREE_KINDS = ("page", "folder", "whiteboard", "database", "embed")


@dataclass
class FakeUser:
    key: str
    username: str
    name: str
    email: str
    is_email_hidden: bool = False


@dataclass
class FakeGroup:
    id: str
    name: str
    users: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


@dataclass
class FakeSpace:
    id: str
    key: str
    name: str
    status: str = "current"
    # (kind, id): user, group, access-class, anonymous
    readers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class FakeContent:
    """A page, blog post or folder. `restriction`: None, or the users' keys and the groups' ids that may read it."""

    id: str
    kind: str
    space_id: str
    title: str
    storage: str = ""
    version: int = 1
    status: str = "current"
    parent_id: str | None = None
    labels: list[str] = field(default_factory=list)
    restriction: tuple[list[str], list[str]] | None = None
    adf: str | None = None
    is_live: bool = False
    modified: datetime = FIRST_MOMENT


@dataclass
class FakeComment:
    id: str
    page_id: str
    storage: str
    author: str
    parent_id: str | None = None
    place: str = "footer"
    quoted: str = ""
    version: int = 1
    is_resolved: bool = False


@dataclass
class FakeFile:
    id: str
    page_id: str
    title: str
    media_type: str
    content: bytes
    version: int = 1
    claimed_bytes: int | None = None

    @property
    def byte_count(self) -> int:
        """What lists say, which need not be true."""
        return len(self.content) if self.claimed_bytes is None else self.claimed_bytes


class FakeWiki:
    """What is there, and what people do to it. `is_open`: may people who are not signed in use the site at all?"""

    def __init__(self) -> None:
        self._ids = itertools.count(1001)
        self._edits = 0
        self.users: dict[str, FakeUser] = {}
        self.groups: dict[str, FakeGroup] = {}
        self.spaces: dict[str, FakeSpace] = {}
        self.content: dict[str, FakeContent] = {}
        self.comments: dict[str, FakeComment] = {}
        self.files: dict[str, FakeFile] = {}
        self.invisible: set[str] = set()
        # What the search index does not know yet.
        self.unindexed: set[str] = set()
        self.is_open = False
        self.account = self.user("footnote-bot")

    def user(self, username: str, *, is_email_hidden: bool = False) -> FakeUser:
        user = FakeUser(f"key-{username}", username, username.title(), f"{username}@example.com", is_email_hidden)
        self.users[user.key] = user
        return user

    def group(self, name: str, *users: FakeUser, groups: Iterable[FakeGroup] = ()) -> FakeGroup:
        group = FakeGroup(f"gid-{name}", name, [user.key for user in users], [each.id for each in groups])
        self.groups[group.id] = group
        return group

    def space(self, key: str, *readers: FakeUser | FakeGroup | str) -> FakeSpace:
        """Readers: users, groups, `anonymous`, or an access class such as `ALL_LICENSED_USERS`."""
        space = FakeSpace(next(self._new_ids()), key, f"Space {key}", readers=[_subject(each) for each in readers])
        self.spaces[space.id] = space
        return space

    def page(
        self, space: FakeSpace, title: str, storage: str = "", *, below: FakeContent | None = None, kind: str = "page"
    ) -> FakeContent:
        content = FakeContent(
            next(self._new_ids()),
            kind,
            space.id,
            title,
            storage or f"<p>This is {title}.</p>",
            parent_id=below.id if below else None,
        )
        self.content[content.id] = content
        return content

    def edit(self, page: FakeContent, storage: str) -> None:
        page.storage = storage
        self._touch(page)

    def rename(self, page: FakeContent, title: str) -> None:
        page.title = title
        self._touch(page)

    def move(self, page: FakeContent, below: FakeContent | None, *, space: FakeSpace | None = None) -> None:
        """As in the web interface: the version stays."""
        page.parent_id = below.id if below else None
        if space is not None:
            for each in [page, *self.below(page)]:
                each.space_id = space.id

    def trash(self, page: FakeContent) -> None:
        page.status = "trashed"

    def archive(self, page: FakeContent) -> None:
        page.status = "archived"

    def restore(self, page: FakeContent) -> None:
        page.status = "current"

    def purge(self, page: FakeContent) -> None:
        del self.content[page.id]

    def restrict(self, page: FakeContent, *readers: FakeUser | FakeGroup) -> None:
        users = [each.key for each in readers if isinstance(each, FakeUser)]
        page.restriction = (users, [each.id for each in readers if isinstance(each, FakeGroup)])

    def unrestrict(self, page: FakeContent) -> None:
        page.restriction = None

    def comment(
        self, page: FakeContent, storage: str, author: FakeUser, *, answers: FakeComment | None = None, quoted: str = ""
    ) -> FakeComment:
        place = answers.place if answers else "inline" if quoted else "footer"
        parent = answers.id if answers else None
        comment = FakeComment(next(self._new_ids()), page.id, storage, author.key, parent, place, quoted)
        self.comments[comment.id] = comment
        return comment

    def attach(self, page: FakeContent, title: str, content: bytes, *, media_type: str = "text/plain") -> FakeFile:
        file = FakeFile(f"att{next(self._new_ids())}", page.id, title, media_type, content)
        self.files[file.id] = file
        return file

    def above(self, page: FakeContent) -> list[FakeContent]:
        """From the top; what is not there any more is left out."""
        found: list[FakeContent] = []
        parent_id = page.parent_id
        while parent_id and parent_id in self.content:
            found.insert(0, self.content[parent_id])
            parent_id = found[0].parent_id
        return found

    def below(self, page: FakeContent) -> list[FakeContent]:
        return [each for each in self.content.values() if page in self.above(each)]

    def listed(
        self, kind: str, *, space_id: str | None = None, statuses: Iterable[str] = ("current",)
    ) -> list[FakeContent]:
        """What the account sees, by id."""
        found = [
            each
            for each in self.content.values()
            if each.kind == kind
            and each.status in statuses
            and (space_id is None or each.space_id == space_id)
            and self.is_seen(each)
        ]
        return sorted(found, key=lambda each: int(each.id))

    def is_seen(self, content: FakeContent) -> bool:
        """Does the account of the token see it?"""
        return content.id not in self.invisible and not any(each.id in self.invisible for each in self.above(content))

    def page_of(self, part: FakeComment | FakeFile) -> FakeContent | None:
        page = self.content.get(part.page_id)
        return page if page is not None and self.is_seen(page) else None

    def may_read(self, user: FakeUser, page: FakeContent) -> bool:
        """The truth: space AND own restriction AND every one above."""
        space = self.spaces[page.space_id]
        own = {("user", user.key), *(("group", group_id) for group_id in self.groups_of(user))}
        own.add(("access-class", "ALL_LICENSED_USERS"))
        if self.is_open:
            own.add(("anonymous", ""))
        if page.status != "current" or not own & set(space.readers):
            return False
        for each in [*self.above(page), page]:
            if each.restriction is not None:
                users, groups = each.restriction
                if user.key not in users and not set(groups) & self.groups_of(user):
                    return False
        return True

    def groups_of(self, user: FakeUser) -> set[str]:
        found: set[str] = set()
        while True:
            new = {
                group.id
                for group in self.groups.values()
                if (user.key in group.users or set(group.groups) & found) and group.id not in found
            }
            if not new:
                return found
            found |= new

    def flat_members(self, group: FakeGroup) -> list[FakeUser]:
        """As Confluence lists them: members of groups within included."""
        return [user for user in self.users.values() if group.id in self.groups_of(user)]

    def heading_ids(self, page: FakeContent, *, is_cloud: bool) -> list[str]:
        """The ids that headings have on the page that people see."""
        uses: dict[str, int] = {}
        ids = []
        for inner in re.findall(r"<h[1-6][^>]*>(.*?)</h[1-6]>", page.storage, re.DOTALL):
            words = re.sub(r"<[^>]+>", "", inner).strip()
            base = words.replace(" ", "-") if is_cloud else f"{page.title}-{words}".replace(" ", "")
            uses[base] = uses.get(base, -1) + 1
            ids.append(base if not uses[base] else f"{base}.{uses[base]}")
        return ids

    def _touch(self, page: FakeContent) -> None:
        self._edits += 1
        page.version += 1
        page.modified = FIRST_MOMENT + timedelta(minutes=self._edits)

    def _new_ids(self) -> Iterator[str]:
        yield str(next(self._ids))


def _subject(reader: FakeUser | FakeGroup | str) -> tuple[str, str]:
    match reader:
        case FakeUser():
            return "user", reader.key
        case FakeGroup():
            return "group", reader.id
        case "anonymous":
            return "anonymous", ""
        case _:
            return "access-class", reader
