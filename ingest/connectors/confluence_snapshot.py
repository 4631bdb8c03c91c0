"""What a Confluence site holds right now, from cheap listings: pages, their facts, and which of them are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.connectors.confluence_access import AccessReader, AccessRules
from ingest.connectors.confluence_records import (
    ConfluenceApi,
    Entry,
    Facts,
    File,
    ListingBroken,
    Refused,
    Space,
)
from kb.documents import fingerprint_of
from kb.errors import SourceUnavailable

LOOKED_UP_AT_ONCE = 50
# Stands for labels, comments and files that are not known just now.
UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which pages the settings choose; empty: no limit."""

    spaces: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    exclude_labels: tuple[str, ...] = ()
    cql: str = ""
    has_blog_posts: bool = True
    has_files: bool = True
    has_comments: bool = True


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """`entries`: all pages of the spaces; `wanted`: those the settings choose. `facts` is None if search is refused."""

    spaces: dict[str, Space] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    wanted: dict[str, Entry] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    files_by_page: dict[str, list[File]] = field(default_factory=dict)
    facts: Facts | None = None
    has_comments: bool = True
    has_files: bool = True
    reasons: list[str] = field(default_factory=list)

    @property
    def titles(self) -> dict[str, str]:
        """Everything that is to be indexed or explained: native id → title."""
        titles = {entry.id: entry.title for entry in self.wanted.values()}
        return titles | {file.id: file.title for file in self.files.values()}

    def add_file(self, file: File) -> None:
        """An attachment of a wanted page."""
        self.files[file.id] = file
        self.files_by_page.setdefault(file.page_id, []).append(file)

    def files_of(self, page_id: str) -> list[File]:
        """A page's attachments, in a fixed order."""
        return self.files_by_page.get(page_id, [])

    def page_stamp(self, entry: Entry) -> str:
        """Changes with whatever a page shows beside its text: title and place, dash, labels, comments and files.

        The second part is `UNREAD` while search does not know the page.
        """
        place = fingerprint_of([entry.title, entry.kind, self.spaces[entry.space_id].key])[:12]
        facts = self.facts
        labels = facts.labels.get(entry.id) if facts is not None else None
        if facts is None or labels is None:
            return f"{place}-{UNREAD}"
        stamps = facts.comments.get(entry.id, ()) if self.has_comments else ()
        files = [[file.id, file.title] for file in self.files_of(entry.id)]
        return f"{place}-{fingerprint_of([list(labels), list(stamps), files])[:12]}"


