"""The widget's JSDoc types, checked by TypeScript's own compiler."""

import shutil
import subprocess
from pathlib import Path

import pytest

from app.channels import widget
from tests.fakes import npx

pytestmark = pytest.mark.integration
STATIC = Path(widget.__file__).parent / "static"
TYPESCRIPT = "typescript@5.9.3"
# Its fields are made when the element comes into a page, not in the constructor.
OPTIONS = (
    "--allowJs --checkJs --noEmit --strict --strictPropertyInitialization false --noImplicitReturns --noUnusedLocals "
    "--target es2022 --module esnext --moduleResolution bundler --lib es2023,dom,dom.iterable,dom.asynciterable"
).split()


def check(script: Path) -> subprocess.CompletedProcess[str]:
    return npx.run("tsc", *OPTIONS, str(script), packages=(TYPESCRIPT,))


def test_the_widget_keeps_its_types() -> None:
    done = check(STATIC / "widget.js")
    assert done.returncode == 0, done.stdout


def test_every_script_is_checked() -> None:
    scripts = [STATIC / "widget.js", *(STATIC / "widget").glob("*.js")]
    assert [script.name for script in scripts if not script.read_text().startswith("// @ts-check")] == []


def test_a_slip_would_be_found(tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    turn = tmp_path / "static" / "widget" / "turn.js"
    turn.write_text(turn.read_text().replace('say("sources")', 'say("sorces")'))
    done = check(tmp_path / "static" / "widget.js")
    assert done.returncode != 0
    assert "sorces" in done.stdout
