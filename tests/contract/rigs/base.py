"""What a rig is: a source under a test's control, and fresh connectors that read it."""

from collections.abc import Sequence
from typing import Protocol

from ingest.changes import Connector

# Who the rigs' pages are for unless a test says otherwise: the connector's documents must admit this person.
READER = "reader@a.example"
STRANGER = "stranger@b.example"


class Rig(Protocol):
    """A source with pages. `tests.factories.TENANT` and `SOURCE` are the ids that its connectors are built with."""

    def connector(self) -> Connector:
        """A connector as a new process would build it: nothing is remembered but what the source itself keeps."""

    async def write(self, name: str, text: str) -> str:
        """Make or change a page that everybody in the source may read. Returns its native id."""

    async def restrict(self, name: str, readers: Sequence[str]) -> None:
        """Let only these people, of those who could, read a page; its text stays as it is."""

    async def delete(self, name: str) -> None:
        """Take a page away."""

    async def spoil(self, name: str) -> None:
        """The page is still listed, but what it holds cannot be read."""

    async def go_away(self) -> None:
        """The source answers no more."""

    async def come_back(self) -> None:
        """It does again, as it was."""
