"""Conversions of a model's file: whole, and without llama.cpp's log in anybody's terminal."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.chat_models.manifest import starter_model

CONVERT = """
import sys
from pathlib import Path
from app.chat_models.llama_cpp_formats import convert
convert(Path(sys.argv[1]), Path(sys.argv[2]), "Q8_0")
"""


@pytest.mark.integration
def test_a_conversion_prints_nothing(tmp_path: Path) -> None:
    target = tmp_path / "copy.gguf"
    ended = subprocess.run(
        [sys.executable, "-c", CONVERT, str(starter_model().path()), str(target)],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert (ended.stdout, ended.stderr) == (b"", b"")
    assert target.read_bytes()[:4] == b"GGUF"
    assert list(tmp_path.iterdir()) == [target]
