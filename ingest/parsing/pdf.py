"""The text of a PDF, a section a page."""

import io
import re

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from ingest.parsing.blocks import paragraphs
from ingest.parsing.hygiene import clean_text, collapse_spaces, one_line
from ingest.parsing.sections import ParsedPage
from kb.documents import Section

MOST_PAGES = 2_000
MOST_LETTERS = 5_000_000
LONGEST_TITLE = 300

# A word that was cut at the end of a line; a hyphen that belongs to it is rare before a small letter.
_CUT_WORD = re.compile(r"(?<=[a-zà-ÿ])-\n(?=[a-zà-ÿ])")
_LINE_IN_PARAGRAPH = re.compile(r"(?<!\n)\n(?!\n)")


class UnreadablePdf(ValueError):
    """The bytes are no PDF that can be read; the message says why."""


def parse_pdf(raw: bytes, *, url: str) -> ParsedPage:
    """The text of every page, with the page's number as its heading. Raises UnreadablePdf.

    `url`: the file's own address; browsers open a PDF at `#page=N`. A scan holds pictures only: it has no sections.
    """
    try:
        reader = PdfReader(io.BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadablePdf("it is protected by a password")
        title = one_line(str((reader.metadata and reader.metadata.title) or ""))[:LONGEST_TITLE]
        return ParsedPage(title=title or None, sections=_sections(reader, url=url))
    except UnreadablePdf:
        raise
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as exc:
        # What a broken file does to the reader is not only its own errors.
        raise UnreadablePdf(f"it is no PDF that can be read ({type(exc).__name__})") from exc


def _sections(reader: PdfReader, *, url: str) -> tuple[Section, ...]:
    sections: list[Section] = []
    letters = 0
    for number, page in enumerate(reader.pages[:MOST_PAGES], start=1):
        text = _CUT_WORD.sub("", clean_text(page.extract_text()))
        letters += len(text)
        if letters > MOST_LETTERS:
            break
        blocks = paragraphs(collapse_spaces(_LINE_IN_PARAGRAPH.sub(" ", text)))
        if blocks:
            anchor = f"page={number}"
            sections.append(
                Section(
                    id=f"#{anchor}",
                    heading_path=(f"Page {number}",),
                    anchor=anchor,
                    url=f"{url}#{anchor}",
                    blocks=tuple(blocks),
                )
            )
    return tuple(sections)
