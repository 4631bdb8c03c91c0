"""Who may be told what in Slack: a person's principal, and the principal that stands for everybody in a channel.

An answer that a channel sees is made of what everybody there may read. In a public channel that is what `everyone` may
read, since anybody of the workspace can look in; in a private one also what a group may read that all of them are in.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.channels.slack_api import Json, SlackApi
from app.channels.slack_asking import Asked
from app.slack_settings import SlackTable
from kb.access import Principal
from kb.catalogue import Catalogue
from kb.errors import ChannelError

PERSON_SECONDS = 600.0
CHANNEL_SECONDS = 60.0
# More strangers to us than this are looked up by listing the workspace: users.info is limited to 100 a minute.
_MOST_SINGLE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A Slack account, as far as rights depend on it. `email` is None where Slack hides it."""

    id: str
    email: str | None
    is_stranger: bool = False
    is_guest: bool = False
    is_bot: bool = False
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no answer here, in words for the asker."""

    words: str


Reader: TypeAlias = Principal | Refusal


class SlackPeople:
    """Looks people and channels up, and remembers them for some minutes. Raises ChannelError, CatalogueError."""

    def __init__(
        self,
        api: SlackApi,
        catalogue: Catalogue,
        *,
        tenant: str,
        settings: SlackTable,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._catalogue = catalogue
        self._tenant = tenant
        self._settings = settings
        self._clock = clock
        self._people: dict[str, tuple[float, Person]] = {}
        self._channels: dict[str, tuple[float, Reader]] = {}

    async def reader(self, asked: Asked, *, is_private: bool) -> Reader:
        """For whom an answer is made: the asker, where nobody else sees it, or everybody in the channel."""
        own = await self._asker(asked)
        if is_private or isinstance(own, Refusal):
            return own
        try:
            return await self._everybody_in(asked.channel, team=asked.team)
        except ChannelError as exc:
            if exc.code not in {"missing_scope", "channel_not_found", "not_in_channel"}:
                raise
            return Refusal(words="I cannot see who is in this channel, so I do not answer here. Ask me directly.")

    async def _asker(self, asked: Asked) -> Reader:
        (person,) = await self._look_up([asked.user], team=asked.team)
        if person.is_bot or person.is_gone:
            return Refusal(words="I answer people of this workspace alone.")
        if person.is_stranger:
            return Refusal(words="I answer people of this workspace alone, and you are from another one.")
        if person.is_guest:
            if not self._settings.guests:
                return Refusal(words="I do not answer guests. Please ask somebody of the workspace.")
            return self._anyone()
        if person.email is None:
            return self._anyone()
        return await self._catalogue.access.principal(self._tenant, person.email)

    async def _everybody_in(self, channel: str, *, team: str) -> Reader:
        now = self._clock()
        known = self._channels.get(channel)
        if known is None or known[0] <= now:
            known = (now + CHANNEL_SECONDS, await self._ask_about(channel, team=team))
            self._channels[channel] = known
        return known[1]

    async def _ask_about(self, channel: str, *, team: str) -> Reader:
        facts = await self._api.channel(channel)
        if facts.get("is_ext_shared") or facts.get("is_pending_ext_shared") or facts.get("is_shared"):
            return Refusal(words="This channel is shared with another organisation, so I do not answer here.")
        most = self._settings.members_checked
        members = await self._api.members(channel, most=most + 1) if most else []
        checked = await self._look_up(members[:most], team=team)
        people = [person for person in checked if not person.is_bot and not person.is_gone]
        if any(person.is_stranger for person in people):
            return Refusal(words="Somebody of another organisation is in this channel, so I do not answer here.")
        if any(person.is_guest for person in people):
            if not self._settings.guests:
                return Refusal(words="Guests are in this channel, so I do not answer here. Ask me directly.")
            return self._anyone()
        # Anybody can look into a public channel. Unless all were looked at, nothing is known of the others.
        is_closed = bool(facts.get("is_private") or facts.get("is_mpim") or facts.get("is_group"))
        return await self._common(people) if is_closed and people and len(members) <= most else self._anyone()

    async def _common(self, people: Sequence[Person]) -> Principal:
        """Nobody by name, and in the groups that all of them are in."""
        groups: frozenset[str] | None = None
        for person in people:
            own = (await self._catalogue.access.principal(self._tenant, person.email)).groups
            groups = own if groups is None else groups & own
            if not groups:
                break
        return Principal(tenant=self._tenant, email=None, groups=groups or frozenset())

    def _anyone(self) -> Principal:
        return Principal(tenant=self._tenant, email=None)

    async def _look_up(self, users: Sequence[str], *, team: str) -> list[Person]:
        now = self._clock()
        self._people = {user: known for user, known in self._people.items() if known[0] > now}
        unknown = [user for user in users if user not in self._people]
        if len(unknown) > _MOST_SINGLE:
            found = await self._api.people()
        else:
            found = list(await asyncio.gather(*(self._api.person(user) for user in unknown)))
        for each in found:
            self._people[each["id"]] = (now + PERSON_SECONDS, person_of(each, team=team))
        # Whoever is in the channel and not in the workspace's list is none of its people.
        return [self._people[user][1] if user in self._people else _stranger(user) for user in users]


def person_of(user: Json, *, team: str) -> Person:
    """What Slack says about an account, read on the safe side: who is not clearly of this team is a stranger."""
    profile: dict[str, Any] = user.get("profile") or {}  # JSON of Slack's making
    teams = {user.get("team_id"), *((user.get("enterprise_user") or {}).get("teams") or ())}
    email = str(profile.get("email") or "").strip()
    return Person(
        id=str(user["id"]),
        email=email or None,
        is_stranger=bool(user.get("is_stranger")) or team not in teams,
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_invited_user")),
        is_bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
        is_gone=bool(user.get("deleted")),
    )


def _stranger(user: str) -> Person:
    return Person(id=user, email=None, is_stranger=True)
