"""A disk that fills up in the middle of a sync: one line, nothing lost, and the next sync finishes."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.folders import Pages

pytestmark = pytest.mark.integration

CONFIG = """
[index]
kind = "edge"
idle_seconds = 1
[embedder]
kind = "hashing"
[[sources]]
id = "wiki"
kind = "folder"
path = "wiki"
audience = ["everyone"]
"""
PAGE_COUNT = 120


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pages = Pages(tmp_path / "wiki")
    for number in range(PAGE_COUNT):
        pages.write(f"p{number}.md", f"# Page {number}\n\n" + f"Some words about pump {number}. " * 60)
    (tmp_path / "footnote.toml").write_text(CONFIG)
    return tmp_path / "footnote.toml"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes, where we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def sync(config: Path, data: Path, *, before: Callable[[], None] | None = None) -> tuple[int, str, str]:
    """Exit code, what was said, and what was complained about."""
    command = [sys.executable, "-m", "app.cli", "--config", str(config), "--data", str(data), "sync"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=before)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("full", ["index", "catalogue"])
def test_a_full_disk_is_one_line_and_the_next_sync_finishes(config: Path, small_disk: Path, full: str) -> None:
    if full == "catalogue":
        config.write_text(CONFIG.replace('"edge"\nidle_seconds = 1', '"memory"'))
        subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    code, _, complained = sync(config, small_disk / "data")
    assert code == 1
    assert full in only_line(complained).partition("the disk is full: free some space for ")[2]
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    code, said, complained = sync(config, small_disk / "data")
    assert (code, f"{PAGE_COUNT} listed, {PAGE_COUNT} indexed" in said) == (0, True), complained


@pytest.mark.parametrize("most_bytes", [100_000, 1_000_000])
def test_files_that_may_not_grow_are_one_line_and_the_next_sync_finishes(
    config: Path, tmp_path: Path, most_bytes: int
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    code, _, complained = sync(config, tmp_path / "data", before=limit)
    assert code == 1
    assert "the disk is " in only_line(complained)
    code, said, complained = sync(config, tmp_path / "data")
    assert (code, f"{PAGE_COUNT} listed, {PAGE_COUNT} indexed" in said) == (0, True), complained


def test_a_data_directory_that_cannot_be_made_is_one_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, _, complained = sync(config, tmp_path / "file" / "data")
    assert code == 1
    assert complained.startswith("footnote: cannot make the data directory ")
    assert os.linesep not in complained.rstrip()


def only_line(complained: str) -> str:
    assert "Traceback" not in complained
    (line,) = [line for line in complained.splitlines() if line.startswith("footnote: ")]
    return line
