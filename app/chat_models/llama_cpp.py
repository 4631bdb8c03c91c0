"""The default chat model: a GGUF file run by llama.cpp in a process of its own."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.chat_models.base import ChatMessage, ChatModel, ModelHealth
from app.chat_models.llama_cpp_improving import Improver, while_quiet
from app.chat_models.llama_cpp_process import WorkerProcess
from app.chat_models.manifest import STARTER, ChatTemplate, chat_template, starter_model
from app.chat_models.model_lock import locked_model
from app.chat_models.section_store import retain_files
from app.chat_models.tuning_record import digest_of, explain, read_record
from app.chat_models.turns import Turns
from kb.errors import ConfigError
from kb.http import HttpClients

# `footnote models tune` may take so long; a start takes much less.
TUNE_SECONDS = 300.0


class Config(BaseModel):
    """Settings of the `llama_cpp` chat model."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(
        default=STARTER,
        min_length=1,
        description="`starter`, a name given with `footnote models add`, or the path of a GGUF file.",
    )
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
    context_tokens: int = Field(
        default=4096, ge=512, description="Prompt and answer together; costs memory, for each of `parallel`."
    )
    threads: int | None = Field(default=None, ge=1, description="Default: as many as measured fastest here.")
    gpu_layers: int = Field(default=-1, ge=-1, description="Layers on a GPU, if llama.cpp was built for it; -1: all.")
    parallel: int = Field(default=4, ge=1, le=16, description="Questions answered at the same time.")
    queue_seconds: float = Field(
        default=20,
        gt=0,
        description="A question that would wait longer for those before it is not answered by the model.",
    )
    silence_seconds: float = Field(
        default=5, ge=2, description="A process that says nothing for so long while it should be at work is killed."
    )
    adapters: dict[str, Path] = Field(
        default_factory=dict,
        description="LoRA files (GGUF) by the `tone` of `[answering]` that they are for.",
    )
    section_memory: bool = Field(
        default=True,
        description="Remember what the model made of a section, and join it into the next prompt: faster by far.",
    )
    section_reread: int = Field(
        default=0,
        ge=0,
        description="So many sections at a prompt's end are read anew, with those before them in view: nearer to "
        "prompts read whole, and slower.",
    )
    section_memory_mb: int = Field(default=128, ge=0, description="Most memory for that.")
    section_disk_mb: int = Field(default=1024, ge=0, description="Most disk for that, in `data_dir/models/sections`.")


def build(config: Config, *, data_dir: Path, http: HttpClients) -> ChatModel:  # same arguments as every chat model
    """The chat model; its process starts with the first question. Raises ConfigError."""
    models = data_dir / "models"
    for tone, path in config.adapters.items():
        if not tone or not path.is_file():
            raise ConfigError(f"[chat_model.adapters] {tone!r}: no file {path}")
    return LlamaCppModel(locate(config, models=models), config, cache=models)


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufFile:
    """The file to run and what is known about it."""

    name: str
    path: Path
    sha256: str | None
    template: ChatTemplate


def locate(config: Config, *, models: Path) -> GgufFile:
    """The file the settings name; `models`: the folder with the lock. Raises ConfigError."""
    if config.model == STARTER:
        known = starter_model()
        template = chat_template(known.template)
        return GgufFile(name=known.name, path=known.path(), sha256=known.sha256, template=template)
    if (entry := locked_model(models, config.model)) is not None:
        template = chat_template(entry.template)
        return GgufFile(name=entry.name, path=Path(entry.path), sha256=entry.sha256, template=template)
    path = Path(config.model).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"[chat_model] model: no file {path}; give `starter`, the path of a GGUF file, or a name from "
            "`footnote models list`"
        )
    return GgufFile(name=path.stem, path=path, sha256=config.sha256, template=chat_template(config.template))


