"""Load: so many people ask at once, for minutes: `python -m bench.load [URL] [--clients 50] [--seconds 300]`.

Without a URL it syncs the demo wiki into a folder of its own, serves it as `footnote serve` does, and stops it at the
end. Prints what was answered, the times (p50, p95, worst), the memory of the server and its children as it went on,
and the event loop's lag as the server measured it itself (`/metrics`). Ends with exit code 1 if a request failed, an
answer was `unavailable`, or memory grew without end.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.memory import tree_megabytes

ROOT = Path(__file__).resolve().parent.parent
LAG = re.compile(r'footnote_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')
CONFIG = """\
data_dir = "data"
[server]
port = {port}
[answering]
mode = "strict"
[[sources]]
id = "wiki"
kind = "folder"
path = "{wiki}"
audience = ["everyone"]
"""
# Memory at the end may be so much more than half-way, when what is remembered has been filled.
MOST_GROWTH = 1.2


@dataclass(kw_only=True)
class Seen:
    """What the callers saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    small_seconds: list[float] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Requests that were not answered: 5xx, none at all, or an answer that says the server could not."""
        return sum(n for name, n in self.statuses.items() if name in {"none", "unavailable"} or name.startswith("5"))


async def ask_until(client: httpx.AsyncClient, ends_at: float, number: int, given: argparse.Namespace) -> Seen:
    """One person, who asks the next question as soon as the last is answered."""
    seen = Seen()
    questions = given.asked
    while time.perf_counter() < ends_at:
        question = questions[(number * 37 + len(seen.seconds)) % len(questions)]
        started = time.perf_counter()
        try:
            response = await client.post("/api/v1/ask", json={"question": question, "mode": given.mode})
            status = response.json()["status"] if response.status_code == 200 else str(response.status_code)
        except httpx.HTTPError:
            status = "none"
        seen.statuses[status] += 1
        seen.seconds.append(time.perf_counter() - started)
        if status == "429":
            await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
    return seen


async def watch(client: httpx.AsyncClient, ends_at: float, seen: Seen, *, pid: int | None) -> None:
    """The smallest route, and the server's memory, ten times a second and once a second."""
    number = 0
    while time.perf_counter() < ends_at:
        started = time.perf_counter()
        await client.get("/livez")
        seen.small_seconds.append(time.perf_counter() - started)
        if pid is not None and number % 10 == 0:
            seen.megabytes.append(tree_megabytes(pid))
        number += 1
        await asyncio.sleep(0.1)


async def lag_counts(client: httpx.AsyncClient) -> dict[float, float]:
    """Looks at the event loop that were at most so late, in seconds; none where the key may not see metrics."""
    text = (await client.get("/metrics")).text
    return {float(edge.replace("+Inf", "inf")): float(count) for edge, count in LAG.findall(text)}


def lag_line(before: dict[float, float], after: dict[float, float]) -> str:
    """Upper bounds of the lag's percentiles between two looks."""
    counts = {edge: after[edge] - before.get(edge, 0) for edge in sorted(after)}
    total = max(counts.values(), default=0)
    if not total:
        return "not to be seen (the key needs the scope metrics)"
    bound = {
        share: next((edge for edge, count in counts.items() if count >= share * total), float("inf"))
        for share in (0.5, 0.95, 0.99, 1.0)
    }
    words = ", ".join(f"{name} ≤ {bound[share] * 1000:g} ms" for name, share in
                      (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1.0)))  # fmt: skip
    return f"{words}; within 50 ms {counts.get(0.05, 0) / total:.2%} of {total:,.0f}"


def at(share: float, values: list[float]) -> str:
    """A percentile in milliseconds."""
    ordered = sorted(values)
    return f"{ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000:,.0f} ms" if ordered else "–"


