"""The folder connector: a tree of Markdown and HTML files."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ingest.changes import Change, Checkpoint, Failed, Listing, Skipped
from ingest.connectors.folder_links import LinkTargets
from ingest.connectors.folder_page import PARSER_VERSION, FolderReader, title_of
from ingest.connectors.folder_tree import PathFilter, Tree, TreeFile, walk
from kb.access import Audience
from kb.documents import Document, fingerprint_of
from kb.errors import SourceUnavailable

# A folder may be on a network; a page may be made to be slow to parse.
WALK_SECONDS = 600.0
READ_SECONDS = 300.0

Result = TypeVar("Result")


class Config(BaseModel):
    """Keys of a `[[sources]]` table of kind `folder`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="The folder; relative to the config file.")
    audience: tuple[str, ...] | None = Field(
        default=None,
        validate_default=True,
        description='Who may read it: "everyone", e-mails, or "group:NAME". A file\'s front matter can narrow it.',
    )
    include: tuple[str, ...] = Field(
        default=(), description="Globs of the files to read, such as `guides/**`; default: all."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Globs of files and folders to leave out.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where people read the files: links become base_url/PATH#heading. Default: Footnote shows them.",
    )
    max_bytes: int = Field(default=20_000_000, ge=1, description="Larger files are skipped.")

    @field_validator("audience")
    @classmethod
    def _audience_is_said(cls, value: tuple[str, ...] | None) -> tuple[str, ...]:
        if not value:
            raise ValueError(
                'a folder does not say who may read it: set audience = ["everyone"], e-mails or "group:NAME"'
            )
        return value


def build(config: Config, *, tenant: str, source_id: str) -> "FolderConnector":
    """The connector of one folder. Nothing is read yet."""
    return FolderConnector(config, tenant=tenant, source_id=source_id)


class FolderConnector:
    """Reads a folder. A file's version is its time, size and inode, so unchanged files are not opened."""

    def __init__(self, config: Config, *, tenant: str, source_id: str) -> None:
        self._folder = str(config.path)
        self._paths = PathFilter(include=config.include, exclude=config.exclude)
        audience = Audience.of(config.audience or ())
        self._reader = FolderReader(
            tenant=tenant,
            source_id=source_id,
            audience=audience,
            base_url=config.base_url,
            max_bytes=config.max_bytes,
            digest=fingerprint_of([audience.digest, config.base_url, PARSER_VERSION])[:12],
        )
        self._request_count = 0

    async def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        """All files that are new or changed. Raises SourceUnavailable."""
        tree = await self._walk()
        if not tree.files and not tree.problems and since is not None and since.value != tree.identity:
            # The place where a disk is mounted is an empty folder of its own while the disk is away.
            raise SourceUnavailable(
                f"{self._folder} is empty, and another folder than at the last sync: is it mounted?"
            )
        listed = [*(file.native_id for file in tree.files), *(problem.native_id for problem in tree.problems)]
        titles = {native_id: title_of(native_id) for native_id in listed}
        yield Listing(titles=titles, is_complete=tree.reason is None, reason=tree.reason)
        for problem in tree.problems:
            yield problem
        targets = LinkTargets(file.native_id for file in tree.files)
        for file in tree.files:
            if known.get(file.native_id) != self._reader.version(file):
                yield self._reader.unread(file) or await self._read(file, targets)
        yield Checkpoint(value=tree.identity)

    async def confirm_removed(self, native_id: str) -> str | None:
        """A file is gone if the folder is there and the file is not, or if the settings leave it out."""
        if not self._paths.wants_file(native_id):
            return "left out by the source's settings"
        return await self._in_thread(lambda: self._is_gone(native_id), seconds=READ_SECONDS)

    async def verify(self) -> str:
        """How many files there are. Raises SourceUnavailable."""
        return f"{len((await self._walk()).files)} files in {self._folder}"

    @property
    def request_count(self) -> int:
        """Files opened so far."""
        return self._request_count

    async def close(self) -> None:
        """Nothing is held open."""

    async def _walk(self) -> Tree:
        return await self._in_thread(lambda: walk(self._folder, self._paths), seconds=WALK_SECONDS)

    async def _read(self, file: TreeFile, targets: LinkTargets) -> Document | Skipped | Failed:
        self._request_count += 1
        try:
            return await self._in_thread(lambda: self._reader.read(file, targets), seconds=READ_SECONDS)
        except SourceUnavailable:
            reason = f"reading it took longer than {READ_SECONDS:.0f} s"
            return Failed(native_id=file.native_id, title=title_of(file.native_id), reason=reason)

    async def _in_thread(self, work: Callable[[], Result], *, seconds: float) -> Result:
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), seconds)
        except TimeoutError:
            raise SourceUnavailable(f"{self._folder} did not answer for {seconds:.0f} s") from None

    def _is_gone(self, native_id: str) -> str | None:
        try:
            os.scandir(self._folder).close()
        except OSError:
            return None
        try:
            os.lstat(os.path.join(self._folder, native_id))
        except (FileNotFoundError, NotADirectoryError):
            return "the file is gone"
        except OSError:
            return None
        return None
