"""Commands of npm packages, fetched by `npx`; a test is skipped where there is none, or nothing can be fetched."""

import os
import shutil
import subprocess

import pytest

FETCH_SECONDS = 90
RUN_SECONDS = 60


def run(*words: str, packages: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """What a command of the packages says. The first of them is fetched with the others."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npx is not installed")
    begin = [npx, "--yes", *(word for package in packages for word in ("--package", package))]
    try:
        fetched = _call([*begin, "node", "--version"], seconds=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{', '.join(packages)} could not be fetched in {FETCH_SECONDS} s")
    if fetched.returncode != 0:
        pytest.skip(f"{', '.join(packages)} could not be fetched: {fetched.stderr.strip()[-200:]}")
    return _call([*begin, *words], seconds=RUN_SECONDS)


def _call(command: list[str], *, seconds: float) -> subprocess.CompletedProcess[str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds, check=False)
