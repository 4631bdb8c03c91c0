"""The owner process of an index directory: holds its shards, serves every other process over a Unix socket.

Qdrant Edge locks its directory and holds Python's lock in every call, so it lives here: `footnote sync` and
`footnote serve` work side by side, and a slow flush never stalls a server. Started on demand, gone when unused.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.errors import IndexFailure
from kb.index.edge_shard import Shard, drop_directory
from kb.index.edge_wire import PROTOCOL, SOCKET_NAME, read_frame, to_frame
from kb.index.schema import Condition
from kb.logs import configure_logging

logger = logging.getLogger(__name__)
_READS = frozenset({"search", "counts", "health"})
# So much later may a write be answered than a read that came at the same moment: searches overtake a sync,
# and a stream of searches cannot keep it waiting for ever.
_WRITE_PATIENCE_SECONDS = 0.1
_ENGINE_BROKE = 70


class Owner:
    """Executes requests one at a time, reads before writes; requests to flush that wait together are one flush."""

    def __init__(self, index_dir: Path, *, idle_seconds: float) -> None:
        self._index_dir = index_dir
        self._idle_seconds = idle_seconds
        self._shards: dict[int, Shard] = {}
        self._waiting: asyncio.PriorityQueue[tuple[float, int, dict[str, Any], asyncio.StreamWriter]] = (
            asyncio.PriorityQueue()
        )
        self._arrivals = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._stopping = asyncio.Event()
        # Loaded shards whose writes since the last flush are not on disk yet.
        self._dirty: set[int] = set()

    async def serve(self, path: str, *, when_ready: Callable[[], None]) -> None:
        """Until a signal, or until nobody has been connected for `idle_seconds`."""
        os.umask(0o177)  # the socket is ours alone
        server = await asyncio.start_unix_server(self._talk, path=path)
        os.umask(0o077)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        work = asyncio.create_task(self._work())
        idle = asyncio.create_task(self._stop_when_idle())
        when_ready()
        async with server:
            await self._stopping.wait()
            # Whoever waits for an answer asks the next owner. (An asyncio server waits for its connections to close.)
            for client in self._clients:
                client.close()
        work.cancel()
        idle.cancel()
        for generation, shard in self._shards.items():
            try:
                shard.close()
            except IndexFailure as exc:
                # What was acknowledged is in the engine's log, and the next owner reads it.
                logger.warning("shard not written", extra={"generation": generation, "reason": str(exc)})

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while (request := await read_frame(reader)) is not None:
                if not isinstance(request, dict) or request.get("protocol") != PROTOCOL:
                    writer.write(to_frame(_OTHER_VERSION))
                    break
                self._arrivals += 1
                patience = 0.0 if request.get("op") in _READS else _WRITE_PATIENCE_SECONDS
                due = asyncio.get_running_loop().time() + patience
                self._waiting.put_nowait((due, self._arrivals, request, writer))
        except ValueError:
            logger.warning("client refused: it sent what is no request")
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _work(self) -> None:
        while True:
            _, _, request, writer = await self._waiting.get()
            reply = self._execute(request)
            if not writer.is_closing():
                writer.write(reply)
            # Lets new requests in, so that a search that has just arrived goes before waiting writes.
            await asyncio.sleep(0)

    def _execute(self, request: dict[str, Any]) -> bytes:
        name = str(request.get("op"))
        try:
            return to_frame({"result": _OPERATIONS[name](self, request)})
        except IndexFailure as exc:
            # The engine's own words say what a person can do nothing with, and a maintainer everything.
            facts = {"op": name, "error": type(exc).__name__, "reason": str(exc), "engine": str(exc.__cause__)[:300]}
            logger.warning("request refused", extra=facts)
            return to_frame({"error": type(exc).__name__, "message": str(exc)})
        except Exception as exc:
            logger.exception("request failed", extra={"op": name, "place": _place_of(exc)})
            message = f"the index could not do that ({type(exc).__name__}); its log is in {self._index_dir}"
            return to_frame({"error": "IndexFailure", "message": message})
        except BaseException:  # noqa: BLE001  # a panic inside the engine is none of Python's exceptions
            # What the engine still holds is not to be trusted; its log on disk is, and the next owner reads it.
            logger.critical("the engine broke: the owner ends", extra={"op": name})
            os._exit(_ENGINE_BROKE)

    def shard(self, request: dict[str, Any]) -> Shard:
        """The shard a request names, loaded at its first use."""
        generation, dimension, language = int(request["generation"]), int(request["dimension"]), request["language"]
        shard = self._shards.get(generation)
        if shard is None:
            directory = self.directory(generation)
            shard = self._shards[generation] = Shard(directory, dimension=dimension, language=language)
            # What an owner that died had acknowledged is in the log, but perhaps not on disk.
            self._dirty.add(generation)
        shard.must_match(dimension=dimension, language=language)
        return shard

    def written(self, request: dict[str, Any]) -> None:
        """Note that the named shard holds writes that are not on disk yet."""
        self._dirty.add(int(request["generation"]))

    def flush(self, request: dict[str, Any]) -> None:
        """Write the named shard to disk, unless a flush since its last write has done so."""
        shard, generation = self.shard(request), int(request["generation"])
        if generation in self._dirty:
            shard.flush()
            self._dirty.discard(generation)

    def drop(self, request: dict[str, Any]) -> None:
        """Delete a generation's directory, whatever state it is in."""
        generation = int(request["generation"])
        shard = self._shards.pop(generation, None)
        self._dirty.discard(generation)
        if shard is not None:
            with suppress(IndexFailure):
                shard.close()
        drop_directory(self.directory(generation))

    def directory(self, generation: int) -> Path:
        """Where a generation is."""
        return self._index_dir / f"gen-{generation:04}"

    async def _stop_when_idle(self) -> None:
        unused = 0.0
        step = min(1.0, self._idle_seconds / 4)
        while unused < self._idle_seconds:
            await asyncio.sleep(step)
            unused = unused + step if not self._clients and self._waiting.empty() else 0.0
        self._stopping.set()


