"""`python -m kb.index.edge_start DIR`: own an index directory, or say in one line who does.

Imports little, so that it is quick to refuse, and so that it forks before anything has started threads.
"""

import argparse
import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from kb.index.edge_wire import LOCK_NAME, SOCKET_NAME, owner_pid

ALREADY_OWNED = 2
# An owner that ends writes its last points to disk first, and nobody can own the directory meanwhile.
_LOCK_SECONDS = 30.0
_PAUSE_SECONDS = 0.05
_READY = b"ready"
_MOST_LOG_BYTES = 1024 * 1024


def main() -> None:
    """`--detach` returns as soon as the directory has an owner that listens; it prints why if it gets none."""
    parser = argparse.ArgumentParser(description="Owner process of a Footnote index directory.")
    parser.add_argument("index_dir", type=Path)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--detach", action="store_true")
    arguments = parser.parse_args()
    index_dir = arguments.index_dir.resolve()
    if not arguments.detach:
        sys.exit(_own(index_dir, idle_seconds=arguments.idle_seconds, lock_seconds=0, say=_say_aloud))
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        sys.exit(_wait_until_ready(told))
    # The parent's standard output ends with the parent; ours goes to the log.
    os.dup2(2, 1)
    _shorten_log()

    def say(words: bytes) -> None:
        with suppress(BrokenPipeError):  # whoever asked for us has given up waiting
            os.write(tell, words)
        os.close(tell)

    sys.exit(_own(index_dir, idle_seconds=arguments.idle_seconds, lock_seconds=_LOCK_SECONDS, say=say))


def _own(index_dir: Path, *, idle_seconds: float, lock_seconds: float, say: Callable[[bytes], None]) -> int:
    """Serve until unused; the exit code. `say` is told once: that the directory is served, or why it is not."""
    os.umask(0o077)
    try:
        index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The socket is bound by its name alone: the kernel refuses long paths.
        os.chdir(index_dir)
        lock = _lock(index_dir, seconds=lock_seconds)
    except OSError as exc:
        say(f"cannot use {index_dir}: {exc.strerror}".encode())
        return 1
    if lock is None:
        is_served = _is_served()
        holder = f"its owner is process {owner_pid(index_dir)}"
        say(_READY if is_served else f"{index_dir}: {holder}, which neither answers nor ends".encode())
        print(f"footnote: {index_dir} has an owner already: {holder}", file=sys.stderr)  # noqa: T201  # a command's voice
        return ALREADY_OWNED
    with lock:  # held until this process ends, however it ends: two owners of one directory are impossible
        # Heavy, and not needed to refuse.
        from kb.index.edge_owner import serve

        serve(index_dir, idle_seconds=idle_seconds, when_ready=lambda: say(_READY))
    return 0


def _lock(index_dir: Path, *, seconds: float) -> IO[str] | None:
    """The directory's lock; None if a living process has it, and serves or does not end within `seconds`."""
    lock = (index_dir / LOCK_NAME).open("a+", encoding="ascii")
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline or _is_served():
                lock.close()
                return None
            time.sleep(_PAUSE_SECONDS)
            continue
        with suppress(OSError):  # a full disk; the number is for people
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        return lock


def _is_served() -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(1.0)
        client.connect(SOCKET_NAME)
        return True
    return False


def _wait_until_ready(told: int) -> int:
    with os.fdopen(told, "rb") as pipe:
        words = pipe.read()
    if words == _READY:
        return 0
    print(words.decode(errors="replace") or "it ended at once")  # noqa: T201  # the client that started us reads it
    return 1


def _say_aloud(words: bytes) -> None:
    if words != _READY:
        print(f"footnote: {words.decode(errors='replace')}", file=sys.stderr)  # noqa: T201  # a command's voice


def _shorten_log() -> None:
    """The log is opened to append, so it may be cut under its writers."""
    with suppress(OSError):
        if os.fstat(2).st_size > _MOST_LOG_BYTES:
            os.ftruncate(2, 0)


if __name__ == "__main__":
    main()
