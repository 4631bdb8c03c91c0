"""The Confluence connector: a snapshot of cheap listings, compared with what is stored; only changed pages are read."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from ingest.changes import Change, Checkpoint, Failed, LeftOut, Listing, Memberships
from ingest.connectors.confluence_access import HINT, Access, AccessRules
from ingest.connectors.confluence_comparison import STATUSES, Comparison, known_files
from ingest.connectors.confluence_documents import DocumentMaker
from ingest.connectors.confluence_reach import reachable
from ingest.connectors.confluence_records import (
    ConfluenceApi,
    ListingBroken,
    Refused,
    Space,
    is_file_id,
)
from ingest.connectors.confluence_snapshot import Scope, Snapshot, SnapshotReader
from ingest.connectors.confluence_state import KnownEmails, State, day_of, read_state
from ingest.connectors.confluence_transport import Timing, Transport
from kb.errors import SourceAuthError, SourceError, SourceRateLimited

_GONE = frozenset({403, 404, 410})
# In what `footnote doctor` says.
SPACES_NAMED = 10
_UNREACHABLE = "nobody whose e-mail address is known may read it, so nobody is shown it"


class ConfluenceConnector:
    """Reads one site. Made by `confluence.build`."""

    def __init__(
        self,
        api: ConfluenceApi,
        transport: Transport,
        *,
        scope: Scope,
        rules: AccessRules,
        maker: DocumentMaker,
        timing: Timing,
    ) -> None:
        self._api = api
        self._transport = transport
        self._scope = scope
        self._rules = rules
        self._maker = maker
        self._timing = timing
        self._identity = ""
        self._view: Snapshot | None = None

    @property
    def request_count(self) -> int:
        """Requests made so far."""
        return self._transport.request_count

    async def close(self) -> None:
        """Hang up."""
        self._transport.close()

    async def verify(self) -> str:
        """Sign in, list the spaces, and try to read a restriction; a line about it. Raises SourceErrors."""
        person = await self._api.whoami()
        try:
            spaces = await self._api.spaces(self._scope.spaces)
        except (Refused, ListingBroken) as exc:
            raise SourceAuthError(f"the token may not list spaces: {exc}") from exc
        keys = ", ".join(sorted(space.key for space in spaces)[:SPACES_NAMED])
        if missing := sorted(set(self._scope.spaces) - {space.key for space in spaces}):
            raise SourceAuthError(f"no space {', '.join(missing)} that the token can see; it sees {keys or 'none'}")
        access = await self._readable_access(spaces)
        return f"signed in as {person.name or person.key}; {len(spaces)} spaces ({keys}); {access}"

    async def _readable_access(self, spaces: Sequence[Space]) -> str:
        """Who may read pages, and where that is known from: tried on the first space and its first page."""
        try:
            for space in spaces[:1] if self._rules.audience is None else ():
                await self._api.space_readers(space)
            async for entry in self._api.entries(spaces[:1], is_all=False):
                await self._api.readers(entry.id)
                break
        except (Refused, ListingBroken) as exc:
            if self._rules.audience is None:
                raise SourceAuthError(f"the token may not read who may read a page ({exc}); {HINT}") from exc
            return "restrictions cannot be read, so the audience of the settings is all that counts"
        return "restrictions can be read"

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        """See Connector. Raises SourceRateLimited before any request while an earlier Retry-After has not elapsed."""
        state = read_state(since.value) if since is not None else State()
        now = self._timing.now()
        if state.not_before is not None and now < state.not_before:
            wait = (state.not_before - now).total_seconds()
            raise SourceRateLimited(f"Confluence asked us to wait; {wait:.0f} s of that are left", retry_after=wait)
        emails = KnownEmails(state.emails, today=day_of(now))
        try:
            async for change in self._follow(state, emails, known):
                yield change
        except SourceRateLimited as exc:
            until = self._timing.now() + timedelta(seconds=exc.retry_after or 0)
            yield Checkpoint(value=replace(state, not_before=until, emails=emails.known).to_text())
            raise

    async def confirm_removed(self, native_id: str) -> str | None:
        """See Connector."""
        view = self._view
        if view is None:
            return None
        if native_id in view.entries:
            return "left out by the source's settings" if native_id not in view.wanted else None
        try:
            status, place = await self._api.where_is(native_id)
        except Refused as exc:
            if exc.status not in _GONE:
                return None
            # Only a token that is in order can say that something is gone.
            await self._sign_in(self._identity)
            return "it was deleted, or the token may not read it any more"
        if status != "current":
            return STATUSES.get(status, "it was deleted")
        if is_file_id(native_id):
            return await self._confirm_file(place, view)
        return None if place in view.spaces else "it is in a space that is not read"

    async def _confirm_file(self, page_id: str, view: Snapshot) -> str | None:
        if page_id in view.wanted:
            return None if self._scope.has_files else "left out by the source's settings"
        reason = await self.confirm_removed(page_id)
        return f"its page: {reason}" if reason else None

    async def _sign_in(self, expected: str) -> str:
        key = (await self._api.whoami()).key
        if expected and key != expected:
            raise SourceAuthError(
                "the token belongs to another account than at the last sync, which may see other pages: "
                "if that is meant, run `footnote sync --full`"
            )
        return key

    async def _follow(self, state: State, emails: KnownEmails, known: Mapping[str, str]) -> AsyncIterator[Change]:
        self._identity = await self._sign_in(state.identity)
        reader = SnapshotReader(self._api, self._scope, self._rules)
        try:
            snapshot, access = await reader.read()
            has_restrictions = await access.probe(had_restrictions=state.had_restrictions)
            accesses = {entry.id: await access.of(entry) for entry in snapshot.wanted.values()}
            memberships = await access.memberships(emails)
        except SourceError as exc:
            if reader.snapshot.entries:
                # What was listed before is named in the report, with this reason.
                yield Listing(titles=reader.snapshot.titles, is_complete=False, reason=str(exc))
            raise
        self._view = snapshot
        yield _listing(snapshot, known)
        yield memberships
        if emails.known != state.emails:
            # Each took a request of its own: they outlive a run that is cut short.
            yield Checkpoint(value=replace(state, not_before=None, emails=emails.known).to_text())
        run = Comparison(self._api, self._maker, snapshot, access, accesses, barren=state.barren)
        async for change in run.changes(known):
            yield change
        if snapshot.facts is None:
            # Attachments that were found beside the pages that were read are listed only now.
            yield _listing(snapshot, known)
        for problem in _access_problems(snapshot, accesses, memberships):
            yield problem
        if self._maker.macros:
            yield LeftOut(counts=dict(self._maker.macros))
        yield Checkpoint(
            value=State(
                identity=self._identity,
                had_restrictions=has_restrictions,
                emails=emails.known,
                barren=run.barren,
            ).to_text()
        )


def _listing(snapshot: Snapshot, known: Mapping[str, str]) -> Listing:
    titles = snapshot.titles
    if snapshot.facts is None:
        # Nothing is known of attachments just now: those that are stored stay with their pages.
        titles |= {file: file for file, page in known_files(known).items() if page in snapshot.wanted} | titles
    return Listing(titles=titles, is_complete=not snapshot.reasons, reason="; ".join(snapshot.reasons) or None)


def _access_problems(snapshot: Snapshot, accesses: Mapping[str, Access], memberships: Memberships) -> list[Failed]:
    """Pages that are stored but shown to nobody, and why."""
    found = []
    reached: dict[str, bool] = {}
    for entry in snapshot.wanted.values():
        access = accesses[entry.id]
        digest = access.audience.digest
        if digest not in reached:
            reached[digest] = reachable(access.audience, memberships)
        problem = access.problem or (None if reached[digest] else _UNREACHABLE)
        if problem:
            found.append(Failed(native_id=entry.id, title=entry.title, reason=problem))
    return found