def growth(megabytes: list[float]) -> float:
    """Memory of the last tenth over that of the tenth before the middle."""
    tenth = max(1, len(megabytes) // 10)
    middle = max(tenth, len(megabytes) // 2)
    early, late = megabytes[middle - tenth : middle], megabytes[-tenth:]
    return max(late) / max(early) if early and late else 1.0


@asynccontextmanager
async def running(given: argparse.Namespace) -> AsyncIterator[tuple[str, int | None]]:
    """The server's address, and its process if it is ours. `given.config`: its settings, where they are others."""
    if given.url:
        yield given.url, given.pid
        return
    with tempfile.TemporaryDirectory(prefix="footnote-load-") as home:
        config = Path(home) / "footnote.toml"
        text: str = getattr(given, "config", CONFIG)
        config.write_text(text.format(port=given.port, wiki=ROOT / "demo" / "wiki"), encoding="utf-8")
        command = [sys.executable, "-c", "from app.cli import main; main()", "--config", str(config)]
        syncing = await asyncio.create_subprocess_exec(*command, "sync", cwd=ROOT)
        if await syncing.wait():
            sys.exit("the demo wiki could not be synced")
        with (Path(home) / "serve.log").open("wb") as log:
            server = await asyncio.create_subprocess_exec(*command, "serve", cwd=ROOT, stdout=log, stderr=log)
        try:
            await _wait_for(f"http://127.0.0.1:{given.port}")
            yield f"http://127.0.0.1:{given.port}", server.pid
        finally:
            server.terminate()
            await server.wait()


async def _wait_for(url: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(300):
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
    sys.exit("the server is not ready after a minute")


async def measure(given: argparse.Namespace) -> int:
    """Print one table. The exit code."""
    headers = {"Authorization": f"Bearer {given.key}"} if given.key else {}
    limits = httpx.Limits(max_connections=given.clients + 5)
    async with (
        running(given) as (url, pid),
        httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=120) as client,
    ):
        await client.post("/api/v1/ask", json={"question": given.asked[0], "mode": given.mode})
        before = await lag_counts(client)
        seen = Seen()
        ends_at = time.perf_counter() + given.seconds
        watching = asyncio.create_task(watch(client, ends_at, seen, pid=pid))
        each = await asyncio.gather(*(ask_until(client, ends_at, number, given) for number in range(given.clients)))
        await watching
        lag = lag_line(before, await lag_counts(client))
    for one in each:
        seen.statuses += one.statuses
        seen.seconds += one.seconds
    return report(seen, given, lag=lag)


def report(seen: Seen, given: argparse.Namespace, *, lag: str) -> int:
    """The table; 1 if something is not as it should be."""
    memory = "not ours: give --pid"
    grew = growth(seen.megabytes)
    if seen.megabytes:
        marks = [seen.megabytes[int(share * (len(seen.megabytes) - 1))] for share in (0, 0.25, 0.5, 0.75, 1)]
        memory = " → ".join(f"{each:,.0f}" for each in marks) + f" MB, at most {max(seen.megabytes):,.0f}; × {grew:.2f}"
    rate = len(seen.seconds) / given.seconds
    print(f"{given.clients} clients, {given.seconds:g} s, mode {given.mode}: {rate:.1f} answers/s")
    print(f"  answers    {', '.join(f'{name}: {count:,}' for name, count in sorted(seen.statuses.items()))}")
    print(f"  /ask       p50 {at(0.5, seen.seconds)}, p95 {at(0.95, seen.seconds)}, worst {at(1, seen.seconds)}")
    print(f"  /livez     p50 {at(0.5, seen.small_seconds)}, p95 {at(0.95, seen.small_seconds)}, "
          f"worst {at(1, seen.small_seconds)}")  # fmt: skip
    print(f"  loop lag   {lag}")
    print(f"  memory     {memory}")
    return int(seen.failed > 0 or grew > MOST_GROWTH)


def read_questions(path: Path) -> list[str]:
    """The questions of a gold set."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines if line.strip()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--pid", type=int, default=None, help="the server's process, if URL is on this machine")
    parser.add_argument("--port", type=int, default=8399, help="where our own server listens")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--mode", default="strict")
    parser.add_argument("--questions", type=Path, default=ROOT / "demo" / "gold.jsonl")
    parser.add_argument("--key", default="")
    arguments = parser.parse_args()
    arguments.asked = read_questions(arguments.questions)
    sys.exit(asyncio.run(measure(arguments)))
