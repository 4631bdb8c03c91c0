"""Document, section, chunk: what a page becomes, with ids and fingerprints derived from what it is."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kb.access import Audience

BlockKind = Literal["paragraph", "list", "table", "code", "quote", "task"]

_CHUNK_NAMESPACE = uuid.UUID("6f6c2c2e-5d3a-5f0e-9d55-66a0c6a2f001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of a section as light Markdown. `native_id`: the source's own id, where a link can lead to it.

    `inner_ids`: (line, native id) of the blocks that a container such as a list is made of; each reaches to the next.
    """

    kind: BlockKind
    text: str
    native_id: str = ""
    inner_ids: tuple[tuple[int, str], ...] = ()

    @property
    def anchors(self) -> tuple[tuple[int, str], ...]:
        """(offset in `text`, native id) of what a link can lead to, in order."""
        starts = [0]
        if self.inner_ids:
            starts += [place + 1 for place, letter in enumerate(self.text) if letter == "\n"]
        inner = {starts[number]: native_id for number, native_id in self.inner_ids if number < len(starts)}
        return tuple(sorted(({0: self.native_id} | inner).items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A headed part of a document. `heading_path` excludes the document title; the part before any heading has none."""

    id: str
    heading_path: tuple[str, ...]
    anchor: str
    url: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """The stored text: what is quoted from. Blocks are separated by one empty line."""
        return "\n\n".join(block.text for block in self.blocks)

    @property
    def anchors(self) -> tuple[tuple[int, str], ...]:
        """(offset in `text`, native id) of every block, each reaching to the next; none if no block has an id.

        An empty id among others means the page itself.
        """
        found: list[tuple[int, str]] = []
        start = 0
        for block in self.blocks:
            found += [(start + offset, native_id) for offset, native_id in block.anchors]
            start += len(block.text) + len("\n\n")
        return tuple(found) if any(native_id for _, native_id in found) else ()

    @property
    def fingerprint(self) -> str:
        """Hash of heading path and text: equal means nothing to embed again."""
        return fingerprint_of([list(self.heading_path), self.text])


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A page at one version, as its connector read it."""

    tenant: str
    source_id: str
    native_id: str
    space: str
    title: str
    url: str
    version: str
    updated_at: datetime
    audience: Audience
    sections: tuple[Section, ...]
    labels: tuple[str, ...] = ()
    status: Literal["current", "outdated"] = "current"
    superseded_by: str | None = None
    # Ids of the documents it links to, as far as its source can tell; they need not exist.
    links: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`source:native id`, stable over edits, moves and renames."""
        return document_id(self.source_id, self.native_id)

    @property
    def fingerprint(self) -> str:
        """Hash of everything the index and a reader see; version, time and audience are not in it."""
        sections = [[section.id, section.url, section.anchors, section.fingerprint] for section in self.sections]
        about = [self.title, self.space, self.url, sorted(self.labels), self.status, self.superseded_by]
        return fingerprint_of([about, sections])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The piece of a section we embed and store. `text` is what is quoted; `embedded_text` adds title and headings."""

    section_id: str
    section_ordinal: int
    ordinal: int
    text: str
    embedded_text: str
    token_count: int
    fingerprint: str = field(default="")


def document_id(source_id: str, native_id: str) -> str:
    """The id of a document, from its source and the source's own id for it."""
    return f"{source_id}:{native_id}"


def chunk_id(generation: int, document: str, revision: int, ordinal: int) -> uuid.UUID:
    """The point id of a chunk: the same chunk always has the same id, so repeating an upsert changes nothing."""
    return uuid.uuid5(_CHUNK_NAMESPACE, f"{generation}|{document}|{revision}|{ordinal}")


def fingerprint_of(value: object) -> str:
    """SHA-256 (hex) of a JSON-able value."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def section_fingerprints(sections: Iterable[Section]) -> tuple[str, ...]:
    """The fingerprints in reading order."""
    return tuple(section.fingerprint for section in sections)
