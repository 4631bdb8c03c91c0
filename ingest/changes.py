"""The stream between connectors and sync: what changed, in order, with the checkpoint inside it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from kb.access import Audience
from kb.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChanged:
    """Only who may read a stored document changed: its text is not read again and nothing is embedded.

    For documents alone that `known` names, and whose text has not changed since that version, whatever a checkpoint
    says: one that is not stored yet, or whose text was never read, is given whole.
    `version`: the version the document has with the new audience, so that the next sync finds nothing to do.
    """

    native_id: str
    audience: Audience
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """All groups of the source: name → members as audience words (e-mails, `group:NAME`). Replaces what was known.

    Names must begin with the source's id and a slash: another source's group of the same name is another group.
    """

    groups: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The source gave positive evidence that a document is gone or no longer readable."""

    native_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A document that is not meant to be indexed, and why."""

    native_id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A document that could not be read, and why; a good copy of it stays as it is.

    `version`: which one could not be read, where what it holds is the cause: after a few times it is left alone until
    it changes. What may pass by itself, such as no answer or a refusal, has none. `audience`: who may read it now,
    where that is known: a good copy is shown to nobody else meanwhile.
    """

    native_id: str
    title: str
    reason: str
    version: str = ""
    audience: Audience | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What the documents read in this run hold that has no text here, such as buttons: its kind → how often."""

    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the source says exists: native id → title. Only a complete listing can show that something is missing."""

    titles: Mapping[str, str]
    is_complete: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Durable progress: everything yielded before it is stored once it is saved. `value` is the connector's own."""

    value: str


Change: TypeAlias = Document | AccessChanged | Memberships | Removed | Skipped | Failed | LeftOut | Listing | Checkpoint


class Connector(Protocol):
    """Reads one kind of source. Raises only SourceErrors."""

    def changes(self, since: Checkpoint | None, *, known: Mapping[str, str]) -> AsyncIterator[Change]:
        """What changed. `known`: native id → version that is stored, so that unchanged documents need not be read.

        Yields a Listing first when it has one cheaply, and always before it ends.
        """

    async def confirm_removed(self, native_id: str) -> str | None:
        """Evidence, by a direct read, that a document missing from a listing is gone; None if it is not established."""

    async def verify(self) -> str:
        """Look whether the source can be read, reading no document; a line about it. Raises SourceErrors."""

    @property
    def request_count(self) -> int:
        """Requests (or file reads) made so far, for the report."""

    async def close(self) -> None:
        """Let go of connections."""