class SnapshotReader:
    """Reads the snapshot. What it had found when it failed stays in `snapshot`, for the report."""

    def __init__(self, api: ConfluenceApi, scope: Scope, rules: AccessRules) -> None:
        self._api = api
        self._scope = scope
        self._rules = rules
        self.snapshot = Snapshot(has_comments=scope.has_comments, has_files=scope.has_files)

    async def read(self) -> tuple[Snapshot, AccessReader]:
        """The snapshot, and what finds out who may read its pages. Raises SourceErrors."""
        snapshot = self.snapshot
        await self._read_spaces()
        await self._read_entries()
        # Until filters have looked at them, all of them count as listed.
        snapshot.wanted = dict(snapshot.entries)
        snapshot.facts = await self._read_facts() if snapshot.entries else Facts()
        access = AccessReader(
            self._api,
            self._rules,
            spaces=snapshot.spaces,
            entries=snapshot.entries,
            known=snapshot.facts.readers if snapshot.facts else {},
        )
        snapshot.wanted = await self._choose(access)
        self._choose_files()
        return snapshot, access

    @property
    def _is_all(self) -> bool:
        return not self._scope.spaces

    async def _read_spaces(self) -> None:
        try:
            found = await self._api.spaces(self._scope.spaces)
        except (Refused, ListingBroken) as exc:
            raise SourceUnavailable(f"the list of spaces cannot be read: {exc}") from exc
        self.snapshot.spaces = {space.id: space for space in found}
        missing = sorted(set(self._scope.spaces) - {space.key for space in found})
        if missing:
            self.snapshot.reasons.append(
                f"no space {', '.join(missing)} that the token can see: correct `spaces`, or give it the right"
            )

    async def _read_entries(self) -> None:
        snapshot = self.snapshot
        try:
            async for entry in self._api.entries(list(snapshot.spaces.values()), is_all=self._is_all):
                self._take(entry)
        except ListingBroken as exc:
            snapshot.reasons.append(str(exc))
        except Refused as exc:
            raise SourceUnavailable(f"the list of pages is refused: {exc}") from exc

    def _take(self, entry: Entry) -> None:
        # Pages of archived spaces are listed among all pages.
        if entry.space_id in self.snapshot.spaces:
            self.snapshot.entries[entry.id] = entry

    async def _read_facts(self) -> Facts | None:
        """None if search is refused: then restrictions are read one by one, and labels with each page."""
        snapshot = self.snapshot
        try:
            facts = await self._api.facts(list(snapshot.spaces.values()), is_all=self._is_all, listed=snapshot.entries)
        except Refused:
            return None
        except ListingBroken as exc:
            snapshot.reasons.append(f"search: {exc}")
            return None
        left_out = [entry for content_id, entry in facts.entries.items() if content_id not in snapshot.entries]
        await self._look_up(left_out)
        return facts

    async def _look_up(self, left_out: Sequence[Entry]) -> None:
        """Pages that search knows and the listing left out: asked for by id, as search may be behind."""
        for kind in ("page", "blogpost"):
            ids = [entry.id for entry in left_out if entry.kind == kind]
            for start in range(0, len(ids), LOOKED_UP_AT_ONCE):
                try:
                    bodies = await self._api.bodies(ids[start : start + LOOKED_UP_AT_ONCE], kind)
                except Refused as exc:
                    self.snapshot.reasons.append(f"the listing left out pages that cannot be asked for: {exc}")
                    return
                for body in bodies:
                    if body.status == "current":
                        self._take(body.entry)

    async def _choose(self, access: AccessReader) -> dict[str, Entry]:
        scope, entries = self._scope, self.snapshot.entries
        found = await self._matching(scope.cql) if scope.cql else None
        wanted = {}
        for entry in entries.values():
            if found is not None and entry.id not in found:
                continue
            if entry.kind == "blogpost" and not scope.has_blog_posts:
                continue
            if not await self._has_wanted_labels(entry.id):
                continue
            if scope.pages and not {entry.id, *(await access.above(entry) or ())} & set(scope.pages):
                continue
            wanted[entry.id] = entry
        return wanted

    async def _matching(self, cql: str) -> frozenset[str]:
        try:
            return await self._api.matching(cql)
        except (Refused, ListingBroken) as exc:
            raise SourceUnavailable(f"Confluence does not take the `cql` of the settings: {exc}") from exc

    async def _has_wanted_labels(self, content_id: str) -> bool:
        scope = self._scope
        if not scope.labels and not scope.exclude_labels:
            return True
        known: Mapping[str, tuple[str, ...]] = self.snapshot.facts.labels if self.snapshot.facts else {}
        labels = known.get(content_id)
        if labels is None:
            entry = self.snapshot.entries[content_id]
            try:
                labels = (await self._api.body(content_id, entry.kind)).labels or ()
            except Refused:
                # Not known to have a label that is asked for, nor known to lack one that is refused.
                return False
        return (not scope.labels or bool(set(labels) & set(scope.labels))) and not set(labels) & set(
            scope.exclude_labels
        )

    def _choose_files(self) -> None:
        snapshot = self.snapshot
        if snapshot.facts is None or not self._scope.has_files:
            return
        for file in sorted(snapshot.facts.files.values(), key=lambda file: file.id):
            if file.page_id in snapshot.wanted:
                snapshot.add_file(file)
