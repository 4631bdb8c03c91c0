"""Headings and blocks, in reading order, become the sections of a page: heading paths, anchors, links, stable ids."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from ingest.parsing.hygiene import clean_text, one_line
from kb.documents import Block, Section

# A longer "heading" is a paragraph in disguise; as one it would crowd out the text of every chunk below it.
LONGEST_HEADING = 300
LONGEST_ANCHOR = 200
# Parts in parts, such as tabs in expands: deeper ones are read as blocks of the part around them.
MOST_PARTS = 6

_URL_FRAGMENT_SAFE = "-._~!$&'()*+,;=:@/?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPage:
    """What a parser made of a page. `title`: None if the page does not say; `links`: the targets as written."""

    title: str | None
    sections: tuple[Section, ...]
    links: tuple[str, ...] = ()


class Slugger:
    """Anchors as GitHub makes them: lower case, spaces to dashes, `-1`, `-2` … for repeats."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}

    def anchor(self, heading: str) -> str:
        """The anchor of the next heading with this text."""
        return self.unique(self.plain(heading))

    @staticmethod
    def plain(heading: str) -> str:
        """The anchor of a heading that is the only one with its text."""
        kept = "".join(letter for letter in heading.lower() if _is_kept(letter))
        return kept.replace(" ", "-")[:LONGEST_ANCHOR] or "section"

    def unique(self, anchor: str) -> str:
        """The anchor itself, or with the first free number if it is taken."""
        free = anchor
        while free in self._uses:
            self._uses[anchor] += 1
            free = f"{anchor}-{self._uses[anchor]}"
        self._uses[free] = 0
        return free


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A section that blocks are still added to. `fragment`: what its link ends with, before encoding."""

    key: str
    path: list[tuple[int, str]]
    anchor: str
    fragment: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A section to which reading can return."""

    draft: _Draft


class SectionBuilder:
    """Collects headings and blocks. `title`: the page's title if it is known from elsewhere, such as front matter."""

    def __init__(self, *, url: str, title: str | None = None) -> None:
        self.title = title
        self._url = url
        self._slugger = Slugger()
        # "#" cannot start an anchor's own text, so the part before any heading collides with none.
        self._current = _Draft(key="", path=[], anchor="", fragment="")
        self._drafts = [self._current]
        self._has_heading = False

    def heading(self, text: str, *, level: int, anchor: str | None = None, fragment: str = "") -> None:
        """Start a section. The first heading, if of level 1, may be the page's title instead.

        `anchor`: one that the source proposes, made unique here. `fragment`: the id that the source itself gives the
        heading where it shows the page; it becomes anchor and link as it is.
        """
        text = one_line(text)
        if not text:
            return
        if len(text) > LONGEST_HEADING:
            self.add(Block(kind="paragraph", text=text))
            return
        given = clean_text(fragment) or one_line(anchor or "").replace(" ", "-")[:LONGEST_ANCHOR]
        key = self._slugger.unique(given) if given else self._slugger.anchor(text)
        if self._is_title(text, level=level):
            # What follows the title belongs together with what came before it: the part before any heading.
            self.title = self.title or text
        else:
            path = [above for above in self._current.path if above[0] < level] + [(level, text)]
            self._start(_Draft(key=key, path=path, anchor=given if fragment else key, fragment=fragment or key))
        self._has_heading = True

    def open_part(self, title: str) -> Bookmark | None:
        """Start a section for a titled part without an anchor of its own, such as a tab; it links to what is around.

        Gives the place to resume after it; None if the title is no heading, or there are too many parts around.
        """
        title, around = one_line(title), self._current
        if not 0 < len(title) <= LONGEST_HEADING or sum(level == 0 for level, _ in around.path) >= MOST_PARTS:
            return None
        # Level 0: no heading inside can end the part.
        path = [(0, text) for _, text in around.path] + [(0, title)]
        key = self._slugger.unique(f"{around.anchor}~{self._slugger.plain(title)}")
        self._start(_Draft(key=key, path=path, anchor=around.anchor, fragment=around.fragment))
        return Bookmark(draft=around)

    def bookmark(self) -> Bookmark:
        """The section that is being read."""
        return Bookmark(draft=self._current)

    def resume(self, bookmark: Bookmark) -> None:
        """Go on in a section that others were nested in, or that stands beside them."""
        self._current = bookmark.draft

    def add(self, block: Block) -> None:
        """Put a block into the current section; one without visible text is dropped."""
        text = clean_text(block.text)
        text = text.strip("\n") if block.kind == "code" else text.strip("\n").rstrip()
        if text.strip():
            self._current.blocks.append(replace(block, text=text))

    def build(self, *, links: Sequence[str] = ()) -> ParsedPage:
        """The page. Sections without text are left out; their headings stay in the paths of those below."""
        sections = tuple(self._section(draft) for draft in self._drafts if draft.blocks)
        return ParsedPage(title=self.title, sections=sections, links=tuple(dict.fromkeys(links)))

    def _start(self, draft: _Draft) -> None:
        self._current = draft
        self._drafts.append(draft)

    def _is_title(self, text: str, *, level: int) -> bool:
        if self._has_heading or level != 1 or self._current.path:
            return False
        return self.title is None or _plain(self.title) == _plain(text)

    def _section(self, draft: _Draft) -> Section:
        # A broken half of a character cannot be in a link.
        fragment = quote(draft.fragment, safe=_URL_FRAGMENT_SAFE, errors="ignore")
        return Section(
            id=f"#{draft.key}",
            heading_path=tuple(text for _, text in draft.path),
            anchor=draft.anchor,
            url=f"{self._url}#{fragment}" if fragment else self._url,
            blocks=tuple(draft.blocks),
        )


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _is_kept(letter: str) -> bool:
    return letter in "_- " or unicodedata.category(letter)[0] in "LMN"
