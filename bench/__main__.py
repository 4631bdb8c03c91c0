"""`python -m bench`: every benchmark's table, one after the other."""

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
    "crash",
    "faults",
    "freshness",
    "simulation",
    "interference",
    "injection",
)


def main() -> None:
    """Each in a process of its own, so that none warms another's caches. Ends with the last failure's code."""
    code = 0
    for name in BENCHMARKS:
        print(f"\n— bench/{name}.py —", flush=True)
        code = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode or code
    sys.exit(code)


if __name__ == "__main__":
    main()
