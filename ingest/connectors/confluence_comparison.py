"""A snapshot against what is stored: whose audience changed, what has to be read, and what that gives."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from ingest.changes import AccessChanged, Change, Failed, Removed, Skipped
from ingest.connectors.confluence_access import Access, AccessReader
from ingest.connectors.confluence_documents import PARSER_VERSION, DocumentMaker, Readable
from ingest.connectors.confluence_names import NameBook
from ingest.connectors.confluence_reading import BodyReader
from ingest.connectors.confluence_records import (
    Body,
    Comment,
    ConfluenceApi,
    Entry,
    File,
    ListingBroken,
    Refused,
    is_file_id,
)
from ingest.connectors.confluence_snapshot import UNREAD, Snapshot
from kb.documents import Document, fingerprint_of

STATUSES = {"trashed": "it is in the trash", "archived": "it is archived", "draft": "it is a draft now"}

# Page: version, parser, title and place, labels and comments and files, audience.
# Attachment: version, parser, page, name and type and space, audience.
VERSION_PARTS = 5

Kept = TypeVar("Kept", Entry, File)
ReadChange = TypeVar("ReadChange", bound=Document | Removed | Skipped | Failed)


class Comparison:
    """What changed between a snapshot and what is stored, read as far as needed.

    `barren`: native id → (key of its version, reason) of what holds no text, so as not to read it at every sync.
    """

    def __init__(
        self,
        api: ConfluenceApi,
        maker: DocumentMaker,
        snapshot: Snapshot,
        access: AccessReader,
        accesses: Mapping[str, Access],
        *,
        barren: Mapping[str, tuple[str, str]],
    ) -> None:
        self._api = api
        self._maker = maker
        self._snapshot = snapshot
        self._access = access
        self._accesses = dict(accesses)
        self._names = NameBook(api, snapshot, access)
        self._before = barren
        self._found_files: list[File] = []
        self.barren: dict[str, tuple[str, str]] = {}

    async def changes(self, known: Mapping[str, str]) -> AsyncIterator[Change]:
        """Audiences first, as they cost nothing; then pages; then attachments."""
        pages: list[Entry] = []
        files: list[File] = []
        for entry in self._snapshot.wanted.values():
            key = self._page_key(entry, entry.version)
            change = self._compare(entry.id, title=entry.title, page_id=entry.id, key=key, stored=known.get(entry.id))
            _sort(change, entry, pages)
            if isinstance(change, AccessChanged | Skipped):
                yield change
        for file in self._snapshot.files.values():
            key = self._file_key(file)
            change = self._maker.unread(file) or self._compare(
                file.id, title=file.title, page_id=file.page_id, key=key, stored=known.get(file.id)
            )
            _sort(change, file, files)
            if isinstance(change, AccessChanged | Skipped):
                yield change
        for change in self._unlisted_files(known):
            yield change
        async for body in BodyReader(self._api).read(pages):
            made = body if isinstance(body, Failed) else await self._page(body)
            yield self._closed(made, page_id=made.native_id)
        for file in [*files, *self._found_files]:
            yield self._closed(self._maker.unread(file) or await self._file(file), page_id=file.page_id)

    def _closed(self, change: ReadChange, *, page_id: str) -> ReadChange:
        """What could not be read closes all the same: an earlier copy of it is there."""
        return replace(change, audience=self._accesses[page_id].audience) if isinstance(change, Failed) else change

    def _compare(
        self, native_id: str, *, title: str, page_id: str, key: str, stored: str | None
    ) -> AccessChanged | Skipped | bool:
        """What changed of a page or file: nothing (False), its audience, or maybe its text (True: read it)."""
        audience = self._accesses[page_id].audience
        if stored is not None:
            key = _with_what_is_known(key, stored)
            version = f"{key}-{audience.digest[:16]}"
            if stored == version:
                return False
            if stored.rpartition("-")[0] == key:
                return AccessChanged(native_id=native_id, audience=audience, version=version)
            return True
        if self._before.get(native_id, ("", ""))[0] == key:
            self.barren[native_id] = self._before[native_id]
            return Skipped(native_id=native_id, title=title, reason=self._before[native_id][1])
        return True

    def _unlisted_files(self, known: Mapping[str, str]) -> Iterator[AccessChanged]:
        """Without search, stored attachments are not listed; they close and open with their page all the same."""
        if self._snapshot.facts is not None:
            return
        for file_id, page_id in known_files(known).items():
            if page_id in self._accesses:
                key, _, before = known[file_id].rpartition("-")
                audience = self._accesses[page_id].audience
                if before != audience.digest[:16]:
                    yield AccessChanged(native_id=file_id, audience=audience, version=f"{key}-{audience.digest[:16]}")

    async def _page(self, body: Body) -> Document | Removed | Skipped | Failed:
        entry = body.entry
        listed = self._snapshot.entries[entry.id]
        if body.status not in {"current", ""}:
            return Removed(native_id=entry.id, reason=STATUSES.get(body.status, "it was deleted"))
        if entry.space_id not in self._snapshot.spaces:
            return Removed(native_id=entry.id, reason="it moved to a space that is not read")
        if (entry.version, entry.parent_id, entry.space_id) != (listed.version, listed.parent_id, listed.space_id):
            # It changed since it was listed; who may read the new text is asked again.
            self._access.learn(entry)
            self._accesses[entry.id] = await self._access.of(entry)
        labels = self._snapshot.facts.labels.get(entry.id) if self._snapshot.facts else None
        comments, are_read = await self._comments(listed)
        await self._find_files(listed)
        key = self._page_key(listed, entry.version)
        audience = self._accesses[entry.id].audience
        readable = Readable(
            audience=audience,
            version=f"{key if are_read else 'again'}-{audience.digest[:16]}",
            labels=body.labels or () if labels is None else labels,
        )
        made = await self._maker.page(
            body,
            readable,
            space=self._snapshot.spaces[entry.space_id],
            names=self._names,
            comments=comments,
            files=self._snapshot.files_of(entry.id),
        )
        return self._remembered(made, key)

    async def _comments(self, entry: Entry) -> tuple[list[Comment], bool]:
        """The comments on a page, and whether they could be read."""
        facts = self._snapshot.facts
        if not self._snapshot.has_comments or (facts is not None and not facts.comments.get(entry.id)):
            return [], True
        try:
            return await self._api.comments(entry), True
        except (Refused, ListingBroken):
            return [], False

    async def _find_files(self, entry: Entry) -> None:
        """Without search, the attachments of a page that is read are asked for with it."""
        if self._snapshot.facts is not None or not self._snapshot.has_files:
            return
        try:
            found = await self._api.files(entry)
        except (Refused, ListingBroken):
            return
        for file in found:
            self._snapshot.add_file(file)
        self._found_files += found

    async def _file(self, file: File) -> Document | Skipped | Failed:
        entry = self._snapshot.entries[file.page_id]
        key, audience = self._file_key(file), self._accesses[file.page_id].audience
        readable = Readable(audience=audience, version=f"{key}-{audience.digest[:16]}", labels=())
        space = self._snapshot.spaces[entry.space_id]
        return self._remembered(await self._maker.attachment(file, readable, entry=entry, space=space), key)

    def _remembered(self, made: Document | Skipped | Failed, key: str) -> Document | Skipped | Failed:
        if isinstance(made, Skipped):
            self.barren[made.native_id] = (key, made.reason)
        return made

    def _page_key(self, entry: Entry, version: int) -> str:
        return f"{version}-{PARSER_VERSION}-{self._snapshot.page_stamp(entry)}"

    def _file_key(self, file: File) -> str:
        space = self._snapshot.spaces[self._snapshot.entries[file.page_id].space_id]
        about = fingerprint_of([file.title, file.media_type, space.key])[:16]
        return f"{file.version}-{PARSER_VERSION}-{file.page_id}-{about}"


def known_files(known: Mapping[str, str]) -> dict[str, str]:
    """Stored attachments and their pages, from their versions."""
    parts = {native_id: version.split("-") for native_id, version in known.items() if is_file_id(native_id)}
    return {native_id: version[2] for native_id, version in parts.items() if len(version) == VERSION_PARTS}


def _sort(change: AccessChanged | Skipped | bool, what: Kept, to_read: list[Kept]) -> None:
    if change is True:
        to_read.append(what)


def _with_what_is_known(key: str, stored: str) -> str:
    """What is not known just now counts as unchanged: else a search that is away for a moment would read every page."""
    before = stored.split("-")
    if not key.endswith(f"-{UNREAD}") or len(before) != VERSION_PARTS:
        return key
    return f"{key.removesuffix(UNREAD)}{before[-2]}"
