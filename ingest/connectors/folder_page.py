"""One file of a folder becomes a document, or the reason why it does not."""

import os
import posixpath
import re
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from ingest.changes import Failed, Skipped
from ingest.connectors.folder_links import HTML, LinkTargets, is_page
from ingest.connectors.folder_tree import TreeFile
from ingest.parsing.decoding import NotText, decode_text
from ingest.parsing.front_matter import BadFrontMatter, FrontMatter
from ingest.parsing.html import parse_html
from ingest.parsing.hygiene import one_line
from ingest.parsing.markdown import parse_markdown
from ingest.parsing.sections import ParsedPage
from kb.access import Audience
from kb.documents import Document, document_id

# Raise it when the same file would be parsed differently: unchanged files are then read again.
PARSER_VERSION = 2
IMAGES = frozenset(".png .jpg .jpeg .gif .svg .webp .bmp .ico .tif .tiff .avif".split())
LONGEST_TITLE = 300

# A file this young may change again without its time or size changing, so its version must not be trusted next time.
_YOUNG_NS = 2_000_000_000
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReader:
    """Reads files of one source. `digest`: of everything but the file that decides what the document is."""

    tenant: str
    source_id: str
    audience: Audience
    base_url: str | None
    max_bytes: int
    digest: str

    def version(self, file: TreeFile) -> str:
        """Equal as long as neither the file nor the settings change; no byte is read for it."""
        return f"{file.modified_ns}-{file.byte_count}-{file.inode}-{self.digest}"

    def unread(self, file: TreeFile) -> Skipped | None:
        """Why a file is not even opened, by its name and size; None if it is."""
        suffix = posixpath.splitext(file.native_id)[1].lower()
        if suffix in IMAGES:
            return _skipped(file, "an image; only the alternative text on a page is read")
        if not is_page(file.native_id):
            return _skipped(file, "neither Markdown nor HTML")
        if file.byte_count > self.max_bytes:
            return _skipped(
                file, f"{_megabytes(file.byte_count)} are more than the {_megabytes(self.max_bytes)} of max_bytes"
            )
        return _skipped(file, "the file is empty") if file.byte_count == 0 else None

    def read(self, file: TreeFile, targets: LinkTargets) -> Document | Skipped | Failed:
        """The file's document. Never raises for what is in the file."""
        try:
            file, raw = _read_stable(file, max_bytes=self.max_bytes)
            is_html = posixpath.splitext(file.native_id)[1].lower() in HTML
            page, about = self._parse(file, decode_text(raw, may_declare_encoding=is_html), is_html=is_html)
            if not page.sections:
                return _skipped(file, "there is no text in it")
            return self._assemble(file, page, about, targets)
        except FileNotFoundError:
            return _failed(file, "it was deleted while the folder was read")
        except OSError as exc:
            return _failed(file, f"cannot be read: {exc.strerror}")
        except (NotText, BadFrontMatter) as exc:
            return _failed(file, str(exc), version=self._version_once_read(file))
        except Exception as exc:  # noqa: BLE001  # whatever one file does to a parser, the others go on
            reason = f"the parser failed ({type(exc).__name__}); please report it"
            return _failed(file, reason, version=self._version_once_read(file))

    def _parse(self, file: TreeFile, text: str, *, is_html: bool) -> tuple[ParsedPage, FrontMatter]:
        url = self._url(file.native_id)
        if is_html:
            return parse_html(text, url=url), FrontMatter()
        parsed = parse_markdown(text, url=url)
        return parsed.page, parsed.front_matter

    def _assemble(self, file: TreeFile, page: ParsedPage, about: FrontMatter, targets: LinkTargets) -> Document:
        successor = targets.expect(file.native_id, about.superseded_by or "")
        linked = (targets.resolve(file.native_id, link) for link in page.links)
        space, slash, _ = file.native_id.partition("/")
        return Document(
            tenant=self.tenant,
            source_id=self.source_id,
            native_id=file.native_id,
            space=space if slash else self.source_id,
            title=one_line(page.title or title_of(file.native_id))[:LONGEST_TITLE],
            url=self._url(file.native_id),
            version=self._version_once_read(file),
            updated_at=about.updated or datetime.fromtimestamp(file.modified_ns / 1e9, UTC),
            audience=self.audience if about.audience is None else self.audience.narrowed_by(about.audience),
            sections=page.sections,
            labels=tuple(dict.fromkeys(about.labels)),
            status="outdated" if about.superseded_by else about.status,
            superseded_by=document_id(self.source_id, successor) if successor else None,
            links=tuple(dict.fromkeys(document_id(self.source_id, path) for path in linked if path)),
        )

    def _version_once_read(self, file: TreeFile) -> str:
        is_young = abs(time.time_ns() - file.modified_ns) < _YOUNG_NS
        return self.version(file) + ("-young" if is_young else "")

    def _url(self, native_id: str) -> str:
        if self.base_url is not None:
            return f"{self.base_url.rstrip('/')}/{quote(native_id)}"
        return f"/documents/{quote(document_id(self.source_id, native_id), safe='/:')}"


def title_of(native_id: str) -> str:
    """A title made of the file's name: `people/annual-leave.md` → `Annual leave`."""
    name = posixpath.splitext(native_id.rpartition("/")[2])[0]
    words = " ".join(re.split(r"[-_\s]+", name)).strip() or native_id
    return words[:1].upper() + words[1:]


def _read_stable(file: TreeFile, *, max_bytes: int) -> tuple[TreeFile, bytes]:
    """The bytes with the time and size they had. Raises OSError, also if the file changes whenever it is read."""
    for _ in range(_ATTEMPTS):
        # Not blocking, or a pipe put in the file's place would hold us; no link, or the read could leave the folder.
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            before = os.fstat(descriptor)
            raw = opened.read(max_bytes + 1) if stat.S_ISREG(before.st_mode) else b""
            after = os.fstat(descriptor)
        if before.st_mtime_ns == after.st_mtime_ns and len(raw) == after.st_size:
            return TreeFile(
                native_id=file.native_id,
                path=file.path,
                modified_ns=after.st_mtime_ns,
                byte_count=after.st_size,
                inode=after.st_ino,
            ), raw
    raise OSError(0, "it changes while it is read; it is tried again at the next sync")


def _skipped(file: TreeFile, reason: str) -> Skipped:
    return Skipped(native_id=file.native_id, title=title_of(file.native_id), reason=reason)


def _failed(file: TreeFile, reason: str, *, version: str = "") -> Failed:
    return Failed(native_id=file.native_id, title=title_of(file.native_id), reason=reason, version=version)


def _megabytes(byte_count: int) -> str:
    return f"{byte_count / 1e6:.1f} MB"
