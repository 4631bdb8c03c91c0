"""The formats a small GGUF file can be converted to, by llama.cpp itself."""

import os
from collections.abc import Mapping
from pathlib import Path

import llama_cpp

from app.chat_models.llama_cpp_native import EngineError, silence
from app.chat_models.tuning_record import digest_of, written_beside

# Q4_0 is coarser than some shipped files: it is kept only where its answers agree with theirs.
FORMATS: Mapping[str, int] = {
    "BF16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
}
# Larger files are limited by memory, not by arithmetic, and copies of them cost disk: they keep their format.
MOST_BYTES = 600_000_000


def converted_path(cache: Path, source: Path, name: str) -> Path:
    """Where the copy of `source` in a format lies."""
    return cache / f"{source.stem}.{name}.gguf"


def convert(source: Path, target: Path, name: str) -> None:
    """llama.cpp's own conversion, whole or not at all. Raises EngineError."""
    silence()
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = FORMATS[name]
    params.allow_requantize = True
    params.nthread = os.cpu_count() or 1
    try:
        with written_beside(target) as part:
            status = llama_cpp.llama_model_quantize(str(source).encode(), str(part).encode(), params)
            if status != 0:
                raise EngineError(f"could not be converted (status {status}); is the disk full?")
    except OSError as exc:
        raise EngineError(f"could not be written: {exc.strerror}") from exc


def digest(path: Path) -> str:
    """SHA-256 of a file (hex). Raises EngineError."""
    try:
        return digest_of(path)
    except OSError as exc:
        raise EngineError(f"cannot read {path}: {exc.strerror}") from exc
