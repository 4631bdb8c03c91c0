"""A disk that fills up under the index: a clear refusal in time, searches go on, and nothing acknowledged is lost."""

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from random import randbytes

import pytest

from kb.errors import IndexUnavailable
from kb.index.base import Index
from kb.index.edge_shard import Shard
from kb.index.schema import payload_of
from tests.contract.indexes import DIMENSION, find, make_chunk, make_page, pages
from tests.integration.owners import open_edge, owner_of

pytestmark = pytest.mark.integration

MEGABYTE = 1024 * 1024
PLENTY = 1024 * MEGABYTE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 MB, where we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
async def index(small_disk: Path) -> AsyncIterator[Index]:
    opened = open_edge(small_disk)
    yield opened
    await opened.close()


async def fill(index: Index) -> tuple[dict[tuple[str, int], int], str]:
    """Write pages until the index refuses one: what it took, and what it said."""
    taken: dict[tuple[str, int], int] = {}
    for number in range(1_000):
        # The engine packs text: this cannot be packed.
        texts = [f"holiday {randbytes(2_000).hex()}" for _ in range(50)]
        try:
            await index.upsert_revision(make_page(*texts, document_id=f"wiki:{number}"))
        except IndexUnavailable as exc:
            return taken, str(exc)
        taken[f"wiki:{number}", 1] = len(texts)
    raise AssertionError("the disk never filled up")


def take(disk: Path, *, but: int) -> Path:
    """A file as large as the disk allows, `but` some bytes."""
    ballast = disk / f"ballast-{but}"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while shutil.disk_usage(disk).free > but:
            file.write(b"\0" * MEGABYTE)
    return ballast


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)


async def test_a_full_disk_is_refused_in_time_and_loses_nothing(index: Index, small_disk: Path) -> None:
    pid = await owner_of(index)
    take(small_disk, but=70 * MEGABYTE)
    taken, said = await fill(index)
    assert said.startswith("the disk is full: free some space for ")
    assert taken
    ballast = take(small_disk, but=0)
    assert pages(await find(index, "holiday")) != []
    with pytest.raises(IndexUnavailable, match="the disk is full"):
        await index.upsert_revision(make_page("holiday policy", document_id="wiki:late"))
    assert await owner_of(index) == pid, "the owner lives through it"

    ballast.unlink()
    os.kill(pid, signal.SIGKILL)
    assert dict(await index.counts(tenant="acme")) == taken
    enlarge(small_disk)
    await index.upsert_revision(make_page("holiday policy", document_id="wiki:late"))
    await index.flush()
    assert dict(await index.counts(tenant="acme")) == {**taken, ("wiki:late", 1): 1}


class Room:
    """How much a disk has left, as the test decides."""

    def __init__(self) -> None:
        self.free = PLENTY

    def __call__(self, directory: Path) -> int:
        return self.free


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def shard(tmp_path: Path, room: Room) -> Iterator[Shard]:
    opened = Shard(tmp_path / "gen-0001", dimension=DIMENSION, language="english", room=room)
    yield opened
    opened.close()


def put(shard: Shard, document_id: str) -> None:
    chunk = make_chunk(document_id=document_id)
    shard.upsert([(str(chunk.id), payload_of(chunk), chunk.embedded_text, chunk.vector.astype("<f4").tobytes())])


def test_new_points_are_refused_before_the_disk_is_full(shard: Shard, room: Room) -> None:
    put(shard, "wiki:a")
    room.free = 63 * MEGABYTE
    with pytest.raises(IndexUnavailable, match="the disk is full"):
        put(shard, "wiki:b")
    assert shard.counts(tenant="acme") == [("wiki:a", 1, 1)]


def test_a_page_can_still_be_closed_and_deleted_when_new_ones_are_refused(shard: Shard, room: Room) -> None:
    put(shard, "wiki:a")
    put(shard, "wiki:b")
    room.free = 20 * MEGABYTE
    shard.set_audience(tenant="acme", document_id="wiki:a", audience_id=9)
    shard.delete(tenant="acme", document_id="wiki:b", keep=None)
    assert shard.counts(tenant="acme") == [("wiki:a", 1, 1)]


def test_no_index_is_begun_on_a_full_disk(tmp_path: Path, room: Room) -> None:
    room.free = 10 * MEGABYTE
    with pytest.raises(IndexUnavailable, match="the disk is full"):
        Shard(tmp_path / "gen-0001", dimension=DIMENSION, language="english", room=room)
    room.free = PLENTY
    Shard(tmp_path / "gen-0001", dimension=DIMENSION, language="english", room=room).close()
