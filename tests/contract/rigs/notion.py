"""A Notion workspace behind a server on loopback."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ingest.changes import Connector
from tests.contract.rigs.base import Rig
from tests.fakes.notion import FakeNotion, notion_served
from tests.fakes.notion_json import paragraph


class NotionRig:
    """Pages at the top of a workspace. Who may read them is said for the whole source."""

    restricts_pages = False

    def __init__(self, notion: FakeNotion) -> None:
        self._notion = notion
        self._ids: dict[str, str] = {}

    def connector(self) -> Connector:
        return self._notion.connector()

    async def write(self, name: str, text: str) -> str:
        self._notion.server.faults.clear()
        if name in self._ids:
            self._notion.workspace.write(self._ids[name], paragraph(text))
        else:
            self._ids[name] = self._notion.workspace.add_page(f"Page {name}", paragraph(text))
        # Long enough for the edit not to be the latest minute's.
        self._notion.workspace.wait(minutes=5)
        return self._ids[name].replace("-", "")

    async def restrict(self, name: str, readers: Sequence[str]) -> None:
        raise AssertionError("Notion's API knows no readers of a page")

    async def delete(self, name: str) -> None:
        self._notion.workspace.trash(self._ids[name])

    async def spoil(self, name: str) -> None:
        self._notion.break_down(f"/blocks/{self._ids[name].replace('-', '')}/children", 500, times=10_000)

    async def go_away(self) -> None:
        self._notion.break_down(".", 503, times=10_000)

    async def come_back(self) -> None:
        self._notion.server.faults.clear()


@asynccontextmanager
async def open_rig(directory: Path) -> AsyncIterator[Rig]:
    """The rig, with its server."""
    with notion_served() as notion:
        yield NotionRig(notion)
