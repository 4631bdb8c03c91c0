"""The starter chat model by Footnote and by llama-cpp-python's own chat call: first tokens, several at once, memory.

`python -m bench.chat_model [--server URL|PATH]`: a llama.cpp server beside them. Every contender gets the same
file, the same messages and threads that wait as our tuner found best; the rounds are interleaved.
"""

import argparse
import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.answering.prompting import build_messages
from app.answering.types import Passage
from app.chat_models import llama_cpp as plugin
from app.chat_models.base import ChatMessage, ChatModel
from app.chat_models.llama_cpp import LlamaCppModel
from app.chat_models.manifest import starter_model
from app.chat_models.tuning_record import read_record
from bench.chat_server import contenders, server
from bench.wiki import demo_documents
from kb.http import HttpClients

ROUNDS = 5
SECTIONS = 5
POOL = 6
SECTION_CHARACTERS = 960
ANSWER_TOKENS = 32
AT_ONCE = 8
# Nothing was read before; each section was, in other company; the same sections in the same order were, just now.
STATES = ("cold", "sections known", "asked again")
FIRST = ("first token", "ms, median", "ms, worst", "× faster")
WHOLE = ("questions", "answers/s", "ratio", "worst first token, ms")
ANSWERS = f"{ANSWER_TOKENS}-token answers"


async def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="a llama-server: its address up to /v1, or its path, to be started")
    given = parser.parse_args()
    pool = await passages()
    first, whole = Table(*FIRST, title=f"{SECTIONS} sections, about 1,200 tokens"), Table(*WHOLE, title=ANSWERS)
    with tempfile.TemporaryDirectory() as directory:
        ours = await open_ours(Path(directory))
        async with AsyncExitStack() as stack:
            servers = await open_servers(given.server, Path(directory) / "models", stack)
            add_first_tokens(first, await first_tokens(ours, servers, pool))
            for name, chat_model in ({"ours": ours} | servers).items():
                add_at_once(whole, name, *await at_once(chat_model, pool))
        Console().print(first, whole)
        print(f"memory of our worker: {resident_bytes(ours.worker.process_id or 0) / 1e6:.0f} MB")
        await ours.close()


async def open_ours(home: Path) -> LlamaCppModel:
    """Tuned, and started anew so that it runs as was found best; so does llama.cpp when it is loaded here, later."""
    config = plugin.Config(parallel=AT_ONCE, queue_seconds=600, context_tokens=8192, section_memory=True)
    tuned = plugin.build(config, data_dir=home, http=HttpClients())
    assert isinstance(tuned, LlamaCppModel)
    async with aclosing(tuned.tune()) as lines:
        async for line in lines:
            print(line, flush=True)
    await tuned.close()
    record = read_record(home / "models", model_name=starter_model().path().stem)
    if record is None or record.choice is None or record.choice.is_passive:
        os.environ["OMP_WAIT_POLICY"] = "passive"
    ours = plugin.build(config, data_dir=home, http=HttpClients())
    assert isinstance(ours, LlamaCppModel)
    return ours


async def open_servers(where: str | None, models: Path, stack: AsyncExitStack) -> dict[str, ChatModel]:
    """The server's contenders by name; none where there is no server."""
    if not where or not (where.startswith("http") or shutil.which(where)):
        print(f"no llama-server at {where}: left out" if where else "no --server: only llama-cpp-python beside ours")
        return {}
    shipped = starter_model().path()
    record = read_record(models, model_name=shipped.stem)
    tuned = models / record.file if record and (models / record.file).is_file() else shipped
    opened: dict[str, ChatModel] = {}
    for name, file in contenders(where, shipped, tuned):
        made = server(where, file, parallel=AT_ONCE, context_tokens=2048, threads=os.cpu_count() or 1)
        opened[name] = await stack.enter_async_context(made)
    return opened


async def passages() -> list[Passage]:
    """A pool of sections, each about 240 tokens of the demo wiki."""
    text = ""
    async for document in demo_documents():
        text += "\n".join(section.text for section in document.sections) + "\n"
    return [
        passage_of(text[place * SECTION_CHARACTERS : (place + 1) * SECTION_CHARACTERS], number=place)
        for place in range(POOL)
    ]


