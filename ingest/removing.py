"""Removals: on positive evidence only, at the end of a run, and never many at once without being told to."""

from collections.abc import Mapping

from ingest.changes import Connector, Listing, Removed
from kb.catalogue import Catalogue
from kb.catalogue.records import Problem
from kb.documents import document_id

ALWAYS_ALLOWED = 20
ALLOWED_SHARE = 0.05


class Removals:
    """Collects what is gone, and takes it away."""

    def __init__(
        self, catalogue: Catalogue, connector: Connector, *, tenant: str, source_id: str, may_remove_many: bool
    ) -> None:
        self._documents = catalogue.documents
        self._connector = connector
        self._tenant = tenant
        self._source_id = source_id
        self._may_remove_many = may_remove_many
        self._reasons: dict[str, str] = {}
        # Documents that are absent although nothing shows that they are gone.
        self.unconfirmed: list[Problem] = []

    @property
    def is_pending(self) -> bool:
        """Was anything noted that is not carried out yet?"""
        return bool(self._reasons)

    def note(self, removed: Removed) -> None:
        """The source said that a document is gone, or that it is none any more."""
        self._reasons[removed.native_id] = removed.reason

    def forget(self, native_id: str) -> None:
        """The source gave the document after all."""
        self._reasons.pop(native_id, None)

    async def carry_out(
        self, listing: Listing | None, *, known: Mapping[str, str], is_full: bool = False
    ) -> tuple[int, str | None]:
        """Tombstone what is gone. Returns how many documents, and why none was removed if they were too many.

        `known`: what was stored before the run; what it stored itself may be younger than the listing. `is_full`: the
        connector had no checkpoint to compare with, so a source that lists nothing may be another one.
        """
        if is_full and known and listing is not None and not listing.titles and not self._may_remove_many:
            return 0, (
                f"the source lists nothing, and {len(known)} documents of it are stored: is it there, and is it "
                "the right one? If nothing is left of it, run `footnote sync --full --allow-removals`"
            )
        most = max(ALWAYS_ALLOWED, int(len(known) * ALLOWED_SHARE))
        stored = await self._documents.versions(self._tenant, self._source_id) if self._reasons else {}
        reasons = {native_id: reason for native_id, reason in self._reasons.items() if native_id in stored}
        if listing is not None and listing.is_complete:
            absent = sorted(known.keys() - listing.titles.keys() - reasons.keys())
            await self._confirm(absent, reasons, most=most)
        if len(reasons) > most and not self._may_remove_many:
            return 0, (
                f"more than {most} of {len(known)} documents are gone from the source, too many to remove unasked; "
                "nothing was removed: if it is right, run `footnote sync --allow-removals`"
            )
        for native_id, reason in sorted(reasons.items()):
            await self._documents.tombstone(self._tenant, document_id(self._source_id, native_id), reason=reason)
        self._reasons.clear()
        return len(reasons), None

    async def _confirm(self, absent: list[str], reasons: dict[str, str], *, most: int) -> None:
        """Ask the source about each absent document, until they are too many anyway."""
        for native_id in absent:
            if len(reasons) > most and not self._may_remove_many:
                return
            evidence = await self._connector.confirm_removed(native_id)
            if evidence is not None:
                reasons[native_id] = evidence
                continue
            reason = "not listed any more, but nothing shows that it is gone; the stored copy stays"
            self.unconfirmed.append(Problem(kind="failed", native_id=native_id, title=native_id, reason=reason))
