"""A folder of Markdown files."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ingest.changes import Connector
from tests.contract.rigs.base import Rig
from tests.folders import Pages


class FolderRig:
    """Pages in a folder that can be moved away."""

    def __init__(self, directory: Path) -> None:
        self._pages = Pages(directory / "wiki")
        self._elsewhere = directory / "unmounted"
        self._texts: dict[str, str] = {}

    def connector(self) -> Connector:
        return self._pages.connector()

    async def write(self, name: str, text: str) -> str:
        self._texts[name] = text
        self._pages.write(f"{name}.md", text)
        return f"{name}.md"

    async def restrict(self, name: str, readers: Sequence[str]) -> None:
        self._pages.write(f"{name}.md", f"---\naudience: [{', '.join(readers)}]\n---\n{self._texts[name]}")

    async def delete(self, name: str) -> None:
        (self._pages.path / f"{name}.md").unlink()

    async def spoil(self, name: str) -> None:
        self._pages.write(f"{name}.md", b"\x00\xff")

    async def go_away(self) -> None:
        self._pages.path.rename(self._elsewhere)

    async def come_back(self) -> None:
        self._elsewhere.rename(self._pages.path)


@asynccontextmanager
async def open_rig(directory: Path) -> AsyncIterator[Rig]:
    """The rig; nothing runs that would have to end."""
    yield FolderRig(directory)