class LlamaCppModel:
    """Answers several questions at once; the others wait their turn for `queue_seconds`."""

    def __init__(self, gguf: GgufFile, config: Config, *, cache: Path) -> None:
        self._gguf = gguf
        self._config = config
        self._cache = cache
        self._load = _load_job(gguf, config, cache=cache)
        self.worker = WorkerProcess(
            self._load,
            silence_seconds=config.silence_seconds,
            wait_seconds=config.queue_seconds,
            is_passive=self._is_passive(),
        )
        self.turns = Turns(parallel=config.parallel, queue_seconds=config.queue_seconds)
        self.name = gguf.name
        self.sha256 = _whole_digest(gguf, config)

    @property
    def context_tokens(self) -> int:
        """Prompt and answer together: as configured, or what the model was trained for if that is less."""
        loaded = self.worker.loaded
        return int(loaded["context_tokens"]) if loaded else self._config.context_tokens

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer. Raises ModelError."""
        event = await self.worker.finish({"op": "count", "texts": list(texts)})
        return [int(count) for count in event["counts"]]

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """Pieces of the answer, always the most probable. Closing the iterator stops the model. Raises ModelError."""
        job = self._stream_job(messages, max_tokens=max_tokens, grammar=grammar)
        async with self.turns.turn(asker), aclosing(self.worker.events(job)) as events:
            async for event in events:
                if event["event"] == "piece":
                    yield str(event["text"])

    async def retain(self, *, tenant: str, revision_ids: Collection[str]) -> int:
        """Drop what is remembered of the tenant's other revisions, on disk too. Raises ModelError."""
        if self.worker.loaded is None:
            # Nothing is in memory; the files need no model.
            return await asyncio.to_thread(retain_files, self._cache, tenant=tenant, revision_ids=revision_ids)
        job = {"op": "retain", "tenant": tenant, "revision_ids": sorted(revision_ids)}
        return int((await self.worker.finish(job))["count"])

    async def remembered(self, *, tenant: str, revision_ids: Collection[str]) -> Collection[str]:
        """Those of the revisions of which something is remembered. Raises ModelError."""
        if self.worker.loaded is None or not self._config.section_memory:
            return ()
        job = {"op": "remembered", "tenant": tenant, "revision_ids": sorted(revision_ids)}
        return [str(each) for each in (await self.worker.finish(job))["revision_ids"]]

    async def remember(self, messages: Sequence[ChatMessage]) -> bool:
        """Make of their sections what a question would; False: somebody asked, or none is remembered."""
        if self.worker.loaded is None or not self._config.section_memory:
            return False
        job = self._stream_job(messages, max_tokens=1, grammar="")
        return await while_quiet(self.turns, self.worker.finish(job)) is not None

    async def tune(self) -> AsyncGenerator[str, None]:
        """Measure the ways not measured yet, keep the fastest: a line for each, and one that sums up."""
        job = {**self._load, "op": "tune", "budget_seconds": TUNE_SECONDS}
        async with aclosing(self.worker.events(job, is_loaded=False)) as events:
            async for event in events:
                yield str(event["line"]) if event["event"] == "progress" else f"kept: {event['summary']}"

    def tuning_report(self) -> Sequence[str]:
        """Every way measured on this machine, the fastest first, and the one that is used."""
        record = read_record(self._cache, model_name=self._gguf.path.stem)
        return explain(record) if record else [f"{self.name} was not tuned here yet: `footnote models tune` does it"]

    async def improve(self) -> None:
        """Measure what is not measured yet whenever nobody asks, then run in the fastest way. Raises ModelError."""
        async with aclosing(self.prepare()) as lines:
            async for _ in lines:
                pass
        if self.worker.loaded is None or self.worker.loaded["is_fastest"]:
            return
        tuning = {**self._load, "op": "tune", "budget_seconds": TUNE_SECONDS, "most_trials": 1}
        improver = Improver(self.turns, tuning)
        await improver.measure()
        await improver.quiet()
        await self.worker.stop()
        self.worker.is_passive = self._is_passive()
        async with aclosing(self.prepare()) as lines:
            async for _ in lines:
                pass

    async def prepare(self) -> AsyncGenerator[str, None]:
        """Load: a line for each thing that takes long. Raises ModelError."""
        async with aclosing(self.worker.loading()) as events:
            async for event in events:
                if event["event"] == "progress":
                    yield str(event["line"])

    async def health(self) -> ModelHealth:
        """Ready once loaded; not loaded is no fault, as the first question loads it."""
        if not self._gguf.path.is_file():
            return ModelHealth(is_ready=False, detail=f"{self.name}: its file is gone")
        if self.worker.loaded and self.worker.process_id:
            return ModelHealth(is_ready=True, detail=f"{self.name} is loaded ({self.worker.loaded['way']})")
        return ModelHealth(is_ready=True, detail=f"{self.name} loads with the first question")

    async def verify(self) -> str:
        """The file's digest, compared with the pinned one. Raises ModelError."""
        event = await self.worker.finish({**self._load, "op": "verify"}, is_loaded=False)
        return f"{self.name}: sha256 {event['sha256']} ({'as pinned' if self._gguf.sha256 else 'not pinned'})"

    async def close(self) -> None:
        """Stop the process."""
        await self.worker.stop()

    def _stream_job(self, messages: Sequence[ChatMessage], *, max_tokens: int, grammar: str) -> dict[str, object]:
        parts = [asdict(piece) for piece in self._gguf.template.render(messages)]
        tone = next((message.tone for message in messages if message.tone in self._config.adapters), "")
        job: dict[str, object] = {"op": "stream", "tenant": _tenant(messages), "parts": parts, "adapter": tone}
        return job | {"max_tokens": max_tokens, "grammar": grammar}

    def _is_passive(self) -> bool:
        """Do idle threads sleep? They do unless spinning was measured to be faster."""
        record = read_record(self._cache, model_name=self._gguf.path.stem)
        return record is None or record.choice is None or record.choice.is_passive


def _load_job(gguf: GgufFile, config: Config, *, cache: Path) -> dict[str, object]:
    """What the worker is told to load."""
    return {
        "op": "load",
        "path": str(gguf.path),
        "sha256": gguf.sha256,
        "cache": str(cache),
        "tunes": config.format == "auto",
        "context_tokens": config.context_tokens,
        "threads": config.threads,
        "processors": _processors(),
        "gpu_layers": config.gpu_layers,
        "parallel": config.parallel,
        "adapters": {tone: str(path) for tone, path in config.adapters.items()},
        "remembers": config.section_memory,
        "reread_count": config.section_reread,
        "memory_bytes": config.section_memory_mb * 1_000_000,
        "disk_bytes": config.section_disk_mb * 1_000_000,
    }


def _whole_digest(gguf: GgufFile, config: Config) -> str | None:
    """Of the file; with adapters, of the file's and theirs. Raises ConfigError."""
    if gguf.sha256 is None or not config.adapters:
        return gguf.sha256
    try:
        parts = [gguf.sha256, *(f"{tone} {digest_of(path)}" for tone, path in sorted(config.adapters.items()))]
    except OSError as exc:
        raise ConfigError(f"[chat_model.adapters] {exc.filename} cannot be read: {exc.strerror}") from exc
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _tenant(messages: Sequence[ChatMessage]) -> str:
    """Whose sections these are. Raises ValueError if they are not of one tenant: such a prompt must not be."""
    tenants = {section.tenant for message in messages for section in message.sections}
    if len(tenants) > 1:
        raise ValueError("a prompt shows the sections of one tenant")
    return next(iter(tenants), "")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
