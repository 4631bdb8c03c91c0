"""A folder of pages for tests, and what its connector says about it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.changes import Change, Checkpoint, Failed, Listing, Skipped
from ingest.connectors import folder
from ingest.connectors.folder import FolderConnector
from kb.documents import Document
from tests.factories import SOURCE, TENANT

_LONG_AGO_NS = 1_750_000_000_000_000_000
_NOBODY = 65534


class Pages:
    """Files below a folder. Each write is older than the two seconds in which a file's time may not be trusted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ticks = 0
        path.mkdir(exist_ok=True)

    def write(self, name: str, text: str | bytes) -> Path:
        """A file, with folders around it; a new time at every write."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self._ticks += 1
        at = _LONG_AGO_NS + self._ticks * 1_000_000
        os.utime(file, ns=(at, at))
        return file

    def connector(self, **config: Any) -> FolderConnector:
        """A fresh connector, as a new process would build it."""
        values = {"path": self.path, "audience": ("everyone",)} | config
        return folder.build(folder.Config(**values), tenant=TENANT, source_id=SOURCE)

    async def changes(
        self, *, since: Checkpoint | None = None, known: Mapping[str, str] | None = None, **config: Any
    ) -> list[Change]:
        """Everything a fresh connector says."""
        return [change async for change in self.connector(**config).changes(since, known=known or {})]

    async def documents(self, **config: Any) -> dict[str, Document]:
        """The documents, by native id."""
        return {page.native_id: page for page in await self.changes(**config) if isinstance(page, Document)}

    async def problems(self, **config: Any) -> dict[str, tuple[str, str]]:
        """Native id → (kind, reason) of what is no document."""
        changes = await self.changes(**config)
        return {
            change.native_id: (type(change).__name__, change.reason)
            for change in changes
            if isinstance(change, Skipped | Failed)
        }

    async def listed(self, **config: Any) -> Listing:
        """The listing."""
        (found,) = [change for change in await self.changes(**config) if isinstance(change, Listing)]
        return found


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything, so root becomes somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
