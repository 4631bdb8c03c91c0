"""The worker process seen from our side: started when needed, several jobs at once, started again after it died."""

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from app.chat_models.backoff import Backoff
from kb.errors import ModelError, ModelUnavailable, PromptTooLong

logger = logging.getLogger(__name__)

LONGEST_LINE_BYTES = 16 * 1024 * 1024
STOP_SECONDS = 2.0
# Before its first word a process reads its own code, which takes long on a machine that is short of everything.
START_SECONDS = 60.0
# One step of answers, and loading, which may convert a file first. An answer's own deadline is its caller's.
STEP_SECONDS = 60.0
LOAD_SECONDS = 600.0
# Silence counts only if we were there to hear: our own process may have been stopped.
_GRACE_SECONDS = 1.0

# Events come from our own worker; their fields are read where they are used.
Event = Mapping[str, Any]
_ENDED = "the chat model's process ended; it starts again with the next question"
_HUNG = "the chat model did not answer in time; it was stopped"


def waiting_environment(*, is_passive: bool) -> dict[str, str]:
    """What a process of ours that computes is started with: its idle threads sleep, or spin for a moment.

    Threads that spin take the processor from whatever runs beside them. What the operator has set is kept.
    """
    return {**({"OMP_WAIT_POLICY": "passive"} if is_passive else {}), **os.environ}


