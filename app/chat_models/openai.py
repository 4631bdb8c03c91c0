"""A chat model behind any server with OpenAI's chat endpoint: vLLM, llama-server, Ollama, a hosted API."""

import json
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.chat_models.base import ChatMessage, ChatModel, ModelHealth
from kb.errors import ModelError, PromptTooLong
from kb.http import HttpClient, HttpClients, HttpFailure, as_model_error

# Characters a token is nearer 4 in English; guessing more tokens than there are keeps prompts inside the window.
_CHARACTERS_A_TOKEN = 3.0


class Config(BaseModel):
    """Settings of the `openai` chat model."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    base_url: str = Field(description="Address of the server up to and including /v1.")
    model: str = Field(min_length=1, description="The model's name on that server.")
    context_tokens: int = Field(default=8192, ge=512, description="Its context window: prompt and answer together.")
    api_key: SecretStr | None = Field(default=None, description="Set it by FOOTNOTE_CHAT_MODEL__API_KEY.")
    timeout_seconds: float = Field(default=60, gt=0, description="Longest silence of the server.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> ChatModel:  # same arguments as every chat model
    """The chat model. Raises ConfigError if base_url is no HTTP address."""
    headers = {"Authorization": f"Bearer {config.api_key.get_secret_value()}"} if config.api_key else {}
    return OpenAIModel(config, http.open(config.base_url, headers=headers, timeout_seconds=config.timeout_seconds))


class OpenAIModel:
    """Streams POST /chat/completions (https://platform.openai.com/docs/api-reference/chat)."""

    def __init__(self, config: Config, client: HttpClient) -> None:
        self._config = config
        self._client = client
        self.name = config.model
        self.sha256 = None
        self.context_tokens = config.context_tokens

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate on the safe side: the server's tokenizer cannot be asked."""
        return [2 + math.ceil(len(text.encode("utf-8", "replace")) / _CHARACTERS_A_TOKEN) for text in texts]

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """Pieces of the answer, temperature 0. Closing the iterator hangs up. Raises ModelError."""
        body = {
            "model": self._config.model,
            "messages": [{"role": message.role, "content": message.text} for message in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
        }
        try:
            async with aclosing(self._client.stream_lines("/chat/completions", body)) as lines:
                async for line in lines:
                    if line.removeprefix("data:").strip() == "[DONE]":
                        return
                    if piece := _piece(line):
                        yield piece
        except HttpFailure as exc:
            if exc.status in {400, 413, 422} and await self._is_too_long(messages, max_tokens=max_tokens):
                raise PromptTooLong(f"the prompt does not fit {self._config.model}: lower prompt_tokens") from exc
            raise as_model_error(exc, what="the chat model's server") from exc

    async def prepare(self) -> AsyncGenerator[str, None]:
        """The server has its model loaded already."""
        nothing: tuple[str, ...] = ()
        for line in nothing:
            yield line

    async def health(self) -> ModelHealth:
        """Does the server list its models?"""
        try:
            await self._client.get_json("/models")
        except HttpFailure as exc:
            return ModelHealth(is_ready=False, detail=f"{self.name}: {exc}")
        return ModelHealth(is_ready=True, detail=f"{self.name} answers")

    async def verify(self) -> str:
        """The server is asked for its models: its files cannot be seen. Raises ModelError."""
        health = await self.health()
        if not health.is_ready:
            raise ModelError(health.detail)
        return health.detail

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def _is_too_long(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> bool:
        counts = await self.count_tokens([message.text for message in messages])
        return sum(counts) + max_tokens > self.context_tokens


# A foreign JSON object: looked at field by field.
def _piece(line: str) -> str:
    """The text in one server-sent event; nothing for comments, keep-alives and closing events."""
    if not line.startswith("data:"):
        return ""
    try:
        event: Any = json.loads(line.removeprefix("data:"))
    except ValueError as exc:
        raise ModelError("the chat model's server sent an event that is not JSON") from exc
    if isinstance(event, dict) and event.get("error"):
        raise ModelError("the chat model's server broke off with an error")
    try:
        return str(event["choices"][0]["delta"].get("content") or "")
    except (KeyError, IndexError, TypeError, AttributeError):
        return ""