async def first_tokens(
    ours: ChatModel, servers: Mapping[str, ChatModel], pool: Sequence[Passage]
) -> dict[str, list[float]]:
    """Seconds to the first piece: by llama-cpp-python, and by the others in each of `STATES`."""
    chosen = random.Random(1)
    own = own_chat()
    seconds: dict[str, list[float]] = {"llama-cpp-python": []}
    seconds |= {f"{name}, {state}": [] for name in ("ours", *servers) for state in STATES}
    for chat_model in (ours, *servers.values()):
        for passage in pool:
            await first_piece(chat_model, messages_of([passage], "?"))
    for number in range(ROUNDS):
        known = chosen.sample(list(pool), SECTIONS)
        messages = messages_of(known, f"Question {number}: who decides?")
        unknown = [
            passage_of(f"{number} {passage.text}", number=passage.section_ordinal) for passage in pool[:SECTIONS]
        ]
        seconds["llama-cpp-python"].append(await asyncio.to_thread(own, messages))
        for name, chat_model in ({"ours": ours} | dict(servers)).items():
            prompts = (messages_of(unknown, "Who decides?"), messages, messages_of(known, "And who pays?"))
            for state, prompt in zip(STATES, prompts, strict=True):
                seconds[f"{name}, {state}"].append(await first_piece(chat_model, prompt))
    return seconds


def own_chat() -> Callable[[Sequence[ChatMessage]], float]:
    """llama-cpp-python's chat call on the file as shipped: seconds to its first piece."""
    from llama_cpp import Llama

    path = str(starter_model().path())
    model = Llama(path, n_ctx=4096, n_threads=2, n_threads_batch=2, n_batch=512, verbose=False)

    def ask(messages: Sequence[ChatMessage]) -> float:
        started = time.perf_counter()
        pieces = model.create_chat_completion(
            [{"role": each.role, "content": each.text} for each in messages],
            stream=True,
            temperature=0,
            max_tokens=1,
        )
        for piece in pieces:
            if piece["choices"][0]["delta"].get("content"):
                break
        return time.perf_counter() - started

    return ask


async def at_once(chat_model: ChatModel, pool: Sequence[Passage]) -> tuple[float, float, float]:
    """(answers/s one at a time, answers/s together, the longest wait for a first piece together).

    No prompt is asked twice: a server that keeps its last prompts would only look them up.
    """
    chosen = random.Random(2)

    def prompts() -> list[list[ChatMessage]]:
        asked = [chosen.randrange(10**6) for _ in range(AT_ONCE)]
        return [messages_of(chosen.sample(list(pool), SECTIONS), f"{number}?") for number in asked]

    alone, together, waits = [], [], []
    for _ in range(2):
        started = time.perf_counter()
        for messages in prompts():
            await first_piece(chat_model, messages, whole=True)
        alone.append(AT_ONCE / (time.perf_counter() - started))
        started = time.perf_counter()
        waits += await asyncio.gather(*(first_piece(chat_model, messages, whole=True) for messages in prompts()))
        together.append(AT_ONCE / (time.perf_counter() - started))
    return statistics.median(alone), statistics.median(together), max(waits)


def passage_of(text: str, *, number: int) -> Passage:
    """A text as the answer side would have found it."""
    return Passage(
        tenant="bench",
        document_id=f"page-{number}",
        revision=1,
        section_ordinal=number,
        title=f"Page {number}",
        heading_path=("Part",),
        url="",
        text=text,
        source="wiki",
        space="",
        updated_at=datetime.now(UTC),
        is_outdated=False,
        score=1.0,
        dense=1.0,
    )


def messages_of(passages: Sequence[Passage], question: str) -> list[ChatMessage]:
    """The product's own prompt."""
    return build_messages(question, passages, tone="")


async def first_piece(chat_model: ChatModel, messages: Sequence[ChatMessage], *, whole: bool = False) -> float:
    """Seconds to the first piece. `whole`: and go on to the end."""
    started, first = time.perf_counter(), 0.0
    async with aclosing(chat_model.stream(messages, max_tokens=ANSWER_TOKENS if whole else 1)) as stream:
        async for _ in stream:
            first = first or time.perf_counter() - started
    return first or time.perf_counter() - started


def resident_bytes(process_id: int) -> int:
    """Of a process; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def add_first_tokens(table: Table, seconds: Mapping[str, Sequence[float]]) -> None:
    """Medians and their ratios to the first row."""
    base = statistics.median(seconds["llama-cpp-python"])
    for name, values in seconds.items():
        middle = statistics.median(values)
        table.add_row(name, f"{middle * 1000:.0f}", f"{max(values) * 1000:.0f}", f"{base / middle:.1f}")


def add_at_once(table: Table, name: str, alone: float, together: float, wait: float) -> None:
    """Throughput both ways."""
    table.add_row(f"{name}, one after the other", f"{alone:.2f}", "1.0", "")
    table.add_row(f"{name}, {AT_ONCE} at once", f"{together:.2f}", f"{together / alone:.1f}", f"{wait * 1000:.0f}")


if __name__ == "__main__":
    asyncio.run(main())