class WorkerProcess:
    """Runs jobs in `python -m app.chat_models.llama_cpp_worker`.

    `silence_seconds`: a worker at work that says nothing for so long was stopped, and is killed; so is one that is at
    the same step for a minute. `wait_seconds`: how long a job waits while another loads the model.
    """

    def __init__(
        self, load: Mapping[str, object], *, silence_seconds: float, wait_seconds: float, is_passive: bool = True
    ) -> None:
        self._load = load
        self._silence_seconds = silence_seconds
        self._wait_seconds = wait_seconds
        self.is_passive = is_passive
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._inboxes: dict[int, asyncio.Queue[Event | None]] = {}
        self._last_id = 0
        self._heard: float | None = None
        self._busy_seconds = 0.0
        # Files whose digests were compared by a worker before: what changed is read again.
        self._verified: Mapping[str, object] = {}
        self._backoff = Backoff()
        self.loaded: Event | None = None

    @property
    def process_id(self) -> int | None:
        """Of the running worker."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def finish(self, job: Mapping[str, object], *, is_loaded: bool = True) -> Event:
        """The last event of a job. Raises ModelError."""
        last: Event = {}
        async with aclosing(self.events(job, is_loaded=is_loaded)) as events:
            async for event in events:
                last = event
        return last

    async def events(self, job: Mapping[str, object], *, is_loaded: bool = True) -> AsyncGenerator[Event, None]:
        """The events of a job up to `done`. Closing the iterator cancels the job. Raises ModelError."""
        has_begun = False
        for is_last_try in (False, True):
            try:
                async with aclosing(self._attempt(job, is_loaded=is_loaded)) as events:
                    async for event in events:
                        has_begun = True
                        yield event
                self._backoff.succeeded()
                return
            except ModelUnavailable:
                # A worker found dead is replaced at once; nothing of this job was seen yet.
                if has_begun or is_last_try or self.process_id is not None or self._backoff.wait_seconds:
                    raise

    async def loading(self) -> AsyncGenerator[Event, None]:
        """The events of getting ready; none if it is. Raises ModelError."""
        try:
            await asyncio.wait_for(self._loading.acquire(), self._wait_seconds)
        except TimeoutError:
            raise ModelUnavailable("the chat model is still being loaded") from None
        try:
            await self._ensure_started()
            if self.loaded is not None:
                return
            load = {**self._load, "verified": self._verified}
            async with aclosing(self._run(load, most_seconds=LOAD_SECONDS)) as events:
                async for event in events:
                    self.loaded = event if event["event"] == "done" else None
                    self._verified = event.get("verified", self._verified)
                    yield event
        finally:
            self._loading.release()

    async def stop(self) -> None:
        """End the worker: it stops by itself when its stdin closes, and is killed if it does not."""
        running, self._process, self.loaded = self._process, None, None
        reader, self._reader = self._reader, None
        if running is not None and running.returncode is None:
            if running.stdin:
                running.stdin.close()
            try:
                await asyncio.wait_for(running.wait(), STOP_SECONDS)
            except TimeoutError:
                running.kill()
                await running.wait()
        if reader is not None:
            await reader

    def kill(self) -> None:
        """End the worker and what it started, at once."""
        if self._process is not None:
            self._kill(self._process)

    async def _attempt(self, job: Mapping[str, object], *, is_loaded: bool) -> AsyncGenerator[Event, None]:
        if (is_loaded and self.loaded is None) or self.process_id is None:
            async with aclosing(self.loading() if is_loaded else self._starting()) as loading:
                async for _ in loading:
                    pass
        async with aclosing(self._run(job, most_seconds=STEP_SECONDS if is_loaded else LOAD_SECONDS)) as events:
            async for event in events:
                yield event

    async def _starting(self) -> AsyncGenerator[Event, None]:
        async with self._loading:
            await self._ensure_started()
        nothing: tuple[Event, ...] = ()
        for event in nothing:
            yield event

    async def _ensure_started(self) -> None:
        if self.process_id is not None:
            return
        if self._backoff.wait_seconds:
            raise ModelUnavailable(
                f"the chat model's process ended several times; the next try is in {self._backoff.wait_seconds:.0f} s"
            )
        await self.stop()
        self._heard, self._busy_seconds = None, 0.0
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "app.chat_models.llama_cpp_worker",
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=LONGEST_LINE_BYTES,
                # Ctrl-C is for us: we stop the worker in order.
                start_new_session=True,
                env=waiting_environment(is_passive=self.is_passive),
            )
        except OSError as exc:
            raise ModelUnavailable(f"the chat model's process could not be started: {exc.strerror}") from exc
        if self._process.stdout is not None:
            self._reader = asyncio.create_task(self._read(self._process, self._process.stdout))

    async def _read(self, running: Process, lines: asyncio.StreamReader) -> None:
        """Hand each event to whom it is for, until the worker ends; then tell everyone."""
        while line := await lines.readline():
            self._heard = asyncio.get_running_loop().time()
            event: Event = json.loads(line)
            self._busy_seconds = event.get("busy_seconds", 0.0)
            if event["event"] == "progress":
                logger.info("chat model is being prepared", extra={"step": event["line"]})
            # Nobody waits for the rest of a job that was cancelled, nor for a beat.
            if event.get("id") in self._inboxes:
                self._inboxes[event["id"]].put_nowait(event)
        code = await running.wait()
        if self._process is running:
            self._process = self.loaded = None
            self._backoff.died()
            logger.error("chat model process ended", extra={"exit_code": code})
        for inbox in self._inboxes.values():
            inbox.put_nowait(None)

    async def _run(self, job: Mapping[str, object], *, most_seconds: float) -> AsyncGenerator[Event, None]:
        self._last_id += 1
        number = self._last_id
        inbox = self._inboxes[number] = asyncio.Queue()
        is_over = False
        try:
            await self._send({**job, "id": number})
            while not is_over:
                event = await self._receive(inbox, most_seconds)
                is_over = event["event"] in {"done", "failed"}
                if event["event"] == "failed":
                    raise _error(event)
                yield event
        except ModelUnavailable:
            is_over = True  # the process is gone, and the job with it
            raise
        finally:
            del self._inboxes[number]
            if not is_over:
                with suppress(ModelError):
                    await self._send({"op": "cancel", "id": number})

    async def _send(self, job: Mapping[str, object]) -> None:
        running = self._process
        if running is None or running.stdin is None:
            raise ModelUnavailable(_ENDED)
        try:
            running.stdin.write(json.dumps(job).encode() + b"\n")
            # A worker that hangs reads nothing either: its pipe may be full.
            await asyncio.wait_for(running.stdin.drain(), self._silence_seconds)
        except (BrokenPipeError, ConnectionResetError) as exc:
            if self._reader is not None:
                await asyncio.wait({self._reader}, timeout=STOP_SECONDS)
            raise ModelUnavailable(_ENDED) from exc
        except TimeoutError:
            self._kill(running)
            raise ModelUnavailable(_HUNG) from None

    async def _receive(self, inbox: asyncio.Queue[Event | None], most_seconds: float) -> Event:
        waiting_since = asyncio.get_running_loop().time()
        while inbox.empty() and (left := self._patience(waiting_since, most_seconds)) > 0:
            with suppress(TimeoutError):
                return _told(await asyncio.wait_for(inbox.get(), left))
            if self._patience(waiting_since, most_seconds) <= 0:
                await asyncio.sleep(_GRACE_SECONDS)
        if inbox.empty():
            if self._process is not None:
                self._kill(self._process)
            raise ModelUnavailable(_HUNG)
        return _told(inbox.get_nowait())

    def _patience(self, waiting_since: float, most_seconds: float) -> float:
        """Seconds until the worker is given up, if it says nothing more."""
        if self._busy_seconds > most_seconds:
            return 0.0
        heard = waiting_since + START_SECONDS if self._heard is None else max(self._heard, waiting_since)
        return heard + self._silence_seconds - asyncio.get_running_loop().time()

    def _kill(self, running: Process) -> None:
        """End a worker that hangs, and what it measures with; its reader tells everyone."""
        with suppress(ProcessLookupError):
            # It leads a session of its own.
            os.killpg(running.pid, signal.SIGKILL)


def _told(event: Event | None) -> Event:
    """What the worker said last is None: it is gone."""
    if event is None:
        raise ModelUnavailable(_ENDED)
    return event


def _error(event: Event) -> ModelError:
    reason = str(event["reason"])
    return PromptTooLong(reason) if event["kind"] == "too_long" else ModelError(reason)
