"""The names that a page's mentions and links are shown by, looked up before the page is parsed."""

from collections.abc import Iterable

from ingest.connectors.confluence_access import AccessReader
from ingest.connectors.confluence_records import ConfluenceApi, Entry, Refused
from ingest.connectors.confluence_snapshot import Snapshot
from ingest.parsing.link_names import LinkedPage, LinkNames, PageRef, References
from kb.access import Audience


class NameBook:
    """Names of people and pages of one sync."""

    def __init__(self, api: ConfluenceApi, snapshot: Snapshot, access: AccessReader) -> None:
        self._api = api
        self._snapshot = snapshot
        self._access = access
        self._people = access.names()
        self._asked: set[str] = set()
        self._by_title = {
            (snapshot.spaces[entry.space_id].key, entry.title): entry for entry in snapshot.entries.values()
        }

    async def learn(self, keys: Iterable[str]) -> None:
        """Ask for the names of people that are not known yet, all at once."""
        unknown = sorted({key for key in keys if key} - self._people.keys() - self._asked)
        self._asked.update(unknown)
        if not unknown:
            return
        try:
            found = await self._api.people(unknown)
        except Refused:
            return
        self._people.update({person.key: person.name for person in found if person.name})

    def person(self, key: str) -> str:
        """Somebody's name; empty if nobody told it."""
        return self._people.get(key, "")

    async def names_for(self, references: References, entry: Entry, audience: Audience) -> LinkNames:
        """The names for one page, as far as its readers may know them."""
        pages = {}
        for reference in references.pages:
            target = self._target(reference, entry)
            if target is not None and await self._may_be_named(reference, target, audience):
                space = self._snapshot.spaces[target.space_id]
                pages[reference] = LinkedPage(title=target.title, url=self._api.page_url(target, space))
        people = {key: self._people[key] for key in references.users if key in self._people}
        return LinkNames(users=people, pages=pages)

    def linked(self, references: References, entry: Entry) -> tuple[str, ...]:
        """Native ids of the pages that a page links to."""
        targets = (self._target(reference, entry) for reference in references.pages)
        return tuple(dict.fromkeys(target.id for target in targets if target is not None))

    def _target(self, reference: PageRef, entry: Entry) -> Entry | None:
        if reference.content_id:
            return self._snapshot.entries.get(reference.content_id)
        space = reference.space or self._snapshot.spaces[entry.space_id].key
        return self._by_title.get((space, reference.title))

    async def _may_be_named(self, reference: PageRef, target: Entry, audience: Audience) -> bool:
        """A title that is not on the page itself is told only if all who may read the page may read the target."""
        if not reference.content_id:
            return True
        return (await self._access.of(target)).audience.layers <= audience.layers
