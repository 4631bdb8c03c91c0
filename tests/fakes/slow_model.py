"""A chat model that never comes to an end: what it is given up for, it notices."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence

from app.chat_models.base import ChatMessage, ModelHealth


class EndlessModel:
    """Writes the same sentence until it is stopped. `stopped` is set then."""

    name = "endless"
    sha256 = None
    context_tokens = 100_000

    def __init__(self) -> None:
        self.started = threading.Event()
        self.stopped = threading.Event()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words."""
        return [len(text.split()) for text in texts]

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """Pieces without end."""
        self.started.set()
        try:
            while True:
                yield "Everyone gets 26 days of annual leave each year. [1] "
                await asyncio.sleep(0.005)
        finally:
            self.stopped.set()

    async def health(self) -> ModelHealth:
        """Well."""
        return ModelHealth(is_ready=True, detail="endless")

    async def verify(self) -> str:
        """Nothing to verify."""
        return "endless"

    async def close(self) -> None:
        """Nothing to free."""


class SilentModel(EndlessModel):
    """Never says a word."""

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """Nothing, until it is stopped."""
        self.started.set()
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            self.stopped.set()
