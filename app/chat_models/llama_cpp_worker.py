"""The worker process of the `llama_cpp` chat model: jobs as JSON lines on stdin, events as JSON lines on stdout.

It owns the model, so a crash in it is not ours, and it ends when its parent does: end of stdin means stop.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from app.chat_models.llama_cpp_engine import Engine, EngineError, PromptDoesNotFit
from app.chat_models.llama_cpp_formats import MOST_BYTES, digest, fastest, tune

# A job's fields come from our own process; they are read where they are used.
Job = Mapping[str, Any]


class Worker:
    """One job at a time. A job's last event is `done` or `failed`."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._engine: Engine | None = None
        self._answer_to_load: tuple[Job, dict[str, object]] | None = None

    def run(self, lines: TextIO) -> None:
        """Work until `lines` ends."""
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()
        while True:
            job = self._jobs.get()
            try:
                self._work(job)
            except PromptDoesNotFit as exc:
                self._say(job, "failed", kind="too_long", reason=str(exc))
            except EngineError as exc:
                self._say(job, "failed", kind="engine", reason=str(exc))

    def _listen(self, lines: TextIO) -> None:
        for line in lines:
            job: Job = json.loads(line)
            if job["op"] == "cancel":
                self._cancelled.add(job["id"])
            else:
                self._jobs.put(job)
        # The parent is gone or done with us. There is nothing to save.
        os._exit(0)

    def _work(self, job: Job) -> None:
        match job["op"]:
            case "load":
                self._load(job)
            case "tune":
                self._tune(job)
            case "verify":
                self._say(job, "done", sha256=digest(self._verified(job)))
            case "count":
                engine = self._loaded()
                counts = [len(engine.tokens_of(text, is_template=False)) for text in job["texts"]]
                self._say(job, "done", counts=counts)
            case "stream":
                self._stream(job)

    def _load(self, job: Job) -> None:
        wanted = {name: value for name, value in job.items() if name != "id"}
        if self._answer_to_load is not None and self._answer_to_load[0] == wanted:
            # Who asked for it hung up while it loaded; the next one need not wait again.
            self._say(job, "done", **self._answer_to_load[1])
            return
        path = self._verified(job)
        if job["tunes"] and path.stat().st_size <= MOST_BYTES:
            path = fastest(
                path,
                sha256=job["sha256"] or digest(path),
                cache=Path(job["cache"]),
                threads=job["threads"],
                report=lambda line: self._say(job, "progress", line=line),
            )
        self._engine = Engine(
            path, context_tokens=job["context_tokens"], threads=job["threads"], gpu_layers=job["gpu_layers"]
        )
        facts: dict[str, object] = {"context_tokens": self._engine.context_tokens, "file": path.name}
        self._answer_to_load = (wanted, facts)
        self._say(job, "done", **facts)

    def _tune(self, job: Job) -> None:
        path = self._verified(job)
        choice = tune(
            path,
            sha256=job["sha256"] or digest(path),
            cache=Path(job["cache"]),
            threads=job["threads"],
            report=lambda line: self._say(job, "progress", line=line),
        )
        self._say(job, "done", format=choice.format, speeds=dict(choice.tokens_per_second))

    def _verified(self, job: Job) -> Path:
        path = Path(job["path"])
        if job["sha256"] and (found := digest(path)) != job["sha256"]:
            raise EngineError(
                f"{path.name} was changed (sha256 {found[:12]}…, expected {job['sha256'][:12]}…): install it again"
            )
        return path

    def _stream(self, job: Job) -> None:
        engine = self._loaded()
        prompt: list[int] = []
        for text, is_template in job["pieces"]:
            prompt += engine.tokens_of(text, is_template=is_template)
        pieces = engine.generate(
            prompt, max_tokens=job["max_tokens"], is_cancelled=lambda: job["id"] in self._cancelled
        )
        for piece in pieces:
            self._say(job, "piece", text=piece)
        self._cancelled.discard(job["id"])
        self._say(job, "done", prompt_tokens=len(prompt))

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise EngineError("the model is not loaded")
        return self._engine

    def _say(self, job: Job, event: str, **facts: object) -> None:
        self._output.write(json.dumps({"id": job["id"], "event": event, **facts}) + "\n")
        self._output.flush()


def main() -> None:
    """Run until stdin ends. What the vendor's code prints must not mix with our events: it goes to stderr."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    Worker(events).run(sys.stdin)


if __name__ == "__main__":
    main()
