"""The chat model asked ten times as much as it can answer, hung up on, killed and stopped: what becomes of questions.

`python -m bench.overload [--seconds 120] [--times 10] [--hang-ups 300]`. Ends with exit code 1 if a question got
neither an answer nor a refusal that says when to come back, if a place stayed taken, or if recovering took too long.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from app.chat_models import llama_cpp as plugin
from app.chat_models.base import ChatMessage
from app.chat_models.llama_cpp import LlamaCppModel
from kb.errors import ModelError, ModelRateLimited
from kb.http import HttpClients

ANSWER_TOKENS = 12
ASKERS = 20
# A question that has neither an answer nor a refusal by then is stuck.
STUCK_SECONDS = 60.0
RECOVERY_SECONDS = 10.0
FREE_SECONDS = 1.0
SECTION = "Section [1] Pumps\nThe pump stops when the level in the well falls below two metres.\n\n"


@dataclass(kw_only=True)
class Outcomes:
    """What became of the questions. `waits`: seconds to the first piece of the answered ones."""

    counts: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Neither answered nor refused with a time to come back."""
        return sum(count for name, count in self.counts.items() if name not in {"answered", "refused"})


def make_model(directory: Path, *, parallel: int = 4, queue_seconds: float = 5) -> LlamaCppModel:
    """The starter as it is shipped."""
    config = plugin.Config(
        format="as-shipped",
        context_tokens=512,
        parallel=parallel,
        queue_seconds=queue_seconds,
    )
    made = plugin.build(config, data_dir=directory, http=HttpClients())
    assert isinstance(made, LlamaCppModel)
    return made


def question(number: int) -> list[ChatMessage]:
    """One of many."""
    return [ChatMessage(role="user", text=f"{SECTION}Question {number}: when does the pump stop?")]


async def ask(chat_model: LlamaCppModel, number: int, outcomes: Outcomes) -> None:
    """One question to its end, whatever that is."""
    started = time.perf_counter()
    first = 0.0
    try:
        async with asyncio.timeout(STUCK_SECONDS):
            stream = chat_model.stream(question(number), max_tokens=ANSWER_TOKENS, asker=str(number % ASKERS))
            async with aclosing(stream) as pieces:
                async for _ in pieces:
                    first = first or time.perf_counter() - started
        outcomes.counts["answered" if first else "empty"] += 1
        outcomes.waits.append(first)
    except ModelRateLimited as exc:
        outcomes.counts["refused" if exc.retry_after else "refused without a time"] += 1
        outcomes.refusals.append(time.perf_counter() - started)
    except ModelError as exc:
        outcomes.counts[type(exc).__name__] += 1
    except TimeoutError:
        outcomes.counts["stuck"] += 1


async def capacity(chat_model: LlamaCppModel, *, seconds: float, parallel: int = 4) -> float:
    """Answers a second when as many ask as can be answered at once."""
    ends_at = time.perf_counter() + seconds
    outcomes = Outcomes()

    async def keep_asking(number: int) -> None:
        while time.perf_counter() < ends_at:
            await ask(chat_model, number, outcomes)

    started = time.perf_counter()
    await asyncio.gather(*(keep_asking(number) for number in range(parallel)))
    return outcomes.counts["answered"] / (time.perf_counter() - started)


async def flood(chat_model: LlamaCppModel, *, rate: float, seconds: float) -> Outcomes:
    """Questions come at `rate` a second, whatever becomes of those before."""
    outcomes, started, number = Outcomes(), time.perf_counter(), 0
    async with asyncio.TaskGroup() as tasks:
        while (now := time.perf_counter() - started) < seconds:
            while number < now * rate:
                tasks.create_task(ask(chat_model, number, outcomes))
                number += 1
            await asyncio.sleep(0.02)
    return outcomes


