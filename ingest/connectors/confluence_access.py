"""Who may read a page: its space AND its own restriction AND that of everything above it; and who is in which group.

Confluence's accounts and groups become groups of our own, named after the source: `group:wiki/u/…`, `group:wiki/g/…`.
So an address that becomes known, or a member who joins, changes a membership and no page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.changes import Memberships
from ingest.connectors.confluence_records import ConfluenceApi, Entry, Group, Person, Readers, Refused, Space
from ingest.connectors.confluence_state import KnownEmails
from kb.access import EVERYONE, Audience, grantee
from kb.errors import SourceAuthError, SourceUnavailable

DEEPEST = 200
# So many restrictions refused one after the other mean that the token may not read any.
PROBES = 3
_REFUSALS = frozenset({401, 403, 404, 405, 410, 501})

Layer = frozenset[str]
CLOSED: Layer = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """What the settings say about access. `audience`: stands for the space's permissions, in words."""

    source_id: str
    audience: tuple[str, ...] | None
    licensed_users: tuple[str, ...]
    emails: Mapping[str, str]
    email_domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may read a page, and what could not be found out about it (then nobody may, as far as that goes)."""

    audience: Audience
    problem: str | None


@dataclass(slots=True, kw_only=True)
class _Seen:
    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)


class AccessReader:
    """Finds out who may read what, each restriction once in a sync."""

    def __init__(
        self,
        api: ConfluenceApi,
        rules: AccessRules,
        *,
        spaces: Mapping[str, Space],
        entries: Mapping[str, Entry],
        known: Mapping[str, Readers | None],
    ) -> None:
        self._api = api
        self._rules = rules
        self._spaces = spaces
        self._entries = dict(entries)
        self._layers: dict[str, Layer | None] = {}
        self._problems: dict[str, str] = {}
        self._space_layers: dict[str, Layer] = {}
        self._above: dict[str, tuple[str, ...] | None] = {}
        self._parents: dict[str, tuple[str, str]] = {}
        self._seen = _Seen()
        self._is_readable = bool(known)
        for content_id, readers in known.items():
            self._layers[content_id] = self._layer_or_none(readers)

    async def probe(self, *, had_restrictions: bool) -> bool:
        """Can restrictions be read at all? Without them, words of the settings must say who may read the source.

        Raises SourceAuthError if they do not, or if restrictions could be read at the last sync: the right was lost,
        and going on would open pages.
        """
        if self._entries:
            self._is_readable = await self._reads_one()
            if not self._is_readable:
                self._layers.clear()
        if self._is_readable or not self._entries:
            return self._is_readable or had_restrictions
        if self._rules.audience is None:
            raise SourceAuthError(f"the token may not read who may read a page; {HINT}")
        if had_restrictions:
            raise SourceAuthError(
                "the token could read restrictions at the last sync and cannot now: give it that right back, "
                "or run `footnote sync --full` to go by the words of `audience` alone"
            )
        return False

    async def _reads_one(self) -> bool:
        """What comes with a search may be empty because the token lacks the right, so one is read by itself."""
        for content_id in [*self._entries][:PROBES]:
            try:
                layer = self._layer_or_none(await self._api.readers(content_id))
            except Refused as exc:
                if exc.status not in _REFUSALS:
                    raise SourceUnavailable(f"restrictions cannot be read just now ({exc.status})") from exc
                continue
            if self._layers.get(content_id, layer) != layer:
                # What came with the search is not to be trusted: each is read by itself.
                self._layers.clear()
            self._layers[content_id] = layer
            return True
        return False

    def learn(self, entry: Entry) -> None:
        """A page is newer than its listing: what was found out about its place and restriction is not true any more."""
        self._entries[entry.id] = entry
        self._layers.pop(entry.id, None)
        self._problems.pop(entry.id, None)
        self._above.clear()

    async def of(self, entry: Entry) -> Access:
        """Who may read a page. Raises SourceAuthError if that cannot be found out for any page."""
        layers = [await self._space_layer(entry.space_id)]
        problems = [self._problems.get(entry.space_id)]
        above = await self.above(entry)
        if above is None:
            layers.append(CLOSED)
            problems.append("what it is below cannot be read, so nobody is shown it")
        for content_id in (*(above or ()), entry.id):
            layer = await self._restriction(content_id)
            if layer is not None:
                layers.append(layer)
            problems.append(self._problems.get(content_id))
        return Access(audience=Audience(frozenset(layers)), problem=next(filter(None, problems), None))

    async def above(self, entry: Entry) -> tuple[str, ...] | None:
        """Ids of everything above a page, from the top; None if a part of the way cannot be read."""
        if entry.ancestors is not None:
            return entry.ancestors
        if entry.id not in self._above:
            self._above[entry.id] = await self._climb(entry)
        return self._above[entry.id]

    async def memberships(self, emails: KnownEmails) -> Memberships:
        """The members of every group, account and class that a layer names, addresses as far as they are known."""
        groups: dict[str, list[str]] = {}
        waiting = list(self._seen.groups.values())
        while waiting:
            group = waiting.pop()
            if (name := self._group_name(group)) in groups:
                continue
            groups[name] = []
            for member in await self._members(group):
                if isinstance(member, Group):
                    waiting.append(member)
                    groups[name].append(f"group:{self._group_name(member)}")
                else:
                    self._seen.people.setdefault(member.key, member)
                    groups[name].append(f"group:{self._person_name(member.key)}")
        await self._look_up(emails)
        for key, person in self._seen.people.items():
            address = await self._email(person, emails)
            groups[self._person_name(key)] = [f"user:{address}"] if address else []
        for name in self._seen.classes:
            groups[self._class_name(name)] = list(self._rules.licensed_users)
        return Memberships(groups=groups)

    def names(self) -> dict[str, str]:
        """Account key → name, of everybody who was seen so far."""
        return {key: person.name for key, person in self._seen.people.items() if person.name}

    async def _climb(self, entry: Entry) -> tuple[str, ...] | None:
        path: list[str] = []
        content_id, kind = entry.parent_id, entry.parent_kind
        while content_id:
            if content_id in path or len(path) > DEEPEST:
                return None
            path.append(content_id)
            if content_id in self._entries:
                content_id, kind = self._entries[content_id].parent_id, self._entries[content_id].parent_kind
                continue
            try:
                if content_id not in self._parents:
                    self._parents[content_id] = await self._api.parent(content_id, kind)
            except Refused:
                return None
            content_id, kind = self._parents[content_id]
        return tuple(reversed(path))

    async def _restriction(self, content_id: str) -> Layer | None:
        """The layer of one piece of content; None if it has no restriction, or if words stand for all of them."""
        if not self._is_readable:
            return None
        if content_id not in self._layers:
            try:
                self._layers[content_id] = self._layer_or_none(await self._api.readers(content_id))
            except Refused as exc:
                self._problems[content_id] = f"a restriction cannot be read ({exc.status}), so nobody is shown it"
                self._layers[content_id] = CLOSED
        return self._layers[content_id]

    async def _space_layer(self, space_id: str) -> Layer:
        if self._rules.audience is not None:
            return frozenset(grantee(word) for word in self._rules.audience)
        if space_id not in self._space_layers:
            self._space_layers[space_id] = await self._read_space(space_id)
        return self._space_layers[space_id]

    async def _read_space(self, space_id: str) -> Layer:
        space = self._spaces.get(space_id)
        if space is None:
            self._problems[space_id] = "its space cannot be read, so nobody is shown it"
            return CLOSED
        try:
            layer = self._layer(await self._api.space_readers(space))
        except Refused as exc:
            self._problems[space_id] = f"the permissions of its space cannot be read ({exc.status})"
            if not any(self._space_layers.values()) and len(self._spaces) == 1 + len(self._space_layers):
                raise SourceAuthError(f"the token may not read the permissions of any space ({exc}); {HINT}") from exc
            return CLOSED
        if not layer:
            self._problems[space_id] = "the permissions of its space name nobody"
        return layer

    def _layer_or_none(self, readers: Readers | None) -> Layer | None:
        return None if readers is None else self._layer(readers)

    def _layer(self, readers: Readers) -> Layer:
        self._seen.groups.update({group.key: group for group in readers.groups})
        for person in readers.people:
            if person.name or person.key not in self._seen.people:
                self._seen.people[person.key] = person
        self._seen.classes.update(readers.classes)
        words = [f"group:{self._person_name(person.key)}" for person in readers.people]
        words += [f"group:{self._group_name(group)}" for group in readers.groups]
        words += [f"group:{self._class_name(name)}" for name in readers.classes]
        return frozenset(grantee(word) for word in [*words, *([EVERYONE] if readers.is_public else [])])

    async def _members(self, group: Group) -> Sequence[Person | Group]:
        try:
            return await self._api.members(group)
        except Refused:
            # Nobody is in a group that we may not look into.
            return []

    async def _look_up(self, emails: KnownEmails) -> None:
        """Permissions of spaces name accounts by their keys alone, and the settings maybe by their user names."""
        bare = [
            person.key
            for person in self._seen.people.values()
            if not (person.name or person.username or person.email or emails.get(person.key))
            and (self._rules.emails or emails.get(person.key) is None)
        ]
        try:
            found = await self._api.people(bare) if bare else []
        except Refused:
            return
        self._seen.people.update({person.key: person for person in found})

    async def _email(self, person: Person, emails: KnownEmails) -> str:
        for name in (person.key, person.username):
            if address := self._rules.emails.get(name):
                return address.lower()
        if "@" in (address := person.email or person.username):
            return address.lower()
        if self._rules.email_domain and person.username:
            return f"{person.username}@{self._rules.email_domain}".lower()
        if (known := emails.get(person.key)) is not None:
            return known
        address = (await self._api.email(person)).lower()
        emails.put(person.key, address)
        return address

    def _person_name(self, key: str) -> str:
        return f"{self._rules.source_id}/u/{key}"

    def _group_name(self, group: Group) -> str:
        return f"{self._rules.source_id}/g/{group.key}"

    def _class_name(self, name: str) -> str:
        return f"{self._rules.source_id}/c/{name.lower()}"


HINT = 'give it that right, or say in the settings who may read the source: audience = ["everyone"] or groups'
