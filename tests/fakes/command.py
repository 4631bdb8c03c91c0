"""Runs the `footnote` command as a person does: a process of its own, in a pipe."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Generous: the first question measures the chat model, and the machine may be busy.
MOST_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # whatever the command printed
        """Its output, read as JSON."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """What it said was wrong: exactly one line, without a traceback."""
        (line,) = self.err.splitlines()
        assert line.startswith("footnote: "), line
        assert "Traceback" not in self.out
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`footnote` with a configuration."""

    config: Path
    data_dir: Path | None = None

    def __call__(self, *words: str, environment: Mapping[str, str] | None = None) -> Outcome:
        """Run it to its end."""
        done = subprocess.run(
            self.line(*words),
            capture_output=True,
            timeout=MOST_SECONDS,
            env=os.environ | dict(environment or {}),
            check=False,
        )
        return Outcome(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def line(self, *words: str) -> Sequence[str]:
        """The whole command line."""
        data = ["--data", str(self.data_dir)] if self.data_dir else []
        return [sys.executable, "-m", "app.cli", "--config", str(self.config), *data, *words]

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """The command while it runs; ended by its process id if the test did not end it."""
        process = subprocess.Popen(self.line(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    @contextmanager
    def serving(self) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        """A server on a free port, and its address."""
        with self.running("serve", "--port", "0") as process:
            yield process, _announced(process)


def _announced(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], MOST_SECONDS)
    line = process.stdout.readline().decode() if ready else ""
    assert "Footnote is at http://" in line, f"the server did not start: {line}"
    return next(word for word in line.split() if word.startswith("http://"))
