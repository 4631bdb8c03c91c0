"""How a GGUF runs fastest here: measured once, kept in the data directory, taken up again where it was broken off."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.chat_models.llama_cpp_formats import FORMATS, MOST_BYTES, convert, converted_path, digest
from app.chat_models.llama_cpp_native import EngineError
from app.chat_models.llama_cpp_process import waiting_environment
from app.chat_models.tuning_record import (
    AS_SHIPPED,
    Reading,
    Trial,
    TuningRecord,
    fastest,
    machine,
    read_record,
    write_record,
)

# No single measurement takes longer.
PROBE_SECONDS = 120.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file as shipped and what the settings fix. `threads` None: to be found."""

    path: Path
    sha256: str
    cache: Path
    threads: int | None
    processors: int
    gpu_layers: int
    converts: bool


class Tuner:
    """Tries one dimension after the other, each from the best of the one before. `most_trials`: no more at once."""

    def __init__(self, source: Source, *, report: Report, most_trials: int | None = None) -> None:
        self._source = source
        self._left = most_trials
        self._report = report
        known = read_record(source.cache, model_name=source.path.stem)
        here = machine()
        is_same = known is not None and (known.machine, known.source_sha256) == (here, source.sha256)
        self.record = known if known and is_same else TuningRecord(machine=here, source_sha256=source.sha256)

    def tune(self, *, budget_seconds: float) -> TuningRecord:
        """Measure what is not measured yet, as long as the budget lasts, and choose.

        Nothing is chosen if `most_trials` were too few. Raises EngineError.
        """
        try:
            self._source.cache.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise EngineError(f"cannot make {self._source.cache}: {exc.strerror}") from exc
        end = time.monotonic() + budget_seconds
        with tempfile.TemporaryDirectory() as scratch:
            best = self._read(self._first(), Path(scratch))
            for candidates in (self._formats, self._threads, self._attention, self._batches, self._waiting):
                readings = [best]
                for trial in candidates(best.trial):
                    if self._is_enough(trial):
                        return self.record
                    if time.monotonic() > end:
                        self._report("the rest is left for `footnote models tune`")
                        return self._choose(fastest(readings))
                    if (reading := self._try(trial, Path(scratch))) is not None:
                        readings.append(reading)
                best = fastest(readings)
        return self._choose(best)

    def _first(self) -> Trial:
        return Trial(threads=self._source.threads or self._source.processors)

    def _formats(self, best: Trial) -> Iterator[Trial]:
        if self._source.converts and self._source.path.stat().st_size <= MOST_BYTES:
            yield from (replace(best, format=name) for name in FORMATS)

    def _threads(self, best: Trial) -> Iterator[Trial]:
        if self._source.threads is None:
            half = max(1, self._source.processors // 2)
            yield from (replace(best, threads=count) for count in dict.fromkeys((half, half + half // 2)))

    def _attention(self, best: Trial) -> Iterator[Trial]:
        yield replace(best, is_fused=True)

    def _batches(self, best: Trial) -> Iterator[Trial]:
        yield from (replace(best, batch_tokens=size) for size in (256, 128))

    def _waiting(self, best: Trial) -> Iterator[Trial]:
        yield replace(best, is_passive=False)

    def _is_enough(self, trial: Trial) -> bool:
        """Is this one to be measured, and was all measured that may be?"""
        if self._left is None or self.record.reading_of(trial) or str(trial) in self.record.left_out:
            return False
        self._left -= 1
        return self._left < 0

    def _try(self, trial: Trial, scratch: Path) -> Reading | None:
        if self._left is not None and str(trial) in self.record.left_out:
            return None
        try:
            return self._read(trial, scratch)
        except EngineError as exc:
            self._report(f"{trial}: left out, {exc}")
            self.record = replace(self.record, left_out=(*self.record.left_out, str(trial)))
            self._write()
            return None

    def _read(self, trial: Trial, scratch: Path) -> Reading:
        if (known := self.record.reading_of(trial)) is not None:
            return known
        path = self._file(trial.format)
        if not path.is_file():
            convert(self._source.path, path, trial.format)
        logits = scratch / f"{trial.format}.npy"
        speeds = self._probe(path, trial, logits)
        own = scratch / f"{AS_SHIPPED}.npy"
        if not own.is_file():
            self._probe(self._source.path, self._first(), own)
        divergence, agreement = compare(np.load(own), np.load(logits))
        reading = Reading(
            trial=trial,
            prompt_speed=speeds["prompt_speed"],
            answer_speed=speeds["answer_speed"],
            divergence=divergence,
            agreement=agreement,
        )
        self.record = self.record.with_reading(reading)
        self._write()
        self._report(str(reading))
        return reading

    def _probe(self, path: Path, trial: Trial, logits: Path) -> Mapping[str, float]:
        numbers = (trial.threads, trial.batch_tokens, int(trial.is_fused), self._source.gpu_layers)
        command = [sys.executable, "-m", "app.chat_models.llama_cpp_probe", str(path), *map(str, numbers), str(logits)]
        environment = waiting_environment(is_passive=trial.is_passive)
        try:
            ended = subprocess.run(  # noqa: S603 - our own module, and paths from our own settings
                command, env=environment, capture_output=True, timeout=PROBE_SECONDS, check=True
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"took longer than {PROBE_SECONDS:.0f} s") from None
        except (subprocess.CalledProcessError, OSError) as exc:
            raise EngineError(f"{path.name} cannot be run that way") from exc
        # Our own line, the last that was printed.
        speeds: Any = json.loads(ended.stdout.splitlines()[-1])
        return {"prompt_speed": float(speeds["prompt_speed"]), "answer_speed": float(speeds["answer_speed"])}

    def _choose(self, best: Reading) -> TuningRecord:
        """Keep the chosen file and forget the other copies."""
        for name in FORMATS:
            if name != best.trial.format:
                self._file(name).unlink(missing_ok=True)
        path = self._file(best.trial.format)
        sha256 = self._source.sha256 if best.trial.format == AS_SHIPPED else digest(path)
        self.record = replace(self.record, choice=best.trial, file=path.name, sha256=sha256)
        self._write()
        return self.record

    def _file(self, name: str) -> Path:
        source = self._source
        return source.path if name == AS_SHIPPED else converted_path(source.cache, source.path, name)

    def _write(self) -> None:
        try:
            write_record(self._source.cache, self.record, model_name=self._source.path.stem)
        except OSError as exc:
            raise EngineError(f"cannot write to {self._source.cache}: {exc.strerror}") from exc


def compare(own: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """(mean nats of Kullback-Leibler divergence, share of equal most probable tokens) of two tables of logits."""
    left, right = _log_shares(own), _log_shares(other)
    divergence = float((np.exp(left) * (left - right)).sum(axis=1).mean())
    return max(0.0, divergence), float((own.argmax(axis=1) == other.argmax(axis=1)).mean())


def _log_shares(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    shares: np.ndarray = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    return shares
