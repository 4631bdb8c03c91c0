"""What links and macro parameters point to: the `ri:` elements, by the names that readers know."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from ingest.parsing.hygiene import one_line
from ingest.parsing.link_names import LinkNames, PageRef, References

Attributes = Mapping[str, str]

_PAGE_PATH = re.compile(r"/pages/(?P<id>\d{1,20})(?:/(?P<title>[^/?#]{1,500}))?(?:[/?#]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A thing pointed to: its readable name, and a URL where one is known. `is_user`: a person is mentioned."""

    text: str
    url: str = ""
    is_user: bool = False


class Targets:
    """Reads what links point to, and remembers every page and user. `site`: host and port of the page's own address."""

    def __init__(self, names: LinkNames, *, site: str | None) -> None:
        self._names = names
        self._site = site
        self._users: dict[str, None] = {}
        self._pages: dict[PageRef, None] = {}
        self._files: dict[str, None] = {}

    @property
    def references(self) -> References:
        """Everything named so far."""
        return References(users=tuple(self._users), pages=tuple(self._pages), files=tuple(self._files))

    def read(self, tag: str, attributes: Attributes) -> Target | None:
        """The target that an element names; None for one that names nothing."""
        reader = _READERS.get(tag)
        return reader(self, attributes) if reader else None

    def page(self, reference: PageRef) -> Target:
        """A page or blog post."""
        self._pages[reference] = None
        page = self._names.page(reference)
        return Target(text=page.title, url=page.url)

    def user(self, key: str) -> Target:
        """A person."""
        self._users[key] = None
        return Target(text=self._names.user(key), is_user=True)

    def card(self, address: str) -> Target | None:
        """What a link that shows the title of a page of this site leads to; None for other links.

        The title is the current one where it is known, else the one that was in the address when the link was made.
        """
        found = _PAGE_PATH.search(address)
        if not found or site_of(address) not in {"", self._site}:
            return None
        reference = PageRef(content_id=found["id"])
        self._pages[reference] = None
        page = self._names.pages.get(reference)
        title = page.title if page else one_line(unquote_plus(found["title"] or ""))
        return Target(text=title, url=address) if title else None

    @property
    def unknown_user(self) -> str:
        """What stands for a person whose name is not known."""
        return self._names.user("")

    def file(self, key: str) -> Target:
        """An attachment that is named by the id of its content."""
        self._files[key] = None
        return Target(text=self._names.file(key))

    def _read_page(self, attributes: Attributes) -> Target | None:
        reference = page_ref(attributes)
        return self.page(reference) if reference else None

    def _read_user(self, attributes: Attributes) -> Target | None:
        key = user_key(attributes)
        return self.user(key) if key else Target(text=self._names.user(""), is_user=True)

    def _read_attachment(self, attributes: Attributes) -> Target | None:
        name = attributes.get("ri:filename")
        return Target(text=name) if name else None

    def _read_space(self, attributes: Attributes) -> Target | None:
        key = attributes.get("ri:space-key", "")
        return Target(text="this space" if key == "@self" else key) if key else None

    def _read_url(self, attributes: Attributes) -> Target | None:
        url = attributes.get("ri:value", "").strip()
        return Target(text=url, url=url) if url else None

    def _read_shortcut(self, attributes: Attributes) -> Target | None:
        return Target(text=":".join(filter(None, (attributes.get("ri:key"), attributes.get("ri:parameter")))))


_READERS: Mapping[str, Callable[[Targets, Attributes], Target | None]] = {
    "ri:page": Targets._read_page,
    "ri:blog-post": Targets._read_page,
    "ri:content-entity": Targets._read_page,
    "ri:user": Targets._read_user,
    "ri:attachment": Targets._read_attachment,
    "ri:space": Targets._read_space,
    "ri:url": Targets._read_url,
    "ri:shortcut": Targets._read_shortcut,
}


def page_ref(attributes: Attributes) -> PageRef | None:
    """The page that an `ri:page`, `ri:blog-post` or `ri:content-entity` names; None if it names none."""
    title, content_id = attributes.get("ri:content-title", "").strip(), attributes.get("ri:content-id", "").strip()
    space = attributes.get("ri:space-key", "").strip()
    if not title and not content_id:
        return None
    return PageRef(title=title, space="" if space == "@self" else space, content_id=content_id)


def user_key(attributes: Attributes) -> str:
    """Account id (Cloud), user key (Data Center) or user name (older still) of an `ri:user`; empty if it has none.

    What begins with `@` stands for a kind of users, such as all who are logged in.
    """
    for name in ("ri:account-id", "ri:userkey", "ri:username"):
        if key := attributes.get(name, "").strip():
            return "" if key.startswith("@") else key
    return ""


def site_of(address: str) -> str | None:
    """Host and port of an address, empty if it is relative; None if it is no address."""
    try:
        return urlsplit(address).netloc
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return None
