"""From the settings' file to an engine: verified, in the format that is fastest here, with its memory of sections."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import llama_cpp

from app.chat_models.llama_cpp_engine import Engine
from app.chat_models.llama_cpp_formats import convert, digest
from app.chat_models.llama_cpp_native import EngineError, Pace, Weights
from app.chat_models.llama_cpp_sections import SectionMemory
from app.chat_models.llama_cpp_tuning import Source, Tuner
from app.chat_models.section_store import FOLDER, SectionStore
from app.chat_models.tuning_record import AS_SHIPPED, Trial, TuningRecord, machine, read_record

# A job's fields come from our own process; they are read where they are used.
Job = Mapping[str, Any]
Report = Callable[[str], None]


def verified(job: Job) -> Path:
    """The model's file, if it is what it must be. Raises EngineError naming it."""
    path = Path(job["path"])
    if job["sha256"] and (found := _digest(job, path)) != job["sha256"]:
        raise EngineError(
            f"{path.name} was changed (sha256 {found[:12]}…, expected {job['sha256'][:12]}…): install it again"
        )
    return path


def tune_anew(job: Job, *, report: Report) -> TuningRecord:
    """Measure what was not measured on this machine, `most_trials` of it if the job says so, and choose at the end.

    Raises EngineError.
    """
    tuner = Tuner(_source(job, verified(job)), report=report, most_trials=job.get("most_trials"))
    return tuner.tune(budget_seconds=job["budget_seconds"])


def load_engine(job: Job, *, report: Report) -> tuple[Engine, dict[str, object]]:
    """The engine, and what is worth knowing about it. Raises EngineError."""
    path = verified(job)
    source = _source(job, path)
    chosen = _chosen(job, source, report=report) if job["tunes"] else None
    trial, file, sha256 = chosen or (_plain(source), path, source.sha256)
    weights = Weights(file, gpu_layers=job["gpu_layers"])
    # Where one is fastest alone, several may not be: 8 tokens for 8 answers of 1,600 took 106 ms plain, 84 ms fused.
    is_fused = trial.is_fused or job["parallel"] > 1
    pace = Pace(threads=trial.threads, batch_tokens=trial.batch_tokens, is_fused=is_fused)
    digests = {name: _digest(job, Path(each)) for name, each in job["adapters"].items()}
    memory = _memory(job, weights, (sha256, *sorted(digests.items())), pace)
    engine = Engine(
        weights,
        adapters={name: weights.adapter(Path(each)) for name, each in job["adapters"].items()},
        context_tokens=job["context_tokens"],
        parallel=job["parallel"],
        pace=pace,
        memory=memory,
    )
    facts: dict[str, object] = {
        "context_tokens": engine.context_tokens,
        "file": file.name,
        "way": str(trial),
        "is_fastest": chosen is not None or not job["tunes"],
        "verified": {str(each): [*_stamp(each), of] for each, of in ((path, source.sha256), (file, sha256))},
    }
    return engine, facts


def _chosen(job: Job, source: Source, *, report: Report) -> tuple[Trial, Path, str] | None:
    """The way to run, its file and that file's digest, as chosen on this machine; None: nothing is chosen yet."""
    record = read_record(source.cache, model_name=source.path.stem)
    if record is None or (record.machine, record.source_sha256) != (machine(), source.sha256):
        return None
    trial = record.choice
    if trial is None:
        return None
    if source.threads is not None and trial.threads != source.threads:
        trial = Trial(format=trial.format, threads=source.threads, batch_tokens=trial.batch_tokens)
    if trial.format == AS_SHIPPED:
        return trial, source.path, source.sha256
    path = source.cache / record.file
    if not path.is_file() or _digest(job, path) != record.sha256:
        report(f"making the {trial.format} copy again: it was damaged or removed")
        convert(source.path, path, trial.format)
        if digest(path) != record.sha256:
            raise EngineError(f"{path.name} cannot be made as it was: run `footnote models tune`")
    return trial, path, record.sha256


def _digest(job: Job, path: Path) -> str:
    """Of a file; not read again if a worker of the same parent read it and nothing has touched it since."""
    *stamp, sha256 = job.get("verified", {}).get(str(path), [None])
    return str(sha256) if stamp and stamp == _stamp(path) else digest(path)


def _stamp(path: Path) -> list[int]:
    """Which file lies there, and when it was last touched. Raises EngineError."""
    try:
        about = path.stat()
    except OSError as exc:
        raise EngineError(f"cannot read {path}: {exc.strerror}") from exc
    return [about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns]


def _plain(source: Source) -> Trial:
    return Trial(threads=source.threads or source.processors)


def _source(job: Job, path: Path) -> Source:
    return Source(
        path=path,
        sha256=job["sha256"] or _digest(job, path),
        cache=Path(job["cache"]),
        threads=job["threads"],
        processors=job["processors"],
        gpu_layers=job["gpu_layers"],
        converts=job["tunes"],
    )


def _memory(job: Job, weights: Weights, digests: tuple[object, ...], pace: Pace) -> SectionMemory | None:
    if not job["remembers"]:
        return None
    facts = (*digests, llama_cpp.__version__, pace.is_fused)
    identity = hashlib.sha256(repr(facts).encode()).hexdigest()
    store = SectionStore(Path(job["cache"]) / FOLDER, memory_bytes=job["memory_bytes"], disk_bytes=job["disk_bytes"])
    return SectionMemory(
        weights,
        store,
        identity=identity,
        pace=pace,
        # Half a window is more than prompts are given; a longer one is read whole.
        cell_count=min(job["context_tokens"], weights.trained_tokens or job["context_tokens"]) // 2,
        reread_count=job["reread_count"],
    )
