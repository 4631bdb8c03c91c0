"""Removals: on positive evidence only, at the end of a run, and never many at once without being told to."""

from dataclasses import dataclass, field

from ingest.changes import Connector, Listing, Removed
from ingest.report import Tally
from kb.catalogue.records import Problem
from kb.wiring import KnowledgeBase

ALWAYS_ALLOWED = 20
ALLOWED_SHARE = 0.05


@dataclass(kw_only=True)
class Removals:
    """Collects what is gone, and takes it away."""

    knowledge_base: KnowledgeBase
    connector: Connector
    source_id: str
    may_remove_many: bool
    _reasons: dict[str, str] = field(default_factory=dict)

    def note(self, removed: Removed) -> None:
        """The source said that a document is gone."""
        self._reasons[removed.native_id] = removed.reason

    async def carry_out(self, listing: Listing | None, tally: Tally, problems: dict[str, Problem]) -> str | None:
        """Tombstone what is gone. Returns why nothing was removed, if it would have been too much."""
        base, tenant = self.knowledge_base, self.knowledge_base.settings.tenant
        stored = await base.catalogue.documents.versions(tenant, self.source_id)
        reasons = {native_id: reason for native_id, reason in self._reasons.items() if native_id in stored}
        if listing is not None and listing.is_complete:
            reasons |= await self._confirmed(stored.keys() - listing.titles.keys() - reasons.keys(), problems)
        most = max(ALWAYS_ALLOWED, int(len(stored) * ALLOWED_SHARE))
        if len(reasons) > most and not self.may_remove_many:
            return (
                f"{len(reasons)} of {len(stored)} documents are gone from the source, more than the {most} that may go "
                "at once: nothing was removed; if that is right, run `footnote sync --allow-removals`"
            )
        for native_id, reason in sorted(reasons.items()):
            await base.catalogue.documents.tombstone(tenant, f"{self.source_id}:{native_id}", reason=reason)
            problems.pop(native_id, None)
            tally.removed += 1
        return None

    async def _confirmed(self, absent: set[str], problems: dict[str, Problem]) -> dict[str, str]:
        """Of the documents missing from a complete listing, those that a direct read shows to be gone."""
        reasons: dict[str, str] = {}
        for native_id in sorted(absent):
            evidence = await self.connector.confirm_removed(native_id)
            if evidence is not None:
                reasons[native_id] = evidence
            elif native_id not in problems:
                problems[native_id] = Problem(
                    kind="failed", native_id=native_id, title=native_id, reason="not listed, but not shown to be gone"
                )
        return reasons
