"""Links between files become links between documents, as authors write them and as site generators publish them."""

import posixpath
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

MARKDOWN = (".md", ".markdown")
HTML = (".html", ".htm")
_PAGES = (*MARKDOWN, *HTML)
_FOLDER_PAGES = ("index", "README", "readme")


class LinkTargets:
    """The pages that links can lead to. `native_ids`: of all files of the folder."""

    def __init__(self, native_ids: Iterable[str]) -> None:
        self._pages = frozenset(path for path in native_ids if is_page(path))

    def resolve(self, native_id: str, link: str) -> str | None:
        """The native id of the page that a link on another leads to; None if it leads elsewhere or to nothing."""
        return next((path for path in _candidates(native_id, link) if path in self._pages), None)

    def expect(self, native_id: str, link: str) -> str | None:
        """The same, or where the page would be if it came later."""
        found = self.resolve(native_id, link)
        return found or next((path for path in _candidates(native_id, link) if is_page(path)), None)


def is_page(native_id: str) -> bool:
    """Is it a file that we read, by its name?"""
    return native_id.lower().endswith(_PAGES)


def _candidates(native_id: str, link: str) -> Iterator[str]:
    try:
        parts = urlsplit(link)
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return
    if parts.scheme or parts.netloc or not parts.path:
        return
    target = unquote(parts.path)
    for base in _bases(native_id, is_absolute=target.startswith("/")):
        path = posixpath.normpath(posixpath.join(base, target.lstrip("/")))
        if path != ".." and not path.startswith("../"):
            yield from _spellings("" if path == "." else path)


def _bases(native_id: str, *, is_absolute: bool) -> Iterator[str]:
    """The folders that a link may start from."""
    folder = posixpath.dirname(native_id)
    if not is_absolute:
        yield folder
        # `guide.md` may be published as `guide/`, and its links are then written from there.
        yield posixpath.splitext(native_id)[0]
        return
    # The site's root is this folder or one below it, such as `docs`.
    parts = folder.split("/") if folder else []
    for count in range(len(parts) + 1):
        yield "/".join(parts[:count])


def _spellings(path: str) -> Iterator[str]:
    """A path as written, and the files that may be published under it."""
    stem, suffix = posixpath.splitext(path)
    if path:
        yield path
        yield from (path + ending for ending in _PAGES)
    if suffix.lower() in HTML:
        yield from (stem + ending for ending in MARKDOWN)
    yield from (posixpath.join(path, name + ending) for name in _FOLDER_PAGES for ending in _PAGES)
