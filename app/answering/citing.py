"""Footnotes: numbers in the order of first use, each with a quote that is a substring of the stored section."""

from urllib.parse import quote as escape

from app.answering.evidence import Evidence
from app.answering.types import Citation, Passage, Sentence
from app.answering.units import Unit


class FootnoteList:
    """Collects the citations of one answer. The same quote of the same section is one footnote."""

    def __init__(self) -> None:
        self._citations: dict[tuple[str, int, str], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All footnotes so far, by number."""
        return tuple(self._citations.values())

    def cite(self, text: str, passage: Passage, unit: Unit) -> Sentence:
        """A sentence carried by one unit of one passage. The unit must come from that passage's text."""
        if unit.quote not in passage.text:
            raise AssertionError("a quote must be a substring of its section")
        key = _key(passage, unit)
        if key not in self._citations:
            self._citations[key] = Citation(
                number=len(self._citations) + 1,
                document_id=passage.document_id,
                title=passage.title,
                heading_path=passage.heading_path,
                url=link_to_quote(passage, unit.quote),
                quote=unit.quote,
                source=passage.source,
                updated_at=passage.updated_at,
                is_outdated=passage.is_outdated,
                above=unit.above,
                space=passage.space,
            )
        is_code = unit.kind == "code" and text == unit.quote
        return Sentence(
            text=text,
            citations=(self._citations[key].number,),
            kind="code" if is_code else "prose",
            language=unit.language if is_code else "",
        )

    def citation(self, evidence: Evidence) -> Citation:
        """The footnote that quotes the evidence. Raises KeyError if there is none."""
        return self._citations[_key(evidence.passage, evidence.unit)]

    def is_cited(self, passage: Passage, unit: Unit) -> bool:
        """Does a footnote already quote this unit?"""
        return _key(passage, unit) in self._citations


def _key(passage: Passage, unit: Unit) -> tuple[str, int, str]:
    return passage.document_id, passage.section_ordinal, unit.quote


def link_to_quote(passage: Passage, quote: str) -> str:
    """The link to the block that holds the quote; to the section where blocks have no address of their own."""
    start = passage.text.find(quote)
    held_by = [native_id for offset, native_id in passage.anchors if offset <= start]
    if not held_by:
        return passage.url
    page = passage.url.partition("#")[0]
    return f"{page}#{escape(held_by[-1])}" if held_by[-1] else page
