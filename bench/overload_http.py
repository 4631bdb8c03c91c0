"""A served `footnote serve` asked ten times as much as its chat model can answer, hung up on, its worker killed.

`python -m bench.overload_http [--seconds 120] [--times 10] [--hang-ups 300]`: the demo wiki, mode `grounded`. Every
question must be answered (by the model, or with the pages' own sentences where it is busy) or refused with 503 and
`Retry-After`. Ends with exit code 1 if one was not, if recovering took more than 10 seconds, or if a question asked
within a second after a caller had left found the model taken.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.gold import read_gold
from bench.load import ROOT, running
from bench.memory import descendants
from bench.overload import percentile

CONFIG = """\
data_dir = "data"
[server]
port = {port}
[answering]
mode = "grounded"
sections = 2
prompt_tokens = 512
answer_tokens = 16
[chat_model]
kind = "llama_cpp"
model = "starter"
format = "as-shipped"
context_tokens = 1024
parallel = {parallel}
queue_seconds = {queue}
[[sources]]
id = "wiki"
kind = "folder"
path = "{wiki}"
audience = ["everyone"]
"""
STUCK_SECONDS = 90.0
RECOVERY_SECONDS = 10.0
WORKER = "app.chat_models.llama_cpp_worker"


@dataclass(kw_only=True)
class Outcomes:
    """What became of the questions, and the seconds that each kind took."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: str, seconds: float) -> None:
        """One more."""
        self.seconds.setdefault(kind, []).append(seconds)

    @property
    def counts(self) -> Counter[str]:
        """How many of each kind."""
        return Counter({kind: len(each) for kind, each in self.seconds.items()})

    @property
    def lost(self) -> int:
        """Neither answered nor refused with a time to come back."""
        return sum(len(each) for kind, each in self.seconds.items() if kind.startswith("lost"))

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"  {kind:<34} {len(each):>6,}   p50 {percentile(each, 0.5)}, p95 {percentile(each, 0.95)}, "
            f"worst {percentile(each, 1)}"
            for kind, each in sorted(self.seconds.items())
        ]


async def ask(client: httpx.AsyncClient, question: str, outcomes: Outcomes) -> str:
    """One question to its end, whatever that is: its kind."""
    started = time.perf_counter()
    try:
        response = await client.post("/api/v1/ask", json={"question": question}, timeout=STUCK_SECONDS)
        kind = kind_of(response)
    except httpx.HTTPError as exc:
        kind = f"lost: {type(exc).__name__}"
    outcomes.add(kind, time.perf_counter() - started)
    return kind


def kind_of(response: httpx.Response) -> str:
    """What an answer is, for a caller."""
    if response.status_code == 503:
        return "refused, with Retry-After" if "Retry-After" in response.headers else "lost: 503 without Retry-After"
    if response.status_code != 200:
        return f"lost: {response.status_code}"
    answer = response.json()
    if "busy or did not answer" in (answer["reason"] or ""):
        return "pages' sentences, the model is busy"
    return "asked the model" if answer["status"] == "answered" else f"answered: {answer['status']}"


async def flood(client: httpx.AsyncClient, questions: list[str], *, rate: float, seconds: float) -> Outcomes:
    """Questions come at `rate` a second, whatever becomes of those before."""
    outcomes, started, number = Outcomes(), time.perf_counter(), 0
    async with asyncio.TaskGroup() as tasks:
        while (now := time.perf_counter() - started) < seconds:
            while number < now * rate:
                tasks.create_task(ask(client, questions[number % len(questions)], outcomes))
                number += 1
            await asyncio.sleep(0.02)
    return outcomes


async def capacity(client: httpx.AsyncClient, questions: list[str], *, seconds: float, parallel: int) -> float:
    """Answers of the model a second when as many ask as it answers at once."""
    ends_at, outcomes = time.perf_counter() + seconds, Outcomes()

    async def keep_asking(number: int) -> None:
        while time.perf_counter() < ends_at:
            await ask(client, questions[number % len(questions)], outcomes)
            number += parallel

    started = time.perf_counter()
    await asyncio.gather(*(keep_asking(number) for number in range(parallel)))
    return outcomes.counts["asked the model"] / (time.perf_counter() - started)


