"""The demo's gold questions against demo/thresholds.toml, with the starter models, by the command that people run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.command import Command, Outcome

ROOT = Path(__file__).resolve().parents[2]
# Python runs it first in every process below: what leaves the machine is noted, and refused.
WATCH = """\
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"):
        place = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        host = place[0] if isinstance(place, tuple) and place else place
        host = host.decode() if isinstance(host, bytes) else str(host)
        # A path, or an abstract name, is a Unix socket.
        if place is not None and not host.startswith(("127.", "/", "\\0")) and host not in ("::1", "localhost", ""):
            with open(os.environ["FOOTNOTE_TEST_REACHED"], "a") as notes:
                notes.write(f"{event} {host}\\n")
            raise OSError(f"cut off from {host}")

sys.addaudithook(watch)
with open(os.environ["FOOTNOTE_TEST_WATCHED"], "a") as notes:
    notes.write(f"{os.getpid()}\\n")
"""

pytestmark = [pytest.mark.evals, pytest.mark.timeout(1800)]


def watched(home: Path, *words: str) -> Outcome:
    """The command on the demo, each of its processes watched."""
    (home / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    command = Command(config=ROOT / "demo/footnote.toml", data_dir=home / "data")
    environment = {
        "PYTHONPATH": str(home),
        "FOOTNOTE_TEST_REACHED": str(home / "reached"),
        "FOOTNOTE_TEST_WATCHED": str(home / "watched"),
        "FOOTNOTE_ANSWERING__MODE": "strict",
    }
    return command(*words, environment=environment)


def test_the_demos_questions_reach_every_threshold_and_nothing_beyond_this_machine(tmp_path: Path) -> None:
    synced = watched(tmp_path, "sync")
    assert synced.code == 0, synced.err
    gold, thresholds = str(ROOT / "demo/gold.jsonl"), str(ROOT / "demo/thresholds.toml")
    held = watched(tmp_path, "eval", gold, "--gate", thresholds, "--write", str(tmp_path / "run"))
    assert (held.code, [line for line in held.err.splitlines() if "must be" in line]) == (0, []), held.err
    assert (tmp_path / "run/report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    # Two commands, and the index's process, which the second may find alive.
    assert len((tmp_path / "watched").read_text().split()) >= 3
    assert not (tmp_path / "reached").exists(), (tmp_path / "reached").read_text()


def test_the_watch_sees_what_would_leave_the_machine(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    leave = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    environment = {
        "PYTHONPATH": str(tmp_path),
        "FOOTNOTE_TEST_REACHED": str(tmp_path / "reached"),
        "FOOTNOTE_TEST_WATCHED": str(tmp_path / "watched"),
    }
    subprocess.run([sys.executable, "-c", leave], env=environment, check=False, capture_output=True)
    assert "192.0.2.1" in (tmp_path / "reached").read_text()
