"""The default chat model: a GGUF file run by llama.cpp in a process of its own."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.chat_models.base import ChatMessage, ChatModel, ModelHealth
from app.chat_models.llama_cpp_process import WorkerProcess
from app.chat_models.manifest import STARTER, ChatTemplate, chat_template, starter_model
from kb.errors import ConfigError
from kb.http import HttpClients


class Config(BaseModel):
    """Settings of the `llama_cpp` chat model."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(default=STARTER, min_length=1, description="`starter`, or the path of a GGUF file.")
    sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="What the file must be; `footnote models verify` prints it. `starter` has its own.",
    )
    template: str = Field(default="chatml", description="How turns are marked: `chatml`, `llama3`, `gemma`, `phi3`.")
    format: Literal["auto", "as-shipped"] = Field(
        default="auto",
        description="`auto`: small models run in the format measured fastest here. `as-shipped`: the file as it is.",
    )
    context_tokens: int = Field(default=4096, ge=512, description="Prompt and answer together; costs memory.")
    threads: int | None = Field(default=None, ge=1, description="Default: one for each processor.")
    gpu_layers: int = Field(default=-1, ge=-1, description="Layers on a GPU, if llama.cpp was built for it; -1: all.")
    queue_seconds: float = Field(default=20, gt=0, description="How long a question waits for those before it.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> ChatModel:  # same arguments as every chat model
    """The chat model; its process starts with the first question. Raises ConfigError."""
    return LlamaCppModel(locate(config), config, cache=data_dir / "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufFile:
    """The file to run and what is known about it."""

    name: str
    path: Path
    sha256: str | None
    template: ChatTemplate


def locate(config: Config) -> GgufFile:
    """The file the settings name. Raises ConfigError."""
    if config.model == STARTER:
        known = starter_model()
        template = chat_template(known.template)
        return GgufFile(name=known.name, path=known.path(), sha256=known.sha256, template=template)
    path = Path(config.model).expanduser()
    if not path.is_file():
        raise ConfigError(f"[chat_model] model: no file {path}; give `starter` or the path of a GGUF file")
    return GgufFile(name=path.stem, path=path, sha256=config.sha256, template=chat_template(config.template))


class LlamaCppModel:
    """Answers one question at a time; the others wait their turn for `queue_seconds`."""

    def __init__(self, gguf: GgufFile, config: Config, *, cache: Path) -> None:
        self._gguf = gguf
        self._config = config
        self._load = {
            "op": "load",
            "path": str(gguf.path),
            "sha256": gguf.sha256,
            "cache": str(cache),
            "tunes": config.format == "auto",
            "context_tokens": config.context_tokens,
            "threads": config.threads or _processors(),
            "gpu_layers": config.gpu_layers,
        }
        self.worker = WorkerProcess(self._load, queue_seconds=config.queue_seconds)
        self.name = gguf.name
        self.sha256 = gguf.sha256

    @property
    def context_tokens(self) -> int:
        """Prompt and answer together: as configured, or what the model was trained for if that is less."""
        loaded = self.worker.loaded
        return int(loaded["context_tokens"]) if loaded else self._config.context_tokens

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer. Raises ModelError."""
        event = await self.worker.finish({"op": "count", "texts": list(texts)})
        return [int(count) for count in event["counts"]]

    async def stream(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> AsyncGenerator[str, None]:
        """Pieces of the answer, always the most probable. Closing the iterator stops the model. Raises ModelError."""
        pieces = [(piece.text, piece.is_template) for piece in self._gguf.template.render(messages)]
        job = {"op": "stream", "pieces": pieces, "max_tokens": max_tokens}
        async with aclosing(self.worker.events(job)) as events:
            async for event in events:
                if event["event"] == "piece":
                    yield str(event["text"])

    async def tune(self) -> AsyncGenerator[str, None]:
        """Measure the formats anew, keep the fastest: a line for each, and one that sums up. Raises ModelError."""
        job = {**self._load, "op": "tune"}
        async with aclosing(self.worker.events(job, is_loaded=False)) as events:
            async for event in events:
                yield str(event["line"]) if event["event"] == "progress" else f"kept: {event['format']}"

    async def prepare(self) -> AsyncGenerator[str, None]:
        """Load, and on a new machine measure the formats first: a line for each. Raises ModelError."""
        async with aclosing(self.worker.loading()) as events:
            async for event in events:
                if event["event"] == "progress":
                    yield str(event["line"])

    async def health(self) -> ModelHealth:
        """Ready once loaded; not loaded is no fault, as the first question loads it."""
        if not self._gguf.path.is_file():
            return ModelHealth(is_ready=False, detail=f"{self.name}: its file is gone")
        if self.worker.loaded and self.worker.process_id:
            return ModelHealth(is_ready=True, detail=f"{self.name} is loaded ({self.worker.loaded['file']})")
        return ModelHealth(is_ready=True, detail=f"{self.name} loads with the first question")

    async def verify(self) -> str:
        """The file's digest, compared with the pinned one. Raises ModelError."""
        event = await self.worker.finish({**self._load, "op": "verify"}, is_loaded=False)
        return f"{self.name}: sha256 {event['sha256']} ({'as pinned' if self.sha256 else 'not pinned'})"

    async def close(self) -> None:
        """Stop the process."""
        await self.worker.stop()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
