"""A space of a Confluence site, Cloud and Data Center; tests/contract/test_confluence*.py try much more."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from html import escape
from pathlib import Path

from ingest.changes import Connector
from tests.contract.rigs.base import READER, STRANGER, Rig
from tests.fakes.confluence import DEPLOYMENTS, Deployment, FakeConfluence, running_confluence
from tests.fakes.confluence_wiki import FakeContent, FakeUser


class ConfluenceRig:
    """Pages at the top of one space that everybody may read."""

    def __init__(self, site: FakeConfluence) -> None:
        self._site = site
        self._people = {email: _person(site, email) for email in (READER, STRANGER)}
        staff = site.wiki.group("staff", *self._people.values())
        self._space = site.wiki.space("OPS", staff)
        self._pages: dict[str, FakeContent] = {}

    def connector(self) -> Connector:
        return self._site.connector(spaces=("OPS",))

    async def write(self, name: str, text: str) -> str:
        self._site.faults.clear()
        storage = f"<p>{escape(text)}</p>"
        if name in self._pages:
            self._site.wiki.edit(self._pages[name], storage)
        else:
            self._pages[name] = self._site.wiki.page(self._space, name.title(), storage)
        return self._pages[name].id

    async def restrict(self, name: str, readers: Sequence[str]) -> None:
        self._site.wiki.restrict(self._pages[name], *(self._people[email] for email in readers))

    async def delete(self, name: str) -> None:
        self._site.wiki.trash(self._pages[name])

    async def spoil(self, name: str) -> None:
        page = self._pages[name]
        self._site.wiki.edit(page, page.storage)
        on_cloud = rf"/pages(/{page.id}\?|\?.*\bid=[0-9,]*{page.id})"
        on_datacenter = rf"/content/{page.id}\?expand=body|cql=id.*{page.id}.*body"
        self._site.faults.add(on_cloud if self._site.is_cloud else on_datacenter, status=500)

    async def go_away(self) -> None:
        self._site.faults.add("", status=503)

    async def come_back(self) -> None:
        self._site.faults.clear()


@asynccontextmanager
async def open_rig(_: Path, *, deployment: Deployment) -> AsyncIterator[Rig]:
    """The rig, over a site of its own."""
    with running_confluence(deployment) as site:
        yield ConfluenceRig(site)


def _person(site: FakeConfluence, email: str) -> FakeUser:
    person = site.wiki.user(email.partition("@")[0])
    person.email = email
    return person


RIGS = {f"confluence {deployment}": partial(open_rig, deployment=deployment) for deployment in DEPLOYMENTS}
