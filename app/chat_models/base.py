"""What a chat model is: text in, a stream of text out, and a tokenizer to measure prompts with."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSection:
    """Where in a message's text a section stands (offsets in characters), and whose it is.

    A chat model may remember what it made of a section: for its tenant alone, and as long as the revision is live.
    `label_start`: where the words begin that stand before it and only number it: the same in every prompt.
    """

    label_start: int
    start: int
    end: int
    tenant: str
    revision_id: str


def revision_id(document_id: str, revision: int) -> str:
    """What the sections of one revision of a page belong to."""
    return f"{document_id}@{revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message. The text is data: no template token in it is ever taken for one. `sections`: in order.

    `tone`: how the answer is to sound, where it was set; a chat model may have an adapter for it.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    sections: tuple[PromptSection, ...] = ()
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHealth:
    """Is it usable, and a line for people."""

    is_ready: bool
    detail: str


@runtime_checkable
class Tunable(Protocol):
    """A chat model that can be run in several ways."""

    def tune(self) -> AsyncGenerator[str, None]:
        """Measure the ways not measured yet and keep the fastest: lines for people. Raises ModelError."""

    def tuning_report(self) -> Sequence[str]:
        """Lines for people: every way that was measured here, and which was chosen."""


@runtime_checkable
class Improving(Protocol):
    """A chat model that finds out how it runs fastest while it answers."""

    async def improve(self) -> None:
        """Until it is found: in moments when nobody asks. Raises ModelError."""


@runtime_checkable
class Remembering(Protocol):
    """A chat model that remembers what it made of sections."""

    async def retain(self, *, tenant: str, revision_ids: Collection[str]) -> int:
        """Drop what is remembered of the tenant's sections but those of these revisions; how much that was.

        Raises ModelError.
        """

    async def remembered(self, *, tenant: str, revision_ids: Collection[str]) -> Collection[str]:
        """Those of the revisions of which something is remembered. Raises ModelError."""

    async def remember(self, messages: Sequence[ChatMessage]) -> bool:
        """Make of their sections what a question would, in a moment when nobody asks.

        False: somebody did, or nothing is remembered. Raises ModelError.
        """


class ChatModel(Protocol):
    """A locally or remotely served LLM. Raises only ModelErrors."""

    @property
    def name(self) -> str:
        """For people and for the answer's record."""

    @property
    def sha256(self) -> str | None:
        """Digest of the model file, where it is pinned."""

    @property
    def context_tokens(self) -> int:
        """Prompt and answer together."""

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer (an estimate on the safe side where it has none)."""

    def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """Pieces of the answer as they are made, temperature 0. Closing the iterator stops the model.

        `asker`: whose question it is; where questions queue, askers take turns. `grammar`: what the answer is held to,
        in llama.cpp's notation (GBNF, its first rule `root`); a model that cannot be held to one writes freely.
        """

    def prepare(self) -> AsyncGenerator[str, None]:
        """Load now, so that no question waits for it: lines for people about what takes long. Raises ModelError."""

    async def health(self) -> ModelHealth:
        """Never raises."""

    async def verify(self) -> str:
        """What was verified, for people. Raises ModelError if the file is not what it must be."""

    async def close(self) -> None:
        """Stop the model and free it."""