async def recovery(chat_model: LlamaCppModel) -> float:
    """Seconds until a question is answered again."""
    started = time.perf_counter()
    while time.perf_counter() - started < STUCK_SECONDS:
        outcomes = Outcomes()
        await ask(chat_model, 1, outcomes)
        if outcomes.counts["answered"]:
            break
        await asyncio.sleep(0.1)
    return time.perf_counter() - started


async def hang_ups(chat_model: LlamaCppModel, *, times: int) -> list[float]:
    """Callers leave at a random token; seconds each time until the next question's first piece."""
    chosen, seconds = random.Random(8), []
    for number in range(times):
        stream = chat_model.stream(question(number % 5), max_tokens=200)
        for _ in range(chosen.randrange(12)):
            await anext(stream, None)
        started = time.perf_counter()
        await stream.aclose()
        async with aclosing(chat_model.stream(question(number % 5), max_tokens=1)) as next_one:
            await anext(next_one, None)
        seconds.append(time.perf_counter() - started)
    return seconds


async def broken(chat_model: LlamaCppModel, sent: signal.Signals) -> tuple[Outcomes, float]:
    """The worker gets a signal with questions at work: what became of them, and seconds until one is answered."""
    outcomes = Outcomes()
    await recovery(chat_model)
    asked = [asyncio.create_task(ask(chat_model, number, outcomes)) for number in range(6)]
    await asyncio.sleep(0.2)
    os.kill(chat_model.worker.process_id or 0, sent)
    seconds = await recovery(chat_model)
    await asyncio.gather(*asked)
    return outcomes, seconds


def percentile(values: Sequence[float], share: float) -> str:
    """In milliseconds."""
    ordered = sorted(values)
    return f"{ordered[int(share * (len(ordered) - 1))] * 1000:,.0f} ms" if ordered else "–"


async def measure(given: argparse.Namespace) -> int:
    """Print a line for each; the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        chat_model = make_model(Path(directory))
        await recovery(chat_model)
        able = await capacity(chat_model, seconds=min(10.0, given.seconds))
        rate = able * given.times
        print(f"capacity     {able:.1f} answers/s; now {rate:.0f} questions/s for {given.seconds:g} s", flush=True)
        flooded = await flood(chat_model, rate=rate, seconds=given.seconds)
        recovered = await recovery(chat_model)
        print(f"  became     {_counts(flooded)}; {chat_model.turns.waiting_count} still wait")
        print(
            f"  first piece p50 {percentile(flooded.waits, 0.5)}, p95 {percentile(flooded.waits, 0.95)}, "
            f"worst {percentile(flooded.waits, 1)}; refused after p95 {percentile(flooded.refusals, 0.95)}"
        )
        print(f"  answered   {recovered:.2f} s after the last", flush=True)
        killed, killed_seconds = await broken(chat_model, signal.SIGKILL)
        print(f"SIGKILL      {_counts(killed)}; answered after {killed_seconds:.1f} s", flush=True)
        stopped, stopped_seconds = await broken(chat_model, signal.SIGSTOP)
        print(f"SIGSTOP      {_counts(stopped)}; answered after {stopped_seconds:.1f} s", flush=True)
        await chat_model.close()
        single = make_model(Path(directory), parallel=1)
        await recovery(single)
        free = await hang_ups(single, times=given.hang_ups)
        spread = f"median {percentile(free, 0.5)}, worst {percentile(free, 1)}"
        print(f"{given.hang_ups} hang-ups: the next question's first piece after {spread}")
        await single.close()
    is_stuck = killed.counts["stuck"] + stopped.counts["stuck"] + chat_model.turns.waiting_count
    slow = [recovered, killed_seconds, stopped_seconds]
    return int(bool(flooded.lost or is_stuck) or max(slow) > RECOVERY_SECONDS or statistics.median(free) > FREE_SECONDS)


def _counts(outcomes: Outcomes) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in outcomes.counts.most_common())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--hang-ups", type=int, default=300)
    sys.exit(asyncio.run(measure(parser.parse_args())))
