"""A Notion workspace and the knowledge base that is synced from it."""

from dataclasses import dataclass, field
from typing import Any

from ingest.changes import Change, Checkpoint, Failed, Listing, Removed, Skipped
from ingest.report import SyncReport
from kb.catalogue.records import StoredSection
from kb.documents import Document, document_id
from kb.wiring import KnowledgeBase
from tests.factories import SOURCE, TENANT, sync_with, texts_found, versions, watched
from tests.fakes.notion import FakeNotion


def plain(native_id: str) -> str:
    """An id as documents have it."""
    return native_id.replace("-", "")


@dataclass
class SyncedNotion:
    """Syncs come some minutes after what was changed, unless a test says otherwise."""

    notion: FakeNotion
    base: KnowledgeBase

    async def sync(
        self, *, minutes: float = 5, is_full: bool = False, may_remove_many: bool = False, **keys: Any
    ) -> SyncReport:
        """One sync. Keys: any of the connector's Config."""
        self.notion.workspace.wait(minutes=minutes)
        connector = self.notion.connector(**keys)
        try:
            return await sync_with(self.base, connector, is_full=is_full, may_remove_many=may_remove_many)
        finally:
            await connector.close()

    async def titles(self) -> set[str]:
        """What can be found now."""
        stored = [
            await self.base.catalogue.documents.get(TENANT, document_id(SOURCE, each)) for each in await self.ids()
        ]
        return {each.title for each in stored if each is not None}

    async def ids(self) -> set[str]:
        """Native ids of what is stored."""
        return set(await versions(self.base))

    async def sections(self, native_id: str) -> list[StoredSection]:
        """The stored sections of a page."""
        return await self.base.catalogue.documents.all_sections(TENANT, document_id(SOURCE, plain(native_id)))

    async def text(self, native_id: str) -> str:
        """All of its text."""
        return "\n\n".join(section.text for section in await self.sections(native_id))

    async def found(self, query: str, *, email: str | None = None) -> set[str]:
        """The texts that somebody finds."""
        return await texts_found(self.base, query, email=email)

    @property
    def embedded_count(self) -> int:
        """Texts embedded so far."""
        return watched(self.base).embedded.total()

    def requests(self) -> list[str]:
        """Requests since this was last asked."""
        made = list(self.notion.server.requests)
        self.notion.server.requests.clear()
        return made


def missing(report: SyncReport) -> dict[str, str]:
    """Native id → why it is missing."""
    return {each.document_id.removeprefix(f"{SOURCE}:"): each.reason for each in report.missing}


@dataclass
class Follower:
    """Follows a workspace as a sync does, without storing anything: what it was given is what it knows."""

    notion: FakeNotion
    documents: dict[str, Document] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    since: Checkpoint | None = None

    async def sync(self, **keys: Any) -> Listing:
        """One run. Returns the last listing; raises what the connector raises."""
        self.notion.workspace.wait(minutes=5)
        connector = self.notion.connector(**keys)
        listing = Listing(titles={}, is_complete=False)
        try:
            async for change in connector.changes(self.since, known=dict(self.versions)):
                listing = change if isinstance(change, Listing) else listing
                self._take(change)
        finally:
            await connector.close()
        return listing

    @property
    def titles(self) -> set[str]:
        """Titles of all that was given and is not gone."""
        return {document.title for document in self.documents.values()}

    def _take(self, change: Change) -> None:
        match change:
            case Document():
                self.documents[change.native_id] = change
                self.versions[change.native_id] = change.version
            case Removed() | Skipped():
                self.documents.pop(change.native_id, None)
                self.versions.pop(change.native_id, None)
            case Failed():
                raise AssertionError(f"{change.title}: {change.reason}")
            case Checkpoint():
                self.since = change