def serve(index_dir: Path, *, idle_seconds: float, when_ready: Callable[[], None]) -> None:
    """Own the directory, which is this process's working directory, and whose lock it holds."""
    configure_logging(level="INFO", as_json=True)
    logger.info("owner started", extra={"pid": os.getpid()})
    socket = Path(SOCKET_NAME)
    socket.unlink(missing_ok=True)  # left by an owner that was killed
    try:
        asyncio.run(Owner(index_dir, idle_seconds=idle_seconds).serve(SOCKET_NAME, when_ready=when_ready))
    finally:
        socket.unlink(missing_ok=True)
    logger.info("owner ended", extra={"pid": os.getpid()})


def _place_of(error: Exception) -> str:
    """File and line where it was raised: what a log may hold of a traceback."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "unknown"


def _search(owner: Owner, request: dict[str, Any]) -> object:
    conditions = [
        Condition(field, tuple(any_of), datetime.fromisoformat(since) if since else None)
        for field, any_of, since in request["conditions"]
    ]
    return owner.shard(request).search(
        conditions=conditions, vector=request["vector"], text=request["text"], k=request["k"]
    )


def _upsert(owner: Owner, request: dict[str, Any]) -> object:
    owner.written(request)
    owner.shard(request).upsert(request["points"])
    return None


def _delete(owner: Owner, request: dict[str, Any]) -> object:
    owner.written(request)
    owner.shard(request).delete(tenant=request["tenant"], document_id=request["document_id"], keep=request["keep"])
    return None


def _set_audience(owner: Owner, request: dict[str, Any]) -> object:
    owner.written(request)
    owner.shard(request).set_audience(
        tenant=request["tenant"], document_id=request["document_id"], audience_id=request["audience_id"]
    )
    return None


def _health(owner: Owner, request: dict[str, Any]) -> object:
    return {"pid": os.getpid(), "points": owner.shard(request).point_count()}


_OPERATIONS: dict[str, Callable[[Owner, dict[str, Any]], object]] = {
    "search": _search,
    "upsert": _upsert,
    "delete": _delete,
    "set_audience": _set_audience,
    "counts": lambda owner, request: owner.shard(request).counts(tenant=request["tenant"]),
    "drop": lambda owner, request: owner.drop(request),
    "flush": lambda owner, request: owner.flush(request),
    "health": _health,
}
_OTHER_VERSION = {
    "error": "IndexUnavailable",
    "message": "the index is in use by another version of Footnote: end its commands, and try again a minute later",
}
