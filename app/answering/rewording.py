"""What a question leaves out, filled in from the conversation: by rules, or by the chat model where that is wanted."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from app.answering.following import MOST_TURNS, leans_back, standalone
from app.answering.types import Turn
from app.answering.words import words_of
from app.chat_models.base import ChatMessage, ChatModel
from kb.errors import ModelError

logger = logging.getLogger(__name__)
_LONGEST_TURN = 1000
_MOST_TOKENS = 60
_SYSTEM = (
    "Rewrite the last question so that it can be understood without the questions before it. "
    "Use only words that occur in the questions. Do not answer it. Write one question and nothing else."
)


async def make_standalone(
    text: str, earlier: Sequence[Turn], *, chat_model: ChatModel | None, deadline_seconds: float
) -> str:
    """The question so that it can be searched for alone. `chat_model` None: by rules, which take no time.

    A question that leans on nothing is left as it is. What the model made up, or did not write in time, is not used.
    """
    if not earlier or not leans_back(text):
        return text
    # What others wrote earlier is as long, and holds what characters, as it likes.
    turns = [replace(turn, question=_visible(turn.question[:_LONGEST_TURN])) for turn in earlier[-MOST_TURNS:]]
    by_rules = standalone(text, turns)
    if chat_model is None:
        return by_rules
    try:
        async with asyncio.timeout(deadline_seconds):
            written = await _written(text, turns, chat_model)
    except (ModelError, TimeoutError) as exc:
        logger.warning("follow-up not reworded by the chat model", extra={"error": type(exc).__name__})
        return by_rules
    return written if _is_of(written, text, turns) else by_rules


async def _written(text: str, turns: Sequence[Turn], chat_model: ChatModel) -> str:
    asked = "\n".join(f"Question: {turn.question}" for turn in turns)
    messages = [
        ChatMessage(role="system", text=_SYSTEM),
        ChatMessage(role="user", text=f"{asked}\nLast question: {text}\nRewritten:"),
    ]
    written = ""
    async with aclosing(chat_model.stream(messages, max_tokens=_MOST_TOKENS)) as pieces:
        async for piece in pieces:
            written += piece
    return _visible(written)


def _is_of(written: str, text: str, turns: Sequence[Turn]) -> bool:
    """Does it say something, and nothing that nobody said?"""
    said = words_of(" ".join((text, *(turn.question for turn in turns), *(h for turn in turns for h in turn.headings))))
    stems = words_of(written).stems
    return bool(stems) and stems <= said.stems and words_of(text).numbers <= words_of(written).numbers


def _visible(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
