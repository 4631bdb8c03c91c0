"""The starter chat model as shipped and as Footnote runs it: reading, writing, and the shared start of prompts."""

import asyncio
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from app.chat_models import llama_cpp
from app.chat_models.base import ChatMessage, ChatModel
from bench.wiki import demo_documents
from kb.http import HttpClients

ROUNDS = 5
PROMPT_TOKENS = 1100
ANSWER_TOKENS = 64


async def main() -> None:
    """Print the table."""
    text = await sections_text()
    with tempfile.TemporaryDirectory() as directory:
        formats: tuple[Literal["as-shipped", "auto"], ...] = ("as-shipped", "auto")
        models = [
            llama_cpp.build(llama_cpp.Config(format=name), data_dir=Path(directory), http=HttpClients())
            for name in formats
        ]
        measured = [await measure(each, text) for each in models]
        details = [(await each.health()).detail for each in models]
        for each in models:
            await each.close()
    print_table(measured, details)


async def sections_text() -> str:
    """Text of the demo wiki, about PROMPT_TOKENS long by the usual four characters a token."""
    text = ""
    async for document in demo_documents():
        for section in document.sections:
            text += section.text + "\n\n"
        if len(text) > PROMPT_TOKENS * 4:
            break
    return text[: PROMPT_TOKENS * 4]


async def measure(chat_model: ChatModel, text: str) -> dict[str, float]:
    """Medians: prompt tokens/s, generated tokens/s, ms to the first token for a new question over the same sections."""
    (prompt_tokens,) = await chat_model.count_tokens([text])
    read, wrote, again = [], [], []
    for number in range(ROUNDS):
        # Another first word each time, so that nothing of the prompt before can be used again.
        messages = _messages(f"{number} {text}", "What is this about?")
        first, seconds, pieces = await _timed(chat_model, messages)
        read.append(prompt_tokens / first)
        wrote.append((pieces - 1) / (seconds - first))
        first, _, _ = await _timed(chat_model, _messages(f"{number} {text}", "Who wrote it?"))
        again.append(first * 1000)
    return {
        "prompt, tokens/s": statistics.median(read),
        "generation, tokens/s": statistics.median(wrote),
        "first token, same sections, ms": statistics.median(again),
    }


def _messages(sections: str, question: str) -> list[ChatMessage]:
    return [
        ChatMessage(role="system", text="Describe what you read at length."),
        ChatMessage(role="user", text=f"{sections}\n\nQuestion: {question}"),
    ]


async def _timed(chat_model: ChatModel, messages: list[ChatMessage]) -> tuple[float, float, int]:
    """(seconds to the first piece, seconds in all, pieces)."""
    started, first, pieces = time.perf_counter(), 0.0, 0
    async with aclosing(chat_model.stream(messages, max_tokens=ANSWER_TOKENS)) as stream:
        async for _ in stream:
            first = first or time.perf_counter() - started
            pieces += 1
    return first, time.perf_counter() - started, max(pieces, 2)


def print_table(measured: list[dict[str, float]], details: list[str]) -> None:
    """Both columns and their ratio."""
    shipped, ours = measured
    table = Table("SmolLM2-135M", "as shipped", "as we run it", "ratio", title=f"{PROMPT_TOKENS}-token prompts")
    for name, value in ours.items():
        ratio = value / shipped[name] if name.endswith("tokens/s") else shipped[name] / value
        table.add_row(name, f"{shipped[name]:.0f}", f"{value:.0f}", f"{ratio:.2f}")
    table.caption = details[1]
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
