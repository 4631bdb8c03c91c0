"""What was measured on this machine for one model, and what was chosen: kept in the data directory."""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

AS_SHIPPED = "as shipped"
# What a typical question costs: the sections it reads and the answer it writes.
PROMPT_TOKENS = 1200
ANSWER_TOKENS = 64
# A format must stay this near to the file's own: mean nats apart, and share of the same most probable tokens.
MOST_DIVERGENCE = 0.02
LEAST_AGREEMENT = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A way to run the model. `is_passive`: idle threads sleep instead of spinning."""

    format: str = AS_SHIPPED
    threads: int
    batch_tokens: int = 512
    is_fused: bool = False
    is_passive: bool = True

    def __str__(self) -> str:
        attention = "fused attention" if self.is_fused else "plain attention"
        waiting = "sleeping" if self.is_passive else "spinning"
        return f"{self.format}, {self.threads} threads ({waiting}), batches of {self.batch_tokens}, {attention}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Tokens a second, and how far the answers are from the file's own (0 and 1 for the file itself)."""

    trial: Trial
    prompt_speed: float
    answer_speed: float
    divergence: float = 0.0
    agreement: float = 1.0

    @property
    def question_seconds(self) -> float:
        """What a typical question would take."""
        return PROMPT_TOKENS / self.prompt_speed + ANSWER_TOKENS / self.answer_speed

    @property
    def keeps_quality(self) -> bool:
        """Within the bounds."""
        return self.divergence <= MOST_DIVERGENCE and self.agreement >= LEAST_AGREEMENT

    def __str__(self) -> str:
        speeds = f"{self.trial}: {self.prompt_speed:.0f} prompt and {self.answer_speed:.0f} answer tokens/s"
        if self.trial.format == AS_SHIPPED:
            return speeds
        verdict = "" if self.keeps_quality else ": too far from the original"
        return f"{speeds}; {self.agreement:.0%} same tokens, {self.divergence:.3f} nats{verdict}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRecord:
    """Readings so far, and the choice once there is one. `sha256`: of the chosen file."""

    machine: str
    source_sha256: str
    readings: tuple[Reading, ...] = ()
    choice: Trial | None = None
    file: str = ""
    sha256: str = ""
    left_out: tuple[str, ...] = field(default=())

    def reading_of(self, trial: Trial) -> Reading | None:
        """What was measured of it before."""
        return next((each for each in self.readings if each.trial == trial), None)

    def with_reading(self, reading: Reading) -> "TuningRecord":
        """One more."""
        return replace(self, readings=(*self.readings, reading))

    @property
    def summary(self) -> str:
        """The choice, and what it is worth."""
        chosen = self.reading_of(self.choice) if self.choice else None
        if chosen is None:
            return "nothing chosen yet"
        gain = self.readings[0].question_seconds / chosen.question_seconds
        return f"{chosen.trial}: {chosen.prompt_speed:.0f} prompt tokens/s, {gain:.1f}× as fast as it was shipped"


def machine() -> str:
    """What a choice depends on: the processor, how many of it, and llama.cpp's version."""
    return f"{_processor()} × {os.cpu_count()}, llama-cpp-python {version('llama-cpp-python')}"


def read_record(cache: Path, *, model_name: str) -> TuningRecord | None:
    """None if it was never written, or by another version."""
    try:
        return TypeAdapter(TuningRecord).validate_json(record_path(cache, model_name).read_bytes())
    except (OSError, ValidationError):
        return None


def write_record(cache: Path, record: TuningRecord, *, model_name: str) -> None:
    """Whole or not at all. Raises OSError."""
    with written_beside(record_path(cache, model_name)) as part:
        part.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")


def record_path(cache: Path, model_name: str) -> Path:
    """Of the model whose file is called `model_name`, less its suffix."""
    return cache / f"{model_name}.tuning.json"


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """A path to write to, moved into place when whole. Raises OSError."""
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        yield part
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def fastest(readings: Sequence[Reading]) -> Reading:
    """Of those that keep quality; an earlier one unless a later one is at least a twentieth faster: noise is not."""
    best = readings[0]
    for reading in readings[1:]:
        if reading.keeps_quality and reading.question_seconds < best.question_seconds * 0.95:
            best = reading
    return best


def explain(record: TuningRecord) -> list[str]:
    """Lines for people: what was measured, the fastest first, and what was chosen."""
    lines = [f"on {record.machine}, a question of {PROMPT_TOKENS} and an answer of {ANSWER_TOKENS} tokens takes:"]
    for reading in sorted(record.readings, key=lambda each: each.question_seconds):
        lines.append(f"{'→' if reading.trial == record.choice else ' '} {reading.question_seconds:5.2f} s  {reading}")
    return [*lines, f"chosen: {record.summary}"]


def digest_of(path: Path) -> str:
    """SHA-256 of a file (hex). Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else f"{platform.machine()} {platform.processor()}".strip()
