"""`python -m bench`: every benchmark's table, one after the other; `python -m bench model`: those of the chat model."""

import subprocess
import sys

BENCHMARKS = (
    "parsing",
    "embedding",
    "search",
    "retrieval",
    "chat_model",
    "answer",
    "sync",
    "ingestion",
    "notion",
    "slack",
    "slack_rights",
    "slack_interference",
    "crash",
    "faults",
    "freshness",
    "yielding",
    "simulation",
    "interference",
    "injection",
)
# The chat model's, with what they are told: the whole takes ten minutes and a little on two quiet cores.
MODEL_BENCHMARKS = (
    ("chat_model",),
    ("model_quality", "--questions", "40", "--answerable", "--reread", "0"),
    ("section_memory",),
    ("overload", "--seconds", "30"),
    ("overload_http", "--hang-ups", "60"),
)


def main() -> None:
    """Each in a process of its own, so that none warms another's caches. Ends with the last failure's code."""
    code = 0
    chosen = MODEL_BENCHMARKS if sys.argv[1:] == ["model"] else [(name,) for name in BENCHMARKS]
    for name, *options in chosen:
        print(f"\n— {' '.join([f'bench/{name}.py', *options])} —", flush=True)
        code = subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False).returncode or code
    sys.exit(code)


if __name__ == "__main__":
    main()
