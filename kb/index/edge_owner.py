"""The owner process of an index directory: holds its shards, serves every other process over a Unix socket.

Qdrant Edge locks its directory and holds Python's lock in every call, so it lives here: `footnote sync` and
`footnote serve` work side by side, and a slow flush never stalls a server. Started on demand, gone when unused.
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.errors import IndexFailure
from kb.index.edge_shard import Shard
from kb.index.edge_wire import PROTOCOL, read_frame, socket_path, to_frame
from kb.index.schema import Condition

logger = logging.getLogger(__name__)
_READS = frozenset({"search", "counts", "health"})
_ALREADY_OWNED = 2


class Owner:
    """Executes requests one at a time, reads before writes; requests to flush that wait together are one flush."""

    def __init__(self, index_dir: Path, *, idle_seconds: float) -> None:
        self._index_dir = index_dir
        self._idle_seconds = idle_seconds
        self._shards: dict[int, Shard] = {}
        self._waiting: asyncio.PriorityQueue[tuple[int, int, dict[str, Any], asyncio.StreamWriter]] = (
            asyncio.PriorityQueue()
        )
        self._arrivals = 0
        self._clients = 0
        self._stopping = asyncio.Event()
        # Loaded shards whose writes since the last flush are not on disk yet.
        self._dirty: set[int] = set()

    async def serve(self, path: Path) -> None:
        """Until a signal, or until nobody has been connected for `idle_seconds`."""
        os.umask(0o177)  # the socket is ours alone
        server = await asyncio.start_unix_server(self._talk, path=str(path))
        os.umask(0o077)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        work = asyncio.create_task(self._work())
        idle = asyncio.create_task(self._stop_when_idle())
        async with server:
            await self._stopping.wait()
        work.cancel()
        idle.cancel()
        for shard in self._shards.values():
            shard.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            while (request := await read_frame(reader)) is not None:
                if not isinstance(request, dict) or request.get("protocol") != PROTOCOL:
                    raise ValueError("a client of another version")
                self._arrivals += 1
                rank = 0 if request.get("op") in _READS else 1
                self._waiting.put_nowait((rank, self._arrivals, request, writer))
        except ValueError as exc:
            logger.warning("client refused", extra={"reason": str(exc)})
        finally:
            self._clients -= 1
            writer.close()

    async def _work(self) -> None:
        while True:
            _, _, request, writer = await self._waiting.get()
            reply = self._execute(request)
            if not writer.is_closing():
                writer.write(to_frame({"id": request.get("id"), **reply}))
            # Lets new requests in, so that a search that has just arrived goes before waiting writes.
            await asyncio.sleep(0)

    def _execute(self, request: dict[str, Any]) -> dict[str, object]:
        try:
            operation = _OPERATIONS[request["op"]]
            return {"result": operation(self, request)}
        except IndexFailure as exc:
            return {"error": type(exc).__name__, "message": str(exc)}
        except Exception as exc:
            logger.exception("request failed")
            return {"error": "IndexFailure", "message": f"the index could not do that ({type(exc).__name__})"}

    def shard(self, request: dict[str, Any]) -> Shard:
        """The shard a request names, loaded at its first use."""
        generation = int(request["generation"])
        if generation not in self._shards:
            directory = self._index_dir / f"gen-{generation:04}"
            self._shards[generation] = Shard(
                directory, dimension=int(request["dimension"]), language=str(request["language"])
            )
            # What an owner that died had acknowledged is in the log, but perhaps not on disk.
            self._dirty.add(generation)
        return self._shards[generation]

    def written(self, request: dict[str, Any]) -> None:
        """Note that the named shard holds writes that are not on disk yet."""
        self._dirty.add(int(request["generation"]))

    def flush(self, request: dict[str, Any]) -> None:
        """Write the named shard to disk, unless a flush since its last write has done so."""
        shard, generation = self.shard(request), int(request["generation"])
        if generation in self._dirty:
            shard.flush()
            self._dirty.discard(generation)

    async def _stop_when_idle(self) -> None:
        unused = 0.0
        step = min(1.0, self._idle_seconds / 4)
        while unused < self._idle_seconds:
            await asyncio.sleep(step)
            unused = unused + step if self._clients == 0 and self._waiting.empty() else 0.0
        self._stopping.set()


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
    "flush": lambda owner, request: owner.flush(request),
    "health": _health,
}


def main() -> None:
    """`python -m kb.index.edge_owner DIR`: own DIR, or say in one line who does. `--detach` returns at once."""
    parser = argparse.ArgumentParser(description="Owner process of a Footnote index directory.")
    parser.add_argument("index_dir", type=Path)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--detach", action="store_true")
    arguments = parser.parse_args()
    if arguments.detach and os.fork():
        os._exit(0)
    os.umask(0o077)
    arguments.index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Held until this process ends, however it ends: two owners of one directory are impossible.
    lock = (arguments.index_dir / "owner.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"footnote: {arguments.index_dir} has an owner already", file=sys.stderr)  # noqa: T201  # a command's voice
        sys.exit(_ALREADY_OWNED)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    logger.info("owner started")
    owner = Owner(arguments.index_dir, idle_seconds=arguments.idle_seconds)
    path = socket_path(arguments.index_dir)
    path.unlink(missing_ok=True)  # left by an owner that was killed
    try:
        asyncio.run(owner.serve(path))
    finally:
        path.unlink(missing_ok=True)
    logger.info("owner ended")


if __name__ == "__main__":
    main()
