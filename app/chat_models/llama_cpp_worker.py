"""The worker process of the `llama_cpp` chat model: jobs as JSON lines on stdin, events as JSON lines on stdout.

It owns the model, so a crash in it is not ours, and it ends when its parent does: end of stdin means stop. While at
work it says so each second from a thread of its own, and for how long it has been at the same piece of it: a process
that was stopped is told from one that computes.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, TextIO

from app.chat_models.llama_cpp_engine import Engine, Progress, PromptDoesNotFit
from app.chat_models.llama_cpp_formats import digest
from app.chat_models.llama_cpp_loading import load_engine, tune_anew, verified
from app.chat_models.llama_cpp_native import EngineError
from app.chat_models.llama_cpp_sections import Prompt, PromptPart

# A job's fields come from our own process; they are read where they are used.
Job = Mapping[str, Any]
BEAT_SECONDS = 1.0


class Worker:
    """Several answers at once, and other jobs between their tokens. A job's last event is `done` or `failed`."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._engine: Engine | None = None
        self._answer_to_load: tuple[Job, dict[str, object]] | None = None
        self._answers: dict[int, Job] = {}
        self._saying = threading.Lock()
        # Since when it is at the piece of work at hand; None: it waits for jobs.
        self._began: float | None = None
        self._at_work = threading.Event()

    def run(self, lines: TextIO) -> None:
        """Work until `lines` ends."""
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        while True:
            while self._engine is None or self._engine.is_idle or not self._jobs.empty():
                job = self._next_job()
                self._begin()
                self._take(job)
            self._begin()
            for progress in self._engine.step():
                self._report(progress)

    def _listen(self, lines: TextIO) -> None:
        for line in lines:
            self._jobs.put(json.loads(line))
        # The parent is gone or done with us. What is worth saving is saved when it is made.
        os._exit(0)

    def _next_job(self) -> Job:
        if self._jobs.empty() and (self._engine is None or self._engine.is_idle):
            self._began = None
            self._at_work.clear()
        return self._jobs.get()

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._at_work.set()

    def _take(self, job: Job) -> None:
        try:
            self._work(job)
        except PromptDoesNotFit as exc:
            self._say(job, "failed", kind="too_long", reason=str(exc))
        except EngineError as exc:
            self._say(job, "failed", kind="engine", reason=str(exc))

    def _work(self, job: Job) -> None:
        match job["op"]:
            case "load":
                self._load(job)
            case "tune":
                record = tune_anew(job, report=lambda line: self._say(job, "progress", line=line))
                self._say(job, "done", summary=record.summary, is_over=record.choice is not None)
            case "verify":
                self._say(job, "done", sha256=digest(verified(job)))
            case _:
                self._serve(job, self._loaded())

    def _serve(self, job: Job, engine: Engine) -> None:
        match job["op"]:
            case "count":
                counts = [len(engine.weights.tokens_of(text, is_template=False)) for text in job["texts"]]
                self._say(job, "done", counts=counts)
            case "retain":
                revision_ids = set(job["revision_ids"])
                count = engine.store.retain(tenant=job["tenant"], revision_ids=revision_ids) if engine.store else 0
                self._say(job, "done", count=count)
            case "remembered":
                revision_ids = set(job["revision_ids"])
                found = engine.store.remembered(tenant=job["tenant"], revision_ids=revision_ids) if engine.store else ()
                self._say(job, "done", revision_ids=sorted(found))
            case "stream":
                engine.start(job["id"], _prompt(job, engine), max_tokens=job["max_tokens"], grammar=job["grammar"])
                self._answers[job["id"]] = job
            case "cancel":
                if self._answers.pop(job["id"], None):
                    engine.stop(job["id"])

    def _load(self, job: Job) -> None:
        wanted = {name: value for name, value in job.items() if name not in {"id", "verified"}}
        if self._answer_to_load is None or self._answer_to_load[0] != wanted:
            engine, facts = load_engine(job, report=lambda line: self._say(job, "progress", line=line))
            self._engine = engine
            self._answer_to_load = (wanted, facts)
        # Who asked for it may have hung up while it loaded; the next one need not wait again.
        self._say(job, "done", **self._answer_to_load[1])

    def _report(self, progress: Progress) -> None:
        job = self._answers[progress.number]
        if progress.text:
            self._say(job, "piece", text=progress.text)
        if progress.error is not None:
            self._say(job, "failed", kind="engine", reason=str(progress.error))
        elif progress.is_over:
            self._say(job, "done")
        if progress.error is not None or progress.is_over:
            del self._answers[progress.number]

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise EngineError("the model is not loaded")
        return self._engine

    def _beat(self) -> None:
        while True:
            self._at_work.wait()
            if (began := self._began) is not None:
                self._write({"event": "beat", "busy_seconds": round(time.monotonic() - began, 1)})
            time.sleep(BEAT_SECONDS)

    def _say(self, job: Job, event: str, **facts: object) -> None:
        self._write({"id": job["id"], "event": event, **facts})

    def _write(self, event: Mapping[str, object]) -> None:
        with self._saying:
            self._output.write(json.dumps(event) + "\n")
            self._output.flush()


def _prompt(job: Job, engine: Engine) -> Prompt:
    tokens_of = engine.weights.tokens_of
    parts = [
        PromptPart(
            tokens=tuple(tokens_of(part["text"], is_template=part["is_template"])), revision_id=part["revision_id"]
        )
        for part in job["parts"]
    ]
    return Prompt(
        tenant=job["tenant"], parts=tuple(part for part in parts if part.tokens), adapter=job.get("adapter", "")
    )


def main() -> None:
    """Run until stdin ends. What the vendor's code prints must not mix with our events: it goes to stderr."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    Worker(events).run(sys.stdin)


if __name__ == "__main__":
    main()
