"""A chat model that says one sentence, begins another, and then waits: what it is interrupted in, it notices."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from app.chat_models.base import ChatMessage
from tests.fakes.slow_model import EndlessModel


class PausingModel(EndlessModel):
    """`go_on`: set it to let it finish."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, asker: str = "", grammar: str = ""
    ) -> AsyncGenerator[str, None]:
        """A sentence, the beginning of the next, and the wait."""
        self.started.set()
        try:
            for piece in ("Everyone gets 26 days of annual leave each year.", " [1]", " And so"):
                yield piece
            await self.go_on.wait()
        finally:
            self.stopped.set()
