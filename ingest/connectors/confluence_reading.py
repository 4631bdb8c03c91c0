"""Bodies of changed pages: many a request, and one by one where that fails, so that a bad page harms no other."""

from collections.abc import AsyncIterator, Sequence

from ingest.changes import Failed
from ingest.connectors.confluence_records import Body, ConfluenceApi, Entry, Kind, Refused
from kb.errors import SourceUnavailable

READ_AT_ONCE = 50
# Fewer are read one by one, which gives their labels too.
FEWEST_AT_ONCE = 3
# So many pages in a row that get no answer are an outage, not bad pages.
MOST_UNANSWERED = 3


class BodyReader:
    """Reads bodies in the order of the pages, about."""

    def __init__(self, api: ConfluenceApi) -> None:
        self._api = api
        self._unanswered = 0

    async def read(self, entries: Sequence[Entry]) -> AsyncIterator[Body | Failed]:
        """A body or a failure for each page. Raises SourceErrors."""
        kinds: tuple[Kind, ...] = ("page", "blogpost")
        for kind in kinds:
            ours = [entry for entry in entries if entry.kind == kind]
            for start in range(0, len(ours), READ_AT_ONCE):
                async for body in self._batch(ours[start : start + READ_AT_ONCE], kind):
                    yield body

    async def _batch(self, entries: Sequence[Entry], kind: Kind) -> AsyncIterator[Body | Failed]:
        bodies: dict[str, Body] = {}
        if len(entries) >= FEWEST_AT_ONCE:
            bodies = await self._several([entry.id for entry in entries], kind)
        for entry in entries:
            body = bodies.get(entry.id)
            # A page without text may have it in another format, which is asked for one by one.
            yield body if body is not None and body.storage.strip() else await self._one(entry)

    async def _several(self, ids: Sequence[str], kind: Kind) -> dict[str, Body]:
        try:
            return {body.entry.id: body for body in await self._api.bodies(ids, kind)}
        except (Refused, SourceUnavailable):
            return {}

    async def _one(self, entry: Entry) -> Body | Failed:
        try:
            body = await self._api.body(entry.id, entry.kind)
        except Refused as exc:
            return Failed(
                native_id=entry.id, title=entry.title, reason=f"it is listed but cannot be read ({exc.status})"
            )
        except SourceUnavailable as exc:
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                raise
            return Failed(native_id=entry.id, title=entry.title, reason=f"it cannot be read: {exc}")
        self._unanswered = 0
        return body
