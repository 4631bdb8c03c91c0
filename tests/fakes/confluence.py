"""A fake Confluence over loopback HTTP, Cloud or Data Center, with the same wiki behind both."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any, Literal
from urllib.request import urlopen

from ingest.connectors import confluence
from ingest.connectors.confluence_connector import ConfluenceConnector
from ingest.connectors.confluence_transport import Timing
from ingest.report import SyncReport
from kb.wiring import KnowledgeBase
from tests.factories import SOURCE, TENANT, search, sync_with
from tests.fakes.confluence_cloud import EMAIL, CloudSite
from tests.fakes.confluence_cloud import TOKEN as CLOUD_TOKEN
from tests.fakes.confluence_datacenter import CONTEXT, DataCenterSite
from tests.fakes.confluence_datacenter import TOKEN as DATACENTER_TOKEN
from tests.fakes.confluence_faults import Faults, FaultyApp
from tests.fakes.confluence_wiki import FakeUser, FakeWiki
from tests.fakes.serving import serving

Deployment = Literal["cloud", "datacenter"]
DEPLOYMENTS: tuple[Deployment, ...] = ("cloud", "datacenter")


@dataclass
class FakeConfluence:
    """A running site, the wiki it shows and the faults it has."""

    deployment: Deployment
    address: str
    wiki: FakeWiki
    faults: Faults
    site: CloudSite | DataCenterSite

    @property
    def is_cloud(self) -> bool:
        return self.deployment == "cloud"

    @property
    def url(self) -> str:
        return self.address if self.is_cloud else f"{self.address}{CONTEXT}"

    def config(self, **settings: Any) -> confluence.Config:
        """A source's settings for this site."""
        account = {"email": EMAIL, "token": CLOUD_TOKEN} if self.is_cloud else {"token": DATACENTER_TOKEN}
        return confluence.Config(**{"url": self.url, "deployment": self.deployment, **account, **settings})

    async def shown(self, url: str) -> str:
        """The page that a person sees at an address."""
        assert url.startswith(self.address)
        return unescape(await asyncio.to_thread(lambda: urlopen(url.partition("#")[0]).read().decode()))

    def connector(self, *, request_seconds: float = 30.0, **settings: Any) -> ConfluenceConnector:
        """A connector whose pauses take no time."""
        clock = self.faults.clock
        timing = Timing(monotonic=clock.monotonic, now=clock.now, sleep=clock.sleep, request_seconds=request_seconds)
        return confluence.build(self.config(**settings), tenant=TENANT, source_id=SOURCE, timing=timing)


@contextmanager
def running_confluence(deployment: Deployment, wiki: FakeWiki | None = None) -> Iterator[FakeConfluence]:
    """A site on a free port of loopback."""
    wiki = wiki or FakeWiki()
    faults = Faults()
    site = CloudSite(wiki, faults) if deployment == "cloud" else DataCenterSite(wiki, faults)
    with serving(FaultyApp(site.app(), faults)) as address:  # type: ignore[arg-type]  # any ASGI application will do
        yield FakeConfluence(deployment, address, wiki, faults, site)


class SyncedWiki:
    """A site and the knowledge base that is synced from it, each time by a connector of its own."""

    def __init__(self, site: FakeConfluence, base: KnowledgeBase) -> None:
        self.site = site
        self.base = base
        self.people = site.wiki

    async def sync(self, *, is_full: bool = False, may_remove_many: bool = False, **settings: Any) -> SyncReport:
        """One sync of the source, with these settings."""
        connector = self.site.connector(**settings)
        try:
            return await sync_with(self.base, connector, is_full=is_full, may_remove_many=may_remove_many)
        finally:
            await connector.close()

    async def found(self, query: str, user: FakeUser | None) -> set[str]:
        """Titles of the pages that somebody finds."""
        passages = await search(self.base, query, email=user.email if user else None, count=50)
        return {passage.title for passage in passages}
