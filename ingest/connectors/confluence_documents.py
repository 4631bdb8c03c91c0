"""A page with its comments, or an attachment, as a document."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from ingest.changes import Failed, Skipped
from ingest.connectors.confluence_names import NameBook
from ingest.connectors.confluence_records import NEVER, Body, Comment, ConfluenceApi, Entry, File, Refused, Space
from ingest.parsing.adf import parse_adf
from ingest.parsing.blocks import paragraphs
from ingest.parsing.decoding import NotText, decode_text
from ingest.parsing.front_matter import BadFrontMatter
from ingest.parsing.html import parse_html
from ingest.parsing.hygiene import clean_text, one_line
from ingest.parsing.link_names import LinkNames, References
from ingest.parsing.markdown import parse_markdown
from ingest.parsing.pdf import UnreadablePdf, parse_pdf
from ingest.parsing.sections import ParsedPage
from ingest.parsing.storage_format import parse_storage, references_of
from kb.access import Audience
from kb.documents import Block, Document, Section, document_id

# Raise it when the same page would be parsed differently: unchanged pages are then read again.
PARSER_VERSION = 1
PARSE_SECONDS = 300.0
LONGEST_TITLE = 300
MOST_COMMENTS = 2_000

_TEXT = {".txt": "text", ".log": "text", ".text": "text", ".csv": "text"}
_MARKDOWN = {".md": "markdown", ".markdown": "markdown"}
_HTML = {".html": "html", ".htm": "html"}
_FORMATS = _TEXT | _MARKDOWN | _HTML | {".pdf": "pdf"}
_BY_MEDIA_TYPE = {
    "text/plain": "text",
    "text/csv": "text",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/pdf": "pdf",
}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """What a document is made of, beside its text. `version`: as it is stored."""

    audience: Audience
    version: str
    labels: tuple[str, ...]


class DocumentMaker:
    """Makes documents of one source."""

    def __init__(
        self,
        api: ConfluenceApi,
        *,
        tenant: str,
        source_id: str,
        deployment: Literal["cloud", "datacenter"],
        max_bytes: int,
    ) -> None:
        self._api = api
        self._tenant = tenant
        self._source_id = source_id
        self._deployment: Literal["cloud", "datacenter"] = deployment
        self._max_bytes = max_bytes
        # Macros on the pages read so far that are not shown as they are: what was done → how often.
        self.macros: Counter[str] = Counter()

    async def page(
        self,
        body: Body,
        readable: Readable,
        *,
        space: Space,
        names: NameBook,
        comments: Sequence[Comment],
        files: Sequence[File],
    ) -> Document | Skipped | Failed:
        """A page. Never raises for what is on it."""
        entry, url = body.entry, self._api.page_url(body.entry, space)
        references = _references(body, comments)
        await names.learn([*references.users, *(comment.author_key for comment in comments if not comment.author_name)])
        link_names = await names.names_for(references, entry, readable.audience)
        try:
            page = await _in_thread(lambda: self._parse(body, url=url, names=link_names))
            threads = await _in_thread(lambda: self._threads(comments, link_names, names, page_url=url))
        except Exception as exc:  # noqa: BLE001  # whatever one page does to a parser, the others go on
            return Failed(native_id=entry.id, title=entry.title, reason=_parser_failed(exc), version=readable.version)
        sections = (*page.sections, *threads, *_files_section(files, url))
        if not page.sections and body.is_live:
            # The API may lag behind a live document; its text is not gone.
            return Failed(native_id=entry.id, title=entry.title, reason="a live doc whose text the API does not give")
        if not sections:
            return Skipped(native_id=entry.id, title=entry.title, reason="there is no text on it")
        document = self._document(entry, space, readable, title=entry.title, url=url, sections=sections)
        linked = names.linked(references, entry)
        return replace(
            document,
            updated_at=body.updated_at,
            links=tuple(document_id(self._source_id, native_id) for native_id in linked),
        )

    def unread(self, file: File) -> Skipped | None:
        """Why an attachment is not even downloaded, by its name, type and size; None if it is."""
        if _format_of(file) is None:
            kind = file.media_type or "a file of unknown type"
            reason = f"attachment: {one_line(kind)[:100]} is not read; its name is on its page"
        elif file.byte_count > self._max_bytes:
            reason = f"attachment: larger than the {self._max_bytes / 1e6:.0f} MB of max_bytes"
        elif not file.byte_count:
            reason = "attachment: the file is empty"
        else:
            return None
        return Skipped(native_id=file.id, title=file.title, reason=reason)

    async def attachment(
        self, file: File, readable: Readable, *, entry: Entry, space: Space
    ) -> Document | Skipped | Failed:
        """An attachment. Never raises for what is in it."""
        url = self._api.file_url(file, entry, space)
        try:
            raw = await self._api.download(file, max_bytes=self._max_bytes)
        except Refused as exc:
            return Failed(native_id=file.id, title=file.title, reason=f"attachment: {exc}")
        try:
            page = await _in_thread(lambda: _parse_file(raw, _format_of(file) or "text", url=url))
        except (NotText, UnreadablePdf, BadFrontMatter) as exc:
            return Skipped(native_id=file.id, title=file.title, reason=f"attachment: {exc}")
        except Exception as exc:  # noqa: BLE001  # whatever one file does to a parser, the others go on
            return Failed(native_id=file.id, title=file.title, reason=_parser_failed(exc), version=readable.version)
        if not page.sections:
            return Skipped(native_id=file.id, title=file.title, reason="attachment: there is no text in it")
        document = self._document(entry, space, readable, title=file.title, url=url, sections=page.sections)
        return replace(
            document,
            native_id=file.id,
            updated_at=file.updated_at,
            links=(document_id(self._source_id, entry.id),),
        )

    def _document(
        self, entry: Entry, space: Space, readable: Readable, *, title: str, url: str, sections: tuple[Section, ...]
    ) -> Document:
        return Document(
            tenant=self._tenant,
            source_id=self._source_id,
            native_id=entry.id,
            space=space.key,
            title=one_line(title)[:LONGEST_TITLE] or entry.id,
            url=url,
            version=readable.version,
            updated_at=NEVER,
            audience=readable.audience,
            sections=sections,
            labels=readable.labels,
        )

    def _parse(self, body: Body, *, url: str, names: LinkNames) -> ParsedPage:
        title = body.entry.title
        if body.adf is not None and not body.storage.strip():
            parsed = parse_adf(body.adf, url=url, title=title, names=names)
        else:
            parsed = parse_storage(body.storage, url=url, title=title, deployment=self._deployment, names=names)
        self.macros.update({f"macro {name}, but for its body": count for name, count in parsed.unknown_macros.items()})
        self.macros.update({f"macro {name}, for some readers": count for name, count in parsed.withheld_macros.items()})
        return parsed.page

    def _threads(
        self, comments: Sequence[Comment], link_names: LinkNames, names: NameBook, *, page_url: str
    ) -> list[Section]:
        """A section a thread, so that a new answer embeds no other thread again."""
        threads: dict[str, list[Comment]] = {}
        for comment in comments[:MOST_COMMENTS]:
            threads.setdefault(comment.thread_id, []).append(comment)
        sections = []
        for thread_id, thread in threads.items():
            blocks = [block for comment in thread for block in self._comment_blocks(comment, link_names, names)]
            if blocks:
                url = self._api.comment_url(thread[0], page_url)
                sections.append(
                    Section(
                        id=f"!comment-{thread_id}",
                        heading_path=("Comments",),
                        anchor=f"comment-{thread_id}",
                        url=url,
                        blocks=tuple(blocks),
                    )
                )
        return sections

    def _comment_blocks(self, comment: Comment, link_names: LinkNames, names: NameBook) -> list[Block]:
        parsed = parse_storage(comment.storage, url="", title="", deployment=self._deployment, names=link_names)
        said = [block for section in parsed.page.sections for block in section.blocks]
        if not said:
            return []
        author = one_line(comment.author_name or names.person(comment.author_key) or "Somebody")
        about = f" about “{one_line(comment.quoted)[:LONGEST_TITLE]}”" if comment.quoted else ""
        state = " (resolved)" if comment.is_resolved else ""
        return [Block(kind="paragraph", text=f"{author} commented{about}{state}:"), *said]


def _references(body: Body, comments: Sequence[Comment]) -> References:
    """Everyone and everything that the page and its comments name."""
    found = [references_of(text) for text in (body.storage, *(comment.storage for comment in comments))]
    return References(
        users=tuple(dict.fromkeys(user for each in found for user in each.users)),
        pages=tuple(dict.fromkeys(page for each in found for page in each.pages)),
    )


def _files_section(files: Sequence[File], url: str) -> list[Section]:
    if not files:
        return []
    names = "\n".join(f"- {one_line(file.title)[:LONGEST_TITLE]}" for file in files)
    block = Block(kind="list", text=names)
    return [Section(id="!attachments", heading_path=("Attachments",), anchor="", url=url, blocks=(block,))]


def _format_of(file: File) -> str | None:
    stem, dot, suffix = file.title.rpartition(".")
    by_name = _FORMATS.get(f".{suffix.lower()}") if stem and dot else None
    return by_name or _BY_MEDIA_TYPE.get(file.media_type.partition(";")[0].strip().lower())


def _parse_file(raw: bytes, form: str, *, url: str) -> ParsedPage:
    if form == "pdf":
        return parse_pdf(raw, url=url)
    text = decode_text(raw, may_declare_encoding=form == "html")
    if form == "html":
        page = parse_html(text, url=url)
    elif form == "markdown":
        page = parse_markdown(text, url=url).page
    else:
        blocks = tuple(paragraphs(clean_text(text)))
        section = Section(id="#", heading_path=(), anchor="", url=url, blocks=blocks)
        page = ParsedPage(title=None, sections=(section,) if blocks else ())
    # A preview knows no anchors: every part of the file opens as the file.
    return replace(page, sections=tuple(replace(section, url=url) for section in page.sections))


def _parser_failed(exc: Exception) -> str:
    return f"the parser failed ({type(exc).__name__}); please report it"


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.wait_for(asyncio.to_thread(work), PARSE_SECONDS)
