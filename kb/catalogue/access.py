"""Audiences and memberships: what the catalogue knows about who may read what."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.access import NOBODY, Audience, Principal, grantee, readable_audiences
from kb.catalogue.database import Database, insert_new, upsert
from kb.catalogue.tables import access_epochs, audiences, memberships


class AccessStore:
    """Interned audiences and group memberships of each tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # tenant → (epoch, audiences): valid while the epoch stands, whichever process changes it.
        self._known: dict[str, tuple[int, dict[int, Audience]]] = {}

    async def intern(self, tenant: str, audience: Audience) -> int:
        """The id of an audience; equal audiences have one id."""
        found = select(audiences.c.id).where(audiences.c.tenant == tenant, audiences.c.digest == audience.digest)
        if known := await self._database.fetch(found):
            return int(known[0].id)
        async with self._database.write() as connection:
            layers = sorted(sorted(layer) for layer in audience.layers)
            row = {"tenant": tenant, "digest": audience.digest, "layers": layers}
            await connection.execute(upsert(connection, audiences, [row], keys=("tenant", "digest")))
            await _count_up(connection, tenant)
            return int((await connection.execute(found)).scalar_one())

    async def audience(self, tenant: str, audience_id: int) -> Audience:
        """The audience with this id; one that admits nobody if there is none."""
        return (await self._audiences(tenant)).get(audience_id, NOBODY)

    async def readable(self, principal: Principal) -> tuple[int, ...]:
        """Ids of the audiences that admit the principal: the filter every search carries. Sorted."""
        return readable_audiences(principal, await self._audiences(principal.tenant))

    async def set_groups(self, tenant: str, origin: str, groups: Mapping[str, Sequence[str]]) -> None:
        """Replace all memberships of one origin. Members are audience words; a group may hold groups."""
        rows = {(f"group:{name.lower()}", grantee(member)) for name, members in groups.items() for member in members}
        mine = (memberships.c.tenant == tenant, memberships.c.origin == origin)
        async with self._database.write() as connection:
            await _take_turn(connection, tenant)
            stored = await connection.execute(select(memberships.c.group_name, memberships.c.member).where(*mine))
            if {(group, member) for group, member in stored} == rows:
                return
            await connection.execute(delete(memberships).where(*mine))
            if rows:
                values = [
                    {"tenant": tenant, "origin": origin, "group_name": group, "member": member}
                    for group, member in sorted(rows)
                ]
                await connection.execute(insert(memberships), values)
            await _count_up(connection, tenant)

    async def principal(self, tenant: str, email: str | None, *, groups: Iterable[str] = ()) -> Principal:
        """Who an e-mail address is, with every group it belongs to, through groups of groups. None: nobody known.

        `groups`: names of further groups, by the word of whoever vouches for the person.
        """
        if email is None:
            return Principal(tenant=tenant, email=None)
        own = {f"group:{name.lower()}" for name in groups}
        known: set[str] = set()
        async with self._database.read() as connection:
            found = own | await _groups_of(connection, tenant, {f"user:{email.lower()}"})
            while new := found - known:
                known |= new
                found = await _groups_of(connection, tenant, new)
        return Principal(tenant=tenant, email=email, groups=frozenset(name.removeprefix("group:") for name in known))

    async def _audiences(self, tenant: str) -> Mapping[int, Audience]:
        epoch_of = select(access_epochs.c.epoch).where(access_epochs.c.tenant == tenant)
        known = self._known.get(tenant)
        if known is not None:
            current = await self._database.fetch(epoch_of)
            if known[0] == (current[0].epoch if current else 0):
                return known[1]
        async with self._database.read() as connection:
            epoch = (await connection.execute(epoch_of)).scalar() or 0
            rows = await connection.execute(
                select(audiences.c.id, audiences.c.layers).where(audiences.c.tenant == tenant)
            )
            fresh = {row.id: Audience(frozenset(frozenset(layer) for layer in row.layers)) for row in rows}
        self._known[tenant] = (epoch, fresh)
        return fresh


async def _groups_of(connection: AsyncConnection, tenant: str, members: Iterable[str]) -> set[str]:
    query = select(memberships.c.group_name).where(
        memberships.c.tenant == tenant, memberships.c.member.in_(sorted(members))
    )
    return {str(name) for name in (await connection.execute(query)).scalars()}


async def _take_turn(connection: AsyncConnection, tenant: str) -> None:
    """Wait for other processes that change this tenant's memberships; until the transaction ends it is our turn."""
    await connection.execute(insert_new(connection, access_epochs, {"tenant": tenant, "epoch": 0}))
    await connection.execute(select(access_epochs.c.epoch).where(access_epochs.c.tenant == tenant).with_for_update())


async def _count_up(connection: AsyncConnection, tenant: str) -> None:
    await connection.execute(insert_new(connection, access_epochs, {"tenant": tenant, "epoch": 0}))
    changed = update(access_epochs).where(access_epochs.c.tenant == tenant)
    await connection.execute(changed.values(epoch=access_epochs.c.epoch + 1))
