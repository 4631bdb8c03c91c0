"""How the index's owner process and its clients talk: length-prefixed msgpack on a private Unix socket."""

import asyncio
import hashlib
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import msgpack

from kb.errors import IndexUnavailable

PROTOCOL = 1
MOST_FRAME_BYTES = 256 * 1024 * 1024
# The kernel takes 107 bytes for a socket's path.
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
    """A value as a frame."""
    body: bytes = msgpack.packb(value, use_bin_type=True)
    if len(body) > MOST_FRAME_BYTES:
        raise ValueError("frame too large")
    return _LENGTH.pack(len(body)) + body


def socket_path(index_dir: Path) -> Path:
    """Where the owner of this directory listens: inside it, or, if that path is too long, in a directory only we can
    enter. Raises IndexUnavailable if somebody else made that directory."""
    inside = index_dir.absolute() / "owner.sock"
    if len(os.fsencode(inside)) <= _MOST_PATH_BYTES:
        return inside
    digest = hashlib.sha256(os.fsencode(index_dir.absolute())).hexdigest()[:24]
    private = Path(tempfile.gettempdir()) / f"footnote-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise IndexUnavailable(f"{private} is not private to this user: remove it, or use a shorter data directory")
    return private / f"{digest}.sock"
