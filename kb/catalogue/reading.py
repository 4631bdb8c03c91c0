"""Sections as the answering side reads them: only of live revisions, only for audiences that were let in."""

from collections.abc import Sequence

from sqlalchemy import Row, Select, and_, select, tuple_

from kb.catalogue.database import Database
from kb.catalogue.records import SectionKey, StoredSection
from kb.catalogue.tables import documents, sections

_FROM_SECTION = (
    "document_id",
    "revision",
    "ordinal",
    "section_id",
    "heading_path",
    "anchor",
    "url",
    "text",
    "anchors",
    "blocks",
)
_FROM_DOCUMENT = ("title", "source_id", "space", "labels", "updated_at", "status", "superseded_by", "audience_id")


class SectionReader:
    """Reads of sections, each one SELECT in one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_sections(
        self, tenant: str, *, audience_ids: Sequence[int], keys: Sequence[SectionKey]
    ) -> list[StoredSection]:
        """The sections of `keys` whose revision is live and whose document these audiences may read.

        This is the second permission check: a hit of the index counts only if it comes back from here.
        """
        if not keys or not audience_ids:
            return []
        wanted = tuple_(sections.c.document_id, sections.c.revision, sections.c.ordinal).in_(
            [(key.document_id, key.revision, key.section_ordinal) for key in keys]
        )
        # Says nothing new, but SQLite looks rows up by it, and would otherwise go through all sections there are.
        named = sections.c.document_id.in_(sorted({key.document_id for key in keys}))
        return await self._fetch(_query(tenant).where(named, wanted, documents.c.audience_id.in_(audience_ids)))

    async def live_sections(self, tenant: str, document_id: str, *, audience_ids: Sequence[int]) -> list[StoredSection]:
        """All sections of a live document in reading order; none if it is missing or not for these audiences."""
        if not audience_ids:
            return []
        mine = and_(documents.c.document_id == document_id, documents.c.audience_id.in_(audience_ids))
        return await self._fetch(_query(tenant).where(mine).order_by(sections.c.ordinal))

    async def all_sections(self, tenant: str, document_id: str) -> list[StoredSection]:
        """All sections of a live document, whoever may read it: for repairing the index, never for answering."""
        mine = documents.c.document_id == document_id
        return await self._fetch(_query(tenant).where(mine).order_by(sections.c.ordinal))

    async def _fetch(self, query: Select[tuple[object, ...]]) -> list[StoredSection]:
        return [_section(row) for row in await self._database.fetch(query)]


def _query(tenant: str) -> Select[tuple[object, ...]]:
    joined = and_(
        sections.c.tenant == documents.c.tenant,
        sections.c.document_id == documents.c.document_id,
        sections.c.revision == documents.c.live_revision,
    )
    columns = [sections.c[name] for name in _FROM_SECTION] + [documents.c[name] for name in _FROM_DOCUMENT]
    return select(*columns).join(documents, joined).where(documents.c.tenant == tenant)


def _section(row: Row[tuple[object, ...]]) -> StoredSection:
    values = dict(row._mapping)
    values["heading_path"] = tuple(values["heading_path"])
    values["labels"] = tuple(values["labels"] or ())
    values["anchors"] = tuple((offset, native_id) for offset, native_id in values["anchors"] or ())
    values["blocks"] = tuple((kind, length) for kind, length in values["blocks"] or ())
    return StoredSection(**values)
