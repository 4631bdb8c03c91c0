"""How the index's owner process and its clients talk: length-prefixed msgpack on a private Unix socket."""

import asyncio
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import msgpack

PROTOCOL = 2
MOST_FRAME_BYTES = 256 * 1024 * 1024
SOCKET_NAME = "owner.sock"
LOCK_NAME = "owner.lock"
LOG_NAME = "owner.log"
# The kernel takes 107 bytes for a socket's path, macOS 103.
_MOST_PATH_BYTES = 100
_LENGTH = struct.Struct(">I")


async def read_frame(reader: asyncio.StreamReader) -> Any:  # msgpack's values; the receiver checks their shape
    """The next frame; None at the end of the stream. Raises ValueError for what is no frame."""
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if size > MOST_FRAME_BYTES:
            raise ValueError("frame too large")
        body = await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        return msgpack.unpackb(body, raw=False, strict_map_key=False)
    except (msgpack.UnpackException, ValueError) as exc:
        raise ValueError("not a frame") from exc


def to_frame(value: object) -> bytes:
    """A value as a frame. Raises ValueError for what is too large or no Unicode text."""
    body: bytes = msgpack.packb(value, use_bin_type=True)
    if len(body) > MOST_FRAME_BYTES:
        raise ValueError("frame too large")
    return _LENGTH.pack(len(body)) + body


async def open_connection(index_dir: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the owner of an (absolute) directory. Raises OSError if nobody listens there."""
    path = index_dir / SOCKET_NAME
    if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
        return await asyncio.open_unix_connection(path)
    # Too long for the kernel: a link of our own, used once, leads there on a shorter way.
    with tempfile.TemporaryDirectory(prefix="footnote-") as directory:
        link = Path(directory) / "index"
        link.symlink_to(path.parent)
        return await asyncio.open_unix_connection(link / SOCKET_NAME)


def owner_pid(index_dir: Path) -> int | None:
    """The process id that the last owner wrote down, if any."""
    try:
        return int((index_dir / LOCK_NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
