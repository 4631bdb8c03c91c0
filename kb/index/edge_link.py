"""A client's link to the owner process: connects, starts the owner if there is none, repeats a cut-off call."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from kb import errors
from kb.errors import IndexFailure, IndexUnavailable
from kb.index.edge_wire import PROTOCOL, read_frame, socket_path, to_frame

_CONNECT_SECONDS = 20.0
_FIRST_PAUSE = 0.02


class OwnerLink:
    """One connection; calls on it go one after the other. Every call is idempotent, so it may be repeated."""

    def __init__(self, index_dir: Path, *, idle_seconds: float, call_seconds: float) -> None:
        self._index_dir = index_dir
        self._idle_seconds = idle_seconds
        self._call_seconds = call_seconds
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, request: dict[str, object]) -> Any:  # the operation's own result, checked by the caller
        """The result of an operation. Raises what the owner raised, or IndexUnavailable."""
        frame = to_frame({"protocol": PROTOCOL, **request})
        async with self._turn:
            try:
                reply = await self._exchange(frame)
            except (OSError, EOFError):
                # The owner died or went idle between two calls. It is started again, and the call repeated.
                await self._drop()
                try:
                    reply = await self._exchange(frame)
                except (OSError, EOFError) as exc:
                    await self._drop()
                    raise IndexUnavailable(
                        f"the index's owner process ended twice; its log is {self._index_dir / 'owner.log'}"
                    ) from exc
        if "error" in reply:
            kind = getattr(errors, str(reply["error"]), IndexFailure)
            raise kind(str(reply["message"]))
        return reply["result"]

    async def close(self) -> None:
        """Hang up."""
        await self._drop()

    async def _exchange(self, frame: bytes) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._call_seconds):
                if self._streams is None:
                    self._streams = await self._connect()
                reader, writer = self._streams
                writer.write(frame)
                await writer.drain()
                reply = await read_frame(reader)
        except TimeoutError as exc:
            await self._drop()
            raise IndexUnavailable(f"the index did not answer within {self._call_seconds:.0f} s") from exc
        except BaseException:
            # Cut off in the middle: a late reply must not be taken for the next call's.
            await self._drop()
            raise
        if not isinstance(reply, dict):
            raise EOFError
        return reply

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        path = socket_path(self._index_dir)
        try:
            return await asyncio.open_unix_connection(str(path))
        except OSError:
            await self._start_owner()
        pause, waited = _FIRST_PAUSE, 0.0
        while waited < _CONNECT_SECONDS:
            try:
                return await asyncio.open_unix_connection(str(path))
            except OSError:
                await asyncio.sleep(pause)
                waited += pause
                pause = min(pause * 1.5, 0.5)
        raise IndexUnavailable(f"the index's owner process does not start; its log is {self._index_dir / 'owner.log'}")

    async def _start_owner(self) -> None:
        """Start a detached owner. If another client was faster, this one ends by itself."""
        try:
            self._index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._index_dir / "owner.log").open("ab") as log:
                starter = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "kb.index.edge_owner", "--detach", f"--idle-seconds={self._idle_seconds}"),
                    str(self._index_dir),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    # It outlives us, and must not keep our directory busy.
                    cwd="/",
                )
                await starter.wait()
        except OSError as exc:
            raise IndexUnavailable(f"cannot use the index directory {self._index_dir}: {exc.strerror}") from exc

    async def _drop(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                return  # the other end was gone already