async def recovery(client: httpx.AsyncClient, question: str) -> float:
    """Seconds until the model answers again."""
    started = time.perf_counter()
    while time.perf_counter() - started < STUCK_SECONDS:
        if await ask(client, question, Outcomes()) == "asked the model":
            break
        await asyncio.sleep(0.1)
    return time.perf_counter() - started


async def broken(client: httpx.AsyncClient, questions: list[str], pid: int, sent: signal.Signals) -> tuple[str, float]:
    """The worker gets a signal with questions at work: what became of them, and seconds until the model answers."""
    outcomes = Outcomes()
    asked = [asyncio.create_task(ask(client, question, outcomes)) for question in questions[:6]]
    await asyncio.sleep(0.3)
    for each in workers(pid):
        os.kill(each, sent)
    seconds = await recovery(client, questions[0])
    await asyncio.gather(*asked)
    return ", ".join(f"{count} {kind}" for kind, count in outcomes.counts.most_common()), seconds


def workers(pid: int) -> list[int]:
    """The chat model's processes below a server's."""
    return [each for each in descendants(pid) if WORKER in _command(each)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


async def hang_ups(client: httpx.AsyncClient, questions: list[str], *, times: int) -> Counter[str]:
    """Callers leave a stream at a random moment; what the next question's answer is, asked at once."""
    chosen, outcomes = random.Random(8), Outcomes()
    for number in range(times):
        body = {"question": questions[number % len(questions)], "stream": True}
        async with client.stream("POST", "/api/v1/ask", json=body) as response:
            with suppress(TimeoutError):
                async with asyncio.timeout(chosen.uniform(0, 0.6)):
                    async for _ in response.aiter_lines():
                        pass
        await ask(client, questions[(number + 1) % len(questions)], outcomes)
    return outcomes.counts


async def measure(given: argparse.Namespace) -> int:
    """Print a line for each; the exit code."""
    questions = [each.question for each in read_gold(ROOT / "demo" / "gold.jsonl") if each.is_answerable]
    given.config = CONFIG.replace("{parallel}", str(given.parallel)).replace("{queue}", "5")
    async with running(given) as (url, pid), _client(url) as client:
        assert pid is not None, "it is ours"
        await recovery(client, questions[0])
        able = await capacity(client, questions, seconds=min(10.0, given.seconds), parallel=given.parallel)
        rate = max(1.0, able * given.times)
        print(f"capacity  {able:.1f} model answers/s; now {rate:.0f} questions/s for {given.seconds:g} s", flush=True)
        flooded = await flood(client, questions, rate=rate, seconds=given.seconds)
        recovered = await recovery(client, questions[0])
        print("\n".join([*flooded.lines(), f"  the model answers again after {recovered:.1f} s"]), flush=True)
        slowest = recovered
        for sent in (signal.SIGKILL, signal.SIGSTOP):
            became, seconds = await broken(client, questions, pid, sent)
            slowest = max(slowest, seconds)
            print(f"{sent.name:<8}  {became}; the model answers again after {seconds:.1f} s", flush=True)
            if "lost" in became:
                flooded.add("lost with the worker", seconds)
    taken = await after_hang_ups(given, questions) if given.hang_ups else 0
    return int(flooded.lost > 0 or slowest > RECOVERY_SECONDS or taken > 0)


async def after_hang_ups(given: argparse.Namespace, questions: list[str]) -> int:
    """How many questions found the only place taken, though whoever had it had left."""
    # Who would wait longer than a second is told that the model is busy.
    given.config = CONFIG.replace("{parallel}", "1").replace("{queue}", "1")
    async with running(given) as (url, _), _client(url) as client:
        await recovery(client, questions[0])
        counts = await hang_ups(client, questions, times=given.hang_ups)
    print(f"{given.hang_ups} hang-ups, then one more question each: {', '.join(f'{n} {k}' for k, n in counts.items())}")
    return counts["pages' sentences, the model is busy"] + sum(n for kind, n in counts.items() if "lost" in kind)


def _client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    return httpx.AsyncClient(base_url=url, limits=limits, timeout=STUCK_SECONDS)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--hang-ups", type=int, default=300)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--port", type=int, default=8398, help="where our own server listens")
    return parser.parse_args(arguments, argparse.Namespace(url=""))


if __name__ == "__main__":
    sys.exit(asyncio.run(measure(parse())))
