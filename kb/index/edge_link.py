"""A client's link to the owner process: connects, starts the owner if there is none, repeats a cut-off call."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kb.errors import IndexDamaged, IndexFailure, IndexMismatch, IndexUnavailable
from kb.index.edge_wire import LOG_NAME, PROTOCOL, open_connection, owner_pid, read_frame, to_frame

_ERRORS = {kind.__name__: kind for kind in (IndexFailure, IndexDamaged, IndexMismatch, IndexUnavailable)}
_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.02
# With less, the kernel may have killed the owner for touching a page of a file that has no room on the disk.
_SCARCE_BYTES = 16 * 1024 * 1024


class OwnerLink:
    """One connection; calls on it go one after the other. Every call is idempotent, so it may be repeated."""

    def __init__(self, index_dir: Path, *, idle_seconds: float) -> None:
        # The owner has another working directory.
        self._index_dir = index_dir.absolute()
        self._idle_seconds = idle_seconds
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, request: Mapping[str, object], *, seconds: float) -> Any:  # checked by the caller
        """The result of an operation. Raises what the owner raised, or IndexUnavailable after `seconds` at most."""
        try:
            frame = to_frame({"protocol": PROTOCOL, **request})
        except (ValueError, OverflowError) as exc:
            # A lone surrogate, or a page of hundreds of megabytes.
            raise IndexFailure(f"this cannot be put into the index ({exc.__class__.__name__})") from exc
        try:
            async with asyncio.timeout(seconds), self._turn:
                reply = await self._answered(frame)
        except TimeoutError as exc:
            raise IndexUnavailable(
                f"the index did not answer within {seconds:g} s: its owner is process {owner_pid(self._index_dir)}, "
                f"its log is {self._log}"
            ) from exc
        if "error" in reply:
            raise _ERRORS.get(str(reply["error"]), IndexFailure)(str(reply["message"]))
        return reply["result"]

    async def close(self) -> None:
        """Hang up."""
        await self._drop()

    @property
    def _log(self) -> Path:
        return self._index_dir / LOG_NAME

    async def _answered(self, frame: bytes) -> dict[str, Any]:
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_TRIES - 1):
            try:
                return await self._exchange(frame)
            except (OSError, EOFError):
                # The owner died or went idle between two calls. It is started again, and the call repeated; one that
                # is just dying may still take connections, but not answer.
                await asyncio.sleep(pause)
                pause *= 4
        try:
            return await self._exchange(frame)
        except (OSError, EOFError) as exc:
            raise IndexUnavailable(self._why_it_ended()) from exc

    async def _exchange(self, frame: bytes) -> dict[str, Any]:
        try:
            if self._streams is None:
                self._streams = await self._connect()
            reader, writer = self._streams
            writer.write(frame)
            await writer.drain()
            reply = await read_frame(reader)
            if not isinstance(reply, dict):
                raise EOFError
        except BaseException:
            # Cut off in the middle: a late reply must not be taken for the next call's.
            await self._drop()
            raise
        return reply

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await open_connection(self._index_dir)
        except OSError:
            await self._start_owner()
        return await open_connection(self._index_dir)

    async def _start_owner(self) -> None:
        """Start a detached owner, and wait until it listens. If another client was faster, ours ends by itself."""
        try:
            self._index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                starter = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "kb.index.edge_start", "--detach", f"--idle-seconds={self._idle_seconds}"),
                    str(self._index_dir),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                    cwd="/",
                )
        except OSError as exc:
            raise IndexUnavailable(f"cannot use the index directory {self._index_dir}: {exc.strerror}") from exc
        try:
            reason, _ = await starter.communicate()
        finally:
            if starter.returncode is None:
                starter.kill()
        if starter.returncode:
            words = reason.decode(errors="replace").strip() or "it ended at once"
            raise IndexUnavailable(f"the index's owner process does not start: {words}; its log is {self._log}")

    def _why_it_ended(self) -> str:
        if shutil.disk_usage(self._index_dir).free < _SCARCE_BYTES:
            return f"the disk is full: free some space for {self._index_dir}; nothing committed is lost"
        return f"the index's owner process ends again and again; its log is {self._log}"

    async def _drop(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                return  # the other end was gone already
