"""The worker process seen from our side: started when needed, one job at a time, started again after it died."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from kb.errors import ModelError, ModelUnavailable, PromptTooLong

logger = logging.getLogger(__name__)

LONGEST_LINE_BYTES = 16 * 1024 * 1024
STOP_SECONDS = 2.0
# Loading may measure formats first, which takes seconds; an answer's own deadline is its caller's.
LOAD_SECONDS = 600.0
SILENCE_SECONDS = 120.0

# Events come from our own worker; their fields are read where they are used.
Event = Mapping[str, Any]


class WorkerProcess:
    """Runs jobs in `python -m app.chat_models.llama_cpp_worker`."""

    def __init__(self, load: Mapping[str, object], *, queue_seconds: float) -> None:
        self._load = load
        self._queue_seconds = queue_seconds
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._last_id = 0
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
        await self._take_turn()
        try:
            has_begun = False
            for is_last_try in (False, True):
                try:
                    async with aclosing(self._attempt(job, is_loaded=is_loaded)) as events:
                        async for event in events:
                            has_begun = True
                            yield event
                    return
                except ModelUnavailable:
                    # A worker found dead is replaced at once; nothing of this job was seen yet.
                    if has_begun or is_last_try or self.process_id is not None:
                        raise
        finally:
            self._turn.release()

    async def loading(self) -> AsyncGenerator[Event, None]:
        """The events of getting ready; none if it is. Raises ModelError."""
        await self._take_turn()
        try:
            async with aclosing(self._load_once()) as events:
                async for event in events:
                    yield event
        finally:
            self._turn.release()

    async def stop(self) -> None:
        """End the worker: it stops by itself when its stdin closes, and is killed if it does not."""
        running, self._process, self.loaded = self._process, None, None
        if running is None or running.returncode is not None:
            return
        if running.stdin:
            running.stdin.close()
        try:
            await asyncio.wait_for(running.wait(), STOP_SECONDS)
        except TimeoutError:
            running.kill()
            await running.wait()

    async def _attempt(self, job: Mapping[str, object], *, is_loaded: bool) -> AsyncGenerator[Event, None]:
        if is_loaded:
            async with aclosing(self._load_once()) as loading:
                async for _ in loading:
                    pass
        await self._ensure_started()
        async with aclosing(self._run(job, silence_seconds=SILENCE_SECONDS)) as events:
            async for event in events:
                yield event

    async def _take_turn(self) -> None:
        try:
            await asyncio.wait_for(self._turn.acquire(), self._queue_seconds)
        except TimeoutError:
            raise ModelUnavailable("the chat model is busy with other questions") from None

    async def _load_once(self) -> AsyncGenerator[Event, None]:
        await self._ensure_started()
        if self.loaded is not None:
            return
        async with aclosing(self._run(self._load, silence_seconds=LOAD_SECONDS)) as events:
            async for event in events:
                self.loaded = event if event["event"] == "done" else None
                yield event

    async def _ensure_started(self) -> None:
        if self.process_id is not None:
            return
        self.loaded = None
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
                # Threads that spin while they wait take the processor from a sync that runs beside them.
                env={"OMP_WAIT_POLICY": "passive", **os.environ},
            )
        except OSError as exc:
            raise ModelUnavailable(f"the chat model's process could not be started: {exc.strerror}") from exc

    async def _run(self, job: Mapping[str, object], *, silence_seconds: float) -> AsyncGenerator[Event, None]:
        self._last_id += 1
        number = self._last_id
        await self._send({**job, "id": number})
        is_over = False
        try:
            while not is_over:
                event = await self._receive(silence_seconds)
                if event["id"] != number:
                    continue  # the rest of a job that was cancelled
                is_over = event["event"] in {"done", "failed"}
                if event["event"] == "failed":
                    raise _error(event)
                yield event
        except ModelUnavailable:
            is_over = True  # the process is gone, and the job with it
            raise
        finally:
            if not is_over:
                with suppress(ModelError):
                    await self._send({"op": "cancel", "id": number})

    async def _send(self, job: Mapping[str, object]) -> None:
        running = self._process
        if running is None or running.stdin is None:
            raise ModelUnavailable("the chat model's process is not running")
        try:
            running.stdin.write(json.dumps(job).encode() + b"\n")
            await running.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as exc:
            await self.stop()
            raise ModelUnavailable("the chat model's process ended; it starts again with the next question") from exc

    async def _receive(self, silence_seconds: float) -> Event:
        running = self._process
        if running is None or running.stdout is None:
            raise ModelUnavailable("the chat model's process is not running")
        try:
            line = await asyncio.wait_for(running.stdout.readline(), silence_seconds)
        except TimeoutError:
            await self.stop()
            raise ModelUnavailable("the chat model did not answer in time; it was stopped") from None
        if not line:
            code = await running.wait()
            self._process = self.loaded = None
            logger.error("chat model process ended", extra={"exit_code": code})
            raise ModelUnavailable("the chat model's process ended; it starts again with the next question")
        event: Event = json.loads(line)
        if event["event"] == "progress":
            logger.info("chat model is being prepared", extra={"step": event["line"]})
        return event


def _error(event: Event) -> ModelError:
    reason = str(event["reason"])
    return PromptTooLong(reason) if event["kind"] == "too_long" else ModelError(reason)
