"""In which format a small GGUF runs fastest here: measured once, kept in the data directory, verified at each start."""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import llama_cpp

from app.chat_models.llama_cpp_engine import Engine, EngineError

AS_SHIPPED = "as shipped"
# Formats at least as precise as a shipped 4-bit file, so the answers stay what they were; only the speed changes.
FORMATS: Mapping[str, int] = {
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "BF16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
}
# Larger files are limited by memory, not by arithmetic, and copies of them cost disk: they run as shipped.
MOST_BYTES = 600_000_000
MEASURED_TOKENS = 256
ROUNDS = 2

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The fastest format, its file, and the prompt tokens a second of each that was measured."""

    machine: str
    source_sha256: str
    format: str
    file: str
    sha256: str
    tokens_per_second: Mapping[str, float]


def fastest(source: Path, *, sha256: str, cache: Path, threads: int, report: Report) -> Path:
    """The file to run: as chosen before on this machine, or measured now. `sha256`: of the source."""
    choice = _read(cache)
    if choice is None or choice.machine != machine() or choice.source_sha256 != sha256:
        choice = tune(source, sha256=sha256, cache=cache, threads=threads, report=report)
    if choice.format == AS_SHIPPED:
        return source
    path = cache / choice.file
    if not path.is_file() or digest(path) != choice.sha256:
        report(f"making the {choice.format} copy again: it was damaged or removed")
        _convert(source, path, choice.format)
    return path


def tune(source: Path, *, sha256: str, cache: Path, threads: int, report: Report) -> Choice:
    """Measure every format, keep the fastest and forget the others. Raises EngineError."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise EngineError(f"cannot make {cache}: {exc.strerror}") from exc
    speeds = {AS_SHIPPED: measure(source, threads=threads)}
    report(f"{AS_SHIPPED}: {speeds[AS_SHIPPED]:.0f} prompt tokens/s")
    for name in FORMATS:
        path = cache / _file_name(source, name)
        try:
            _convert(source, path, name)
            speeds[name] = measure(path, threads=threads)
        except EngineError as exc:
            report(f"{name}: left out, {exc}")
            continue
        report(f"{name}: {speeds[name]:.0f} prompt tokens/s")
    best = max(speeds, key=lambda name: speeds[name])
    for name in FORMATS:
        if name != best:
            (cache / _file_name(source, name)).unlink(missing_ok=True)
    kept = source if best == AS_SHIPPED else cache / _file_name(source, best)
    choice = Choice(
        machine=machine(),
        source_sha256=sha256,
        format=best,
        file=kept.name,
        sha256=sha256 if best == AS_SHIPPED else digest(kept),
        tokens_per_second=speeds,
    )
    _write(cache, choice)
    return choice


def measure(path: Path, *, threads: int) -> float:
    """Prompt tokens a second: the best of a few readings of 256 tokens, as noise only ever slows."""
    with closing(Engine(path, context_tokens=1024, threads=threads, gpu_layers=0)) as engine:
        return _prompt_speed(engine)


def _prompt_speed(engine: Engine) -> float:
    prompt = (engine.tokens_of("The pump stops when the level falls below two metres. " * 60, is_template=False))[
        :MEASURED_TOKENS
    ]
    engine.read_prompt(prompt[:32])
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        engine.read_prompt(prompt)
        seconds.append(time.perf_counter() - started)
    return len(prompt) / min(seconds)


def digest(path: Path) -> str:
    """SHA-256 of a file (hex). Raises EngineError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise EngineError(f"cannot read {path}: {exc.strerror}") from exc


def machine() -> str:
    """What the choice depends on: the processor, how many of it, and llama.cpp's version."""
    return f"{_processor()} × {os.cpu_count()}, llama-cpp-python {llama_cpp.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else f"{platform.machine()} {platform.processor()}".strip()


def _file_name(source: Path, name: str) -> str:
    return f"{source.stem}.{name}.gguf"


def _convert(source: Path, target: Path, name: str) -> None:
    """llama.cpp's own conversion, written beside and moved into place when whole."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = FORMATS[name]
    params.allow_requantize = True
    params.nthread = os.cpu_count() or 1
    with _beside(target) as part:
        status = llama_cpp.llama_model_quantize(str(source).encode(), str(part).encode(), params)
        if status != 0:
            raise EngineError(f"could not be converted (status {status}); is the disk full?")
        os.replace(part, target)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        yield part
    except OSError as exc:
        raise EngineError(f"could not be written: {exc.strerror}") from exc
    finally:
        part.unlink(missing_ok=True)


def _read(cache: Path) -> Choice | None:
    try:
        return Choice(**json.loads((cache / "choice.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # never written, or by another version: measured again


def _write(cache: Path, choice: Choice) -> None:
    with _beside(cache / "choice.json") as part:
        part.write_text(json.dumps(asdict(choice), indent=2), encoding="utf-8")
        os.replace(part, cache / "choice.json")
