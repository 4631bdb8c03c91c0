"""A Notion workspace served on loopback, and connectors that read it by a clock of the test's own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from ingest.connectors.notion import Config, NotionConnector
from ingest.connectors.notion_rate import Timing
from tests.factories import SOURCE, TENANT
from tests.fakes.notion_server import Fault, NotionServer, make_notion
from tests.fakes.notion_workspace import Workspace
from tests.fakes.serving import serving


@dataclass
class VirtualTime:
    """Waiting takes no time, and moves the clock on."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Others get their turn, and then it is later."""
        self.waits.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds


@dataclass
class FakeNotion:
    """The workspace, the server in front of it, and the client's clock."""

    workspace: Workspace
    server: NotionServer
    time: VirtualTime
    address: str

    def connector(self, **keys: Any) -> NotionConnector:
        """A fresh connector. Keys: any of its Config."""
        values = {
            "token": SecretStr(self.server.token),
            "audience": ("everyone",),
            "base_url": self.address,
            "timeout_seconds": 5,
        }
        timing = Timing(clock=self.time.clock, sleep=self.time.sleep)
        return NotionConnector(Config(**(values | keys)), tenant=TENANT, source_id=SOURCE, timing=timing)

    def break_down(self, where: str, how: int | str, *, times: int = 1, retry_after: str | None = None) -> None:
        """The next requests that match go wrong."""
        self.server.faults.append(Fault(where, how, times, retry_after))

    def count(self, where: str) -> int:
        """How many requests so far began so, such as `GET /v1`."""
        return sum(each.startswith(where) for each in self.server.requests)


class NotionHost:
    """One server on loopback for many tests, each with a workspace of its own."""

    def __init__(self) -> None:
        self.address = ""
        self._fake: FakeNotion | None = None

    def fresh(self) -> FakeNotion:
        """An empty workspace instead of the one before."""
        self.release()
        workspace, time = Workspace(), VirtualTime()
        server = NotionServer(workspace, clock=time.clock)
        self._fake = FakeNotion(workspace=workspace, server=server, time=time, address=self.address)
        return self._fake

    def current(self) -> NotionServer:
        """The server of the latest workspace."""
        assert self._fake is not None, "no workspace was asked for"
        return self._fake.server

    def release(self) -> None:
        """Answers that were held back are given."""
        if self._fake is not None:
            self._fake.server.released.set()


@contextmanager
def notion_hosted() -> Iterator[NotionHost]:
    """A host for workspaces."""
    host = NotionHost()
    with serving(make_notion(host.current), has_date=False) as host.address:
        try:
            yield host
        finally:
            host.release()


@contextmanager
def notion_served() -> Iterator[FakeNotion]:
    """One empty workspace."""
    with notion_hosted() as host:
        yield host.fresh()
