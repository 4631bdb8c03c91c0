"""A chat model without a model, for tests: it says what it was told to, or the first section's first sentence."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from app.chat_models.base import ChatMessage, ChatModel, ModelHealth
from kb.errors import ModelUnavailable, PromptTooLong
from kb.http import HttpClients


class Config(BaseModel):
    """Settings of the `scripted` chat model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str | None = Field(default=None, description="Its every answer. Default: the first section's first sentence.")
    fails: bool = Field(default=False, description="Be unavailable.")
    pause_seconds: float = Field(default=0, ge=0, description="How long it takes for a word.")
    context_tokens: int = Field(default=4096, ge=1, description="Prompt and answer together, in words.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> ChatModel:  # same arguments as every chat model
    """The chat model."""
    return ScriptedModel(config)


class ScriptedModel:
    """A token is a word. `prompts` keeps what it was asked, `askers` by whom, `grammars` held to what."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.prompts: list[Sequence[ChatMessage]] = []
        self.askers: list[str] = []
        self.grammars: list[str] = []
        self.name = "scripted"
        self.sha256 = None
        self.context_tokens = config.context_tokens

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        if self._config.fails:
            raise ModelUnavailable("the scripted model was told to fail")
        return [len(text.split()) for text in texts]

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """The words of its answer, one by one. Raises ModelError."""
        self.prompts.append(messages)
        self.askers.append(asker)
        self.grammars.append(grammar)
        if sum(await self.count_tokens([message.text for message in messages])) + max_tokens > self.context_tokens:
            raise PromptTooLong("the prompt does not fit")
        said = self._config.says if self._config.says is not None else _first_sentence(messages[-1].text)
        for word in re.findall(r"\s*\S+", said)[:max_tokens]:
            await asyncio.sleep(self._config.pause_seconds)
            yield word

    async def prepare(self) -> AsyncGenerator[str, None]:
        """There is nothing to load."""
        nothing: tuple[str, ...] = ()
        for line in nothing:
            yield line

    async def health(self) -> ModelHealth:
        """Ready, unless told to fail."""
        return ModelHealth(is_ready=not self._config.fails, detail="scripted")

    async def verify(self) -> str:
        """There is no file."""
        return "scripted: nothing to verify"

    async def close(self) -> None:
        """Nothing to free."""


def _first_sentence(prompt: str) -> str:
    _, _, text = prompt.partition("\n")
    return text.split(". ")[0].rstrip(".") + ". [1]"
