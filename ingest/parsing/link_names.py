"""What a Confluence page refers to without naming it, and the names that readers know those things by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN_USER = "user"
UNKNOWN_PAGE = "linked page"
UNKNOWN_FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRef:
    """A page as a link writes it: by title, in a space (empty: the linking page's own), or by content id alone."""

    title: str = ""
    space: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedPage:
    """A page that a link leads to, as it is called now. `url`: absolute, or empty if it is not known."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Everything a page refers to, each once, in the order of the page.

    `users`: account ids (Cloud), user keys or user names (Data Center); `files`: ids of media that carry no file name.
    """

    users: tuple[str, ...] = ()
    pages: tuple[PageRef, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkNames:
    """The names that are known. What is not in the mappings gets a readable stand-in, never a key or an id."""

    users: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[PageRef, LinkedPage] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def user(self, key: str) -> str:
        """`@Ada Lovelace`; `@user` if nobody told the name."""
        return f"@{self.users.get(key, '').lstrip('@') or UNKNOWN_USER}"

    def page(self, reference: PageRef) -> LinkedPage:
        """The page with its current title; else with the title in the link; a link by id alone is `linked page`."""
        return self.pages.get(reference) or LinkedPage(title=reference.title or UNKNOWN_PAGE)

    def file(self, key: str) -> str:
        """The attachment's file name; `file` if nobody told it."""
        return self.files.get(key) or UNKNOWN_FILE
