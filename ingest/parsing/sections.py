"""Headings and blocks, in reading order, become the sections of a page: heading paths, anchors, links, stable ids."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from ingest.parsing.hygiene import clean_text, one_line
from kb.documents import Block, Section

# A longer "heading" is a paragraph in disguise; as one it would crowd out the text of every chunk below it.
LONGEST_HEADING = 300
LONGEST_ANCHOR = 200

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
        kept = "".join(letter for letter in heading.lower() if _is_kept(letter))
        return self.unique(kept.replace(" ", "-")[:LONGEST_ANCHOR] or "section")

    def unique(self, anchor: str) -> str:
        """The anchor itself, or with the first free number if it is taken."""
        free = anchor
        while free in self._uses:
            self._uses[anchor] += 1
            free = f"{anchor}-{self._uses[anchor]}"
        self._uses[free] = 0
        return free


class SectionBuilder:
    """Collects headings and blocks. `title`: the page's title if it is known from elsewhere, such as front matter."""

    def __init__(self, *, url: str, title: str | None = None) -> None:
        self.title = title
        self._url = url
        self._slugger = Slugger()
        self._path: list[tuple[int, str]] = []
        self._anchor = ""
        self._blocks: list[Block] = []
        self._sections: list[Section] = []
        self._has_heading = False

    def heading(self, text: str, *, level: int, anchor: str | None = None) -> None:
        """Start a section. The first heading, if of level 1, may be the page's title instead."""
        text = one_line(text)
        if not text:
            return
        if len(text) > LONGEST_HEADING:
            self.add(Block(kind="paragraph", text=text))
            return
        given = one_line(anchor or "").replace(" ", "-")[:LONGEST_ANCHOR]
        unique = self._slugger.unique(given) if given else self._slugger.anchor(text)
        if self._is_title(text, level=level):
            # What follows the title belongs together with what came before it: the part before any heading.
            self.title = self.title or text
        else:
            self._finish_section()
            self._anchor = unique
            self._path = [above for above in self._path if above[0] < level] + [(level, text)]
        self._has_heading = True

    def add(self, block: Block) -> None:
        """Put a block into the current section; one without visible text is dropped."""
        text = clean_text(block.text)
        text = text.strip("\n") if block.kind == "code" else text.strip("\n").rstrip()
        if text.strip():
            self._blocks.append(replace(block, text=text))

    def build(self, *, links: Sequence[str] = ()) -> ParsedPage:
        """The page. Sections without text are left out; their headings stay in the paths of those below."""
        self._finish_section()
        return ParsedPage(title=self.title, sections=tuple(self._sections), links=tuple(dict.fromkeys(links)))

    def _is_title(self, text: str, *, level: int) -> bool:
        if self._has_heading or level != 1:
            return False
        return self.title is None or _plain(self.title) == _plain(text)

    def _finish_section(self) -> None:
        if self._blocks:
            section = Section(
                # "#" cannot start an anchor's own text, so the part before any heading collides with none.
                id=f"#{self._anchor}",
                heading_path=tuple(text for _, text in self._path),
                anchor=self._anchor,
                url=f"{self._url}#{quote(self._anchor, safe=_URL_FRAGMENT_SAFE)}" if self._anchor else self._url,
                blocks=tuple(self._blocks),
            )
            self._sections.append(section)
        self._blocks = []


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _is_kept(letter: str) -> bool:
    return letter in "_- " or unicodedata.category(letter)[0] in "LMN"
