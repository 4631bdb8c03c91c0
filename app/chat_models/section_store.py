"""Saved states of sections: in memory, then on disk; each within its limit, the longest unused going first.

A state is reached only by its key, which names tenant, page and everything the bytes depend on. Files are named by
digests, carry a digest of their content, and are read by nobody but us.
"""

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Below the folder of the models.
FOLDER = "sections"
_SUFFIX = ".state"
_DIGEST_BYTES = 32
_PART_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionKey:
    """`digest`: hex, of the model, the prefix, the section's tokens and its place.

    `revision_id`: of the page's revision the section is from; empty for a prefix, which is nobody's.
    """

    tenant: str
    revision_id: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSizes:
    """What is held now."""

    memory_bytes: int
    memory_count: int
    disk_bytes: int
    disk_count: int


class SectionStore:
    """Not for several threads. A full or broken disk costs speed and nothing else."""

    def __init__(self, folder: Path, *, memory_bytes: int, disk_bytes: int) -> None:
        self._folder = folder
        self._most_memory = memory_bytes
        self._most_disk = disk_bytes
        self._states: OrderedDict[SectionKey, bytes] = OrderedDict()
        self._memory_bytes = 0
        # Paths with sizes, longest unused first.
        self._files: OrderedDict[Path, int] = OrderedDict()
        self._disk_bytes = 0
        self._find_files()

    @property
    def sizes(self) -> StoreSizes:
        """Bytes and counts in memory and on disk."""
        return StoreSizes(
            memory_bytes=self._memory_bytes,
            memory_count=len(self._states),
            disk_bytes=self._disk_bytes,
            disk_count=len(self._files),
        )

    def get(self, key: SectionKey) -> bytes | None:
        """The state, if it is held and whole."""
        if key in self._states:
            self._states.move_to_end(key)
            return self._states[key]
        path = self._path(key)
        if path not in self._files:
            return None
        state = _read(path)
        if state is None:
            self._remove(path)
            return None
        self._files.move_to_end(path)
        with suppress(OSError):
            os.utime(path)
        self._keep_in_memory(key, state)
        return state

    def put(self, key: SectionKey, state: bytes, *, is_derived: bool = False) -> None:
        """Keep a state as far as the limits allow; one that is quickly made from another in memory only."""
        self._keep_in_memory(key, state)
        if is_derived:
            return
        path = self._path(key)
        size = len(state) + _DIGEST_BYTES
        if path in self._files or size > self._most_disk:
            return
        while self._files and self._disk_bytes + size > self._most_disk:
            self._remove(next(iter(self._files)))
        if _write(path, state):
            self._files[path] = size
            self._disk_bytes += size

    def remembered(self, *, tenant: str, revision_ids: Collection[str]) -> set[str]:
        """Those of the revisions with at least one state."""
        held = {key.revision_id for key in self._states if key.tenant == tenant}
        home = self._tenant_folder(tenant)
        folders = {path.parent for path in self._files}
        return {each for each in revision_ids if each in held or home / _name(each) in folders}

    def retain(self, *, tenant: str, revision_ids: Collection[str]) -> int:
        """Drop every state of the tenant's pages but those of these revisions, on disk too; how many there were."""
        kept = {*revision_ids, ""}
        gone = [key for key in self._states if key.tenant == tenant and key.revision_id not in kept]
        for key in gone:
            self._memory_bytes -= len(self._states.pop(key))
        home = self._tenant_folder(tenant)
        folders = {home / _name(revision_id) for revision_id in kept}
        paths = [path for path in self._files if path.parent.parent == home and path.parent not in folders]
        for path in paths:
            self._remove(path)
        for folder in {path.parent for path in paths}:
            with suppress(OSError):
                folder.rmdir()
        return len({key.digest for key in gone} | {path.stem for path in paths})

    def clear(self) -> None:
        """Drop everything."""
        self._states.clear()
        self._memory_bytes = 0
        for path in list(self._files):
            self._remove(path)

    def _keep_in_memory(self, key: SectionKey, state: bytes) -> None:
        if key in self._states:
            self._states.move_to_end(key)
            return
        if len(state) > self._most_memory:
            return
        while self._states and self._memory_bytes + len(state) > self._most_memory:
            _, oldest = self._states.popitem(last=False)
            self._memory_bytes -= len(oldest)
        self._states[key] = state
        self._memory_bytes += len(state)

    def _tenant_folder(self, tenant: str) -> Path:
        return self._folder / _name(tenant)

    def _path(self, key: SectionKey) -> Path:
        return self._tenant_folder(key.tenant) / _name(key.revision_id) / f"{key.digest}{_SUFFIX}"

    def _find_files(self) -> None:
        found: list[tuple[float, Path, int]] = []
        with suppress(OSError):
            for part in self._folder.glob("*/*/*.part"):
                # Left by a process that was killed; one at work is done with its own within seconds.
                if time.time() - part.stat().st_mtime > _PART_SECONDS:
                    part.unlink()
            for path in self._folder.glob(f"*/*/*{_SUFFIX}"):
                about = path.stat()
                found.append((about.st_mtime, path, about.st_size))
        for _, path, size in sorted(found):
            self._files[path] = size
            self._disk_bytes += size
        while self._files and self._disk_bytes > self._most_disk:
            self._remove(next(iter(self._files)))

    def _remove(self, path: Path) -> None:
        self._disk_bytes -= self._files.pop(path)
        with suppress(OSError):
            path.unlink()


def retain_files(models: Path, *, tenant: str, revision_ids: Collection[str]) -> int:
    """The same for the files below the folder of the models, without a model; how many were dropped."""
    store = SectionStore(models / FOLDER, memory_bytes=0, disk_bytes=1 << 62)
    return store.retain(tenant=tenant, revision_ids=revision_ids)


def _name(text: str) -> str:
    """Of a folder: tells nothing of tenant or page."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _read(path: Path) -> bytes | None:
    """The state, unless a byte of it was changed: llama.cpp would trust it."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    state = content[_DIGEST_BYTES:]
    return state if hashlib.sha256(state).digest() == content[:_DIGEST_BYTES] else None


def _write(path: Path, state: bytes) -> bool:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(part, "wb", opener=_private) as file:
            file.write(hashlib.sha256(state).digest())
            file.write(state)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
