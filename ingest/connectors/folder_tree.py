"""What a folder holds: its files in a fixed order, links resolved without leaving the folder or going in circles."""

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.changes import Failed, Skipped
from kb.errors import SourceUnavailable

LONGEST_NATIVE_ID = 900

_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    """A file to read. `path` is the real one; `native_id` is the path below the folder, with forward slashes."""

    native_id: str
    path: str
    modified_ns: int
    byte_count: int
    inode: int


@dataclass(slots=True, kw_only=True)
class Tree:
    """What one walk found. Not complete: a folder in it could not be opened, so nothing counts as missing."""

    files: list[TreeFile] = field(default_factory=list)
    problems: list[Skipped | Failed] = field(default_factory=list)
    reason: str | None = None
    identity: str = ""


class PathFilter:
    """Globs over paths: `*` stays within a folder, `**` does not, and a glob without a slash fits at any depth."""

    def __init__(self, *, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = [_translate(glob) for glob in include]
        self._exclude = [_translate(glob) for glob in exclude]

    def is_excluded(self, native_id: str) -> bool:
        """Is a file or folder left out, by its own path or that of a folder around it?"""
        parts = native_id.split("/")
        if any(part.startswith(".") for part in parts):
            return True
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return any(glob.fullmatch(path) for glob in self._exclude for path in above)

    def wants_file(self, native_id: str) -> bool:
        """Is a file to be listed?"""
        included = not self._include or any(glob.fullmatch(native_id) for glob in self._include)
        return included and not self.is_excluded(native_id)


def walk(folder: str, paths: PathFilter) -> Tree:
    """Everything below the folder. Raises SourceUnavailable if the folder itself cannot be opened."""
    root = os.path.realpath(folder)
    try:
        about = os.stat(root)
        os.scandir(root).close()
    except OSError as exc:
        raise SourceUnavailable(f"cannot open the folder {folder}: {exc.strerror}; is it mounted?") from exc
    walker = _Walker(root, paths)
    walker.tree.identity = f"{about.st_dev}:{about.st_ino}"
    walker.walk()
    return walker.tree


class _Walker:
    """Folders first, links last: a file that can be reached both ways keeps its own path."""

    def __init__(self, root: str, paths: PathFilter) -> None:
        self.tree = Tree()
        self._root = root
        self._paths = paths
        self._folders = [(root, "")]
        self._links: list[tuple[str, str]] = []
        self._seen: set[tuple[int, int]] = set()

    def walk(self) -> None:
        """Fill the tree."""
        while self._folders or self._links:
            if self._folders:
                self._open(*self._folders.pop())
            else:
                self._links.sort(reverse=True)
                self._follow(*self._links.pop())
        self.tree.files.sort(key=lambda file: file.native_id)

    def _open(self, path: str, prefix: str) -> None:
        try:
            about = os.stat(path)
            if (about.st_dev, about.st_ino) in self._seen:
                return
            self._seen.add((about.st_dev, about.st_ino))
            with os.scandir(path) as entries:
                for entry in entries:
                    self._take(entry, prefix)
        except OSError as exc:
            where = prefix or "the folder"
            self.tree.reason = f"cannot open {where}: {exc.strerror}"
            self.tree.problems.append(_problem(Failed, prefix, f"cannot open the folder: {exc.strerror}"))

    def _take(self, entry: os.DirEntry[str], prefix: str) -> None:
        native_id = prefix + entry.name
        if self._paths.is_excluded(native_id):
            return
        if entry.is_symlink():
            self._links.append((native_id, entry.path))
        elif entry.is_dir(follow_symlinks=False):
            self._folders.append((entry.path, f"{native_id}/"))
        elif self._paths.wants_file(native_id):
            self._add(native_id, entry.path)

    def _follow(self, native_id: str, path: str) -> None:
        target = os.path.realpath(path)
        inside = os.path.relpath(target, self._root).replace(os.sep, "/")
        is_folder = os.path.isdir(target)
        if not is_folder and not self._paths.wants_file(native_id):
            return
        if not os.path.exists(target):
            self._skip(native_id, "a link to nothing")
        elif inside == ".." or inside.startswith("../") or os.path.isabs(inside):
            self._skip(native_id, "a link that leaves the folder is not followed")
        elif inside == "." or not self._paths.is_excluded(inside):
            self._skip(native_id, "a link to something in the folder, which is read at its own place")
        elif is_folder:
            self._folders.append((target, f"{native_id}/"))
        else:
            self._add(native_id, target)

    def _add(self, native_id: str, path: str) -> None:
        if len(native_id) > LONGEST_NATIVE_ID or _UNSTORABLE.search(native_id):
            self.tree.problems.append(_problem(Failed, native_id, "its path is too long or not plain text: rename it"))
            return
        try:
            about = os.lstat(path)
        except OSError as exc:
            self.tree.problems.append(_problem(Failed, native_id, f"cannot be read: {exc.strerror}"))
            return
        if not stat.S_ISREG(about.st_mode):
            self._skip(native_id, "not a regular file")
            return
        file = TreeFile(
            native_id=native_id, path=path, modified_ns=about.st_mtime_ns, byte_count=about.st_size, inode=about.st_ino
        )
        self.tree.files.append(file)

    def _skip(self, native_id: str, reason: str) -> None:
        self.tree.problems.append(_problem(Skipped, native_id, reason))


def _problem(kind: type[Skipped] | type[Failed], path: str, reason: str) -> Skipped | Failed:
    """A problem under an id that any catalogue can store, whatever bytes the path is made of."""
    plain = _UNSTORABLE.sub("�", path)
    if plain != path or len(plain) > LONGEST_NATIVE_ID:
        digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        plain = f"{plain[: LONGEST_NATIVE_ID - 20]} ({digest})"
    return kind(native_id=plain, title=plain.rstrip("/").rpartition("/")[2] or plain, reason=reason)


def _translate(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression over the whole path."""
    pattern = re.escape(glob.removeprefix("./").rstrip("/"))
    pattern = (
        pattern.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    )
    return re.compile(pattern if "/" in glob.rstrip("/") else f"(?:.*/)?{pattern}", re.DOTALL)
